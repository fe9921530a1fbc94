"""What only all pairs together tell: weights by prompt, and rows that contradict each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.schema.arrow import PAIRS
from prefkit.schema.columns import column

__all__ = ["Amendments", "amended", "amendments"]

_Array = np.ndarray[Any, Any]


class Amendments(NamedTuple):
    """For every pair in row order: its weight, and how many other rows say the opposite."""

    weights: _Array
    opposed: _Array

    @property
    def any(self) -> bool:
        """Whether a row changes at all."""
        return bool((self.weights != 1.0).any() or self.opposed.any())


def amendments(
    ids: Iterable[_Array], turned: Iterable[_Array], prompts: Iterable[_Array] | None
) -> Amendments:
    """Compare all pairs by id; with prompts, the pairs of one prompt weigh 1 together."""
    pair_ids = _joined(ids, "S32")
    directions = _joined(turned, bool)
    _, group, sizes = np.unique(pair_ids, return_inverse=True, return_counts=True)
    behind = np.bincount(group, weights=directions, minlength=len(sizes)).astype(np.int64)
    opposed = np.where(directions, sizes[group] - behind[group], behind[group])
    weights = np.ones(len(pair_ids))
    if prompts is not None:
        _, place, counts = np.unique(
            _joined(prompts, "S32"), return_inverse=True, return_counts=True
        )
        weights = 1.0 / counts[place]
    return Amendments(weights, opposed.astype(np.int64))


def _joined(arrays: Iterable[_Array], kind: Any) -> _Array:
    parts = list(arrays)
    return np.concatenate(parts) if parts else np.zeros(0, kind)


def amended(tables: Iterator[pa.Table], found: Amendments) -> Iterator[pa.Table]:
    """The pairs with their weights; a row that others oppose is marked `contradiction`."""
    start = 0
    for table in tables:
        span = slice(start, start + len(table))
        start += len(table)
        table = _set(table, "weight", pa.array(found.weights[span]))
        opposed = found.opposed[span]
        if opposed.any():
            table = _marked(table, opposed)
        yield table


def _marked(table: pa.Table, opposed: _Array) -> pa.Table:
    kind = PAIRS.field("checks").type
    rows = table["checks"].to_pylist()
    for row, count in zip(rows, opposed.tolist(), strict=True):
        if count:
            note = f"{count} other rows of this pair have it the other way round"
            row.append({"check": "contradiction", "value": float(count), "note": note})
    checks = column(kind, [[tuple(entry.values()) for entry in row] for row in rows])
    reasons = pa.array(
        [f"contradiction: {count} > 0" if count else None for count in opposed.tolist()]
    )
    dropped = pc.coalesce(table["dropped"].combine_chunks(), reasons)
    return _set(_set(table, "checks", checks), "dropped", dropped)


def _set(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(place), values)
