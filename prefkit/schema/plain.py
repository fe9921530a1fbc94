"""Labelled pairs of plain turns, straight to columns.

A large file of pairs is nearly always this: prompt, chosen and rejected as lists of turns with a
role and text, one label each. `plain_table` gives the same rows as `comparison_row` and
`comparisons_table` would (a property test holds them to it), in a third of the time, because
nothing is built for a field that is null in every row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from prefkit.schema.arrow import COMPARISONS, MESSAGE, MESSAGES, RESPONSE, SOURCE, VOTE
from prefkit.schema.ids import comparison_id, messages_digest, plain_digest

__all__ = ["PlainPair", "plain_table"]

Turns = Sequence[Mapping[str, str]]


class PlainPair(NamedTuple):
    """One row: its place in the source, turns of role and text and nothing else, free JSON."""

    where: str
    prompt: Turns
    chosen: Turns
    rejected: Turns
    extra: str | None = None


def plain_table(pairs: Sequence[PlainPair], source: str) -> pa.Table:
    """Comparisons with one label vote each, by nobody identified, the chosen response scored 1."""
    prompts, sides = _Messages(), _Messages()
    ids: list[str] = []
    response_ids: list[str] = []
    swapped = np.zeros(len(pairs), dtype=bool)
    for place, (_, prompt, chosen, rejected, _) in enumerate(pairs):
        about = prompts.digest(prompt)
        one, other = sides.digest(chosen), sides.digest(rejected)
        swapped[place] = other < one
        first, second = (rejected, chosen) if other < one else (chosen, rejected)
        names = [other, one] if other < one else [one, other if other != one else f"{other}-2"]
        prompts.add(prompt)
        sides.add(first)
        sides.add(second)
        response_ids += names
        ids.append(comparison_id(about, None, names))
    count = len(pairs)
    responses = _struct(
        RESPONSE, id=pa.array(response_ids, pa.string()), messages=sides.column(), count=2 * count
    )
    columns = {
        "id": pa.array(ids, pa.string()),
        "prompt": prompts.column(),
        "responses": _lists(responses, 2, count, COMPARISONS.field("responses").type),
        "votes": _votes(pairs, source, swapped),
        "extra": pa.array([pair.extra for pair in pairs], pa.string()),
        "tags": pa.MapArray.from_arrays(
            pa.array(np.zeros(count + 1, np.int32)),
            pa.array([], pa.string()),
            pa.array([], pa.string()),
        ).cast(COMPARISONS.field("tags").type),
    }
    arrays = [
        columns[field.name] if field.name in columns else pa.nulls(count, field.type)
        for field in COMPARISONS
    ]
    return pa.Table.from_arrays(arrays, schema=COMPARISONS)


class _Messages:
    """Message lists one behind the other."""

    def __init__(self) -> None:
        self._roles: list[str] = []
        self._contents: list[str] = []
        self._ends: list[int] = [0]

    @staticmethod
    def digest(turns: Turns) -> str:
        """The digest that `messages_digest` gives for these turns."""
        if len(turns) == 1:
            return plain_digest(turns[0]["role"], turns[0]["content"])
        return messages_digest([(turn["role"], turn["content"], None) for turn in turns])

    def add(self, turns: Turns) -> None:
        """Append one list."""
        for turn in turns:
            self._roles.append(turn["role"])
            self._contents.append(turn["content"])
        self._ends.append(len(self._roles))

    def column(self) -> pa.ListArray:
        """All lists as one column."""
        flat = _struct(
            MESSAGE,
            role=pa.array(self._roles, pa.string()),
            content=pa.array(self._contents, pa.string()),
            count=len(self._roles),
        )
        return pa.ListArray.from_arrays(pa.array(self._ends, pa.int32()), flat, type=MESSAGES)


def _struct(shape: pa.StructType, /, *, count: int, **given: pa.Array) -> pa.StructArray:
    """A struct column: the given children, all others null."""
    fields = [shape.field(place) for place in range(shape.num_fields)]
    children = [given.get(field.name) for field in fields]
    filled = [
        pa.nulls(count, field.type) if child is None else child
        for child, field in zip(children, fields, strict=True)
    ]
    return pa.StructArray.from_arrays(filled, fields=fields)


def _lists(flat: pa.Array, each: int, count: int, kind: pa.DataType) -> pa.ListArray:
    return pa.ListArray.from_arrays(
        pa.array(np.arange(count + 1, dtype=np.int32) * each), flat, type=kind
    )


def _votes(pairs: Sequence[PlainPair], source: str, swapped: np.ndarray[Any, Any]) -> pa.ListArray:
    count = len(pairs)
    scores = np.zeros((count, 2))
    scores[np.arange(count), swapped.astype(int)] = 1.0
    origin = _struct(
        SOURCE,
        name=_same(source, count),
        record=pa.array([pair.where for pair in pairs], pa.string()),
        count=count,
    )
    votes = _struct(
        VOTE,
        kind=_same("label", count),
        outcome=_same("scored", count),
        scores=_lists(pa.array(scores.ravel()), 2, count, VOTE.field("scores").type),
        scale=_same("choice", count),
        source=origin,
        count=count,
    )
    return _lists(votes, 1, count, COMPARISONS.field("votes").type)


def _same(text: str, count: int) -> pa.StringArray:
    return pa.array([text], pa.string()).take(pa.array(np.zeros(count, np.int64)))
