"""How often a judge chooses the longer response, and how often the gold does on the same pairs."""

from __future__ import annotations

from typing import Any

import polars as pl

from prefkit.judging.certificate import Certificate
from prefkit.judging.columns import clusters
from prefkit.judging.numbers import Number, missing, number
from prefkit.statistics.rates import rate

__all__ = ["length_audit"]

_LEAN = ("judge", "human", "difference", "agreement_gap")


def length_audit(
    one_judge: pl.DataFrame, certificate: Certificate, *, seed: int = 0
) -> dict[str, Any]:
    """`longer` of all the judge's verdicts, and `judge` beside `human` on pairs with gold.

    `beside` says of what kind that gold is: `human`, or `label` where only that is known. A tie is
    half a choice of the longer; pairs of equal length say nothing.
    """
    gold = certificate.gold
    facts: dict[str, Any] = {"longer": _alone(one_judge, seed), "beside": gold.kind}
    if certificate.passed is None:
        reason = "there is no human answer on these pairs to compare with"
        return {**facts, **dict.fromkeys(_LEAN, missing(reason))}
    return {**facts, **{name: number(certificate.numbers.lean[name]) for name in _LEAN}}


def _alone(one_judge: pl.DataFrame, seed: int) -> Number:
    rows = one_judge.filter(pl.col("verdict").is_not_null() & (pl.col("longer") != 0))
    chosen = (rows["verdict"].cast(pl.Float64) * rows["longer"].cast(pl.Float64) + 1) / 2
    return number(rate(chosen.to_numpy(), clusters(rows), seed=seed))
