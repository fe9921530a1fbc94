"""Columns of a frame of duels as the arrays that statistics read."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import Coded

__all__ = ["categories", "clusters", "coded", "floats"]


def coded(column: pl.Series) -> Coded:
    """Verdicts or orders of -1, 0 and 1; null is not known."""
    return Coded(
        column.fill_null(0).cast(pl.Int64).to_numpy(), column.is_not_null().to_numpy().astype(bool)
    )


def categories(verdicts: Coded) -> Coded:
    """Verdicts as the codes 0, 1 and 2 that agreement is counted in."""
    return Coded(verdicts.codes + 1, verdicts.known)


def floats(column: pl.Series) -> Floats:
    """Numbers, null as NaN."""
    found: Floats = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return found


def clusters(frame: pl.DataFrame) -> np.ndarray[Any, Any]:
    """The prompt cluster of each row."""
    return frame["cluster"].to_numpy()
