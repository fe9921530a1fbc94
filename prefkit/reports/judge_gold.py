"""How far a judge agrees with gold answers, and how far its reasons agree with its verdicts."""

from __future__ import annotations

from typing import Any

import polars as pl

from prefkit.judging.certificate import Certificate
from prefkit.judging.columns import clusters
from prefkit.judging.numbers import missing, number
from prefkit.judging.thresholds import READINGS
from prefkit.statistics.rates import rate

__all__ = ["gold_audit", "rationale_audit"]

_KEPT = ("verdict", "single_verdicts", "human_ceiling", *READINGS)


def gold_audit(certificate: Certificate) -> dict[str, Any]:
    """Accuracy, kappa and AC in three readings of a tie, beside what people agree on.

    The numbers are those of the certificate, so that a report never gives two of one name.
    """
    facts = certificate.facts()
    return {
        "calibrated": certificate.passed is not None,
        **facts["gold"],
        **{name: facts[name] for name in _KEPT},
    }


def rationale_audit(one_judge: pl.DataFrame, *, seed: int = 0) -> dict[str, Any]:
    """How often the reasons that a judge wrote end by naming the other side than its verdict."""
    says = one_judge.filter(
        pl.col("rationale_says").is_not_null()
        & (pl.col("rationale_says") != 0)
        & pl.col("verdict").is_not_null()
    )
    decided = says.filter(pl.col("verdict") != 0)
    facts = {"say_a_side": len(says), "with_a_tie": len(says) - len(decided)}
    if not len(decided):
        reason = "no rationale ends by naming a side beside a verdict for one"
        return {**facts, "contradicting": 0, "share": missing(reason, len(one_judge))}
    against = decided["rationale_says"] != decided["verdict"]
    found = rate(against.cast(pl.Float64).to_numpy(), clusters(decided), seed=seed)
    return {**facts, "contradicting": int(against.sum()), "share": number(found)}
