"""Text of message columns for filters: contents and lengths without leaving Arrow."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Unit", "lengths", "message_contents", "sums_by_row"]

Unit = Literal["characters", "words"]


def message_contents(messages: pa.ListArray) -> tuple[pa.Array, np.ndarray[Any, Any]]:
    """All contents in a row, and how many belong to each pair (-1 for a missing side)."""
    counts = pc.fill_null(pc.list_value_length(messages), -1).to_numpy()
    return pc.struct_field(messages.flatten(), "content"), counts


def sums_by_row(values: np.ndarray[Any, Any], counts: np.ndarray[Any, Any]) -> pa.Array:
    """Sums over each row's messages (float64), null for a missing side."""
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=float)])
    ends = np.cumsum(np.maximum(counts, 0))
    starts = np.concatenate([[0], ends[:-1]])
    return pa.array(sums[ends] - sums[starts], mask=counts < 0)


def lengths(messages: pa.ListArray, unit: Unit) -> pa.Array:
    """Length of each row's messages together (float64): characters, or words split at blanks."""
    contents, counts = message_contents(messages)
    if unit == "characters":
        each = pc.utf8_length(contents)
    else:
        text = pl.Series(pl.from_arrow(contents)).fill_null("")
        each = text.str.count_matches(r"\S+").to_arrow()
    return sums_by_row(pc.fill_null(each, 0).to_numpy().astype(float), counts)
