"""What a decision about a pair is tied to: its content, and which side is chosen."""

from __future__ import annotations

from hashlib import sha256

import pyarrow as pa
import pyarrow.compute as pc

from prefkit.schema.columns import one_chunk
from prefkit.schema.digests import digests_of

__all__ = ["pair_hashes", "stays_by_decision"]


def pair_hashes(pairs: pa.Table) -> list[str]:
    """The `pair_sha256` of each pair: 64 hexadecimal characters.

    Reads `criterion`, `prompt`, `chosen`, `rejected` and `tools`. A pair's id is the same whichever
    side is chosen; this changes with a flip. Weights, checks, votes and drops do not change it.
    """
    texts = [digests_of(pairs[name]) for name in ("prompt", "chosen", "rejected")]
    others = [one_chunk(pairs[name]).to_pylist() for name in ("criterion", "tools")]
    return [
        sha256(
            "\n".join("-" if part is None else f"={part}" for part in parts).encode()
        ).hexdigest()
        for parts in zip(*texts, *others, strict=True)
    ]


def stays_by_decision(pairs: pa.Table) -> pa.BooleanArray:
    """Whether a person decided that a pair stays, as it is or flipped; filters spare these rows.

    Reads `decision`; never null.
    """
    verdict = pc.struct_field(one_chunk(pairs["decision"]), "verdict")
    return pc.is_in(verdict, pa.array(["keep", "flip"]))
