"""Rows that say the same again, and the clusters that prompts form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from prefkit.schema.batch import clusters_of, digests_of, message_tuples
from prefkit.schema.ids import digest, prompt_cluster
from prefkit.step import ROW, Filter, Measurement, TwoPass

__all__ = ["Duplicates", "FoundDuplicates"]

Keep = Literal["first", "most_votes", "highest_p"]


class Duplicates(TwoPass):
    """Drop pairs that repeat another one, exactly or after normalising; fill `cluster` for every row.

    Two pairs are the same when prompt, chosen and rejected are; normalised means NFKC, lower case
    and single blanks. A dropped row's note names the id of the row that stays. The same sides with
    opposite labels are no duplicates: `pair` marks them as a contradiction. `cluster` is the
    normalised prompt's digest, the unit of splits and intervals.
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
        "criterion",
        "n_votes",
        "p_chosen",
    )

    def sketch(self, table: pa.Table) -> pa.Table:
        """Row, key, id and rank of the rows still kept; 16 bytes of key, never the text."""
        table = table.filter(pc.is_null(table["dropped"]))
        return pa.table(
            {
                ROW: table[ROW],
                "key": pa.array(self._keys(table), pa.string()),
                "id": table["id"],
                "rank": self._rank(table),
            }
        )

    def _keys(self, table: pa.Table) -> list[str]:
        digests = clusters_of if self.normalise else digests_of
        sides = (
            (
                None if turns is None else prompt_cluster(turns)
                for turns in message_tuples(table[name])
            )
            if self.normalise
            else iter(digests_of(table[name]))
            for name in ("chosen", "rejected")
        )
        about = table["criterion"].to_pylist()
        return [
            digest(*((part or "").encode() for part in parts))
            for parts in zip(digests(table["prompt"]), *sides, about, strict=True)
        ]

    def _rank(self, table: pa.Table) -> pa.Array:
        """Higher stays; equal ranks leave it to the first row."""
        if self.keep == "most_votes":
            return table["n_votes"].cast(pa.float64()).combine_chunks()
        if self.keep == "highest_p":
            return pc.fill_null(table["p_chosen"], 0.0).combine_chunks()
        return pa.array(np.zeros(len(table)))

    def fit(self, sketches: pa.Table) -> FoundDuplicates:
        """Group by key; every row but the one that stays is a duplicate of it."""
        frame = pl.DataFrame(pl.from_arrow(sketches))
        grouped = frame.filter(pl.len().over("key") > 1).sort("rank", ROW, descending=[True, False])
        stays = pl.col(ROW).first().over("key")
        found = grouped.with_columns(kept=pl.col("id").first().over("key")).filter(
            pl.col(ROW) != stays
        )
        found = found.sort(ROW)
        return FoundDuplicates(
            rows=tuple(found[ROW].to_list()), kept=tuple(found["kept"].to_list())
        )


class FoundDuplicates(Filter):
    """Mark the rows at given positions as duplicates and fill `cluster`: the fitted `duplicates`."""

    rows: tuple[int, ...]
    kept: tuple[str, ...]

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
        clusters = pa.array(clusters_of(table["prompt"]), pa.string())
        place = table.schema.get_field_index("cluster")
        filled = pc.coalesce(table["cluster"].combine_chunks(), clusters)
        return table.set_column(place, table.schema.field(place), filled)

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """Value 1 for a duplicate, 0 otherwise; the note is the id of the row that stays."""
        numbers = table[ROW].to_numpy()
        known = np.asarray(self.rows, dtype=np.int64)
        places = np.searchsorted(known, numbers)
        places[places == len(known)] = 0
        hit = (known[places] == numbers) if len(known) else np.zeros(len(numbers), dtype=bool)
        note: np.ndarray[Any, Any] = np.full(len(numbers), None, dtype=object)
        note[hit] = [self.kept[place] for place in places[hit]]
        reason = np.full(len(numbers), None, dtype=object)
        reason[hit] = [f"repeats {name}" for name in note[hit]]
        value = pa.array(hit.astype(float))
        return [
            Measurement(
                "duplicates", value, pa.array(reason, pa.string()), pa.array(note, pa.string())
            )
        ]
