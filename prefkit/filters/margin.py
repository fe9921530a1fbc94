"""The margin of a pair: within one kind, by quantile of it, or as a probability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from prefkit.schema.columns import one_chunk
from prefkit.step import Filter, Measurement, TwoPass, against

__all__ = ["Margin", "MarginFloors", "MarginQuantile", "Probability"]


class Margin(Filter):
    """Drop pairs with a margin below the limit of their kind.

    Margins of different kinds have different units, so each limit names its kind; a pair of a kind
    that is not named, or without a margin, is left alone with a null value.
    """

    min: dict[str, float] = Field(
        min_length=1, description="Smallest margin by margin_kind, for example {'rating:1-5': 1}."
    )

    reads: ClassVar[tuple[str, ...]] = ("margin", "margin_kind")

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """Measure the rows of `table`."""
        return [_below_floor("margin", table, self.min)]


class MarginQuantile(TwoPass):
    """Drop the pairs with the lowest margins of each kind; each kind has its own quantile.

    Pairs at the quantile itself stay, so that less than the share may go where many margins are
    equal. The share is of the pairs that are kept or were dropped by this filter: run again, it
    drops no more.
    """

    drop: float = Field(0.1, gt=0, lt=1, description="The share of each kind that goes, at most.")

    reads: ClassVar[tuple[str, ...]] = ("margin", "margin_kind")

    def sketch(self, table: pa.Table) -> pa.Table:
        """Margin and kind of the rows that are still kept, or were dropped by this filter."""
        own = pc.fill_null(pc.starts_with(table["dropped"], f"{self.name}: "), False)
        return table.select(list(self.reads)).filter(pc.or_(pc.is_null(table["dropped"]), own))

    def fit(self, sketches: pa.Table) -> MarginFloors:
        """The quantile of each kind becomes its floor."""
        frame = pl.DataFrame(pl.from_arrow(sketches)).drop_nulls()
        # 0.29 of 100 is 28.999999999999996 in binary, and means 29.
        goes = (pl.len() * self.drop + 1e-9).floor().cast(pl.UInt32)
        floors = frame.group_by("margin_kind").agg(pl.col("margin").sort().gather(goes).first())
        return MarginFloors(floors=dict(sorted(floors.iter_rows())))


class MarginFloors(Filter):
    """Drop pairs with a margin below their kind's floor: the fitted `margin_quantile`."""

    floors: dict[str, float]

    reads: ClassVar[tuple[str, ...]] = ("margin", "margin_kind")

    @property
    def name(self) -> str:
        """The name of the step this was fitted by."""
        return "margin_quantile"

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """Measure the rows of `table`."""
        return [_below_floor("margin_quantile", table, self.floors)]


class Probability(Filter):
    """Drop pairs whose probability of being right is below a limit, whatever their source.

    Null (not calibrated) stays unless `unknown` says drop.
    """

    min: float = Field(0.6, ge=0.5, lt=1, description="Smallest p_chosen that stays.")
    unknown: bool = Field(True, description="Whether a pair without a probability stays.")

    reads: ClassVar[tuple[str, ...]] = ("p_chosen",)

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """Measure the rows of `table`."""
        value = one_chunk(table["p_chosen"])
        found = against("probability", value, "<", self.min)
        if self.unknown:
            return [found]
        unknown = pc.if_else(pc.is_null(value), "p_chosen is not known", None)
        return [found._replace(reason=pc.coalesce(found.reason, unknown))]


def _below_floor(check: str, table: pa.Table, floors: dict[str, float]) -> Measurement:
    margin, kind = (one_chunk(table[name]) for name in ("margin", "margin_kind"))
    value = pa.nulls(len(table), pa.float64())
    reason = pa.nulls(len(table), pa.string())
    for name, floor in floors.items():
        own = pc.if_else(pc.fill_null(pc.equal(kind, name), False), margin, None)
        value = pc.coalesce(value, own)
        reason = pc.coalesce(reason, against(check, own, "<", floor).reason)
    return Measurement(check, value, reason, kind)
