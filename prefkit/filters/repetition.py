"""Answers that say the same again and again: repeated lines and phrases, a loop at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pyarrow as pa
from pydantic import Field

from prefkit.filters.answers import answers
from prefkit.filters.one_sided import SIDES, Drop, above, measurements
from prefkit.schema.columns import one_chunk
from prefkit.statistics.repetition import repetition
from prefkit.step import Filter, Measurement

__all__ = ["Repetition"]


class Repetition(Filter):
    """Drop pairs with an answer that repeats itself; by default the chosen one.

    Three measures a side, null without text. `lines` and `phrases` are the share of characters in
    lines, and in runs of ten words, that stood there before; fenced code, tables and addresses are
    left out. `loop` is how often the end says the same in a row, 0 for less than 80 characters.
    """

    lines: float | None = Field(0.5, gt=0, le=1, description="Largest share that stays.")
    phrases: float | None = Field(0.6, gt=0, le=1, description="Largest share that stays.")
    loop: float | None = Field(3.0, ge=2, description="Most times that stay.")
    drop: Drop = Field("chosen", description="The side whose repetition counts.")

    reads: ClassVar[tuple[str, ...]] = SIDES

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """Measure the rows of `table`."""
        found = {side: repetition(answers(one_chunk(table[side]))) for side in SIDES}
        limits = {"lines": self.lines, "phrases": self.phrases, "loop": self.loop}
        findings = {
            measure: {side: above(found[side][measure], limit) for side in SIDES}
            for measure, limit in limits.items()
        }
        return measurements(self.name, findings, self.drop)
