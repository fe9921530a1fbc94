"""How much less rows say that share a prompt than as many rows of different prompts."""

from __future__ import annotations

from typing import Any

import numpy as np

from prefkit.statistics.ranks import Floats

__all__ = ["design_effect"]


def design_effect(values: Floats, clusters: np.ndarray[Any, Any]) -> float | None:
    """The variance of a mean over clusters, divided by that over independent rows.

    1 for rows of different prompts, the rows a prompt where all of a prompt say the same; below 1
    where rows of a prompt differ more than others do. With the usual correction for few clusters
    and for few rows. Null of fewer than two clusters, or where all values are equal.
    """
    codes = np.unique(clusters, return_inverse=True)[1].reshape(-1)
    count = int(codes.max()) + 1 if len(codes) else 0
    if count < 2 or values.min() == values.max():
        return None
    sums = np.bincount(codes, values - values.mean()) / len(values)
    together = float(sums @ sums) * count / (count - 1)
    return together / (float(values.var(ddof=1)) / len(values))
