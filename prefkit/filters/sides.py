"""Pairs whose sides carry no signal at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.filters.texts import message_contents
from prefkit.schema.batch import message_tuples
from prefkit.schema.columns import one_chunk
from prefkit.schema.digests import digests_of
from prefkit.step import Filter, Measurement

__all__ = ["EmptySides", "IdenticalSides"]

_Flags = np.ndarray[Any, np.dtype[np.bool_]]

_LABELS = frozenset({"name", "tool_call_id", "id", "weight"})
"""What names a message without being said in it."""


class EmptySides(Filter):
    """Drop pairs with a side that is empty or blank, or whose prompt is.

    The value is how many of prompt, chosen and rejected hold nothing: no text and nothing in the
    extras but names, so a bare tool call is not empty. A side that is missing by design (an
    unpaired row) does not count, but one of the two must be there.
    """

    reads: ClassVar[tuple[str, ...]] = ("prompt", "chosen", "rejected")

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """Measure the rows of `table`."""
        blank = {name: _is_blank(one_chunk(table[name])) for name in self.reads}
        value = np.sum([flags.astype(float) for flags in blank.values()], axis=0)
        notes = np.full(len(table), None, dtype=object)
        for name in reversed(self.reads):
            notes[blank[name]] = f"{name} is empty"
        bare = pc.and_(pc.is_null(table["chosen"]), pc.is_null(table["rejected"]))
        bare = bare.to_numpy()
        value[bare] += 2
        notes[bare] = "both sides are missing"
        reason = pa.array(notes, pa.string())
        return [Measurement("empty_sides", pa.array(value, pa.float64()), reason)]


def _is_blank(messages: pa.ListArray) -> _Flags:
    contents, counts = message_contents(messages)
    extras = pc.struct_field(messages.flatten(), "extra")
    trimmed = pc.utf8_trim_whitespace(pc.fill_null(contents, ""))
    holds = pc.not_equal(trimmed, "").to_numpy(zero_copy_only=False).copy()
    # Only a message without text is asked what else it holds.
    rest = np.flatnonzero(~holds & extras.is_valid().to_numpy(zero_copy_only=False))
    holds[rest] = [_says_something(text) for text in extras.take(pa.array(rest)).to_pylist()]
    sums = np.concatenate([[0], np.cumsum(holds)])
    ends = np.cumsum(np.maximum(counts, 0))
    starts = np.concatenate([[0], ends[:-1]])
    blank: _Flags = (sums[ends] == sums[starts]) & (counts >= 0)
    return blank


def _says_something(extra: str) -> bool:
    """Whether a message's extra holds more than names and empty values."""
    try:
        members = orjson.loads(extra)
    except orjson.JSONDecodeError:
        return True
    if not isinstance(members, dict):
        return bool(members)
    return any(value for name, value in members.items() if name not in _LABELS)


class IdenticalSides(Filter):
    """Drop pairs whose sides are equal, or differ only in blanks at the ends of turns.

    The value is 2 for equal sides, 1 for sides equal after trimming, 0 otherwise.
    """

    reads: ClassVar[tuple[str, ...]] = ("chosen", "rejected")

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """Measure the rows of `table`."""
        chosen, rejected = (one_chunk(table[name]) for name in self.reads)
        maybe = _same_trimmed_length(chosen, rejected)
        value = np.zeros(len(table))
        # Only rows of equal trimmed length can be equal, so few become Python strings.
        places = np.flatnonzero(maybe)
        one, other = (side.take(pa.array(places)) for side in (chosen, rejected))
        same = [
            a is not None and a == b
            for a, b in zip(digests_of(one), digests_of(other), strict=True)
        ]
        trimmed = [
            a is not None and b is not None and _trimmed(a) == _trimmed(b)
            for a, b in zip(message_tuples(one), message_tuples(other), strict=True)
        ]
        value[places] = np.where(same, 2.0, np.where(trimmed, 1.0, 0.0))
        texts = np.array(
            [None, "the sides differ only in blanks", "the sides are equal"], dtype=object
        )
        return [
            Measurement(
                "identical_sides", pa.array(value), pa.array(texts[value.astype(int)], pa.string())
            )
        ]


def _same_trimmed_length(one: pa.ListArray, other: pa.ListArray) -> _Flags:
    sums = []
    for side in (one, other):
        contents, counts = message_contents(side)
        sizes = pc.binary_length(pc.utf8_trim_whitespace(pc.fill_null(contents, ""))).to_numpy()
        total = np.concatenate([[0], np.cumsum(sizes)])
        ends = np.cumsum(np.maximum(counts, 0))
        sums.append(total[ends] - total[np.concatenate([[0], ends[:-1]])])
    present = (pc.list_value_length(one).is_valid(), pc.list_value_length(other).is_valid())
    both = pc.and_(*present).to_numpy(zero_copy_only=False)
    same: _Flags = (sums[0] == sums[1]) & both
    return same


def _trimmed(turns: list[tuple[str, str | None, str | None]]) -> list[tuple[str, str, str | None]]:
    return [(role, (content or "").strip(), extra) for role, content, extra in turns]
