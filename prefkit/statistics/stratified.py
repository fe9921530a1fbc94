"""Shares from samples whose strata were drawn at different rates: weights and intervals.

Every stratum counts by its rows in the dataset, however many of it were looked at. The interval
inverts the score test of the weighted sum, as Wilson's does for one share and as Miettinen and
Nurminen (1985) do for a difference: strata without an error do not pass for certain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.ranks import Floats
from prefkit.statistics.student import NORMAL
from prefkit.statistics.wilson import METHOD, effective_rows

__all__ = ["Stratum", "allocated", "stratified_ends", "stratified_share"]

_METHOD = "stratified score"
_FARTHEST = 40.0  # of the multiplier's inverse hyperbolic sine: beyond any share that can be told
_HALVINGS = 90
_LAST_BIT = 1e-12


class Stratum(NamedTuple):
    """A part of the dataset: its `rows`, those `seen` (drawn at random), those of them `good`."""

    rows: int
    seen: int
    good: int


def stratified_share(strata: Sequence[Stratum]) -> Estimate:
    """The share of right rows in the whole dataset.

    A stratum with rows of which none was seen makes the number one of the others only, so none is
    given. One stratum is plain Wilson. `design_effect` is the variance over that of as many rows
    drawn from the whole; null where either is zero.

    Raises:
        ValueError: more seen than there are, or more right than seen.
    """
    for one in strata:
        if not 0 <= one.good <= one.seen <= one.rows:
            raise ValueError(f"{one.good} right of {one.seen} seen of {one.rows} rows")
    there = [one for one in strata if one.rows]
    seen = sum(one.seen for one in there)
    missing = sum(not one.seen for one in there)
    if missing or not there:
        reason = f"{missing} of {len(there)} strata have no row that was looked at"
        return Estimate(None, None, None, seen, seen, reason if there else "there are no rows")
    total = sum(one.rows for one in there)
    value = sum(one.rows / total * (one.good / one.seen) for one in there)
    low, high = stratified_ends(
        [one.rows for one in there], [one.seen for one in there],
        [one.good / one.seen for one in there],
    )  # fmt: skip
    method = METHOD if len(there) == 1 else _METHOD
    return Estimate(value, low, high, seen, seen, None, method, _effect(there, value))


def stratified_ends(
    rows: Sequence[int], seen: Sequence[int], shares: Sequence[float]
) -> tuple[float, float]:
    """Both ends of the interval for shares seen in strata; with expected shares, a plan's.

    A value of the whole is inside if what was seen lies within 1.96 standard errors of it, these
    errors being those of the likeliest shares of the strata that give the whole that value.
    """
    weights = np.asarray(rows, dtype=float) / sum(rows)
    found = np.asarray(shares, dtype=float)
    worth = np.array([effective_rows(one, all_) for one, all_ in zip(seen, rows, strict=True)])
    drawn = np.isfinite(worth)  # of a stratum that was seen whole nothing is left to chance
    known = float((weights * found)[~drawn].sum())
    part = _Drawn(weights[drawn], worth[drawn], found[drawn])
    low, high = (part.end(reach) for reach in (NORMAL, -NORMAL))
    return known + low, known + high


class _Drawn(NamedTuple):
    """Strata of which a part was seen."""

    weights: Floats
    worth: Floats
    shares: Floats

    def end(self, reach: float) -> float:
        """The value of the whole from which what was seen is `reach` standard errors away."""
        seen, most = float((self.weights * self.shares).sum()), float(self.weights.sum())
        if (reach > 0 and seen <= 0) or (reach < 0 and seen >= most - _LAST_BIT):
            return max(0.0, min(seen, most))
        low, high = -_FARTHEST, _FARTHEST
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            value, error = self._at(math.sinh(middle), seen / most)
            beyond = seen - value - reach * error
            # Where the value is what was seen and certain, the end is on the side of `reach`.
            low, high = (low, middle) if beyond > 0 or (beyond == 0 > reach) else (middle, high)
        return value

    def _at(self, pull: float, pool: float) -> tuple[float, float]:
        """The whole and its standard error, all shares pulled from their likeliest values.

        Each solves g / p - (n - g) / (1 - p) = pull x weight, a Lagrange multiplier's equation. One
        row of the pool is added to each stratum: two rows alone would be too sure of themselves.
        """
        rows, right = self.worth + 1, self.worth * self.shares + pool
        bend = pull * self.weights
        root = np.sqrt(np.maximum((rows + bend) ** 2 - 4 * bend * right, 0.0))
        share = (
            2 * right / (rows + bend + root)
            if pull >= 0
            else 1 - 2 * (rows - right) / (rows - bend + root)
        )
        variance = float((self.weights**2 * share * (1 - share) / self.worth).sum())
        return float((self.weights * share).sum()), math.sqrt(max(0.0, variance))


def _effect(strata: Sequence[Stratum], value: float) -> float | None:
    total, seen = sum(one.rows for one in strata), sum(one.seen for one in strata)
    variance = sum(
        (one.rows / total) ** 2 * _variance(one.good / one.seen, one.seen, one.rows)
        for one in strata
    )
    alone = _variance(value, seen, total)
    return variance / alone if variance > 0 and alone > 0 else None


def _variance(share: float, seen: int, rows: int) -> float:
    return share * (1 - share) / effective_rows(seen, rows)


def allocated(sizes: Sequence[int], count: int, *, least: int = 0) -> list[int]:
    """How many rows to draw from strata of these sizes, together `count` or all that there are.

    After each has `least` rows (or all of its own, or an equal part of `count` where that is less)
    the rest is dealt in proportion to their sizes; what rounding leaves goes to the largest.
    """
    if not sizes:
        return []
    count = min(count, sum(sizes))
    floor = min(least, count // len(sizes))
    taken = [min(floor, size) for size in sizes]
    while (left := count - sum(taken)) > 0:
        room = [place for place, size in enumerate(sizes) if taken[place] < size]
        total = sum(sizes[place] for place in room)
        wanted = {place: left * sizes[place] / total for place in room}
        whole = {
            place: min(int(part), sizes[place] - taken[place]) for place, part in wanted.items()
        }
        if sum(whole.values()) == 0:
            for place in sorted(room, key=lambda one: (-wanted[one], one))[:left]:
                taken[place] += 1
            continue
        for place, part in whole.items():
            taken[place] += part
    return taken
