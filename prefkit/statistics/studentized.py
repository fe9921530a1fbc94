"""The interval of a mean of amounts: many small ones, and a few that are large.

A sample without the largest amounts has both a low mean and a small spread, so an interval of draws
is too low and too short. The bootstrap's t (Efron, 1982; Hall, 1988) draws the number in units of
each draw's own standard error, which sees that the two go together.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.bootstrap import MOST_LOST, Estimate
from prefkit.statistics.ranks import Floats
from prefkit.statistics.spread import FEWEST_WORTH, Clustering
from prefkit.statistics.student import student

__all__ = ["STUDENTIZED", "studentized"]

STUDENTIZED = "bootstrap t over prompts"
"""The method of `studentized`."""

_RESAMPLES = 1_000
_AT_ONCE = 1_000_000  # counts held in memory


def studentized(
    bare: Estimate, above: Floats, below: Floats, clusters: np.ndarray[Any, Any], seed: int = 0
) -> Estimate:
    """`bare`, the sum of `above` over that of `below`, with this interval or the reason for none.

    None where the amounts of the prompts are worth fewer than 10 equal ones: a few decide.
    """
    codes = np.unique(clusters, return_inverse=True)[1].reshape(-1)
    sums: Floats = np.array([np.bincount(codes, above), np.bincount(codes, below)], dtype=float).T
    bare = bare._replace(low=None, high=None, method=None)
    worth = Clustering.of(np.abs(sums[:, 0])).worth
    if worth < FEWEST_WORTH:
        reason = (
            f"the amounts of {len(sums)} prompts are so unequal that they are worth {worth:.1f} "
            f"equal ones, an interval needs {FEWEST_WORTH}"
        )
        return bare._replace(reason=reason)
    of = _Draws.of(sums)
    steps = of.steps(seed)
    if len(steps) < (1 - MOST_LOST) * _RESAMPLES:
        return bare._replace(reason=f"{_RESAMPLES - len(steps)} of {_RESAMPLES} draws do not vary")
    down, up = np.quantile(steps, [0.025, 0.975]).tolist()
    # Draws know how few prompts there are, but not how few of unequal ones decide.
    sizes = Clustering.of(np.bincount(codes).astype(float))
    wide = float(of.off_by(np.ones((1, len(sums))))[1][0]) * sizes.reach() / student(len(sums) - 1)
    low, high = of.centre - up * wide, of.centre - down * wide
    return bare._replace(low=low, high=high, method=STUDENTIZED, reason=None)


class _Draws(NamedTuple):
    """What each prompt adds to the sums that a draw's ratio and its standard error are made of."""

    centre: float
    parts: Floats
    """By prompts: how far above is from the ratio's part of below, below, and their products."""

    @classmethod
    def of(cls, sums: Floats) -> _Draws:
        above, below = sums.T
        centre = float(above.sum() / below.sum())
        off = above - centre * below
        return cls(centre, np.column_stack([off, below, off**2, off * below, below**2]))

    def off_by(self, times: Floats) -> tuple[Floats, Floats]:
        """How far the ratio of each draw is off, and its standard error."""
        off, below, squares, products, weights = np.einsum("rc,cm->mr", times, self.parts)
        count = len(self.parts)
        step = off / below
        spread = np.maximum(squares - 2 * step * products + step**2 * weights, 0.0)
        error: Floats = np.sqrt(spread * count / (count - 1)) / np.abs(below)
        return step, error

    def steps(self, seed: int) -> Floats:
        """How many of its own standard errors each draw is off, where it has any."""
        count, rng = len(self.parts), np.random.default_rng(seed)
        size, found = max(1, _AT_ONCE // count), []
        with np.errstate(divide="ignore", invalid="ignore"):
            for start in range(0, _RESAMPLES, size):
                rows = min(size, _RESAMPLES - start)
                drawn = rng.integers(0, count, (rows, count))
                drawn += count * np.arange(rows)[:, None]
                times = np.bincount(drawn.reshape(-1), minlength=rows * count)
                step, error = self.off_by(times.reshape(rows, count).astype(float))
                found.append(step / error)
        steps = np.concatenate(found)
        finite: Floats = steps[np.isfinite(steps)]
        return finite
