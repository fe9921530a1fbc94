"""Means and ratios of rows with intervals by prompt clusters."""

from __future__ import annotations

from typing import Any

import numpy as np

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.ranks import Floats
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

    Null where nothing is below.
    """
    parts = np.column_stack([np.asarray(above, dtype=float), np.asarray(below, dtype=float)])
    return withheld(sum_estimates(parts, clusters, _over, draws=Draws(seed)))["ratio"]


def _over(sums: Floats) -> dict[str, Floats]:
    return {"ratio": sums[:, 0] / sums[:, 1]}
