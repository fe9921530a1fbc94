"""Votes as flat frames: which judge gave which response which score, in one judgement.

A ballot is one judgement. A vote that scores several responses is a ballot by itself. Pointwise
votes (one score, the others null) are joined into ballots by judge, rubric and draw, or by source
record where the judge is not identified; a repeated score for one response opens a further ballot,
so nothing is averaged away.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.errors import DataError
from prefkit.schema.columns import one_chunk
from prefkit.schema.validate import scale_bounds

__all__ = ["Ballots", "Selection", "ballots_of", "criteria_of"]

_BARE = ("tie", "both_good", "both_bad")
_SINGLE = ("human", "judge", "reward", "execution", "rule")


class Selection(NamedTuple):
    """Which votes count: one criterion (null = overall), the criteria to average, the kinds."""

    criterion: str | None = None
    mean_of: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


class Ballots(NamedTuple):
    """The votes of one batch of comparisons.

    `scores`: row, ballot, place, score, kind, scale, outcome, source (position in the votes).
    `bare`: row, ballot, kind, outcome, source: tie, both-good and both-bad judgements without
    scores. `mixed`: the rows whose votes are of several kinds and were left out for it.
    `joined`: vote, other: all votes that a mean over criteria is made of, by the one in `scores`.
    """

    scores: pl.DataFrame
    bare: pl.DataFrame
    mixed: pl.Series
    joined: pl.DataFrame


_NOT_JOINED = pl.DataFrame(schema={"vote": pl.UInt32, "other": pl.UInt32})


def criteria_of(table: pa.Table) -> pl.DataFrame:
    """The criteria in the column `votes`, with how many votes each has (null = overall)."""
    flat = one_chunk(table["votes"]).flatten()
    frame = pl.DataFrame({"criterion": pl.from_arrow(pc.struct_field(flat, "criterion"))})
    return frame.group_by("criterion").len()


def ballots_of(table: pa.Table, selection: Selection) -> Ballots:
    """The ballots of a table with the columns `id` and `votes`.

    Raises:
        DataError: a score is not finite or outside its scale.
    """
    votes = _votes(table)
    votes, mixed = _kinds(_criteria(votes, selection), selection.kinds)
    scored = votes.filter(pl.col("outcome").is_in(["scored", "tie"]))
    bare = votes.filter(pl.col("outcome").is_in(["both_good", "both_bad"]))
    cells = scored.with_columns(
        place=pl.int_ranges(0, pl.col("scores").list.len()),
        whole=pl.col("scores").list.drop_nulls().list.len() > 1,
    ).explode("scores", "place")
    cells = cells.rename({"scores": "score"}).filter(pl.col("score").is_not_null())
    _refuse_impossible(cells, table)
    joined = _NOT_JOINED
    if selection.mean_of:
        cells, joined = _averaged(cells, selection.mean_of)
    scores = _numbered(cells)
    bare = bare.select("row", "kind", "outcome", "vote", ballot=-1 - pl.col("vote").cast(pl.Int64))
    return Ballots(scores, bare, mixed, joined)


def _refuse_impossible(cells: pl.DataFrame, table: pa.Table) -> None:
    """Scores are checked before they are stored; a folder that others wrote was not."""
    for scale in cells["scale"].unique().sort():
        own = pl.col("scale") == scale
        bounds = scale_bounds(scale)
        fits = pl.col("score").is_finite()
        if bounds is not None:
            fits &= pl.col("score").is_between(*bounds)
        wrong = cells.filter(own & ~fits)
        if len(wrong):
            row, vote, score = wrong.select("row", "vote", "score").row(0)
            source = one_chunk(table["votes"]).flatten()[vote]["source"].as_py()
            raise DataError(
                f"comparison {table['id'][row]}, a vote from {source['name']}, {source['record']}: "
                f"the score {score} is not on the scale {scale}",
                hint="prefkit collect human FILE --out DATASET  (it refuses such rows one by one)",
            )


def _votes(table: pa.Table) -> pl.DataFrame:
    """One line a vote: row, vote (position over the batch), key of the judgement, its fields."""
    votes = one_chunk(table["votes"])
    flat = votes.flatten()
    source = pc.struct_field(flat, "source")
    columns = {
        name: pl.from_arrow(pc.struct_field(flat, name))
        for name in ("by", "kind", "outcome", "scores", "scale", "draw", "criterion", "rubric")
    }
    frame = pl.DataFrame(
        {
            "row": pl.from_arrow(pc.list_parent_indices(votes)).cast(pl.Int64),
            **columns,
            "file": pl.from_arrow(pc.struct_field(source, "name")),
            "record": pl.from_arrow(pc.struct_field(source, "record")),
        }
    ).with_row_index("vote")
    unknown = pl.col("by").is_null()
    return frame.with_columns(
        file=pl.when(unknown).then(pl.col("file")),
        record=pl.when(unknown).then(pl.col("record")),
        origin=pl.struct("file", "record"),
    )


def _criteria(votes: pl.DataFrame, selection: Selection) -> pl.DataFrame:
    if selection.mean_of:
        return votes.filter(pl.col("criterion").is_in(list(selection.mean_of)))
    return votes.filter(pl.col("criterion").eq_missing(pl.lit(selection.criterion, pl.String)))


def _kinds(votes: pl.DataFrame, kinds: Sequence[str]) -> tuple[pl.DataFrame, pl.Series]:
    """Votes of the wanted kinds; without a wish a row's single votes, if they are of one kind.

    A label is already an aggregate of votes: it counts only where no single vote does.
    """
    if kinds:
        votes = votes.filter(pl.col("kind").is_in(list(kinds)))
    counted = votes.filter(pl.col("outcome").is_in(["scored", *_BARE]))
    singles = (
        counted.filter(pl.col("kind").is_in(_SINGLE)).group_by("row").agg(pl.col("kind").n_unique())
    )
    mixed = singles.filter(pl.col("kind") > 1)["row"] if not kinds else singles["row"].clear()
    labelled = pl.col("kind").eq("label") & pl.col("row").is_in(singles["row"].implode())
    return votes.filter(~labelled & ~pl.col("row").is_in(mixed.implode())), mixed


_JUDGEMENT = ("row", "by", "kind", "scale", "rubric", "draw", "file", "record")


def _averaged(cells: pl.DataFrame, criteria: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The mean over criteria, for judgements that hold each of them once; and what it is made of.

    A judgement is what one record holds, if any of a judge's records holds every criterion; else
    it is all that the judge said.
    """
    cells = cells.with_columns(
        origin=pl.when(_holds("origin", criteria).any().over(*_JUDGEMENT)).then("origin")
    ).filter(_holds("origin", criteria))
    means = cells.group_by(*_JUDGEMENT, "origin", "place", maintain_order=True).agg(
        # Sorted, so that the same scores have the same mean whichever criterion they are for.
        pl.col("score").sort().mean(),
        pl.col("outcome").first(),
        pl.col("vote").first(),
        pl.col("vote").alias("other"),
    )
    joined = means.select("vote", "other").explode("other").unique(maintain_order=True)
    record = pl.col("origin").struct
    means = means.with_columns(
        file=pl.coalesce("file", record.field("file")),
        record=pl.coalesce("record", record.field("record")),
        whole=pl.lit(value=False),
    )
    return means.drop("other", "origin"), joined


def _holds(origin: str, criteria: Sequence[str]) -> pl.Expr:
    """Whether a response has one score by each criterion in one judgement."""
    each = [*_JUDGEMENT, origin, "place"]
    complete = pl.col("criterion").n_unique().over(*each) == len(set(criteria))
    return complete & (pl.len().over(*each) == len(set(criteria)))


def _numbered(cells: pl.DataFrame) -> pl.DataFrame:
    """Cells with their ballot's number, unique over the batch."""
    single = cells.filter(~pl.col("whole"))
    repeat = pl.int_range(pl.len()).over(*_JUDGEMENT, "place")
    single = single.with_columns(repeat=repeat)
    key = pl.struct(*_JUDGEMENT, "repeat").rank("dense").cast(pl.Int64)
    most = pl.lit(max(cells["vote"].to_list(), default=0) + 1)
    joined = single.with_columns(ballot=key + most).drop("repeat")
    whole = cells.filter(pl.col("whole")).with_columns(ballot=pl.col("vote").cast(pl.Int64))
    columns = ["row", "ballot", "place", "score", "kind", "scale", "outcome", "vote"]
    return pl.concat([whole.select(columns), joined.select(columns)])
