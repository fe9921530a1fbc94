"""The rows for which an expression holds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from prefkit.errors import ConfigError
from prefkit.filters.expression import Expression, compile_expression
from prefkit.schema.arrow import PAIRS
from prefkit.step import Filter, Measurement

__all__ = ["Where"]

_compiled = cache(compile_expression)


class Where(Filter):
    """Keep pairs for which an expression over columns holds, such as `n_votes >= 3`.

    Columns by name, `tags['key']`, `and or not in is null`, comparisons, `+ - * /`, and the
    functions characters, words, turns, text (of prompt, chosen, rejected), contains, starts, lower,
    abs. A row for which it is null (a column is null) goes unless `null` says keep.
    """

    that: str = Field(description="The expression.")
    null: Literal["drop", "keep"] = Field("drop", description="What happens where it is null.")

    reads: ClassVar[tuple[str, ...]] = tuple(PAIRS.names)

    @field_validator("that")
    @classmethod
    def _is_expression(cls, text: str) -> str:
        try:
            _compiled(text)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return text

    def columns(self) -> tuple[str, ...]:
        """The columns that the expression names."""
        return self.expression.columns or ("id",)

    @property
    def expression(self) -> Expression:
        """The compiled expression; compiled once a process."""
        return _compiled(self.that)

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """Value 1 where it holds, 0 where not, null where it is null."""
        holds = self.expression(table)
        unknown = f"{self.that} is null" if self.null == "drop" else None
        reason = pc.if_else(pc.fill_null(holds, True), None, pa.scalar(f"not {self.that}"))
        reason = pc.if_else(pc.is_null(holds), pa.scalar(unknown, pa.string()), reason)
        return [Measurement("where", holds.cast(pa.float64()), reason)]
