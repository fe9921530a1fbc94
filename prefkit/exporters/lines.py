"""Rows as JSON Lines: vector writing, the same bytes whatever the batches.

A trainer table ("bare") has message columns of `list<struct<role, content>>`, or of `list<string>`
with one JSON object a message where some message has more than role and content, JSON text in
string columns (`tools`, `chat_template_kwargs`), and booleans. JSON text is copied into the line as
it is.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.schema.columns import one_chunk, own_offsets

__all__ = ["json_lines", "json_text", "message_texts", "plain_messages", "to_bytes"]


def json_lines(bare: pa.Table) -> pl.Series:
    """One JSON object a row, without the line end; keys in column order."""
    if not bare.num_columns:
        return pl.Series("line", [], dtype=pl.String)
    frame = pl.DataFrame(pl.from_arrow(bare))
    raw = [name for name in bare.column_names if _is_raw(bare.schema.field(name).type)]
    if not raw:
        return frame.select(pl.struct(pl.all()).struct.json_encode().alias("line"))["line"]
    members = [
        _raw_member(name, frame.schema[name]) if name in raw else _member(name)
        for name in frame.columns
    ]
    return frame.select(
        pl.concat_str(pl.lit("{"), pl.concat_str(members, separator=","), pl.lit("}")).alias("line")
    )["line"]


def _is_raw(kind: pa.DataType) -> bool:
    """Whether a column holds JSON text, alone or in lists."""
    item = kind.value_type if pa.types.is_list(kind) else kind
    return bool(pa.types.is_string(item))


def _member(name: str) -> pl.Expr:
    """`"name":value` of an encoded column: the object without its braces."""
    return pl.struct(name).struct.json_encode().str.strip_prefix("{").str.strip_suffix("}")


def _raw_member(name: str, kind: pl.DataType) -> pl.Expr:
    value = pl.col(name)
    if kind == pl.List(pl.String):
        value = pl.concat_str(pl.lit("["), value.list.join(","), pl.lit("]"))
    return pl.concat_str(pl.lit(f'"{name}":'), value.fill_null("null"))


def to_bytes(lines: pl.Series) -> memoryview:
    """The lines with a line end behind each, as bytes."""
    if not len(lines):
        return memoryview(b"")
    texts = lines.to_arrow()
    empty, end = pa.scalar("", texts.type), pa.scalar("\n", texts.type)
    _, offsets, data = pc.binary_join_element_wise(texts, empty, end).buffers()
    return memoryview(data)[: np.frombuffer(offsets, np.int64)[len(lines)]]


def json_text(texts: pl.Series) -> pl.Series:
    """Each string as JSON text with its quotes."""
    encoded = texts.to_frame("v").select(pl.struct("v").struct.json_encode().alias("v"))["v"]
    return encoded.str.strip_prefix('{"v":').str.strip_suffix("}")


def plain_messages(messages: pa.ListArray | pa.ChunkedArray) -> pa.ListArray:
    """Message lists without their `extra`; a null list stays null."""
    lists = one_chunk(messages)
    flat = lists.flatten()
    parts = [pc.struct_field(flat, "role"), pc.struct_field(flat, "content")]
    turns = pa.StructArray.from_arrays(parts, ["role", "content"])
    return pa.ListArray.from_arrays(own_offsets(lists), turns, mask=_missing(lists))


def message_texts(messages: pa.ListArray | pa.ChunkedArray) -> pa.ListArray:
    """Message lists as lists of JSON objects, the members of `extra` behind role and content."""
    lists = one_chunk(messages)
    flat = lists.flatten()
    turns = pl.DataFrame(
        {
            name: pl.Series(pl.from_arrow(pc.struct_field(flat, name)), dtype=pl.String)
            for name in _PARTS
        }
    )
    plain = pl.struct("role", "content").struct.json_encode()
    merged = pl.concat_str(
        plain.str.strip_suffix("}"), pl.lit(","), pl.col("extra").str.strip_prefix("{")
    )
    text = turns.select(pl.coalesce(merged, plain).alias("text"))["text"]
    return pa.ListArray.from_arrays(
        own_offsets(lists), text.to_arrow().cast(pa.string()), mask=_missing(lists)
    )


_PARTS = ("role", "content", "extra")


def _missing(lists: pa.ListArray) -> pa.Array | None:
    return pc.is_null(lists) if lists.null_count else None
