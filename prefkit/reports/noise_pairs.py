"""The pairs whose labels are looked at, and where their sides stand in the comparisons."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.dataset import Dataset
from prefkit.schema.columns import one_chunk, own_offsets
from prefkit.schema.decisions import pair_hashes
from prefkit.schema.digests import clusters_of, digests_of
from prefkit.schema.texts import texts_of

__all__ = ["NoisePairs", "Texts", "noise_pairs", "texts_at"]

_PLAIN = (
    "id", "comparison", "criterion", "p_chosen", "p_kind", "n_votes", "agreement", "policy",
    "cluster", "chosen_model", "rejected_model", "dropped",
)  # fmt: skip
_SIDES = ("chosen", "rejected")
_SCHEMA: dict[str, Any] = {
    "id": pl.String, "comparison": pl.String, "criterion": pl.String, "p_chosen": pl.Float64,
    "p_kind": pl.String, "n_votes": pl.Int64, "agreement": pl.Float64, "policy": pl.String,
    "cluster": pl.String, "chosen_model": pl.String, "rejected_model": pl.String,
    "dropped": pl.String, "sha256": pl.String, "chosen": pl.String, "rejected": pl.String,
    "decided": pl.Boolean, "files": pl.List(pl.String), "tags": pl.List(pl.String),
}  # fmt: skip


class NoisePairs(NamedTuple):
    """Kept pairs of two sides with a direction, in the order of the dataset.

    `frame`: row (in the dataset), the columns of a pair, `sha256`, `chosen` and `rejected` as
    digests, `files` (names of its sources), `tags` (`key=value`), `a`, `b` (places of the sides in
    the comparison, a < b, null where they are not found), `turn` (1 where a is chosen, -1 where b
    is) and `prompt` (the number of its cluster).
    """

    frame: pl.DataFrame
    left_out: dict[str, int]

    @property
    def clusters(self) -> np.ndarray[Any, Any]:
        """The prompt cluster of each pair, as a number."""
        return self.frame["prompt"].to_numpy()


class Texts(NamedTuple):
    """The two sides of some pairs."""

    chosen: list[str]
    rejected: list[str]


def noise_pairs(pairs: Dataset, comparisons: Dataset) -> NoisePairs:
    """Read everything but texts from a dataset of pairs, once, and ids from its comparisons."""
    parts = [pl.DataFrame(schema=_SCHEMA), *(_part(table) for table in pairs.batches())]
    frame = pl.concat(parts).with_row_index("row")
    reason = (
        pl.when(pl.col("dropped").is_not_null()).then(pl.lit("dropped before"))
        .when(pl.col("chosen").is_null() | pl.col("rejected").is_null())
        .then(pl.lit("one side only"))
        .when(pl.col("p_chosen") == 0.5).then(pl.lit("no direction: p_chosen is one half"))
        .when(pl.col("decided")).then(pl.lit("decided by a reviewer before"))
    )  # fmt: skip
    marked = frame.with_columns(reason=reason)
    left = marked.drop_nulls("reason")["reason"].value_counts().sort("reason")
    kept = marked.filter(pl.col("reason").is_null()).drop("reason", "dropped", "decided")
    return NoisePairs(_placed(kept, comparisons), dict(left.iter_rows()))


def _part(table: pa.Table) -> pl.DataFrame:
    plain = pl.DataFrame(pl.from_arrow(table.select(_PLAIN)))
    digests = {name: pl.Series(digests_of(table[name]), dtype=pl.String) for name in _SIDES}
    prompts = pl.Series(clusters_of(table["prompt"]), dtype=pl.String)
    found = plain.with_columns(
        cluster=pl.coalesce("cluster", pl.lit(prompts)),
        sha256=pl.Series(pair_hashes(table), dtype=pl.String),
        **digests,
        decided=pl.Series(pl.from_arrow(pc.is_valid(one_chunk(table["decision"])))),
        files=_names(table["sources"]),
        tags=_tags(table["tags"]),
    )
    return found.select(pl.col(name).cast(kind) for name, kind in _SCHEMA.items())


def _names(sources: pa.ChunkedArray) -> pl.Series:
    held = one_chunk(sources)
    names = pa.ListArray.from_arrays(own_offsets(held), pc.struct_field(held.flatten(), "name"))
    return pl.Series(pl.from_arrow(names), dtype=pl.List(pl.String)).list.unique().list.sort()


def _tags(tags: pa.ChunkedArray) -> pl.Series:
    lists = pl.DataFrame({"tags": pl.from_arrow(one_chunk(tags).cast(_ENTRIES))})
    entry = pl.element().struct
    each = pl.concat_str(entry.field("key"), pl.lit("="), entry.field("value"), ignore_nulls=True)
    return lists.select(pl.col("tags").list.eval(each).cast(pl.List(pl.String)))["tags"]


_ENTRIES = pa.list_(pa.struct([("key", pa.string()), ("value", pa.string())]))


def _placed(frame: pl.DataFrame, comparisons: Dataset) -> pl.DataFrame:
    """The pairs with the places of their sides: an edited side is in no comparison."""
    places = _responses(comparisons, frame["comparison"].unique())
    for name in _SIDES:
        at = places.rename({"digest": name, "place": f"at_{name}"})
        frame = frame.join(at, on=["comparison", name], how="left", maintain_order="left")
    one, other = pl.col("at_chosen"), pl.col("at_rejected")
    both = one.is_not_null() & other.is_not_null() & (one != other)
    return frame.with_columns(
        a=pl.when(both).then(pl.min_horizontal(one, other)),
        b=pl.when(both).then(pl.max_horizontal(one, other)),
        turn=(other - one).sign().cast(pl.Int8),
        prompt=pl.col("cluster").rank("dense").cast(pl.Int64),
    ).drop("at_chosen", "at_rejected", "cluster")


def _responses(comparisons: Dataset, wanted: pl.Series) -> pl.DataFrame:
    """The first place of each response of the comparisons, by the digest of its text."""
    parts = [pl.DataFrame(schema={"comparison": pl.String, "digest": pl.String, "place": pl.Int32})]
    for table in comparisons.batches(["id", "responses.list.element.id"]):
        lists = one_chunk(table["responses"])
        ids = pa.ListArray.from_arrays(own_offsets(lists), pc.struct_field(lists.flatten(), "id"))
        frame = pl.DataFrame({"comparison": pl.from_arrow(table["id"]), "id": pl.from_arrow(ids)})
        frame = frame.filter(pl.col("comparison").is_in(wanted.implode()))
        frame = frame.with_columns(place=pl.int_ranges(pl.col("id").list.len(), dtype=pl.Int32))
        each = frame.explode("id", "place")
        # A second response of equal text is `DIGEST-2`.
        digest = pl.col("id").str.split("-").list.first()
        parts.append(each.select("comparison", digest.alias("digest"), "place"))
    return pl.concat(parts).unique(["comparison", "digest"], keep="first", maintain_order=True)


def texts_at(pairs: Dataset, rows: np.ndarray[Any, Any]) -> Texts:
    """The texts of both sides at ascending rows of a dataset of pairs."""
    start, found = 0, Texts([], [])
    for table in pairs.batches(_SIDES):
        first, last = np.searchsorted(rows, [start, start + len(table)])
        part = table.take(pa.array(rows[first:last] - start))
        found.chosen.extend(texts_of(part["chosen"]).to_list())
        found.rejected.extend(texts_of(part["rejected"]).to_list())
        start += len(table)
    return found
