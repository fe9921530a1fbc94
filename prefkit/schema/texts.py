"""The text of message lists, one string a row, without making Python strings of it."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.schema.columns import one_chunk, own_offsets

__all__ = ["texts_of"]

_MOST_CHARACTERS = 20_000  # of a side: what gives a label away stands before


def texts_of(messages: pa.Array | pa.ChunkedArray) -> pl.Series:
    """The contents of each side, joined by newlines, at most 20,000 characters."""
    held = one_chunk(messages)
    contents = pc.fill_null(pc.struct_field(held.flatten(), "content"), "")
    lists = pl.Series(pl.from_arrow(pa.ListArray.from_arrays(own_offsets(held), contents)))
    joined = lists.cast(pl.List(pl.String)).list.join("\n")
    return joined.str.slice(0, _MOST_CHARACTERS)
