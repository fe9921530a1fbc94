"""How many votes a pair rests on, and how far they agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pyarrow as pa
from pydantic import Field

from prefkit.schema.columns import one_chunk
from prefkit.step import Filter, Measurement, against

__all__ = ["Agreement", "Votes"]


class Agreement(Filter):
    """Drop pairs with which too small a share of their votes agrees; a tie counts half.

    The share of a pair with few votes is coarse: two of three is 0.67. Null where no judge compared
    both sides.
    """

    min: float = Field(0.6, ge=0, le=1, description="Smallest share that stays.")

    reads: ClassVar[tuple[str, ...]] = ("agreement",)

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """Measure the rows of `table`."""
        return [against("agreement", one_chunk(table["agreement"]), "<", self.min)]


class Votes(Filter):
    """Drop pairs that rest on fewer votes than asked for."""

    min: int = Field(2, ge=1, description="Fewest votes that stay.")

    reads: ClassVar[tuple[str, ...]] = ("n_votes",)

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """Measure the rows of `table`."""
        return [against("votes", one_chunk(table["n_votes"]), "<", self.min)]
