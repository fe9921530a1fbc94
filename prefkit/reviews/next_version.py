"""The rows of the next version: those of the dataset, with what was decided about some of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.reviews.applying import CHECK, Change
from prefkit.schema.arrow import PAIRS
from prefkit.schema.columns import column, one_chunk, with_values

__all__ = ["changed"]

_SWAPPED = (("chosen", "rejected"), ("chosen_model", "rejected_model"))
_MIRRORED = ("p_chosen", "agreement")
_DIGITS = 12
"""Of a share that is mirrored: 1 - 0.9 is 0.1. Mirrored twice it is what it was up to these."""


def changed(tables: Iterable[pa.Table], changes: Mapping[int, Change]) -> Iterator[pa.Table]:
    """The tables with the changes made; a table without one is passed on as it is."""
    first = 0
    for table in tables:
        mine = {row - first: changes[row] for row in range(first, first + len(table))
                if row in changes}  # fmt: skip
        first += len(table)
        yield _changed(table, mine) if mine else table


def _changed(table: pa.Table, changes: Mapping[int, Change]) -> pa.Table:
    flipped = np.zeros(len(table), dtype=bool)
    flipped[[place for place, change in changes.items() if change.verdict == "flip"]] = True
    table = _flipped(table, flipped) if flipped.any() else table
    values = {
        name: one_chunk(table[name]).to_pylist() for name in ("checks", "decision", "dropped")
    }
    checks = [[_entry(one) for one in several] for several in values["checks"]]
    decisions = [None if one is None else _said(one) for one in values["decision"]]
    for place, change in changes.items():
        decisions[place] = (change.verdict, change.reference)
        values["dropped"][place] = change.dropped
        if change.note is not None:
            checks[place].append((CHECK, None, change.note))
    table = with_values(table, "dropped", pa.array(values["dropped"], pa.string()))
    for name, found in (("checks", checks), ("decision", decisions)):
        table = with_values(table, name, column(PAIRS.field(name).type, found))
    return table


def _entry(check: Mapping[str, Any]) -> tuple[Any, ...]:
    return check["check"], check["value"], check["note"]


def _said(decision: Mapping[str, Any]) -> tuple[Any, ...]:
    return decision["verdict"], decision["reference"]


def _flipped(table: pa.Table, mask: np.ndarray[Any, Any]) -> pa.Table:
    """Sides swapped where the mask holds, and every number that leans to one of them turned.

    The numbers go on saying what the votes said: of a row that people flipped against its votes,
    `p_chosen` is below a half.
    """
    for one, other in _SWAPPED:
        sides = one_chunk(table[one]), one_chunk(table[other])
        both = pa.concat_arrays(sides)
        places = np.arange(len(table))
        first = np.where(mask, places + len(table), places)
        second = np.where(mask, places, places + len(table))
        table = with_values(table, one, both.take(pa.array(first)))
        table = with_values(table, other, both.take(pa.array(second)))
    where = pa.array(mask)
    for name in _MIRRORED:
        known = one_chunk(table[name])
        shares = np.round(1 - known.to_numpy(zero_copy_only=False), _DIGITS)
        turned = pa.array(shares, mask=known.is_null().to_numpy(zero_copy_only=False))
        table = with_values(table, name, pc.if_else(where, turned, known))
    margin = one_chunk(table["margin"])
    return with_values(table, "margin", pc.if_else(where, pc.subtract(0.0, margin), margin))
