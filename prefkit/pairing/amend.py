"""What only all pairs together tell: weights and caps by prompt, rows that contradict others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.schema.arrow import PAIRS
from prefkit.schema.columns import column, one_chunk, with_values

__all__ = ["Amendments", "Seen", "amended", "amendments"]

_Array = np.ndarray[Any, Any]


class Amendments(NamedTuple):
    """For every pair in row order what the others make of it.

    Its weight, how many other rows say the opposite, and how many pairs of its prompt come before
    it where that is at or above the cap (else 0).
    """

    weights: _Array
    opposed: _Array
    beyond: _Array
    cap: int | None

    @property
    def any(self) -> bool:
        """Whether a row changes at all."""
        return bool((self.weights != 1.0).any() or self.opposed.any() or self.beyond.any())


class Seen(NamedTuple):
    """What is kept of every pair until all are known: id and prompt digest (`S32`), direction."""

    ids: list[_Array]
    prompts: list[_Array]
    turned: list[_Array]


def amendments(seen: Seen, *, by_prompt: bool, cap: int | None) -> Amendments:
    """Compare all pairs by id and prompt.

    With `by_prompt` the pairs of a prompt that stay below the cap weigh 1 together. Which stay
    below it is decided by the pairs' ids, which look random and do not depend on the order of rows.
    """
    pair_ids = _joined(seen.ids, "S32")
    directions = _joined(seen.turned, bool)
    _, group, sizes = np.unique(pair_ids, return_inverse=True, return_counts=True)
    behind = np.bincount(group, weights=directions, minlength=len(sizes)).astype(np.int64)
    opposed = np.where(directions, sizes[group] - behind[group], behind[group]).astype(np.int64)
    beyond = np.zeros(len(pair_ids), dtype=np.int64)
    weights = np.ones(len(pair_ids))
    if by_prompt or cap is not None:
        _, place, counts = np.unique(
            _joined(seen.prompts, "S32"), return_inverse=True, return_counts=True
        )
        if cap is not None:
            rank = _rank_within(place, group)
            beyond = np.where(rank >= cap, rank, 0)
            counts = np.minimum(counts, cap)
        if by_prompt:
            weights = 1.0 / counts[place]
    return Amendments(weights, opposed, beyond, cap)


def _rank_within(place: _Array, key: _Array) -> _Array:
    """The position of every element among those of its place, in the order of the keys."""
    order = np.lexsort((key, place))
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    lengths = np.diff(np.append(starts, len(order)))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(starts, lengths)
    return rank


def _joined(arrays: Iterable[_Array], kind: Any) -> _Array:
    parts = list(arrays)
    return np.concatenate(parts) if parts else np.zeros(0, kind)


def amended(tables: Iterator[pa.Table], found: Amendments) -> Iterator[pa.Table]:
    """The pairs with their weights; those that others oppose, or beyond the cap, are marked."""
    start = 0
    for table in tables:
        span = slice(start, start + len(table))
        start += len(table)
        table = with_values(table, "weight", pa.array(found.weights[span]))
        opposed, beyond = found.opposed[span], found.beyond[span]
        if opposed.any():
            notes = "{} other rows of this pair have it the other way round"
            table = _marked(table, "contradiction", opposed, notes, 0)
        if beyond.any():
            notes = "{} pairs of this prompt come before it"
            table = _marked(table, "cap", beyond, notes, (found.cap or 0) - 1)
        yield table


def _marked(table: pa.Table, check: str, counts: _Array, notes: str, limit: int) -> pa.Table:
    """Rows with a count get the check with its note, and the reason `CHECK: COUNT > LIMIT`."""
    rows = table["checks"].to_pylist()
    for row, count in zip(rows, counts.tolist(), strict=True):
        if count:
            row.append({"check": check, "value": float(count), "note": notes.format(count)})
    kind = PAIRS.field("checks").type
    checks = column(kind, [[tuple(entry.values()) for entry in row] for row in rows])
    reasons = [f"{check}: {count} > {limit}" if count else None for count in counts.tolist()]
    dropped = pc.coalesce(one_chunk(table["dropped"]), pa.array(reasons, pa.string()))
    return with_values(with_values(table, "checks", checks), "dropped", dropped)
