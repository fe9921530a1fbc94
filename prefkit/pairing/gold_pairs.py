"""The first of two passes: what gold says of the pairs that a plan makes, source by source."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.judging.duels import duels_of
from prefkit.judging.gold import gold_of
from prefkit.pairing.calibrating import GOLD, GOLD_ROWS, SPLIT
from prefkit.pairing.margin_sources import margin_sources
from prefkit.pairing.pairs import Plan, evidence_of
from prefkit.pairing.posteriors import keys_of_strings
from prefkit.schema.columns import one_chunk
from prefkit.schema.digests import clusters_of

__all__ = ["anchors", "gold_pairs", "gold_plan", "gold_verdicts"]

_PAIR = ["comparison", "a", "b"]
_NOT_PEOPLE = ("judge", "reward", "execution", "rule")


def gold_plan(plan: Plan) -> Plan:
    """The plan by which gold pairs are made: the same, of the votes that gold can speak of.

    Without a wish for kinds a comparison with people's votes beside a judge's is set aside as
    mixed; those are the very ones that hold gold, so people's are left out here.
    """
    kinds = plan.selection.kinds or _NOT_PEOPLE
    return plan._replace(selection=plan.selection._replace(kinds=kinds), curves=None)


def gold_pairs(plan: Plan, table: pa.Table, verdicts: pl.DataFrame | None = None) -> pl.DataFrame:
    """The pairs of a batch that have no probability yet, as lines of `GOLD_ROWS`.

    A pair whose votes are on both sides stands as the plan orients it; gold is said of its chosen
    side. Pairs without any gold are left out.

    Args:
        plan: see `gold_plan`.
        table: comparisons.
        verdicts: what gold says of any comparisons; by default what the batch itself holds.

    Raises:
        DataError: a score is not finite or outside its scale.
    """
    if verdicts is None:
        verdicts = gold_verdicts(table, plan.criterion)
    else:
        table = table.filter(pc.is_in(table["id"], verdicts["comparison"].to_arrow()))
    found = evidence_of(plan, table).found
    found = found.with_columns(margin_sources(found, table).alias("source"))
    found = found.filter(pl.col("source").is_not_null())
    ids = pl.Series(pl.from_arrow(one_chunk(table["id"])))
    sides = [pl.col(name).cast(pl.Int32) for name in ("chosen", "rejected")]
    found = found.with_columns(
        comparison=ids.gather(found["row"]),
        a=pl.min_horizontal(*sides),
        b=pl.max_horizontal(*sides),
    )
    joined = found.join(verdicts, on=_PAIR, maintain_order="left")
    turn = pl.when(pl.col("chosen") == pl.col("a")).then(1).otherwise(-1)
    clusters = clusters_of(table["prompt"].take(joined["row"].to_arrow()))
    numbers = pl.Series("cluster", [int(text[:16], 16) for text in clusters], pl.UInt64)
    lines = joined.with_columns(numbers, *(pl.col(name) * turn for name in GOLD))
    return lines.select(pl.col(name).cast(kind) for name, kind in GOLD_ROWS.items())


def gold_verdicts(table: pa.Table, criterion: str | None) -> pl.DataFrame:
    """What people and labels say of pairs of responses: comparison, a, b, the keys of `GOLD`.

    A comparison's id fixes its responses and their places, so they hold in any dataset.
    """
    duels = duels_of(table).filter(pl.col("verdict").is_not_null())
    found = duels.select(_PAIR).unique(maintain_order=True)
    for name in GOLD:
        kind, _, overall = name.partition("_")
        about = None if overall else criterion
        if about is None and not overall:
            kind = ""  # the whole is looked at once, under its own name
        gold = gold_of(duels, about, kinds=(kind,)).select(*_PAIR, "verdict")
        voted = duels.filter(
            pl.col("kind") == kind, pl.col("criterion").eq_missing(pl.lit(about, pl.String))
        )
        own = voted.select(_PAIR).unique().join(gold, on=_PAIR, how="left")
        own = own.select(*_PAIR, pl.col("verdict").fill_null(SPLIT).alias(name))
        found = found.join(own, on=_PAIR, how="left", maintain_order="left")
    return found.filter(pl.any_horizontal(pl.col(name).is_not_null() for name in GOLD))


def anchors(table: pa.Table, criterion: str | None) -> pl.DataFrame:
    """What an aggregation takes as given: `gold_verdicts` with the key of each comparison."""
    found = gold_verdicts(table, criterion)
    keys = keys_of_strings(found["comparison"])
    return found.with_columns(pl.Series("comparison", keys, pl.UInt64))
