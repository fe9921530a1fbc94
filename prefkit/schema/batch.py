"""Message columns of a batch as Python tuples, for the few things that no vector engine does."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from prefkit.schema.columns import one_chunk
from prefkit.schema.ids import messages_digest, prompt_cluster

__all__ = ["clusters_of", "digests_of", "message_tuples"]

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


def digests_of(messages: pa.ListArray | pa.ChunkedArray) -> list[str | None]:
    """The digest of each message list, null for a missing side."""
    return [None if turns is None else messages_digest(turns) for turns in message_tuples(messages)]


def clusters_of(prompts: pa.ListArray | pa.ChunkedArray) -> list[str]:
    """The cluster of each prompt: equal where only case, blanks or Unicode form differ."""
    return [prompt_cluster(turns or []) for turns in message_tuples(prompts)]
