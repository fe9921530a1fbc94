"""Whether a judge favours its own answers, or those of its family, beyond what quality explains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from prefkit.judging.against_gold import one_verdict_each
from prefkit.judging.certificate import Certificate
from prefkit.judging.columns import clusters, coded
from prefkit.judging.duels import JudgeName
from prefkit.judging.families import family_of, plain_name
from prefkit.judging.gold import Gold
from prefkit.judging.numbers import missing, number
from prefkit.statistics.lean import own_lean
from prefkit.statistics.shares import Coded

__all__ = ["own_audit", "pair_verdicts"]

_PAIR = ["comparison", "a", "b"]
_LEAN = ("own", "baseline", "excess", "other_way", "other_way_baseline", "beyond_quality")

Judges = Sequence[tuple[JudgeName, pl.DataFrame]]


class _Own(NamedTuple):
    """What counts as the judge's own: its very model, or its family."""

    name: str
    value: str | None

    def of(self, model: str | None) -> str | None:
        """The same of a response's model; null where it is not known."""
        if model is None:
            return None
        return plain_name(model) if self.name == "model" else family_of(model)


def pair_verdicts(one_judge: pl.DataFrame) -> pl.DataFrame:
    """One verdict a pair, made as for a certificate, with the makers of both sides."""
    makers = one_judge.select(*_PAIR, "model_a", "model_b").unique(_PAIR, keep="first")
    return one_verdict_each(one_judge).join(makers, on=_PAIR, how="left", maintain_order="left")


def own_audit(
    one_judge: pl.DataFrame, judges: Judges, certificate: Certificate, *, seed: int = 0
) -> dict[str, Any]:
    """Self-preference (`model`) and family preference (`family`), each with its baseline.

    A pair counts where exactly one side is the judge's own and the other side's maker is known;
    the baseline is of judges of the same criterion whose families are known and wrote neither.
    """
    name = certificate.judge
    family = family_of(name.by)
    facts: dict[str, Any] = {"family_of_judge": family}
    own = {
        "model": _Own("model", None if name.by is None else plain_name(name.by)),
        "family": _Own("family", family),
    }
    pairs = pair_verdicts(one_judge)
    for which, value in own.items():
        facts[which] = _one(value, pairs, judges, certificate, seed)
    return facts


def _one(
    own: _Own, pairs: pl.DataFrame, judges: Judges, certificate: Certificate, seed: int
) -> dict[str, Any]:
    name, gold = certificate.judge, certificate.gold
    if own.value is None:
        unnamed, no_family = "the judge is not named", "the judge's name says no family"
        return _nothing(unnamed if name.by is None else no_family)
    rows = _with_one_own_side(pairs, own)
    if not len(rows):
        return _nothing(f"no pair has one side that is known to be of the judge's own {own.name}")
    if gold.kind is None:
        return _nothing("there is no human answer to say which side is better", len(rows))
    rows = _with_gold(rows, gold)
    others = [
        (other, _aligned(rows, frame, other))
        for other, frame in judges
        if other != name and other.criterion == name.criterion
    ]
    usable = [(other, found) for other, found in others if found.known.any()]
    if not usable:
        reason = "no other judge of a known family that wrote neither side judged these pairs"
        return _nothing(reason, len(rows))
    side = rows["own"].cast(pl.Int64).to_numpy()
    found = own_lean(
        _turned(coded(rows["verdict"]), side),
        [_turned(verdicts, side) for _, verdicts in usable],
        _turned(coded(rows["gold"]), side),
        clusters(rows),
        seed=seed,
    )
    return {
        "pairs": len(rows),
        "baseline_judges": [other.shown for other, _ in usable],
        **{part: number(found[part]) for part in _LEAN},
    }


def _nothing(reason: str, pairs: int = 0) -> dict[str, Any]:
    empty = dict.fromkeys(_LEAN, missing(reason, pairs))
    return {"pairs": pairs, "baseline_judges": [], **empty}


def _with_one_own_side(pairs: pl.DataFrame, own: _Own) -> pl.DataFrame:
    """The pairs with `own`: 1 where side a is the judge's own, -1 where b is."""
    models = set(pairs["model_a"].to_list()) | set(pairs["model_b"].to_list())
    known = {model: own.of(model) for model in models if own.of(model) is not None}
    if not known:
        return pairs.clear().with_columns(pl.lit(None, pl.Int32).alias("own"))
    sides = [
        pl.col(column).replace_strict(known, default=None, return_dtype=pl.String)
        for column in ("model_a", "model_b")
    ]
    mine_a, mine_b = (side == own.value for side in sides)
    return pairs.with_columns(
        pl.when(mine_a & ~mine_b).then(1).when(mine_b & ~mine_a).then(-1).alias("own")
    ).filter(pl.col("own").is_not_null())


def _with_gold(rows: pl.DataFrame, gold: Gold) -> pl.DataFrame:
    answers = gold.frame.select(*_PAIR, pl.col("verdict").alias("gold"))
    return rows.join(answers, on=_PAIR, how="left", maintain_order="left")


def _aligned(rows: pl.DataFrame, frame: pl.DataFrame, other: JudgeName) -> Coded:
    """Another judge's verdicts on the same pairs, unknown where its family wrote a side."""
    family = family_of(other.by)
    verdicts = pair_verdicts(frame).select(*_PAIR, pl.col("verdict").alias("other"))
    found = coded(rows.join(verdicts, on=_PAIR, how="left", maintain_order="left")["other"])
    if family is None:
        return Coded(found.codes, np.zeros(len(rows), dtype=bool))
    makers = [[family_of(m) for m in rows[side].to_list()] for side in ("model_a", "model_b")]
    # A maker of an unknown family might be this judge's: such a pair is no baseline.
    apart = [np.array([one is not None and one != family for one in side]) for side in makers]
    return Coded(found.codes, found.known & apart[0] & apart[1])


def _turned(verdicts: Coded, side: np.ndarray[Any, Any]) -> Coded:
    """Verdicts for the judge's own side."""
    return Coded(verdicts.codes * side, verdicts.known)
