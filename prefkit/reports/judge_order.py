"""What the order in which responses are shown does to a judge, and what cannot be said of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from prefkit.judging.columns import clusters, coded
from prefkit.judging.duels import swapped
from prefkit.judging.numbers import Number, missing, number
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.order_effect import order_effect, within_pairs
from prefkit.statistics.rates import rate
from prefkit.statistics.swaps import order_fault, shown_once, swap_counts, swaps

__all__ = ["order_audit"]

PAIR = ("comparison", "a", "b")
_SWAP = ("consistency", "consistency_decided", "locked_first", "locked_second", "lock_bias",
         "first", "ties")  # fmt: skip
_EFFECT = ("theta", "preference", "order", "shown_first", "shown_second", "averaged")
_ALONE = "each response was judged alone: no order was shown"
_UNREADABLE = "no verdict of a known order was readable"
_UNKNOWN = "order unknown: no vote says which response was shown first"


def order_audit(
    one_judge: pl.DataFrame, *, inferred: Mapping[str, Any] | None = None, seed: int = 0
) -> dict[str, Any]:
    """Consistency under swap, locks and the order effect of one judge.

    `basis` says where the orders are from: recorded, inferred, alone (pointwise) or unknown.

    Args:
        one_judge: the duels of one judge; where orders were inferred, with these filled in.
        inferred: how the orders were inferred, if they were: counts of rows.
        seed: another seed gives other draws.
    """
    shown = one_judge.filter(pl.col("form") != "pointwise")
    known = shown.filter(pl.col("first").is_not_null())
    both = swapped(known)
    pairs = known.select(PAIR).n_unique() if len(known) else 0
    paired = both.select(PAIR).n_unique() if len(both) else 0
    facts: dict[str, Any] = {
        "basis": _basis(one_judge, known, inferred),
        "inferred": None if inferred is None else dict(inferred),
        "pairs_both": paired,
        "pairs_once": pairs - paired,
        "verdicts_unknown": len(shown) - len(known),
        "verdicts_alone": len(one_judge) - len(shown),
    }
    if not len(known):
        reason = _UNKNOWN if len(shown) else _ALONE
        empty = missing(reason, len(one_judge), one_judge["cluster"].n_unique())
        names = (*_SWAP, *_EFFECT, "within_pairs")
        return {**facts, "fault": None, "counts": None, **dict.fromkeys(names, empty)}
    return {
        **facts,
        "fault": None if len(both) else _fault(known),
        **(_swaps(both, seed) if len(both) else _once(known, seed)),
        **_effect(known, seed),
        "within_pairs": _within(both, seed),
    }


def _basis(one_judge: pl.DataFrame, known: pl.DataFrame, inferred: Any) -> str:
    if len(known):
        return "recorded" if inferred is None else "inferred"
    return "alone" if (one_judge["form"] == "pointwise").all() else "unknown"


def _swaps(both: pl.DataFrame, seed: int) -> dict[str, Any]:
    a_first, b_first = coded(both["a_first"]), coded(both["b_first"])
    counts = swap_counts(a_first, b_first)
    found = swaps(a_first, b_first, clusters(both), seed=seed)
    return {"counts": {**counts._asdict(), "pairs": counts.pairs}, **_numbers(found)}


def _once(known: pl.DataFrame, seed: int) -> dict[str, Any]:
    verdict, order = coded(known["verdict"]), coded(known["first"])
    found = shown_once(verdict, order, clusters(known), seed=seed)
    tied = (verdict.codes[verdict.known] == 0).astype(float)
    ties = rate(tied, clusters(known)[verdict.known], seed=seed)
    return {"counts": None, **_numbers(found), "ties": number(ties)}


def _fault(known: pl.DataFrame) -> str | None:
    """Why orders of pairs shown once are no random ones."""
    each = known.unique(PAIR, keep="first", maintain_order=True)
    return order_fault(coded(each["first"]), clusters(each))


def _effect(known: pl.DataFrame, seed: int) -> dict[str, Number]:
    """A probability says more than the verdict that was made of it."""
    readable = known.filter(pl.col("verdict").is_not_null())
    if not len(readable):
        return dict.fromkeys(_EFFECT, missing(_UNREADABLE))
    said = pl.coalesce(pl.col("p"), (pl.col("verdict").cast(pl.Float64) + 1) / 2)
    verdicts = readable.select(said.clip(0, 1)).to_series().to_numpy()
    order = readable["first"].cast(pl.Int64).to_numpy()
    return _numbers(order_effect(verdicts, order, clusters(readable), seed=seed))


def _within(both: pl.DataFrame, seed: int) -> Number:
    if not len(both):
        return missing("no pair was judged in both orders")
    a_first, b_first = coded(both["a_first"]), coded(both["b_first"])
    return number(within_pairs(a_first, b_first, clusters(both), seed=seed))


def _numbers(found: Mapping[str, Estimate]) -> dict[str, Number]:
    return {name: number(one) for name, one in found.items()}
