"""One judge, audited: everything that its votes show of how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from prefkit.judging.certificate import Certificate
from prefkit.judging.duels import JudgeName, inferred_orders
from prefkit.reports.judge_counts import count_audit
from prefkit.reports.judge_gold import gold_audit, rationale_audit
from prefkit.reports.judge_length import length_audit
from prefkit.reports.judge_order import order_audit
from prefkit.reports.judge_own import own_audit

__all__ = ["audit"]

Judges = Sequence[tuple[JudgeName, pl.DataFrame]]


def audit(
    one_judge: pl.DataFrame,
    votes: pl.DataFrame,
    *,
    judges: Judges,
    certificate: Certificate,
    seed: int = 0,
) -> dict[str, Any]:
    """Every number of one judge, each with its interval and its rows, or why there is none.

    Args:
        one_judge: its duels.
        votes: its votes as they were cast, with `cluster`.
        judges: all judges of the dataset: the baseline of self-preference.
        certificate: of this judge: who it is, and what it is worth against gold, passed or not.
        seed: another seed gives other draws.
    """
    name = certificate.judge
    orders = inferred_orders(one_judge)
    frame, inferred = _with_orders(one_judge, orders)
    return {
        "judge": name.shown,
        "by": name.by,
        "file": name.file,
        "rubric": name.rubric,
        "criterion": name.criterion,
        "kinds": sorted(one_judge["kind"].unique().to_list()),
        "forms": sorted(one_judge["form"].unique().to_list()),
        "comparisons": one_judge["comparison"].n_unique(),
        "clusters": one_judge["cluster"].n_unique(),
        **count_audit(votes, seed=seed),
        "orders": orders,
        "order": order_audit(frame, inferred=inferred, seed=seed),
        "length": length_audit(one_judge, certificate, seed=seed),
        "own": own_audit(one_judge, judges, certificate, seed=seed),
        "rationale": rationale_audit(one_judge, seed=seed),
        "gold": gold_audit(certificate),
    }


def _with_orders(
    one_judge: pl.DataFrame, orders: Mapping[str, int]
) -> tuple[pl.DataFrame, dict[str, int] | None]:
    """The duels with their orders; where none was recorded, with those that the source tells."""
    if one_judge["first"].is_not_null().any() or not orders.get("inferred"):
        return one_judge, None
    told = one_judge.with_columns(pl.col("inferred_first").alias("first"))
    return told, {word: n for word, n in orders.items() if n and word != "none"}
