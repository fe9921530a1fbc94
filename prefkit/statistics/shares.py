"""What raters said as integer codes with a mask, and weighted shares of it."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.sums import ALL_ALIKE

__all__ = ["NO_NUMBER", "Bools", "Coded", "bounded", "share", "unmeasured"]

Bools = np.ndarray[Any, np.dtype[np.bool_]]

NO_NUMBER = float("nan")
"""What a statistic gives where there is no such number."""

_SAME = 1e-12
_BEYOND = 0.025  # on either side of an interval of 95 %


class Coded(NamedTuple):
    """One rater's answers, a row each.

    A verdict about two sides is 1 for the fixed side, -1 for the other side, 0 for a tie.
    """

    codes: Ints
    known: Bools
    """False where there is no readable answer: the code of that row counts for nothing."""

    def at(self, rows: Any) -> Coded:
        """The same rater on some of the rows."""
        return Coded(self.codes[rows], self.known[rows])

    def swapped(self) -> Coded:
        """The same verdicts with the two sides exchanged."""
        return Coded(-self.codes, self.known)


def share(what: Any, among: Any, weights: Floats) -> float:
    """The weighted mean of `what` over the rows `among`; NaN where none of these has weight."""
    counted = weights * among
    total = float(counted.sum())
    return float((counted * what).sum()) / total if total > 0 else NO_NUMBER


def unmeasured(reason: str, clusters: np.ndarray[Any, Any]) -> Estimate:
    """An estimate that is not given, and why."""
    return Estimate(None, None, None, len(clusters), len(np.unique(clusters)), reason)


def bounded(
    found: Mapping[str, Estimate], plain_shares: Container[str] = ()
) -> dict[str, Estimate]:
    """Replace intervals without width: where all rows say the same, so does every draw of them.

    One of `plain_shares` (shares of all rows) gets the exact bound for 0 or all of as many trials
    as there are clusters: 0 of 50 may be up to 7 %, not 0 %. Anything else keeps its value and says
    that it has no interval.
    """
    return {name: _with_width(one, name in plain_shares) for name, one in found.items()}


def _with_width(one: Estimate, plain: bool) -> Estimate:
    if one.value is None or one.low is None or one.high is None:
        return one
    if one.high - one.low > _SAME:
        return one
    room = 1 - _BEYOND ** (1 / one.clusters)
    if plain and one.value < _SAME:
        return one._replace(high=room, method=ALL_ALIKE)
    if plain and one.value > 1 - _SAME:
        return one._replace(low=1 - room, method=ALL_ALIKE)
    reason = "all rows say the same: no draw differs"
    return one._replace(low=None, high=None, reason=reason, method=None)
