"""Digests of whole message columns, for filters that must recognise a text seen before.

The digests are those of `prefkit.schema.ids` (a property test holds them to it), got without making
Python strings of the texts: Polars writes the headers and normalises ASCII, and BLAKE2b reads the
bytes where Arrow has them. Only other scripts are normalised text by text.
"""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.schema.columns import one_chunk
from prefkit.schema.ids import normalised

__all__ = ["Keys", "clusters", "column_digests", "exact_keys", "normalised_keys"]

_ODD_BLANKS = r"[\t-\r\x1c-\x1f]"
"""What `str.split` takes for a blank in ASCII, beside the space itself."""


class Keys(NamedTuple):
    """What each pair is about, whichever side is chosen, and which side that is.

    `high` and `low` (uint64) are a digest of prompt, tools, both sides in a fixed order and
    criterion; `turned` (bool) says that the chosen side comes second in that order.
    """

    high: pa.Array
    low: pa.Array
    turned: pa.Array


def exact_keys(table: pa.Table) -> Keys:
    """The keys of texts as they are: the id, which commits to prompt, sides and criterion."""
    keys = [
        blake2b(f"{name}\n{tools or ''}".encode(), digest_size=16).digest()
        for name, tools in zip(table["id"].to_pylist(), table["tools"].to_pylist(), strict=True)
    ]
    return Keys(*_halves(keys), _chosen_second(*_sides(table)))


def normalised_keys(table: pa.Table) -> Keys:
    """The keys of texts in lower case and single blanks; tool calls and tools are as they are."""
    prompts = column_digests(one_chunk(table["prompt"]), normalise=True)
    sides = [column_digests(side, normalise=True) for side in _sides(table)]
    about = [table[name].to_pylist() for name in ("tools", "criterion")]
    keys, turned = [], []
    for prompt, chosen, rejected, *others in zip(prompts, *sides, *about, strict=True):
        one, two = chosen or b"", rejected or b""
        turned.append(one > two)
        first, second = (two, one) if one > two else (one, two)
        rest = orjson.dumps([len(first), *others])
        keys.append(
            blake2b(b"".join((prompt or b"", first, second, rest)), digest_size=16).digest()
        )
    return Keys(*_halves(keys), pa.array(turned, pa.bool_()))


def _sides(table: pa.Table) -> tuple[pa.ListArray, pa.ListArray]:
    return one_chunk(table["chosen"]), one_chunk(table["rejected"])


def _halves(digests: list[bytes]) -> tuple[pa.Array, pa.Array]:
    words = np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64)
    return pa.array(words[::2]), pa.array(words[1::2])


def _chosen_second(chosen: pa.ListArray, rejected: pa.ListArray) -> pa.Array:
    """Whether chosen comes second: by text where both sides are plain, else by digest."""
    plain = pc.and_(_is_plain(chosen), _is_plain(rejected))
    rest = pc.invert(plain)
    texts = [_contents(_where(side, plain)) for side in (chosen, rejected)]
    digests = [column_digests(side.filter(rest)) for side in (chosen, rejected)]
    turned = [(one or b"") > (two or b"") for one, two in zip(*digests, strict=True)]
    found = pc.replace_with_mask(pa.nulls(len(plain), pa.bool_()), plain, pc.greater(*texts))
    return pc.replace_with_mask(found, rest, pa.array(turned, pa.bool_()))


def _is_plain(side: pa.ListArray) -> pa.BooleanArray:
    """One assistant message of text and nothing else."""
    single = pc.fill_null(pc.equal(pc.list_value_length(side), 1), False)
    flat = _where(side, single).flatten()
    role, content, extra = (pc.struct_field(flat, name) for name in ("role", "content", "extra"))
    plain = pc.and_(pc.equal(role, "assistant"), pc.and_(pc.is_valid(content), pc.is_null(extra)))
    return pc.replace_with_mask(single, single, plain)


def _contents(side: pa.ListArray) -> pa.StringArray:
    return pc.struct_field(side.flatten(), "content")


def _where(side: pa.ListArray, mask: pa.BooleanArray) -> pa.ListArray:
    """The lists where the mask holds; no text is copied where it holds for all."""
    return side if mask.false_count == 0 else side.filter(mask)


