"""Whether the longer side is chosen, how far that is bias, and what would be fair instead.

One half is the wrong target where longer answers are also better: an unbiased judge then chooses
the longer side more than half the time. The counterfactual share is what such a judge would show:
a logistic model of the label holds quality and, in every stratum of the difference in length, how
much the longer side is favoured beyond it; the share is that model's with all such favours at zero.

Differences are chosen minus rejected throughout. Quality columns are too, one for each coefficient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.bootstrap import Columns
from prefkit.statistics.logistic import logistic, sigmoid
from prefkit.statistics.ranks import Floats, difference_auc, spearman
from prefkit.statistics.shares import share

__all__ = [
    "Strata",
    "StratumModel",
    "correlation",
    "direction",
    "fit_strata",
    "slope",
    "strata_of",
    "with_quality",
]

RIDGE = 0.01
"""Precision of the prior where there are several coefficients: a deviation of ten log-odds."""

Ints = np.ndarray[Any, np.dtype[np.int64]]
Numbers = Callable[[Floats], Mapping[str, float]]


class Strata(NamedTuple):
    """Cuts between strata of the difference in length, its sign left out; a cut is in the lower."""

    cuts: tuple[float, ...]

    def of(self, differences: Floats) -> Ints:
        """The stratum of each difference; of one that is zero too, which belongs to none."""
        return np.searchsorted(np.array(self.cuts), np.abs(differences), side="left")

    def names(self, differences: Floats) -> list[str]:
        """`LOW to HIGH` of each stratum, as the differences in it are."""
        places, sizes = self.of(differences), np.abs(differences)
        found = []
        for number in range(len(self.cuts) + 1):
            inside = sizes[(places == number) & (sizes > 0)]
            found.append(f"{inside.min():g} to {inside.max():g}" if len(inside) else "empty")
        return found


def strata_of(differences: Floats, count: int) -> Strata:
    """At most `count` strata of about equal numbers of rows; equal differences stay together."""
    sizes = np.abs(differences[differences != 0])
    if not len(sizes):
        return Strata(())
    cuts = np.quantile(sizes, np.arange(1, count) / count, method="inverted_cdf")
    return Strata(tuple(float(cut) for cut in np.unique(cuts) if cut < sizes.max()))


def direction(columns: Columns) -> Numbers:
    """`chosen_longer` (of pairs of unequal length) and `auc`; reads `difference`."""
    differences = columns["difference"]
    longer, unequal = differences > 0, differences != 0
    area = difference_auc(differences)

    def of(weights: Floats) -> dict[str, float]:
        return {"chosen_longer": share(longer, unequal, weights), "auc": area(weights)}

    return of


def correlation(columns: Columns) -> Numbers:
    """`spearman` of `difference` and `margin`."""
    rho = spearman(columns["difference"], columns["margin"])
    return lambda weights: {"spearman": rho(weights)}


def slope(columns: Columns) -> Numbers:
    """`slope`: log-odds of being chosen per unit of `z`, the difference over its spread."""
    matrix = columns["z"][:, None]
    start = np.zeros(1)

    def of(weights: Floats) -> dict[str, float]:
        found = logistic(matrix, np.ones(len(matrix)), weights, start=start)
        return {"slope": float(found[0])}

    return of


class StratumModel(NamedTuple):
    """How much the longer side is favoured in each stratum, and what quality counts (log-odds)."""

    strata: Strata
    favour: Floats
    quality: Floats

    def longer_wins(self, differences: Floats, quality: Floats) -> tuple[Floats, Floats]:
        """The probability that the longer side is chosen: as it is, and without any favour."""
        fair = np.sign(differences) * (quality @ self.quality)
        return sigmoid(fair + self.favour[self.strata.of(differences)]), sigmoid(fair)


def fit_strata(
    strata: Strata, differences: Floats, quality: Floats, weights: Floats
) -> StratumModel:
    """Fit favour and quality to pairs of unequal length; NaN where there is no maximum."""
    matrix = np.hstack([quality, _signed(strata, differences)])
    found = logistic(matrix, np.ones(len(matrix)), weights, ridge=RIDGE)
    return StratumModel(strata, found[quality.shape[1] :], found[: quality.shape[1]])


def _signed(strata: Strata, differences: Floats) -> Floats:
    """One column for each stratum: +1 where the longer side is chosen, -1 where the shorter is."""
    found = np.zeros((len(differences), len(strata.cuts) + 1))
    found[np.arange(len(differences)), strata.of(differences)] = np.sign(differences)
    return found


def with_quality(strata: Strata, width: int) -> Callable[[Columns], Numbers]:
    """A statistic of pairs of unequal length; reads `difference`, `z`, `quality0` to `width - 1`.

    `slope_without` and `slope` (both on these rows), `chosen_longer`, `counterfactual`, `excess`
    (the first minus the second), and `counterfactual_N` of each stratum.
    """

    def statistic(columns: Columns) -> Numbers:
        differences = columns["difference"]
        quality = [columns[f"quality{place}"] for place in range(width)]
        # One matrix, of which both models are parts: length and quality, quality and strata.
        matrix = np.column_stack([columns["z"], *quality, _signed(strata, differences)])
        plain, slopes, strata_model = matrix[:, :1], matrix[:, : width + 1], matrix[:, 1:]
        ones, places = np.ones(len(matrix)), strata.of(differences)
        sign, longer = np.sign(differences), differences > 0
        # Every draw starts from the fit to all rows, which is a step or two away.
        starts = [
            np.nan_to_num(logistic(part, ones, ones, ridge=RIDGE))
            for part in (plain, slopes, strata_model)
        ]

        def of(weights: Floats) -> dict[str, float]:
            fitted = logistic(strata_model, ones, weights, start=starts[2], ridge=RIDGE)
            fair = sigmoid(sign * (strata_model[:, :width] @ fitted[:width]))
            observed, target = share(longer, ones, weights), share(fair, ones, weights)
            with_it = logistic(slopes, ones, weights, start=starts[1], ridge=RIDGE)
            return {
                "slope_without": float(logistic(plain, ones, weights, start=starts[0])[0]),
                "slope": float(with_it[0]),
                "chosen_longer": observed,
                "counterfactual": target,
                "excess": observed - target,
                **{
                    f"counterfactual_{number}": share(fair, places == number, weights)
                    for number in range(len(strata.cuts) + 1)
                },
            }

        return of

    return statistic
