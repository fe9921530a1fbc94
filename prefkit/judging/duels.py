"""Votes as one flat frame of duels: a line for each judged pair of responses in one showing.

A vote on a list is a duel of every two that it scored. Votes on single responses are joined into
duels by judge, rubric, criterion, scale and draw, or by source record where nobody is named; equal
scores are a tie, never broken to a side. A skipped vote and one that got no answer give no line.

Memory: about 270 bytes a line. Texts are read for their lengths and clusters only.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl
import pyarrow as pa

from prefkit.judging.duel_cells import lines_of
from prefkit.judging.duel_names import JUDGE, JudgeName, judges_of
from prefkit.judging.duel_votes import Votes, votes_of
from prefkit.statistics.order_effect import infer_order

__all__ = [
    "COLUMNS",
    "JUDGE",
    "JudgeName",
    "duels_of",
    "duels_of_all",
    "inferred_orders",
    "judges_of",
    "swapped",
]

COLUMNS = {
    "comparison": pl.String,
    "cluster": pl.UInt64,
    "a": pl.Int32,
    "b": pl.Int32,
    "kind": pl.String,
    "judge": pl.String,
    "file": pl.String,
    "rubric": pl.String,
    "criterion": pl.String,
    "draw": pl.Int64,
    "first": pl.Int8,
    "form": pl.String,
    "verdict": pl.Int8,
    "outcome": pl.String,
    "p": pl.Float64,
    "difference": pl.Float64,
    "scale": pl.String,
    "longer": pl.Int8,
    "model_a": pl.String,
    "model_b": pl.String,
    "reason": pl.String,
    "mass": pl.Float64,
    "cost_usd": pl.Float64,
    "seconds": pl.Float64,
    "rationale_says": pl.Int8,
    "vote": pl.UInt32,
    "other_vote": pl.UInt32,
    "inferred_first": pl.Int8,
    "order": pl.String,
    "record": pl.String,
    "other_record": pl.String,
    "at": pl.String,
    "response_a": pl.UInt64,
    "response_b": pl.UInt64,
}
"""The columns of a frame of duels.

