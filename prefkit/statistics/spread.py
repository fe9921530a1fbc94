"""From draws of whole clusters to the two ends of an interval.

A percentile interval is too short where clusters are few, or of unequal size, and it sits wrong
where the draws are skewed, as they are near the end of a scale. Three corrections, each of which
disappears as clusters grow in number:

- Student's t instead of the normal, and sqrt(c / (c - 1)), c being how many equal clusters the
  unequal ones are worth (Hesterberg, 2015, section 5.4; the size is Kish's, 1965), t having fewer
  degrees of freedom than c - 1 where one cluster makes much of the spread;
- bias and acceleration (Efron, 1987: BCa);
- both of these times c / clusters, since one very large cluster draws them from its own noise: a
  quarter of 800 rows under one prompt took plain BCa down to 78 %, simulated.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from prefkit.statistics.ranks import Floats
from prefkit.statistics.student import student

__all__ = ["FEWEST_CLUSTERS", "FEWEST_WORTH", "Clustering", "acceleration", "ends", "too_few"]

FEWEST_CLUSTERS = 20
"""Below this an interval promises more than it holds."""

FEWEST_WORTH = 10
"""Equal clusters that unequal ones are worth; below this one prompt decides the number."""

_TOGETHER = 0.03
"""How far rows of a prompt are taken to go together, for the degrees of freedom alone: what a large
prompt adds to the spread is seen once, and grows faster than its rows."""

_FEWEST_DEGREES = 3.0  # below it Student's expansion is off by more than one percent
_FARTHEST = 4.0
_SAME = 1e-12


class Clustering(NamedTuple):
    """How many clusters there are, and how many equal ones they are worth."""

    clusters: int
    worth: float
    """(sum of sizes) ** 2 / sum of squared sizes: `clusters` where all are equal."""

    degrees: float
    """Of freedom that their spread is known with."""

    @classmethod
    def of(cls, sizes: Floats) -> Clustering:
        """Of the size of each cluster, in rows or in their weights."""
        each = sizes * (1 + _TOGETHER * np.maximum(sizes - 1, 0.0))
        return cls(len(sizes), _equal(sizes), max(_equal(each) - 1, _FEWEST_DEGREES))

    def trouble(self) -> str | None:
        """Why these clusters bear no interval; null where they do."""
        if (few := too_few(self.clusters)) is not None:
            return few
        if self.worth < FEWEST_WORTH:
            return (
                f"{self.clusters} prompt clusters of so unequal sizes are worth {self.worth:.1f} "
                f"equal ones, an interval needs {FEWEST_WORTH}"
            )
        return None

    def reach(self) -> float:
        """How many standard errors an interval of 95 % goes to each side."""
        return student(self.degrees)


def _equal(parts: Floats) -> float:
    """How many equal parts these are worth (Kish, 1965; of variances, Satterthwaite, 1946)."""
    squares = float((parts * parts).sum())
    return float(parts.sum()) ** 2 / squares if squares > 0 else 0.0


def too_few(clusters: int) -> str | None:
    """Why so many clusters bear no interval, if they are too few."""
    if clusters >= FEWEST_CLUSTERS:
        return None
    return f"{clusters} prompt clusters, an interval needs {FEWEST_CLUSTERS}"


def acceleration(influence: Floats) -> float:
    """How fast the spread changes with the number, from what each cluster adds to it."""
    influence = influence - influence.mean()
    squares = float((influence**2).sum())
    if squares <= 0 or not math.isfinite(squares):
        return 0.0
    return float((influence**3).sum() / (6 * squares**1.5))


def ends(
    draws: Floats, centre: float, clustering: Clustering, bent: float, *, narrow: float = 1.0
) -> tuple[float, float]:
    """Both ends, as distances from the number itself.

    Args:
        draws: the number of each draw, all finite.
        centre: the number of what was drawn from.
        clustering: see there.
        bent: the acceleration.
        narrow: the root of the share of all clusters that was drawn from.
    """
    ordered = np.sort(draws)
    near = _SAME * max(1.0, abs(centre))
    below = np.searchsorted(ordered, centre - near) + np.searchsorted(ordered, centre + near)
    normal, half = NormalDist(), float(below) / 2
    bias = normal.inv_cdf(min(max(half, 1.0), len(ordered) - 1.0) / len(ordered))
    damp = narrow * clustering.worth / clustering.clusters
    bias, bent = bias * damp, bent * damp
    reach = clustering.reach() * math.sqrt(clustering.worth / (clustering.worth - 1))
    shares = [
        normal.cdf(_bounded(bias + (bias + step) / max(1 - bent * (bias + step), 0.2)))
        for step in (-reach, reach)
    ]
    low, high = (float(end) for end in np.quantile(ordered, shares) - centre)
    return min(low, 0.0) * narrow, max(high, 0.0) * narrow


def _bounded(step: float) -> float:
    return min(max(step, -_FARTHEST), _FARTHEST)
