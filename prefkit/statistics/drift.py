"""Whether somebody's answers changed over time: shares by stretches of time, and a test of trend.

The test is of rank, so it does not matter how long the pauses were: the sum over answers of (rank
of its time - mean) times (answer - mean), gathered by prompt cluster. Clusters are independent and
the sum is zero on average where there is no trend; divided by the root of the sum of squares over
clusters it is about normal. That is the score test of a logistic trend with a variance that holds
under clusters (Liang and Zeger, 1986); with each answer a cluster, that of Cochran and Armitage.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.bootstrap import FEWEST_CLUSTERS, Estimate
from prefkit.statistics.differences import difference, together
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.rates import rate
from prefkit.statistics.shares import unmeasured

__all__ = ["STRETCHES", "Drift", "drift"]

STRETCHES = 5


class Drift(NamedTuple):
    """Shares over time; `p` null where there is no test."""

    shares: tuple[float, ...]
    """Of up to `STRETCHES` stretches with about as many answers each, the earliest first."""

    sizes: tuple[int, ...]
    """Answers of each stretch."""

    change: Estimate
    """The share of the later half less that of the earlier half."""

    p: float | None
    """Two-sided, of no trend. One of many people has a small one by chance: correct for that."""


def drift(what: Floats, at: Ints, clusters: np.ndarray[Any, Any], *, seed: int = 0) -> Drift:
    """The drift of one rater's answers, 1 or 0 each, at times in any unit.

    Answers of one time stay together, so stretches and halves may be of unequal size. Where all
    are of one time nothing can drift.
    """
    ranks = _midranks(at)
    if not len(at) or at.min() == at.max():
        reason = "no answer with a known time" if not len(at) else "all answers are of one time"
        return Drift((), (), unmeasured(reason, clusters), None)
    stretch = np.minimum((ranks / len(at) * STRETCHES).astype(np.int64), STRETCHES - 1)
    sizes = np.bincount(stretch, minlength=STRETCHES)
    sums = np.bincount(stretch, what, STRETCHES)
    there = sizes > 0
    return Drift(
        tuple((sums[there] / sizes[there]).tolist()),
        tuple(sizes[there].tolist()),
        _change(what, ranks, clusters, seed),
        _trend(what, ranks, clusters),
    )


def _midranks(values: Ints) -> Floats:
    """How many answers are earlier, and half of those at the same time."""
    codes, counts = np.unique(values, return_inverse=True, return_counts=True)[1:]
    ranks: Floats = (np.cumsum(counts) - counts / 2)[codes.reshape(-1)]
    return ranks


def _change(what: Floats, ranks: Floats, clusters: np.ndarray[Any, Any], seed: int) -> Estimate:
    """Later less earlier; prompts that stand in both halves count as far as both go together."""
    late = ranks > len(ranks) / 2
    if late.all() or not late.any():  # more than half are of the first or of the last time
        late = ranks > ranks.min()
    after, before = (rate(what[half], clusters[half], seed=seed) for half in (late, ~late))
    change = float(what[late].mean() - what[~late].mean())
    bare = Estimate(change, None, None, len(what), len(np.unique(clusters)))
    found = difference(after, before, together=together(what, late, ~late, clusters))
    if found is None:
        return bare._replace(reason=f"of one half: {after.reason or before.reason}")
    return found._replace(
        value=change, n=bare.n, clusters=bare.clusters, design_effect=_mean(after, before)
    )


def _mean(one: Estimate, other: Estimate) -> float | None:
    """Of the design effects of the halves, by their rows."""
    if one.design_effect is None or other.design_effect is None:
        return None
    total = one.design_effect * one.n + other.design_effect * other.n
    return total / (one.n + other.n)


def _trend(what: Floats, ranks: Floats, clusters: np.ndarray[Any, Any]) -> float | None:
    codes = np.unique(clusters, return_inverse=True)[1].reshape(-1)
    if codes.max() + 1 < FEWEST_CLUSTERS or what.min() == what.max():
        return None
    each = np.bincount(codes, (ranks - ranks.mean()) * (what - what.mean()))
    spread = math.sqrt(float((each**2).sum()))
    return math.erfc(abs(float(each.sum())) / spread / math.sqrt(2)) if spread > 0 else None
