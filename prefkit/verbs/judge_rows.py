"""The comparisons that `collect judge` reads: again and again, a few at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.dataset import Dataset
from prefkit.schema.columns import one_chunk, with_values
from prefkit.schema.records import Comparison
from prefkit.schema.votes import comparisons_of

__all__ = ["Rows", "gold_rows", "with_gold_alone"]

_MOST = 256
"""Rows held at a time."""

_GOLD = ("human", "label")
_UNREADABLE = ("skip", "failed", "infra")

About = tuple[str, str | None]
"""A kind of votes, and their criterion (null = overall)."""


class Rows:
    """The comparisons of a dataset up to a limit, read anew at every iteration."""

    def __init__(
        self,
        dataset: Dataset,
        *,
        limit: int | None = None,
        about: Collection[About] | None = None,
    ) -> None:
        """With `about`, those alone on which there is a readable vote of such a kind."""
        self.dataset = dataset
        self._limit = limit
        self._about = about

    def __iter__(self) -> Iterator[Comparison]:
        for table in self.tables():
            yield from comparisons_of(table)

    def tables(self) -> Iterator[pa.Table]:
        """The same as tables, none of them empty."""
        for table in self.dataset.batches(limit=self._limit, most=_MOST):
            kept = table if self._about is None else table.filter(_voted(table, self._about))
            if len(kept):
                yield kept

    @property
    def left_out(self) -> int:
        """Rows of the dataset behind the limit."""
        return 0 if self._limit is None else max(0, self.dataset.rows - self._limit)

    def abouts(self) -> set[About]:
        """Of what there is a readable vote."""
        tables = self.dataset.batches(["votes"], limit=self._limit, most=_MOST)
        return {about for table in tables for _, about in _readable(table)}


def gold_rows(
    own: Dataset, other: Dataset | None, limit: int | None, criteria: Collection[str | None]
) -> Rows | None:
    """The comparisons that judges by rubrics of these criteria are held against; null = none.

    Those with votes of humans about a criterion, or overall where there are none, in another
    dataset if one is named, else in the dataset itself. In a named one that has neither, those with
    labels, in the same order. Gold about anything else says nothing of these judges: it is not
    asked.
    """
    place, limit = (own, limit) if other is None else (other, None)
    kinds = ("human",) if other is None else ("human", "label")
    there = Rows(place, limit=limit).abouts()
    wanted: set[About] = set()
    for criterion in criteria:
        wishes = ((kind, about) for kind in kinds for about in (criterion, None))
        wanted |= {next((wish for wish in wishes if wish in there), ("", None))}
    wanted &= there
    return Rows(place, limit=limit, about=wanted) if wanted else None


def with_gold_alone(table: pa.Table) -> pa.Table:
    """The table without votes of judges: what they said before is not what they say today."""
    votes = one_chunk(table["votes"])
    flat = votes.flatten()
    kept = pc.is_in(pc.struct_field(flat, "kind"), pa.array(_GOLD))
    counts = np.bincount(_rows_of(votes)[kept.to_numpy(zero_copy_only=False)], minlength=len(table))
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    less = pa.ListArray.from_arrays(offsets, flat.filter(kept), type=votes.type)
    return with_values(table, "votes", less)


def _voted(table: pa.Table, about: Collection[About]) -> np.ndarray[Any, Any]:
    found = np.zeros(len(table), dtype=bool)
    found[[row for row, one in _readable(table) if one in about]] = True
    return found


def _readable(table: pa.Table) -> Iterator[tuple[int, About]]:
    """The row, kind and criterion of every vote that may be gold."""
    votes = one_chunk(table["votes"])
    flat = votes.flatten()
    names = ("kind", "criterion", "outcome")
    fields = (pc.struct_field(flat, name).to_pylist() for name in names)
    for row, kind, criterion, outcome in zip(_rows_of(votes), *fields, strict=True):
        if kind in _GOLD and outcome not in _UNREADABLE:
            yield int(row), (kind, criterion)


def _rows_of(votes: pa.ListArray) -> np.ndarray[Any, Any]:
    """The row of every vote of the flattened list."""
    return np.repeat(np.arange(len(votes)), votes.value_lengths().to_numpy())
