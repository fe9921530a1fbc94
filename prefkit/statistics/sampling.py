"""How many rows a spot check needs, and what so many can show.

The rows are drawn at random, each by itself, from a dataset that is there: what is claimed is
claimed of that dataset, so rows that share a prompt need no design effect.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

from prefkit.statistics.tails import binomial_at_most
from prefkit.statistics.wilson import effective_rows, wilson_ends

__all__ = ["likely_rows_for_bound", "rows_for_bound", "smallest_drop"]

_POWER = 0.8
_BY_COUNTING = 2_000  # rows; beyond them the normal curve is near enough
_STEPS = 1_000  # a drop in tenths of a point


def rows_for_bound(target: float, expected: float, population: int | None = None) -> int | None:
    """The fewest rows whose lower Wilson end is `target` if just `expected` of them are right.

    If `expected` is the true share, about half of all samples see less and miss the target: see
    `likely_rows_for_bound`. Null where all rows of `population` would not do.

    Raises:
        ValueError: shares outside 0 to 1, or a target that is not below what is expected.
    """
    _checked(target, expected)
    return _fewest(lambda rows: _lower(expected, rows, population) >= target, population)


def likely_rows_for_bound(
    target: float, expected: float, population: int | None = None, *, power: float = _POWER
) -> int | None:
    """The rows with which four samples of five have their lower end at `target` or above.

    By the normal curve about `expected`: the share that a fifth of the samples falls below.

    Raises:
        ValueError: as `rows_for_bound`.
    """
    _checked(target, expected)
    z = NormalDist().inv_cdf(power)

    def enough(rows: int) -> bool:
        spread = math.sqrt(expected * (1 - expected) / effective_rows(rows, population))
        return _lower(max(0.0, expected - z * spread), rows, population) >= target

    return _fewest(enough, population)


@lru_cache(maxsize=10_000)
def smallest_drop(rows: int, rate: float, *, level: float = 0.05, power: float = _POWER) -> float:
    """The smallest distance below a known rate that so many rows prove, with that power.

    One-sided exact binomial test: below 0.9 it is 22 points with 20 rows, 7 with 160. Rounded up to
    a tenth of a point; the whole rate where nothing smaller can be proven.

    Raises:
        ValueError: no rows, or a rate outside 0 to 1.
    """
    if not (rows > 0 and 0 <= rate <= 1):
        raise ValueError(f"a rate of {rate} and {rows} rows")
    if rows > _BY_COUNTING:
        return _drop_by_curve(rows, rate, level, power)
    most = _most_right(rows, rate, level)
    low, high = 0, math.ceil(rate * _STEPS)
    if most < 0:
        return rate
    while high - low > 1:
        middle = (low + high) // 2
        seen = binomial_at_most(most, rows, max(0.0, rate - middle / _STEPS))
        low, high = (low, middle) if seen >= power else (middle, high)
    return min(rate, high / _STEPS)


def _most_right(rows: int, rate: float, level: float) -> int:
    """The most right ones that are too few for the rate at that level; -1 where none is."""
    low, high = -1, rows
    while high - low > 1:
        middle = (low + high) // 2
        rare = binomial_at_most(middle, rows, rate) <= level
        low, high = (middle, high) if rare else (low, middle)
    return low


def _drop_by_curve(rows: int, rate: float, level: float, power: float) -> float:
    curve = NormalDist()
    reach = curve.inv_cdf(1 - level) + curve.inv_cdf(power)
    drop = reach * math.sqrt(max(rate * (1 - rate), 1 / rows) / rows)
    return min(rate, math.ceil(drop * _STEPS) / _STEPS)


def _lower(share: float, rows: int, population: int | None) -> float:
    return wilson_ends(share, effective_rows(rows, population))[0]


def _fewest(enough: Callable[[int], bool], population: int | None) -> int | None:
    """The fewest rows that are enough, by doubling and halving."""
    high = 1
    while not enough(high):
        if population is not None and high >= population:
            return None
        high = 2 * high if population is None else min(2 * high, population)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _checked(target: float, expected: float) -> None:
    if not 0 < target < expected <= 1:
        raise ValueError(f"a target of {target} is not below the {expected} that is expected")
