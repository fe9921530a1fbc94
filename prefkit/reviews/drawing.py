"""Draws from a frame: simple, stratified, and more of one slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from prefkit.reviews.frame import Frame
from prefkit.statistics.slices import FEWEST_ROWS
from prefkit.statistics.stratified import allocated

__all__ = ["OTHERS", "Drawn", "StratumPlan", "simple", "strata_of", "stratified", "topped_up"]

OTHERS = "(others)"
_ROWS_A_STRATUM = 5
"""On average, at least: more strata than that are put together, the smallest first."""


class StratumPlan(NamedTuple):
    """A part of the frame: how many pairs it has, and how many are drawn."""

    name: str
    pairs: int
    drawn: int


class Drawn(NamedTuple):
    """`pairs` has row, id and stratum, in the order in which they are to be looked at."""

    pairs: pl.DataFrame
    strata: tuple[StratumPlan, ...]


def simple(frame: Frame, count: int) -> Drawn:
    """Each pair with the same chance; one stratum, called all."""
    pairs = frame.pairs.head(count).select("row", "id", stratum=pl.lit("all"))
    return Drawn(pairs, (StratumPlan("all", frame.pairs.height, pairs.height),))


def strata_of(frame: Frame, dimensions: Mapping[str, pl.DataFrame], count: int) -> pl.DataFrame:
    """The frame's pairs with the one stratum that each is in, a cell of all dimensions.

    A pair with several values of one dimension (three annotators) is dealt to one of them by the
    seed, for strata must not overlap. Where `count` would leave fewer than five pairs a stratum,
    the smallest become `(others)`.
    """
    pairs = frame.pairs
    for name, values in dimensions.items():
        several = values.group_by("row", maintain_order=True).agg("value")
        pairs = pairs.join(several, on="row", how="left", maintain_order="left")
        dealt = pl.col("value").list.get(pl.col("turn") % pl.col("value").list.len())
        pairs = pairs.with_columns(dealt.alias(name)).drop("value")
    cells = [pl.concat_str(pl.lit(f"{name}="), name) for name in dimensions]
    pairs = pairs.select("row", "id", stratum=pl.concat_str(cells, separator=", "))
    sizes = pairs.group_by("stratum").len().sort(["len", "stratum"], descending=[True, False])
    most = max(1, count // _ROWS_A_STRATUM)
    if sizes.height <= most:
        return pairs
    kept = sizes["stratum"].head(most - 1).to_list()
    own = pl.col("stratum").is_in(kept)
    return pairs.with_columns(stratum=pl.when(own).then("stratum").otherwise(pl.lit(OTHERS)))


def stratified(pairs: pl.DataFrame, count: int) -> Drawn:
    """Strata in proportion to their sizes, after each has 20 pairs or an equal part of `count`.

    Args:
        pairs: as `strata_of` gives them.
        count: how many to draw together.
    """
    sizes = pairs.group_by("stratum").len().sort("stratum")
    names, held = sizes["stratum"].to_list(), sizes["len"].to_list()
    shares = allocated(held, count, least=FEWEST_ROWS)
    limits = pl.DataFrame({"stratum": names, "limit": shares})
    limits = limits.cast({"stratum": pl.String, "limit": pl.Int64})
    place = pl.int_range(pl.len()).over("stratum")
    drawn = pairs.join(limits, on="stratum", maintain_order="left").filter(place < pl.col("limit"))
    plans = zip(names, held, shares, strict=True)
    return Drawn(drawn.drop("limit"), tuple(StratumPlan(*one) for one in plans))


def topped_up(
    frame: Frame, values: pl.DataFrame, value: str, before: Sequence[int], count: int | None
) -> tuple[Drawn, int]:
    """More pairs of one slice, those next in the seed's order, and how many it had drawn.

    Args:
        frame: of the same dataset and seed as the sample that it adds to.
        values: of the slice's dimension, as `values_of`.
        value: the slice.
        before: rows that were drawn already.
        count: null for all that are left.
    """
    mine = values.filter(pl.col("value") == value).select("row").unique()
    pairs = frame.pairs.join(mine, on="row", how="semi", maintain_order="left")
    old = pl.col("row").is_in(list(before))
    had = pairs.filter(old).height
    new = pairs.filter(~old).select("row", "id", stratum=pl.lit(value))
    more = new if count is None else new.head(count)
    return Drawn(more, (StratumPlan(value, pairs.height, more.height),)), had
