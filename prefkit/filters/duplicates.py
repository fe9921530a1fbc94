"""Rows that say the same again, rows that say the opposite, and the clusters that prompts form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from prefkit.filters.keys import exact_keys, normalised_keys
from prefkit.schema.columns import one_chunk, with_values
from prefkit.schema.decisions import stays_by_decision
from prefkit.schema.digests import clusters_of
from prefkit.step import ROW, Filter, Measurement, TwoPass

__all__ = ["Duplicates", "FoundDuplicates"]

Keep = Literal["first", "most_votes", "highest_p"]

_GROUP = ("high", "low")
_SAME = (*_GROUP, "turned")


class Duplicates(TwoPass):
    """Drop pairs that repeat another one or have its sides the other way round; fill `cluster`.

    Two pairs are the same when prompt, tools, chosen, rejected and criterion are; normalised means
    NFKC, lower case and single blanks in the texts. Of the same pairs one stays (before all others
    one that a person decided to keep), and a dropped row's note names its id. Two pairs with the
    same sides and opposite labels are both dropped as `duplicates.contradiction`; the value is how
    many rows oppose this one, the note the id of the first. Rows that are dropped already count for
    neither. `cluster` is the normalised prompt's digest, the unit of splits and intervals.
    """

    normalise: bool = Field(
        True, description="Also find pairs that differ in case, blanks, Unicode form."
    )
    keep: Keep = Field(
        "first", description="Which row stays: first, most votes, highest probability."
    )

    reads: ClassVar[tuple[str, ...]] = (
        "id",
        "prompt",
        "chosen",
        "rejected",
        "tools",
        "criterion",
        "n_votes",
        "p_chosen",
    )

    def sketch(self, table: pa.Table) -> pa.Table:
        """Key, direction, id and rank of each row still kept: 70 bytes a row, never the text."""
        kept = pc.is_null(table["dropped"])
        table = table.select([ROW, "decision", *self.reads])
        table = table.filter(kept).combine_chunks()
        keys = (normalised_keys if self.normalise else exact_keys)(table)
        return pa.table(
            {
                ROW: table[ROW],
                "high": keys.high,
                "low": keys.low,
                "turned": keys.turned,
                "id": table["id"],
                "decided": stays_by_decision(table),
                "rank": self._rank(table),
            }
        )

    def _rank(self, table: pa.Table) -> pa.Array | pa.ChunkedArray:
        """Higher stays; equal ranks leave it to the first row."""
        if self.keep == "most_votes":
            return table["n_votes"].cast(pa.float64())
        if self.keep == "highest_p":
            return pc.fill_null(table["p_chosen"], 0.0)
        return pa.array(np.zeros(len(table)))

    def fit(self, sketches: pa.Table) -> FoundDuplicates:
        """Group by key: one row of each direction stays, the two directions oppose each other."""
        frame = pl.DataFrame(pl.from_arrow(sketches)).filter(pl.len().over(_GROUP) > 1)
        ids = pl.col("id")
        found = (
            frame.sort("decided", "rank", ROW, descending=[True, True, False])
            .with_columns(
                stays=pl.col(ROW).first().over(_SAME),
                repeated=ids.first().over(_SAME),
                against=pl.len().over(_GROUP) - pl.len().over(_SAME),
                opposed=pl.when("turned")
                .then(ids.filter(~pl.col("turned")).first().over(_GROUP))
                .otherwise(ids.filter("turned").first().over(_GROUP)),
            )
            .sort(ROW)
        )
        repeats = found.filter(pl.col(ROW) != pl.col("stays")).select(ROW, "repeated")
        opposes = found.filter(pl.col("against") > 0).select(ROW, "against", "opposed")
        return FoundDuplicates(
            repeats=dict(repeats.iter_rows()),
            opposes={row: (against, name) for row, against, name in opposes.iter_rows()},
        )


class FoundDuplicates(Filter):
    """Mark the rows at given positions and fill `cluster`: the fitted `duplicates`.

    `repeats` holds the id of the row that stays by position, `opposes` how many rows say the
    opposite and the id of the first of them.
    """

    repeats: dict[int, str]
    opposes: dict[int, tuple[int, str]]

    reads: ClassVar[tuple[str, ...]] = ("prompt", "cluster", ROW)

    @property
    def name(self) -> str:
        """The name of the step this was fitted by."""
        return "duplicates"

    def __call__(self, table: pa.Table) -> pa.Table:
        """Mark, then fill `cluster` where it is null, dropped rows included."""
        table = super().__call__(table)
        if not table["cluster"].null_count:
            return table
        known = one_chunk(table["cluster"])
        missing = pc.is_null(known)
        found = pa.array(clusters_of(table["prompt"].filter(missing)), pa.string())
        return with_values(table, "cluster", pc.replace_with_mask(known, missing, found))

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """The contradiction first: it is the graver reason of a row that is both."""
        rows = table[ROW].to_pylist()
        opposed = [self.opposes.get(row, (0, None)) for row in rows]
        against = _measurement(
            "duplicates.contradiction",
            "opposes",
            [float(count) for count, _ in opposed],
            [name for _, name in opposed],
        )
        repeated = [self.repeats.get(row) for row in rows]
        values = [float(name is not None) for name in repeated]
        return [against, _measurement("duplicates", "repeats", values, repeated)]


def _measurement(check: str, verb: str, values: list[float], ids: list[str | None]) -> Measurement:
    """Values, the other rows' ids as notes, and `VERB ID` as the reason where there is one."""
    reasons = [None if name is None else f"{verb} {name}" for name in ids]
    return Measurement(
        check,
        pa.array(values, pa.float64()),
        pa.array(reasons, pa.string()),
        pa.array(ids, pa.string()),
    )
