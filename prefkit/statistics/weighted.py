"""The share of rows that stand for unequal numbers of others."""

from __future__ import annotations

import numpy as np

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import Bools
from prefkit.statistics.wilson import METHOD, wilson_ends

__all__ = ["WEIGHTED", "weighted_share"]

WEIGHTED = "Wilson on effective rows"


def weighted_share(good: Bools, weights: Floats) -> Estimate:
    """The weighted share of `good` rows, as of (sum of weights) ** 2 / sum of squares rows.

    That is how many rows of one weight say as much (Kish, 1965). For parts of a sample whose size
    in the whole is not known by stratum; where it is, `stratified_share` is sharper. With equal
    weights it is plain Wilson.

    Raises:
        ValueError: a weight that is not above 0, or not one for each row.
    """
    if len(good) != len(weights) or not (weights > 0).all():
        raise ValueError("each row has a weight above 0")
    rows = len(weights)
    if not rows:
        return Estimate(None, None, None, 0, 0, "no row was looked at")
    total = float(weights.sum())
    share = min(1.0, float(weights[np.asarray(good, dtype=bool)].sum()) / total)
    worth = total**2 / float((weights**2).sum())
    equal = bool((weights == weights[0]).all())
    low, high = wilson_ends(share, rows if equal else worth)
    method = METHOD if equal else WEIGHTED
    return Estimate(share, low, high, rows, rows, None, method, 1.0 if equal else rows / worth)
