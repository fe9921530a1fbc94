"""Votes of judges as they were cast: a pointwise vote is one here, and in many duels there."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from prefkit.judging.duels import JudgeName

__all__ = ["NO_VOTES", "of_judge", "votes_of"]

_SCHEMA = {
    "comparison": pl.String,
    "kind": pl.String,
    "judge": pl.String,
    "file": pl.String,
    "rubric": pl.String,
    "criterion": pl.String,
    "outcome": pl.String,
    "grade": pl.Float64,
    "scale": pl.String,
    "reason": pl.String,
    "mass": pl.Float64,
    "cost_usd": pl.Float64,
    "seconds": pl.Float64,
}
NO_VOTES = pl.DataFrame(schema=_SCHEMA)
"""No votes, with the columns that `votes_of` gives.

`grade` is the score of a vote on one response alone. `reason` (why a vote failed) and `mass` (the
probability on allowed first tokens) are there where prefkit asked, null elsewhere.
"""

_JUDGES = ("judge", "reward")
_SLUG = r"^[a-z][a-z_]{1,30}$"


def votes_of(table: pa.Table) -> pl.DataFrame:
    """The votes of judges and reward models in a table of comparisons, a row each."""
    frame = pl.DataFrame(pl.from_arrow(table.select(["id", "votes"])))
    votes = frame.explode("votes", empty_as_null=True).drop_nulls("votes").unnest("votes")
    found = votes.filter(pl.col("kind").is_in(_JUDGES))
    if not len(found):
        return NO_VOTES
    scores = pl.col("scores")
    return found.select(
        pl.col("id").alias("comparison"),
        "kind",
        pl.col("by").alias("judge"),
        pl.col("source").struct.field("name").alias("file"),
        *("rubric", "criterion", "outcome"),
        pl.when(scores.list.drop_nulls().list.len() == 1)
        .then(scores.list.drop_nulls().list.first())
        .alias("grade"),
        "scale",
        _told("reason").pipe(_only_a_slug).alias("reason"),
        _told("mass").cast(pl.Float64, strict=False).alias("mass"),
        *("cost_usd", "seconds"),
    )


def _told(name: str) -> pl.Expr:
    """What prefkit wrote beside a verdict; what others wrote under that name is something else."""
    ours = pl.col("source").struct.field("record").str.contains(r"^[0-9a-f]{40}$")
    there = pl.col("raw").str.starts_with("{")
    return pl.when(ours & there).then(pl.col("raw")).str.json_path_match(f"$.{name}")


def _only_a_slug(reason: pl.Expr) -> pl.Expr:
    return pl.when(reason.str.contains(_SLUG)).then(reason)


def of_judge(votes: pl.DataFrame, name: JudgeName) -> pl.DataFrame:
    """The votes of one judge; the file counts only where the judge is not named."""
    wanted = {"judge": name.by, "rubric": name.rubric, "criterion": name.criterion}
    if name.by is None:
        wanted["file"] = name.file
    same = [pl.col(field).eq_missing(pl.lit(value, pl.String)) for field, value in wanted.items()]
    return votes.filter(*same)