def clusters(prompts: pa.ListArray) -> pa.StringArray:
    """The cluster of each prompt, as `prompt_cluster` gives it."""
    found = column_digests(prompts, normalise=True, extras=False)
    return pa.array([name.hex() for name in found if name is not None], pa.string())


def column_digests(
    messages: pa.ListArray, *, normalise: bool = False, extras: bool = True
) -> list[bytes | None]:
    """The digest of each message list (16 bytes), null for a missing side.

    Normalised, a message without content is an empty one. Without extras, two tool calls are equal.
    """
    flat = messages.flatten()
    texts = pl.Series(pl.from_arrow(pc.struct_field(flat, "content")), dtype=pl.String)
    if normalise:
        texts = _normalised(texts.fill_null(""))
    heads = _heads(pc.struct_field(flat, "role"), texts, pc.struct_field(flat, "extra"), extras)
    counts = pc.list_value_length(messages)
    ends = np.concatenate([[0], np.cumsum(pc.fill_null(counts, 0).to_numpy())])
    contents, starts = _bytes(texts)
    opening, head_starts = _bytes(_joined(heads, ends))
    return [
        None
        if missing
        else blake2b(b"".join((b"[", opening[a:b], b"]", contents[c:d])), digest_size=16).digest()
        for missing, (a, b), (c, d) in zip(
            pc.is_null(counts).to_pylist(),
            pairwise(head_starts.tolist()),
            pairwise(starts[ends].tolist()),
            strict=True,
        )
    ]


def _heads(roles: pa.Array, texts: pl.Series, extras: pa.Array, with_extras: bool) -> pl.Series:
    """`["user",12,null]` for each message: role, bytes of content (-1 for none), extra as JSON."""
    return pl.select(
        pl.concat_str(
            pl.lit("["),
            _quoted(roles),
            pl.lit(","),
            texts.str.len_bytes().cast(pl.Int64).fill_null(-1),
            pl.lit(","),
            _quoted(extras) if with_extras else pl.lit("null"),
            pl.lit("]"),
        )
    ).to_series()


def _quoted(texts: pa.Array) -> pl.Series:
    """Each text as JSON; one of each kind is written, since there are few roles and few extras."""
    found = pc.dictionary_encode(texts)
    written = [orjson.dumps(text).decode() for text in found.dictionary.to_pylist()]
    places = pl.Series(pl.from_arrow(found.indices))
    return pl.Series(written, dtype=pl.String).gather(places).fill_null("null")


def _joined(heads: pl.Series, ends: np.ndarray[Any, Any]) -> pl.Series:
    """The heads of each row's messages with commas between them."""
    if len(ends) == len(heads) + 1 and (np.diff(ends) == 1).all():
        return heads
    lists = pa.ListArray.from_arrays(
        pa.array(ends.astype(np.int32)), heads.to_arrow().cast(pa.string())
    )
    return pl.Series(pl.from_arrow(lists)).list.join(",")


def _bytes(texts: pl.Series) -> tuple[memoryview, np.ndarray[Any, Any]]:
    """All texts behind each other and where each starts; null and empty take no room."""
    held = texts.fill_null("").rechunk().to_arrow()
    _, offsets, data = held.buffers()
    starts = np.frombuffer(offsets, np.int64)[held.offset : held.offset + len(held) + 1]
    return memoryview(b"" if data is None else data), starts


def _normalised(texts: pl.Series) -> pl.Series:
    """Every text as `prefkit.schema.ids.normalised` gives it; ASCII stays in Polars."""
    is_ascii = texts.str.len_bytes() == texts.str.len_chars()
    spaced = texts.str.to_lowercase().str.replace_all(_ODD_BLANKS, " ")
    found = spaced.str.replace_all(r" {2,}", " ").str.strip_chars(" ")
    others = (~is_ascii).arg_true()
    if not len(others):
        return found
    by_hand = [normalised(text) for text in texts.gather(others).to_list()]
    return found.scatter(others, pl.Series(by_hand, dtype=pl.String))
