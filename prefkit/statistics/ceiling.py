"""How near a judge comes to one more human, on pairs that at least two humans judged.

A majority of humans is steadier than any of them, so a judge that is held against it looks better
beside the agreement of two humans than it is. Here both are agreements with one human vote, on the
same rows, and their ratio is drawn together: rows that are hard for one are hard for the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from prefkit.statistics.agreement import TIES
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import Coded
from prefkit.statistics.sums import Draws, sum_estimates, withheld

__all__ = ["FEWEST_ROWS", "ceiling_share"]

FEWEST_ROWS = 60
"""For the interval of `share`: of 20 rows it held the truth in 85 % of simulated data sets."""

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
        parts = _agreements(judge.codes[rows], counts[rows], _CREDIT[ties])
        drawn = sum_estimates(
            parts, clusters[rows], _both, shares=("judge", "human"), draws=Draws(seed)
        )
        found[ties] = _without_fault(_with_rows(withheld(drawn)))
    return found


def _with_rows(found: dict[str, Estimate]) -> dict[str, Estimate]:
    """Few rows hold none where a judge who sides with the majority is wrong: these are rare."""
    both = found["share"]
    if both.low is None or both.n >= FEWEST_ROWS:
        return found
    reason = f"{both.n} rows, the interval of this ratio needs {FEWEST_ROWS}"
    return {**found, "share": both._replace(low=None, high=None, method=None, reason=reason)}


def _without_fault(found: dict[str, Estimate]) -> dict[str, Estimate]:
    """Where nobody ever differed no draw does, and the share has the ends that both leave open."""
    judge, human, both = (found[name] for name in ("judge", "human", "share"))
    if both.value is None or both.low is not None or (judge.value, human.value) != (1.0, 1.0):
        return found
    high = 1 / human.low if human.low else None
    return {**found, "share": both._replace(low=judge.low, high=high, reason=None)}


def _agreements(codes: Ints, counts: Floats, credit: Floats) -> Floats:
    """Of each row, how far the judge agrees with a human, two humans with each other, and 1."""
    votes = counts.sum(axis=1)
    with_judge = (credit[codes + 1] * counts).sum(axis=1) / votes
    ordered = np.einsum("ij,jk,ik->i", counts, credit, counts) - counts @ np.diag(credit)
    return np.column_stack([with_judge, ordered / (votes * (votes - 1)), np.ones(len(codes))])


def _both(sums: Floats) -> dict[str, Floats]:
    judge, human, rows = sums.T
    return {"judge": judge / rows, "human": human / rows, "share": judge / human}
