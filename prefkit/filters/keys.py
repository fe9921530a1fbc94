"""What a pair is about, as a key: for filters that must recognise one seen before."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.schema.columns import one_chunk
from prefkit.schema.digests import column_digests
from prefkit.schema.orientation import chosen_sorts_first

__all__ = ["Keys", "exact_keys", "normalised_keys"]


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
    return Keys(*_halves(keys), _chosen_second(table))


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


def _chosen_second(table: pa.Table) -> pa.Array:
    """Whether chosen comes second in the order of the texts; a missing side comes first."""
    first = chosen_sorts_first(table)
    missing = pc.is_null(one_chunk(table["rejected"]))
    return pc.coalesce(pc.invert(first), missing)
