"""What must not reach a trainer: identical sides, an empty side, an empty prompt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.exporters.prompts import column_of, offsets_of

__all__ = ["FAULTS", "characters", "faults_of"]

FAULTS = {
    "identical": ("chosen equals rejected", "identical_sides"),
    "empty side": ("a side has no text", "empty_sides"),
    "empty prompt": ("the prompt has no text", "empty_sides"),
}
"""For each fault: what is wrong with a row, and the filter that marks it."""

_Bools = np.ndarray[Any, np.dtype[np.bool_]]
_Ints = np.ndarray[Any, np.dtype[np.int64]]


def faults_of(table: pa.Table) -> dict[str, _Bools]:
    """For each fault which rows of `prompt`, `chosen`, `rejected` have it; a null side has none."""
    chosen, rejected = column_of(table["chosen"]), column_of(table["rejected"])
    missing = [pc.is_null(side).to_numpy(zero_copy_only=False) for side in (chosen, rejected)]
    empty = [
        _is_empty(side) & ~null for side, null in zip((chosen, rejected), missing, strict=True)
    ]
    return {
        "identical": _identical(table, chosen, rejected),
        "empty side": empty[0] | empty[1] | (missing[0] & missing[1]),
        "empty prompt": _is_empty(column_of(table["prompt"])),
    }


def characters(messages: pa.ListArray | pa.ChunkedArray) -> _Ints:
    """Characters of content in each message list, 0 for a missing one."""
    lists = column_of(messages)
    lengths = pc.fill_null(
        pc.utf8_length(pc.struct_field(lists.flatten(), "content")), 0
    ).to_numpy()
    return _sums(lists, lengths.astype(np.int64))


def _sums(lists: pa.ListArray, values: _Ints) -> _Ints:
    totals = np.concatenate([[0], np.cumsum(values)])
    offsets = offsets_of(lists).to_numpy()
    sums: _Ints = totals[offsets[1:]] - totals[offsets[:-1]]
    return sums


def _is_empty(lists: pa.ListArray) -> _Bools:
    """Whether no message has anything but blanks: no text and nothing in `extra`."""
    flat = lists.flatten()
    content = pc.utf8_trim_whitespace(pc.fill_null(pc.struct_field(flat, "content"), ""))
    holds = pc.or_(pc.not_equal(content, ""), pc.is_valid(pc.struct_field(flat, "extra")))
    empty: _Bools = _sums(lists, holds.to_numpy(zero_copy_only=False).astype(np.int64)) == 0
    return empty


def _identical(table: pa.Table, chosen: pa.ListArray, rejected: pa.ListArray) -> _Bools:
    """Only sides of equal length are compared as texts."""
    found = np.zeros(len(table), dtype=bool)
    both = pc.and_(pc.is_valid(chosen), pc.is_valid(rejected)).to_numpy(zero_copy_only=False)
    close = np.flatnonzero(both & (characters(chosen) == characters(rejected)))
    one, other = (side.take(pa.array(close)).to_pylist() for side in (chosen, rejected))
    found[close] = [a == b for a, b in zip(one, other, strict=True)]
    return found
