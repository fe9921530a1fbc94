"""The interval of a difference of two shares, from the intervals of both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import Bools

__all__ = ["NEWCOMBE", "difference", "together"]

NEWCOMBE = "Newcombe over prompts"
"""The method of `difference`."""


def difference(one: Estimate, other: Estimate, *, together: float) -> Estimate | None:
    """`one` less `other`, by how far the ends of both lie from them; null where one has no ends.

    Draws would be too sure of two rare shares. `n` and `clusters` are those of `one`. Source:
    Newcombe (1998), methods 10 of both papers.

    Args:
        one: a share with an interval.
        other: the share taken away.
        together: how the two correlate over data sets; 0 where they are of different rows.
    """
    now, then = _reach(one), _reach(other)
    if now is None or then is None or one.value is None or other.value is None:
        return None
    value = one.value - other.value
    low, high = (
        math.sqrt(max(0.0, down**2 + up**2 - 2 * together * down * up))
        for down, up in ((now[0], then[1]), (now[1], then[0]))
    )
    return one._replace(value=value, low=value - low, high=value + high, method=NEWCOMBE)


def together(what: Floats, one: Bools, other: Bools, clusters: np.ndarray[Any, Any]) -> float:
    """How the means of `what` over two sets of rows correlate, by what clusters add to both."""
    codes = np.unique(clusters, return_inverse=True)[1].reshape(-1)
    first, second = (
        np.bincount(codes, np.where(rows, what - what[rows].mean(), 0.0)) for rows in (one, other)
    )
    below = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / below if below > 0 else 0.0


def _reach(share: Estimate) -> tuple[float, float] | None:
    """How far an interval goes below and above its share."""
    if share.value is None or share.low is None or share.high is None:
        return None
    return share.value - share.low, share.high - share.value
