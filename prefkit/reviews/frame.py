"""The frame of a sample: every pair that could be drawn, in the order that the seed gives them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.dataset import Dataset
from prefkit.schema.columns import one_chunk
from prefkit.schema.decisions import pair_hashes
from prefkit.schema.digests import digests_of_strings

__all__ = ["FILTER", "HASHED", "Frame", "Only", "frame_of", "hashes_of"]

FILTER = "kept pairs with both sides"
_COLUMNS = ("id", "dropped")
HASHED = ("criterion", "prompt", "chosen", "rejected", "tools")


class Only(NamedTuple):
    """A condition on rows: its text, the columns that it reads, and the call that decides."""

    text: str
    columns: tuple[str, ...]
    holds: Callable[[pa.Table], pa.Array]


class Frame(NamedTuple):
    """`pairs` has a line a pair: `row` (place in the dataset), `id`, `turn` (the seed's order).

    Lines stand in the order in which they are drawn, so every beginning of them, and every
    beginning of those of a slice, is a simple random sample.
    """

    dataset: Dataset
    pairs: pl.DataFrame
    left_out: dict[str, int]
    seed: int


def frame_of(dataset: Dataset, seed: int, only: Only | None = None) -> Frame:
    """Read which pairs can be drawn.

    Cost: one pass over a few columns, about a microsecond a row to hash the ids.

    Raises:
        ConfigError: the condition does not fit its columns.
        DataError: a file is damaged.
    """
    frames, first = [], 0
    needed = only.columns if only is not None else ()
    columns = list(dict.fromkeys((*_COLUMNS, "chosen", "rejected", *needed)))
    for table in dataset.batches(_light(columns, needed)):
        frames.append(_batch(table, first, only))
        first += len(table)
    every = pl.concat(frames) if frames else _empty()
    counts = {str(why): int(count) for why, count in every.group_by("why").len().iter_rows() if why}
    pairs = every.filter(pl.col("why").is_null()).drop("why")
    keyed = [int.from_bytes(key[:8], "big") for key in _keys(pairs["id"], seed)]
    pairs = pairs.with_columns(turn=pl.Series(keyed, dtype=pl.UInt64)).sort("turn", "row")
    return Frame(dataset, pairs, dict(sorted(counts.items())), seed)


def _light(columns: Sequence[str], needed: Sequence[str]) -> list[str]:
    """Whether a side is there is seen from its roles alone, without reading its text."""
    sides = [name for name in ("chosen", "rejected") if name not in needed]
    plain = [name for name in columns if name not in sides]
    return [*plain, *(f"{name}.list.element.role" for name in sides)]


def _batch(table: pa.Table, first: int, only: Only | None) -> pl.DataFrame:
    there = [one_chunk(table[name]).is_valid() for name in ("chosen", "rejected")]
    reasons = {
        "one side only": pc.invert(pc.and_(*there)),
        "dropped": one_chunk(table["dropped"]).is_valid(),
    }
    if only is not None:
        reasons["outside --where"] = pc.invert(pc.fill_null(only.holds(table), fill_value=False))
    why = pl.repeat(None, len(table), dtype=pl.String, eager=True)
    frame = pl.DataFrame({"id": pl.Series(pl.from_arrow(one_chunk(table["id"]))), "why": why})
    for reason in reversed(reasons):
        mask = pl.Series(pl.from_arrow(reasons[reason]))
        frame = frame.with_columns(why=pl.when(mask).then(pl.lit(reason)).otherwise("why"))
    return frame.with_row_index("row", first).with_columns(pl.col("row").cast(pl.Int64))


def _empty() -> pl.DataFrame:
    return pl.DataFrame(schema={"row": pl.Int64, "id": pl.String, "why": pl.String})


def _keys(ids: pl.Series, seed: int) -> list[bytes]:
    keyed = pl.select(pl.concat_str(pl.lit(f"review {seed} "), ids)).to_series()
    return digests_of_strings(keyed) if len(ids) else []


def hashes_of(dataset: Dataset, rows: Sequence[int]) -> dict[int, str]:
    """The `pair_sha256` of some rows, by their places in the dataset; reads all texts once."""
    wanted, found, first = sorted(set(rows)), dict[int, str](), 0
    for table in dataset.batches(HASHED):
        mine = [row for row in wanted if first <= row < first + len(table)]
        if mine:
            places: Any = pa.array([row - first for row in mine])
            found |= dict(zip(mine, pair_hashes(table.take(places)), strict=True))
        first += len(table)
    return found
