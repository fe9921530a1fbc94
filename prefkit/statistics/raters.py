"""Who rated what as what: one line a rating, so that a cell that is missing costs nothing."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import Bools

__all__ = ["NOBODY", "Ratings", "one_each", "ratings_of"]

NOBODY = -1
"""The number of a rater who is not identified: somebody else every time."""


class Ratings(NamedTuple):
    """Ratings in long form; the lines of an item stand anywhere.

    An identified rater rates an item once: to agree with oneself is no agreement of two raters.
    """

    items: Ints
    """From 0 to `item_count` - 1."""

    raters: Ints
    """From 0 up, or `NOBODY`."""

    codes: Ints
    """Categories from 0 up, in their order if they have one."""

    item_count: int
    points: Floats | None = None
    """What each code stands for on its scale; null: the code itself."""

    def at(self, lines: Bools | Ints) -> Ratings:
        """Some of the lines, in that order; the items keep their numbers."""
        return self._replace(
            items=self.items[lines], raters=self.raters[lines], codes=self.codes[lines]
        )

    def values(self) -> Floats:
        """What each line says on the scale."""
        if self.points is None:
            return self.codes.astype(float)
        found: Floats = self.points[self.codes]
        return found

    def counts(self, categories: int) -> Floats:
        """How many raters said what of each item: items by categories."""
        cells = np.bincount(
            self.items * categories + self.codes, minlength=self.item_count * categories
        )
        return cells.reshape(self.item_count, categories).astype(float)

    def check(self, categories: int) -> None:
        """Refuse what no coefficient can count.

        Raises:
            ValueError: an answer is outside the scale, or a rater rated an item twice.
        """
        if len(self.codes) and (self.codes.min() < 0 or self.codes.max() >= categories):
            found = f"{self.codes.min()} to {self.codes.max()}"
            raise ValueError(f"answers are {found}, the scale is 0 to {categories - 1}")
        if len(self.items) and (self.items.min() < 0 or self.items.max() >= self.item_count):
            found = f"{self.items.min()} to {self.items.max()}"
            raise ValueError(f"items are {found}, there are {self.item_count}")
        known = self.raters > NOBODY
        if not known.any():
            return
        cells = self.raters[known] * np.int64(self.item_count) + self.items[known]
        distinct, times = np.unique(cells, return_counts=True)
        if len(distinct) < len(cells):
            rater, item = divmod(int(distinct[times > 1][0]), self.item_count)
            raise ValueError(f"rater {rater} rated item {item} more than once")


def one_each(clusters: np.ndarray[Any, Any], ratings: Ratings) -> np.ndarray[Any, Any]:
    """The clusters, if there is one of each item.

    Raises:
        ValueError: there is not.
    """
    if len(clusters) != ratings.item_count:
        raise ValueError(f"{len(clusters)} clusters of {ratings.item_count} items")
    return clusters


def ratings_of(
    items: np.ndarray[Any, Any], raters: np.ndarray[Any, Any], values: np.ndarray[Any, Any]
) -> Ratings:
    """Ratings from names or numbers of any kind; a rater who is null or "" is not identified.

    Items, raters and values are numbered in their sorted order; numbers among the values become
    `points`. A value that is null or NaN is a missing cell.

    Raises:
        ValueError: a rater rated an item twice.
    """
    there = _present(values)
    item_names, item = np.unique(items, return_inverse=True)
    known = _present(raters)
    rater = np.full(len(raters), NOBODY, dtype=np.int64)
    rater[known] = np.unique(raters[known], return_inverse=True)[1]
    said = values[there]
    # Numbers beside nulls are a column of objects: as a list they are numbers again.
    said = np.array(said.tolist()) if said.dtype == object else said
    distinct, code = np.unique(said, return_inverse=True)
    points = distinct.astype(float) if np.issubdtype(distinct.dtype, np.number) else None
    found = Ratings(item[there], rater[there], code, len(item_names), points)
    found.check(len(distinct))
    return found


def _present(column: np.ndarray[Any, Any]) -> Bools:
    """Where there is a value: neither null, NaN nor empty text."""
    if column.dtype != object:
        absent = column == "" if column.dtype.kind == "U" else column != column  # noqa: PLR0124
        return ~np.asarray(absent, dtype=bool)
    # One at a time: objects of several types have no comparison of a whole column.
    there = [each is not None and each == each and each != "" for each in column.tolist()]  # noqa: PLR0124
    return np.array(there, dtype=bool)
