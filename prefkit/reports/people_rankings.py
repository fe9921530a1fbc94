"""How far people who ordered the responses of one prompt agree on their order."""

from __future__ import annotations

import polars as pl

from prefkit.judging.numbers import Number, number
from prefkit.statistics.rank_agreement import Rankings, rank_agreement

__all__ = ["ranked_alike"]

_BALLOT = ["comparison", "judge", "nobody"]
_FEWEST = 3  # responses: of two an order is a verdict


def ranked_alike(human: pl.DataFrame, criterion: str | None, *, seed: int = 0) -> dict[str, Number]:
    """`tau_b`, `gamma`, `tau_a`, `spearman` and `w` over comparisons; empty where nobody ranked.

    A ranking is what one person's lists or grades say of three or more responses, one judgement
    each; a second one of the same person on a comparison is left out. An order is told by its
    duels: who won more of them stands higher, and equal responses tie.

    Args:
        human: duels of people.
        criterion: the criterion; null = overall.
        seed: another seed gives other draws.
    """
    lines = human.with_row_index("line").filter(
        pl.col("criterion").eq_missing(pl.lit(criterion, pl.String)),
        pl.col("form") != "pairwise",
        pl.col("verdict").is_not_null(),
    )
    lines = lines.with_columns(
        nobody=pl.when(pl.col("judge").is_null()).then(_judgement(pl.col("form")))
    )
    # A list is one vote; grades of one judgement share their draw and scale.
    lines = lines.with_columns(whole=_judgement(pl.col("form")))
    lines = lines.filter(pl.col("whole") == pl.col("whole").first().over(_BALLOT))
    sides = [
        lines.select(*_BALLOT, "cluster", "line", response=side, won=sign * pl.col("verdict"))
        for side, sign in (("a", 1), ("b", -1))
    ]
    scores = pl.concat(sides).group_by([*_BALLOT, "response"], maintain_order=True).agg(
        pl.col("won").cast(pl.Int64).sum(), pl.col("cluster").first()
    )  # fmt: skip
    scores = scores.filter(pl.len().over(_BALLOT) >= _FEWEST).sort(*_BALLOT, "response")
    several = pl.struct(_BALLOT).n_unique().over("comparison") > 1
    scores = scores.filter(several)
    if not len(scores):
        return {}
    groups = scores["comparison"].rank("dense").cast(pl.Int64).to_numpy() - 1
    clusters = scores.unique("comparison", keep="first", maintain_order=True)
    rankings = Rankings(
        groups=groups,
        raters=scores.select(pl.struct(_BALLOT).rank("dense").cast(pl.Int64))
        .to_series()
        .to_numpy(),
        responses=scores["response"].cast(pl.Int64).to_numpy(),
        scores=scores["won"].cast(pl.Float64).to_numpy(),
        group_count=int(groups.max()) + 1,
    )
    found = rank_agreement(rankings, clusters["cluster"].to_numpy(), seed=seed)
    return {name: number(one) for name, one in found.items()}


def _judgement(form: pl.Expr) -> pl.Expr:
    """What tells the judgements of one person apart: of lists the vote, of grades file and draw."""
    listed = pl.format("vote {}", "vote")
    record = pl.when(pl.col("judge").is_null()).then(pl.col("record")).otherwise(pl.lit(""))
    graded = pl.format("{} {} {} {}", "file", "scale", pl.col("draw").fill_null(-1), record)
    return pl.when(form == "listwise").then(listed).otherwise(graded)