`a`, `b`: places in the stored order, a < b. `first`: 1 if a was shown first, -1 if b, null if
unknown or if each was shown alone. `form`: pairwise, listwise, pointwise. `verdict`: 1 for a, -1
for b, 0 for a tie, both good and both bad, null if unreadable. `outcome` is that of the line, so a
listwise vote can have ties. `p`: the probability that a is better, of scale probability.
`difference`: score of a minus score of b. `longer`: 1 if a has more characters, -1 if b, 0.
`reason`, `mass`: why a verdict of ours failed, and the mass on allowed tokens (of two votes the
lower). `cost_usd` and `seconds` stand on the first line of their votes only, so that they add up.
`rationale_says`: the side that the judge's own last word names. `vote`: position in the flattened
votes of the batch; `other_vote`: the second of a pointwise line. `inferred_first`: as `first`,
where the source tells the verdict both for a side and for a slot. `order`: shown, inferred, either
(the verdict reads the same in both orders), neither (the source contradicts itself), unknown, or
none (each was shown alone). `record`, `other_record`: where in the file the votes stand. `at`: when
the first was cast. `response_a`: the first half of the response's digest, so that one text has one
number in all comparisons of a prompt.
"""

_SUMS_TO_ONE = 1e-6
_TOLERANCE = 1e-3  # of two probabilities that are one, stored with a few digits
_NONE = float("nan")
ORDERS = ("shown", "inferred", "either", "neither", "unknown", "none")


def duels_of_all(tables: Iterable[pa.Table]) -> pl.DataFrame:
    """The duels of all batches below each other; `vote` counts from 0 in each."""
    found = [duels_of(table) for table in tables]
    return pl.concat(found, rechunk=False) if found else pl.DataFrame(schema=COLUMNS)


def duels_of(table: pa.Table) -> pl.DataFrame:
    """The duels of a batch of comparisons: see `COLUMNS`.

    Reads `id`, `prompt`, `responses` and `votes`. Whether a failed vote without an order was about
    one response or two is told by what its judge does elsewhere in the batch.
    """
    batch = votes_of(table)
    lines = lines_of(batch)
    lines = _with_votes(lines, batch)
    lines = _with_responses(lines, batch)
    lines = _with_orders(lines, batch)
    lines = lines.join(
        batch.rows.select("row", "comparison", "cluster"), on="row", maintain_order="left"
    )
    return _with_inferred(_with_verdicts(lines)).select(
        pl.col(name).cast(kind) for name, kind in COLUMNS.items()
    )


_OF_VOTE = (
    "kind", "judge", "file", "rubric", "criterion", "draw", "scale", "outcome", "reason", "record",
    "at",
)  # fmt: skip


def _with_votes(lines: pl.DataFrame, batch: Votes) -> pl.DataFrame:
    """The fields of the vote; money and time once a vote, the mass of the less sure of two."""
    votes = batch.votes
    names = [*_OF_VOTE, "mass", "named", "slot"]
    lines = lines.hstack(votes.select(names)[lines["vote"].to_numpy()])
    lines = lines.rename({"outcome": "of_vote"})
    lines = lines.with_row_index("line")
    second = lines.filter(pl.col("other_vote").is_not_null())
    shares = pl.concat(
        [lines.select("line", "vote"), second.select("line", vote="other_vote")]
    ).sort("line", maintain_order=True)
    shares = shares.unique("vote", keep="first", maintain_order=True)
    paid = shares.join(votes.select("vote", "cost_usd", "seconds"), on="vote")
    sums = paid.group_by("line").agg(
        pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name)
        for name in ("cost_usd", "seconds")
    )
    other = votes.select(other_vote="vote", other_mass="mass", other_record="record")
    return (
        lines.join(sums, on="line", how="left", maintain_order="left")
        .join(other, on="other_vote", how="left", maintain_order="left")
        .with_columns(mass=pl.min_horizontal("mass", "other_mass"))
    )


def _with_responses(lines: pl.DataFrame, batch: Votes) -> pl.DataFrame:
    starts = np.concatenate([[0], np.cumsum(batch.rows["count"].to_numpy())])[:-1]
    rows = lines["row"].to_numpy()
    sides = {
        side: batch.responses[starts[rows] + lines[side].to_numpy()].select(
            *(pl.col(name).alias(f"{name}_{side}") for name in ("model", "characters", "response"))
        )
        for side in ("a", "b")
    }
    longer = (pl.col("characters_a") - pl.col("characters_b")).sign()
    return lines.hstack(sides["a"]).hstack(sides["b"]).with_columns(longer=longer)


def _with_orders(lines: pl.DataFrame, batch: Votes) -> pl.DataFrame:
    """Who was shown first, and which side the rationale names."""
    for side in ("a", "b"):
        at = batch.orders.select("vote", "position", pl.col("place").alias(side))
        lines = lines.join(
            at.rename({"position": f"at_{side}"}), on=["vote", side], how="left",
            maintain_order="left",
        )  # fmt: skip
    together = pl.col("form") != "pointwise"
    named = pl.col("named")
    says = pl.when(named == pl.col("at_a")).then(1).when(named == pl.col("at_b")).then(-1)
    return lines.with_columns(
        first=pl.when(together).then((pl.col("at_b") - pl.col("at_a")).sign()),
        rationale_says=pl.when(together).then(says),
    )


def _with_verdicts(lines: pl.DataFrame) -> pl.DataFrame:
    difference = pl.col("score_a") - pl.col("score_b")
    bare = pl.col("of_vote").is_in(["both_good", "both_bad"])
    told = difference.is_not_null()
    whole = ((pl.col("score_a") + pl.col("score_b")) - 1).abs() <= _SUMS_TO_ONE
    likely = (pl.col("scale") == "probability") & (pl.col("form") == "pairwise") & whole & ~bare
    return lines.with_columns(
        verdict=difference.sign(),
        difference=pl.when(~bare).then(difference),
        p=pl.when(likely).then("score_a"),
        outcome=pl.when(bare)
        .then("of_vote")
        .when(~told)
        .then(pl.lit("failed"))
        .when(difference == 0)
        .then(pl.lit("tie"))
        .otherwise(pl.lit("scored")),
    )


def _with_inferred(lines: pl.DataFrame) -> pl.DataFrame:
    """Orders that a source tells by telling a verdict twice; what was shown is not touched."""
    unknown = pl.col("first").is_null() & (pl.col("form") == "pairwise")
    chosen = (pl.col("verdict") + 1) / 2
    side = pl.when(unknown).then(pl.coalesce("p", chosen))
    told = lines.select(
        side=side.cast(pl.Float64).fill_null(_NONE), slot=pl.when(unknown).then("slot")
    ).with_columns(pl.col("slot").fill_null(_NONE))
    side_of, slot_of = told["side"].to_numpy(), told["slot"].to_numpy()
    found = infer_order(side_of, slot_of, tolerance=_TOLERANCE).order
    both = ~(np.isnan(side_of) | np.isnan(slot_of))
    off = np.minimum(np.abs(side_of - slot_of), np.abs(side_of + slot_of - 1))
    lines = lines.with_columns(
        inferred=pl.Series(np.where(found.known, found.codes, 0)),
        twice=pl.Series(both),
        fits=pl.Series(off <= _TOLERANCE),
    )
    word = (
        pl.when(pl.col("form") == "pointwise").then(pl.lit("none"))
        .when(pl.col("first").is_not_null()).then(pl.lit("shown"))
        .when(pl.col("inferred") != 0).then(pl.lit("inferred"))
        .when(~pl.col("twice")).then(pl.lit("unknown"))
        .when(pl.col("fits")).then(pl.lit("either"))
        .otherwise(pl.lit("neither"))
    )  # fmt: skip
    inferred = pl.when(pl.col("inferred") != 0).then("inferred")
    return lines.with_columns(inferred_first=inferred, order=word)


def inferred_orders(duels: pl.DataFrame) -> dict[str, int]:
    """How many lines have which word in the column `order`, in the order of `ORDERS`."""
    counts = dict(duels["order"].value_counts().iter_rows())
    return {word: counts[word] for word in ORDERS if word in counts}


def swapped(duels_of_one_judge: pl.DataFrame) -> pl.DataFrame:
    """The pairs that one judge was shown in both orders, a line each.

    Columns: comparison, cluster, a, b, draw, a_first, b_first (the verdicts for a where a, or b,
    was shown first; null = unreadable), p_a_first, p_b_first. A pair that was asked again in an
    order it already had is matched with the next one of the other order. Inferred orders do not
    count.
    """
    keys = ["comparison", "a", "b", "draw", "form"]
    lines = duels_of_one_judge.filter(pl.col("first").is_not_null())
    turn = pl.int_range(pl.len()).over(*keys, "first")
    lines = lines.select(*keys, "cluster", "first", "verdict", "p", turn=turn)
    one, other = (
        lines.filter(pl.col("first") == place).rename(
            {"verdict": f"{name}_first", "p": f"p_{name}_first"}
        )
        for place, name in ((1, "a"), (-1, "b"))
    )
    both = one.join(
        other.drop("cluster", "first"), on=[*keys, "turn"], nulls_equal=True, maintain_order="left"
    )
    names = ("a_first", "b_first", "p_a_first", "p_b_first")
    return both.select("comparison", "cluster", "a", "b", "draw", *names)
