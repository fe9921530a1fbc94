"""Filters called on a few rows, and what they left on each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pair_rows import assistant, pair, user

from prefkit.schema.arrow import PAIRS
from prefkit.schema.columns import table
from prefkit.step import ROW, Step, TwoPass

Pairs = Sequence[tuple[Any, ...]]


def numbered(rows: Pairs) -> pa.Table:
    """Pairs with the column `_row`, as an engine hands them over."""
    return table(PAIRS, rows).append_column(ROW, pa.array(np.arange(len(rows))))


def run(step: Step | TwoPass, *rows: tuple[Any, ...]) -> list[dict[str, Any]]:
    """The rows after one step, both passes if it needs two."""
    given = numbered(rows)
    if isinstance(step, TwoPass):
        step = step.fit(step.sketch(given))
    found: list[dict[str, Any]] = step(given).to_pylist()
    return found


def dropped(step: Step | TwoPass, *rows: tuple[Any, ...]) -> list[str | None]:
    """The reason of each row after one step."""
    return [row["dropped"] for row in run(step, *rows)]


def values(step: Step | TwoPass, *rows: tuple[Any, ...], check: str | None = None) -> list[Any]:
    """The value of one check (by default the step's own) on each row; `-` where it has none."""
    name = check or step.name
    return [
        next((entry["value"] for entry in row["checks"] if entry["check"] == name), "-")
        for row in run(step, *rows)
    ]


def sides(chosen: str | None, rejected: str | None, prompt: str = "Q?", **more: Any) -> Any:
    """A pair of single answers; null is a missing side."""
    one, other = (None if text is None else assistant(text) for text in (chosen, rejected))
    return pair(user(prompt), one, other, **more)
