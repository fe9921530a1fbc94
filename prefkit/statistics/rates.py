"""Means and ratios of rows with intervals by prompt clusters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from prefkit.statistics.bootstrap import Columns, Estimate, estimates
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import NO_NUMBER, bounded

__all__ = ["rate", "ratio"]


def rate(what: Floats, clusters: np.ndarray[Any, Any], *, seed: int = 0) -> Estimate:
    """The mean of values from 0 to 1; where all are 0 or all are 1 the bound is the exact one."""
    return bounded({"ratio": ratio(what, np.ones(len(what)), clusters, seed=seed)}, ("ratio",))[
        "ratio"
    ]


def ratio(
    above: Floats, below: Floats, clusters: np.ndarray[Any, Any], *, seed: int = 0
) -> Estimate:
    """The sum of one column over that of another, as dollars over readable verdicts.

    Null where nothing is below.
    """

    def statistic(columns: Columns) -> Callable[[Floats], Mapping[str, float]]:
        over, under = columns["above"], columns["below"]

        # No `@`: its threads wait for each other on a busy machine, and add up in another order.
        def of(weights: Floats) -> dict[str, float]:
            total = float((weights * under).sum())
            return {"ratio": float((weights * over).sum()) / total if total > 0 else NO_NUMBER}

        return of

    columns = {"above": np.asarray(above, dtype=float), "below": np.asarray(below, dtype=float)}
    return estimates(columns, clusters, np.ones(len(above)), statistic, seed=seed)["ratio"]
