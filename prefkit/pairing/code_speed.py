"""Which of two programs that both pass is the faster one, if that can be told at all."""

from __future__ import annotations

import math
from typing import NamedTuple

from prefkit.pairing.code_candidates import Run

__all__ = ["REPEATS", "Faster", "faster"]

REPEATS = 5
"""Fewer runs of a program say nothing of its speed."""

_SHARE = 0.8  # of the other's time, below which a program is faster
_LEAST_S = 0.001  # a call


class Faster(NamedTuple):
    """Whether the first of the two is the faster one, and the least seconds of either."""

    first: bool
    least_s: float
    other_s: float

    @property
    def margin(self) -> float:
        """The natural logarithm of how many times as fast it is."""
        return math.log(self.other_s / self.least_s)


def faster(one: Run, other: Run) -> Faster | None:
    """The faster of two runs of the same tests; null where neither is.

    Both ran the same tests. Of `REPEATS` runs or more the least time counts, as load only adds to
    it. It must be below 0.8 of the other's, and the order must hold in each half of the runs by
    itself. Programs that both need less than a millisecond a call are equal: the round trips to the
    sandbox are in that.
    """
    if min(len(one.times), len(other.times)) < REPEATS:
        return None
    quick, slow = (one, other) if min(one.times) < min(other.times) else (other, one)
    least, other_least = min(quick.times), min(slow.times)
    if least <= 0 or other_least / slow.calls < _LEAST_S or least >= _SHARE * other_least:
        return None
    halves = zip(_halves(quick.times), _halves(slow.times), strict=True)
    if not all(min(part) < min(rest) for part, rest in halves):
        return None
    return Faster(quick is one, least, other_least)


def _halves(times: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    middle = len(times) // 2
    return times[:middle], times[middle:]
