"""Pairs whose sides carry no signal at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.filters.texts import message_contents
from prefkit.schema.batch import digests_of, message_tuples
from prefkit.step import Filter, Measurement

__all__ = ["EmptySides", "IdenticalSides"]


class EmptySides(Filter):
    """Drop pairs with a side that is empty or blank, or whose prompt is.

    The value is how many of prompt, chosen and rejected hold no text; a side that is missing by
    design (an unpaired row) does not count, and a bare tool call is not empty.
    """

    reads: ClassVar[tuple[str, ...]] = ("prompt", "chosen", "rejected")

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """Measure the rows of `table`."""
        blank = {name: _is_blank(table[name].combine_chunks()) for name in self.reads}
        value = sum(flags.astype(float) for flags in blank.values())
        notes = np.full(len(table), None, dtype=object)
        for name in reversed(self.reads):
            notes[blank[name]] = f"{name} is empty"
        note = pa.array(notes, pa.string())
        return [Measurement("empty_sides", pa.array(value, pa.float64()), note)]


def _is_blank(messages: pa.ListArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    contents, counts = message_contents(messages)
    extra = pc.struct_field(messages.flatten(), "extra")
    said = pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(pc.fill_null(contents, ""))), 0)
    holds = pc.or_(said, pc.is_valid(extra)).to_numpy(zero_copy_only=False)
    sums = np.concatenate([[0], np.cumsum(holds)])
    ends = np.cumsum(np.maximum(counts, 0))
    starts = np.concatenate([[0], ends[:-1]])
    return (sums[ends] == sums[starts]) & (counts >= 0)


class IdenticalSides(Filter):
    """Drop pairs whose sides are equal, or differ only in blanks at the ends of turns.

    The value is 2 for equal sides, 1 for sides equal after trimming, 0 otherwise.
    """

    reads: ClassVar[tuple[str, ...]] = ("chosen", "rejected")

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """Measure the rows of `table`."""
        chosen, rejected = (table[name].combine_chunks() for name in self.reads)
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


def _same_trimmed_length(
    one: pa.ListArray, other: pa.ListArray
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    sums = []
    for side in (one, other):
        contents, counts = message_contents(side)
        sizes = pc.binary_length(pc.utf8_trim_whitespace(pc.fill_null(contents, ""))).to_numpy()
        total = np.concatenate([[0], np.cumsum(sizes)])
        ends = np.cumsum(np.maximum(counts, 0))
        sums.append(total[ends] - total[np.concatenate([[0], ends[:-1]])])
    present = (pc.list_value_length(one).is_valid(), pc.list_value_length(other).is_valid())
    both = pc.and_(*present).to_numpy(zero_copy_only=False)
    return (sums[0] == sums[1]) & both


def _trimmed(turns: list[tuple[str, str | None, str | None]]) -> list[tuple[str, str, str | None]]:
    return [(role, (content or "").strip(), extra) for role, content, extra in turns]
