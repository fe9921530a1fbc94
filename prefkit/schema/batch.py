"""Message columns of a batch as Python tuples, for the few things that no vector engine does."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from prefkit.schema.columns import one_chunk

__all__ = ["message_tuples"]

_Turns = list[tuple[str, str | None, str | None]]


def message_tuples(messages: pa.ListArray | pa.ChunkedArray) -> Iterator[_Turns | None]:
    """One list of (role, content, extra) a row, null for a missing side; 1 µs a message."""
    messages = one_chunk(messages)
    flat = messages.flatten()
    parts = [pc.struct_field(flat, name).to_pylist() for name in ("role", "content", "extra")]
    turns = list(zip(*parts, strict=True))
    start = 0
    for length in pc.list_value_length(messages).to_pylist():
        if length is None:
            yield None
            continue
        yield turns[start : start + length]
        start += length
