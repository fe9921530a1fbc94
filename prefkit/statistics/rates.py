"""Means and ratios of rows with intervals by prompt clusters."""

from __future__ import annotations

from typing import Any

import numpy as np

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.ranks import Floats
from prefkit.statistics.studentized import studentized
from prefkit.statistics.sums import Draws, sum_estimates, withheld

__all__ = ["rate", "ratio"]


def rate(what: Floats, clusters: np.ndarray[Any, Any], *, seed: int = 0) -> Estimate:
    """The mean of values from 0 to 1; where all are 0 or all are 1 the bound is the exact one."""
    parts = np.column_stack([np.asarray(what, dtype=float), np.ones(len(what))])
    found = sum_estimates(parts, clusters, _over, shares=("ratio",), draws=Draws(seed))
    return withheld(found)["ratio"]


def ratio(
    above: Floats, below: Floats, clusters: np.ndarray[Any, Any], *, seed: int = 0
) -> Estimate:
    """The sum of one column over that of another, as dollars over readable verdicts.

    Null where nothing is below. Where a row may hold more above than below (amounts: dollars,
    seconds) the interval is the bootstrap's t, which knows that a draw without the large amounts
    also has too little spread.
    """
    up, down = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    parts = np.column_stack([up, down])
    found = withheld(sum_estimates(parts, clusters, _over, draws=Draws(seed)))["ratio"]
    if found.low is None or (np.abs(up) <= down).all():
        return found
    return studentized(found, up, down, clusters, seed)


def _over(sums: Floats) -> dict[str, Floats]:
    return {"ratio": sums[:, 0] / sums[:, 1]}
