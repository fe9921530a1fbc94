"""What pairs can be sliced by: their own columns, tags and sources, and who voted on them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.dataset import Dataset
from prefkit.dataset.lineage import known_lineage
from prefkit.errors import ConfigError
from prefkit.registry import nearest
from prefkit.schema.columns import one_chunk
from prefkit.schema.moments import UNKNOWN, moments

__all__ = ["NOBODY", "NOTHING", "TAG", "known_dimension", "last_votes", "values_of"]

NOBODY = "(not identified)"
NOTHING = "(none)"
TAG = "tag:"

_VOTERS = {"annotator": ("human",), "judge": ("judge", "reward")}
_COLUMNS = (
    "chosen_model", "criterion", "margin_kind", "p_kind", "policy", "rejected_model", "split"
)  # fmt: skip
_KNOWN = (*_VOTERS, "source", *_COLUMNS)
_OF_VOTE = ("by", "kind", "source.name", "source.record")


def known_dimension(name: str) -> str:
    """The name itself.

    Raises:
        ConfigError: nothing is sliced by that name.
    """
    if name in _KNOWN or (name.startswith(TAG) and len(name) > len(TAG)):
        return name
    raise ConfigError(
        f"pairs are not sliced by {name!r}{nearest(name, _KNOWN)}",
        hint=f"one of: {', '.join(_KNOWN)}, {TAG}NAME",
    )


def values_of(dataset: Dataset, dimension: str) -> pl.DataFrame:
    """Lines of `row` and `value`: a row stands in several where several voted on it.

    Every row has a line: `(none)` where there is no value, `(not identified)` for people without a
    pseudonym, who are never told apart.

    Raises:
        ConfigError: no such dimension, or the comparisons that hold the votes are not found.
        DataError: a file is damaged.
    """
    known_dimension(dimension)
    if dimension in _VOTERS:
        return _voters(dataset, _VOTERS[dimension])
    if dimension == "source":
        lines = _exploded(dataset).select("row", value="name")
    else:
        lines = pl.concat(list(_plain(dataset, dimension)) or [_no_lines()])
    return _whole(dataset, lines)


def _no_lines() -> pl.DataFrame:
    return pl.DataFrame(schema={"row": pl.Int64, "value": pl.String})


def _whole(dataset: Dataset, lines: pl.DataFrame) -> pl.DataFrame:
    every = pl.DataFrame({"row": pl.int_range(dataset.rows, dtype=pl.Int64, eager=True)})
    there = every.join(lines.unique(), on="row", how="left", maintain_order="left")
    return there.with_columns(pl.col("value").fill_null(NOTHING)).sort("row", "value")


def _plain(dataset: Dataset, dimension: str) -> Iterator[pl.DataFrame]:
    is_tag = dimension.startswith(TAG)
    first = 0
    for table in dataset.batches(["tags" if is_tag else dimension]):
        values = (
            pc.map_lookup(one_chunk(table["tags"]), dimension.removeprefix(TAG), "first")
            if is_tag
            else one_chunk(table[dimension])
        )
        found = pl.Series("value", pl.from_arrow(values), dtype=pl.String)
        yield found.to_frame().with_row_index("row", first).cast({"row": pl.Int64})
        first += len(table)


def _exploded(dataset: Dataset) -> pl.DataFrame:
    """A line a pair and source: row, comparison, name, record."""
    frames, first = [], 0
    columns = [f"sources.list.element.{name}" for name in ("name", "record")]
    for table in dataset.batches(["comparison", *columns]):
        frame = pl.DataFrame(pl.from_arrow(table.select(["comparison", "sources"])))
        frame = frame.with_row_index("row", first).cast({"row": pl.Int64})
        frames.append(frame.explode("sources", empty_as_null=False).unnest("sources"))
        first += len(table)
    return pl.concat(frames)


def _voters(dataset: Dataset, kinds: tuple[str, ...]) -> pl.DataFrame:
    """Who cast the votes that a pair counts: they are found by their source records."""
    sources = _exploded(dataset)
    chain, why = known_lineage(dataset)
    if not chain or chain[-1].kind != "comparisons":
        raise ConfigError(
            f"who voted stands in the comparisons of {dataset.path}: {why}",
            hint="put the folder of its comparisons beside it",
        )
    wanted = sources.select("comparison").unique()
    votes = [_votes(table, kinds, wanted) for table in chain[-1].batches(_vote_columns())]
    lines = sources.join(pl.concat(votes), on=["comparison", "name", "record"])
    return _whole(dataset, lines.select("row", value="by"))


def last_votes(dataset: Dataset, rows: Collection[int]) -> dict[int, int]:
    """When the last vote behind each of these rows was cast, in microseconds since 1970.

    A row whose votes have no time is not in it; none is where the comparisons are not found.

    Raises:
        DataError: a file is damaged.
    """
    sources = _exploded(dataset).filter(pl.col("row").is_in(list(rows)))
    chain, _ = known_lineage(dataset)
    if not chain or chain[-1].kind != "comparisons" or not sources.height:
        return {}
    wanted = sources.select("comparison").unique()
    columns = [*_vote_columns(), "votes.list.element.at"]
    votes = pl.concat([_flat(table, wanted) for table in chain[-1].batches(columns)])
    lines = sources.join(votes, on=["comparison", "name", "record"]).select("row", "at")
    timed = lines.with_columns(at=pl.Series(moments(lines["at"]))).filter(pl.col("at") > UNKNOWN)
    return dict(timed.group_by("row").agg(pl.col("at").max()).sort("row").iter_rows())


def _vote_columns() -> list[str]:
    return ["id", *(f"votes.list.element.{name}" for name in _OF_VOTE)]


def _flat(table: pa.Table, wanted: pl.DataFrame) -> pl.DataFrame:
    frame = pl.DataFrame(pl.from_arrow(table.select(["id", "votes"])))
    frame = frame.rename({"id": "comparison"}).join(wanted, on="comparison", how="semi")
    return frame.explode("votes", empty_as_null=False).unnest("votes").unnest("source")


def _votes(table: pa.Table, kinds: tuple[str, ...], wanted: pl.DataFrame) -> pl.DataFrame:
    mine = _flat(table, wanted).filter(pl.col("kind").is_in(list(kinds)))
    by = pl.col("by").fill_null(NOBODY)
    return mine.select("comparison", "name", "record", by=by).unique()
