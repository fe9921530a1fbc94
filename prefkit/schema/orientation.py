"""Which side of a pair is chosen, as one bit beside an id that does not say so."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from prefkit.schema.columns import one_chunk

__all__ = ["chosen_sorts_first"]


def chosen_sorts_first(table: pa.Table) -> pa.Array:
    """Whether the chosen side's messages sort before the rejected side's; null for a missing side.

    Messages compare as (role, content, extra). Where both sides are one plain message of one role,
    which is nearly always, Arrow compares the contents and no text becomes a Python string.
    """
    chosen, rejected = (one_chunk(table[name]) for name in ("chosen", "rejected"))
    plain = pc.and_(_is_plain(chosen), _is_plain(rejected))
    fast = pc.less(*(_contents(_where(side, plain)) for side in (chosen, rejected)))
    if plain.false_count == 0:
        return fast
    rest = pc.invert(plain)
    slow = [
        None if one is None or other is None else _sort_key(one) < _sort_key(other)
        for one, other in zip(
            chosen.filter(rest).to_pylist(), rejected.filter(rest).to_pylist(), strict=True
        )
    ]
    first = pc.replace_with_mask(pa.nulls(len(chosen), pa.bool_()), plain, fast)
    return pc.replace_with_mask(first, rest, pa.array(slow, pa.bool_()))


def _sort_key(messages: list[dict[str, str | None]]) -> list[list[tuple[bool, str]]]:
    """Sortable, and equal for equal messages only: no text differs from empty text."""
    names = ("role", "content", "extra")
    return [[(m[name] is not None, m[name] or "") for name in names] for m in messages]


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
