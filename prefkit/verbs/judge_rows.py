"""The comparisons that `collect judge` reads: again and again, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.dataset import Dataset
from prefkit.schema.columns import one_chunk
from prefkit.schema.records import Comparison
from prefkit.schema.votes import comparisons_of

__all__ = ["Rows", "gold_rows"]

_MOST = 256
"""Rows held at a time."""


class Rows:
    """The comparisons of a dataset up to a limit, read anew at every iteration."""

    def __init__(
        self, dataset: Dataset, *, limit: int | None = None, kind: str | None = None
    ) -> None:
        """With `kind`, those alone on which there is a vote of that kind."""
        self.dataset = dataset
        self._limit = limit
        self._kind = kind

    def __iter__(self) -> Iterator[Comparison]:
        for table in self.tables():
            yield from comparisons_of(table)

    def tables(self) -> Iterator[pa.Table]:
        """The same as tables, none of them empty."""
        for table in self.dataset.batches(limit=self._limit, most=_MOST):
            kept = table if self._kind is None else table.filter(_voted(table, self._kind))
            if len(kept):
                yield kept

    def any(self) -> bool:
        """Whether there is one."""
        return next(self.tables(), None) is not None


def gold_rows(own: Dataset, other: Dataset | None, limit: int | None) -> Rows | None:
    """The comparisons that a judge is held against; null if there are none.

    Those with votes of humans, in another dataset if one is named, else in the dataset itself. In a
    named one that has none, those with labels.
    """
    if other is None:
        found = Rows(own, limit=limit, kind="human")
        return found if found.any() else None
    named = [Rows(other, kind=kind) for kind in ("human", "label")]
    return next((rows for rows in named if rows.any()), None)


def _voted(table: pa.Table, kind: str) -> np.ndarray[Any, Any]:
    votes = one_chunk(table["votes"])
    is_kind = pc.equal(pc.struct_field(votes.flatten(), "kind"), kind)
    rows = np.repeat(np.arange(len(table)), votes.value_lengths().to_numpy())
    found = np.zeros(len(table), dtype=bool)
    found[rows[is_kind.to_numpy(zero_copy_only=False)]] = True
    return found
