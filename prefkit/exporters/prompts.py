"""The cluster of many prompts at once: `prefkit.schema.ids.prompt_cluster`, column by column.

The digests equal those of `prompt_cluster`. ASCII text, where lower case and blanks are all there
is to normalise, stays in Polars; only the rest becomes Python strings.
"""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.schema.columns import one_chunk, own_offsets
from prefkit.schema.ids import normalised

__all__ = ["DIGEST", "cluster_digests", "digests_of_strings"]

DIGEST = pa.binary(16)

# What Python's `\s` matches in ASCII beside a single space, the separators 0x1c to 0x1f included.
_BLANKS = r"[\t-\r\x1c-\x1f]|  "


def digests_of_strings(texts: pl.Series) -> list[bytes]:
    """BLAKE2b with 16 bytes of every string."""
    lines = texts.to_arrow()
    _, ends, data = lines.buffers()
    places = np.frombuffer(ends, np.int64)[lines.offset : lines.offset + len(lines) + 1].tolist()
    view = memoryview(b"" if data is None else data)
    return [blake2b(view[start:end], digest_size=16).digest() for start, end in pairwise(places)]


def cluster_digests(prompts: pa.ListArray | pa.ChunkedArray) -> pa.Array:
    """The prompt cluster of each message list as 16 bytes."""
    lists = one_chunk(prompts)
    flat = lists.flatten()
    role = pl.Series(pl.from_arrow(pc.struct_field(flat, "role")), dtype=pl.String)
    content = pl.Series(pl.from_arrow(pc.struct_field(flat, "content")), dtype=pl.String)
    names = role.unique()
    quoted = pl.Series([orjson.dumps(name).decode() for name in names], dtype=pl.String)
    turns = pl.DataFrame(
        {
            "role": role.replace_strict(names, quoted, return_dtype=pl.String),
            "content": _normalised(content.fill_null("")),
        }
    ).select(
        pl.concat_str(
            pl.lit("["), "role", pl.lit(","), pl.col("content").str.len_bytes(), pl.lit(",null]")
        ).alias("head"),
        "content",
    )
    if len(turns) != len(lists) or not pc.all(pc.equal(pc.list_value_length(lists), 1)).as_py():
        turns = _joined(turns, own_offsets(lists))
    encoded = pl.concat_str(pl.lit("["), "head", pl.lit("]"), "content").alias("text")
    return pa.array(digests_of_strings(turns.select(encoded)["text"]), DIGEST)


def _joined(turns: pl.DataFrame, offsets: pa.Array) -> pl.DataFrame:
    """The turns of each prompt as one row: heads with commas between them, contents without."""
    lists = {
        name: pl.from_arrow(
            pa.ListArray.from_arrays(offsets, turns[name].to_arrow().cast(pa.string()))
        )
        for name in turns.columns
    }
    return pl.DataFrame(lists).select(
        pl.col("head").list.join(","), pl.col("content").list.join("")
    )


def _normalised(texts: pl.Series) -> pl.Series:
    frame = texts.alias("text").to_frame()
    lower = pl.col("text").str.to_lowercase()
    ascii_only = pl.col("text").str.len_bytes() == pl.col("text").str.len_chars()
    frame = frame.select(
        "text",
        plain=lower.str.strip_chars(" "),
        odd=~ascii_only | pl.col("text").str.contains(_BLANKS),
    )
    odd = frame["odd"].arg_true()
    if not len(odd):
        return frame["plain"]
    repaired = [normalised(text) for text in frame["text"].gather(odd).to_list()]
    return frame["plain"].scatter(odd, pl.Series(repaired, dtype=pl.String))
