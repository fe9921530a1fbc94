"""Answers that begin by refusing, and pairs in which only one side does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import polars as pl
import pyarrow as pa
from pydantic import Field

from prefkit.filters.answers import first_answers
from prefkit.filters.one_sided import SIDES, Drop, Finding, measurements
from prefkit.judging.refusals import refusals
from prefkit.schema.columns import one_chunk
from prefkit.step import Filter, Measurement

__all__ = ["Refusal"]


class Refusal(Filter):
    """Measure which side begins by refusing; drops nothing unless told which side to drop.

    The value of `refusal.chosen` and `refusal.rejected` is how sure the match is (0 for none, null
    without text), the note its language and kind: `en refuses`, `en unable`, `en discourages`. A
    right refusal of a harmful request looks like a wrong one: this says which side, not whether.
    """

    min: float = Field(0.6, gt=0, le=1, description="Smallest confidence that counts.")
    window: int = Field(300, gt=0, description="Characters at the start that are looked at.")
    drop: Drop = Field("none", description="The side whose refusal counts.")

    reads: ClassVar[tuple[str, ...]] = SIDES

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """Measure the rows of `table`."""
        found = {side: self._of_side(first_answers(one_chunk(table[side]))) for side in SIDES}
        return measurements(self.name, {"": found}, self.drop)

    def _of_side(self, texts: pl.Series) -> Finding:
        found = refusals(texts, self.window)
        silent = texts.is_null()
        value = pl.select(pl.when(~silent).then(found["confidence"].fill_null(0.0))).to_series()
        return Finding(value, value >= self.min, found["what"], found["what"])
