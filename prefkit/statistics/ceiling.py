"""How near a judge comes to one more human, on pairs that at least two humans judged.

A majority of humans is steadier than any of them, so a judge that is held against it looks better
beside the agreement of two humans than it is. Here both are agreements with one human vote, on the
same rows, and their ratio is drawn together: rows that are hard for one are hard for the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from prefkit.statistics.agreement import TIES
from prefkit.statistics.bootstrap import Columns, Estimate, estimates
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import NO_NUMBER, Coded, bounded, share

__all__ = ["ceiling_share"]

_CREDIT = {
    "class": np.eye(3),
    "dropped": np.diag([1.0, 0.0, 1.0]),
    "half": np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.5], [0.0, 0.5, 1.0]]),
}
"""What two answers of B, tie, A are worth together, by reading of ties."""


def ceiling_share(
    judge: Coded, humans: Ints, clusters: np.ndarray[Any, Any], *, seed: int = 0
) -> dict[str, dict[str, Estimate]]:
    """By reading of ties (`TIES`): `judge`, `human` and `share`, the first over the second.

    `judge` is the mean over rows of the share of human votes that the judge agrees with, `human`
    that of the pairs of human votes that agree with each other. Rows are those with a verdict of
    the judge and two or more human votes; with ties dropped, those where these are not ties.

    Args:
        judge: verdicts for the fixed side (1, 0, -1).
        humans: rows by three: how many humans said -1, 0 and 1.
        clusters: the prompt cluster of each row.
        seed: another seed gives other draws.
    """
    found = {}
    for ties in TIES:
        counts = humans.astype(float)
        known = judge.known
        if ties == "dropped":
            counts[:, 1] = 0.0
            known = known & (judge.codes != 0)
        rows = known & (counts.sum(axis=1) >= 2)
        columns = _agreements(judge.codes[rows], counts[rows], _CREDIT[ties])
        ones = np.ones(int(rows.sum()))
        drawn = estimates(columns, clusters[rows], ones, _both, seed=seed)
        found[ties] = _without_fault(bounded(drawn, ("judge", "human")))
    return found


def _without_fault(found: dict[str, Estimate]) -> dict[str, Estimate]:
    """Where nobody ever differed no draw does, and the share has the ends that both leave open."""
    judge, human, both = (found[name] for name in ("judge", "human", "share"))
    if both.value is None or both.low is not None or (judge.value, human.value) != (1.0, 1.0):
        return found
    high = 1 / human.low if human.low else None
    return {**found, "share": both._replace(low=judge.low, high=high, reason=None)}


def _agreements(codes: Ints, counts: Floats, credit: Floats) -> dict[str, Floats]:
    """Of each row, how far the judge agrees with a human, and two humans with each other."""
    votes = counts.sum(axis=1)
    with_judge = (credit[codes + 1] * counts).sum(axis=1) / votes
    ordered = np.einsum("ij,jk,ik->i", counts, credit, counts) - counts @ np.diag(credit)
    return {"judge": with_judge, "human": ordered / (votes * (votes - 1))}


def _both(columns: Columns) -> Callable[[Floats], Mapping[str, float]]:
    every = np.ones(len(columns["judge"]))

    def of(weights: Floats) -> dict[str, float]:
        judge, human = (share(columns[name], every, weights) for name in ("judge", "human"))
        return {"judge": judge, "human": human, "share": judge / human if human else NO_NUMBER}

    return of
