"""Counts of independent trials, exactly: how far a share may lie, and what chance explains."""

from __future__ import annotations

import math

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.planning import most_errors

__all__ = ["EXACT", "by_chance", "exact_share"]

EXACT = "exact binomial"
"""The method of `exact_share`."""

_ONE_SIDE = 0.975  # of a two-sided interval of 95 %


def exact_share(count: int, trials: int, *, clusters: int | None = None) -> Estimate:
    """A share of independent trials with its interval after Clopper and Pearson (1934).

    `clusters` is only told; null takes every trial as one of its own.

    Raises:
        ValueError: more counted than trials, or below none.
    """
    units = trials if clusters is None else clusters
    if trials == 0 and count == 0:
        return Estimate(None, None, None, 0, units, "there are no trials")
    high = most_errors(count, trials, confidence=_ONE_SIDE)
    low = 1 - most_errors(trials - count, trials, confidence=_ONE_SIDE)
    return Estimate(count / trials, low, high, trials, units, None, EXACT, _design(trials, units))


def _design(trials: int, units: int) -> float | None:
    """1 where every trial is a cluster of its own; a count does not know more."""
    return 1.0 if trials == units else None


def by_chance(count: int, trials: int, share: float) -> float:
    """The probability of so many or more in independent trials of that share each, one-sided.

    If the trials differ and `share` is their mean, the true tail from one above the mean on is no
    heavier (Hoeffding, 1956), so the answer then errs towards chance.

    Raises:
        ValueError: more counted than trials, or a share outside 0 to 1.
    """
    if not (0 <= count <= trials and 0 <= share <= 1):
        raise ValueError(f"{count} of {trials} trials at a share of {share}")
    if count == 0 or share == 1:
        return 1.0
    if share == 0:
        return 0.0
    terms = [
        math.lgamma(trials + 1) - math.lgamma(one + 1) - math.lgamma(trials - one + 1)
        + one * math.log(share) + (trials - one) * math.log1p(-share)
        for one in range(count, trials + 1)
    ]  # fmt: skip
    return min(1.0, math.fsum(math.exp(term) for term in terms))
