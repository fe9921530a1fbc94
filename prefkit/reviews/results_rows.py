"""What is read of the dataset for the results: sampled rows whole, of all others a few columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.dataset import Dataset
from prefkit.dataset.taking import rows_at
from prefkit.reviews.frame import Frame
from prefkit.schema.columns import one_chunk
from prefkit.schema.digests import clusters_of

__all__ = ["RowFacts", "facts_of", "margins_of", "words_of"]

_READ = ("cluster", "prompt", "chosen", "rejected", "margin", "margin_kind", "p_chosen", "p_kind")
_SIDES = ("prompt", "chosen", "rejected")


class RowFacts(NamedTuple):
    """Of some rows: the number of the prompt cluster, the words shown, the margins as they are."""

    cluster: int
    words: int
    margin: float | None
    margin_kind: str | None


def facts_of(dataset: Dataset, rows: Sequence[int]) -> dict[int, RowFacts]:
    """By row. Rows of one prompt have one cluster whether or not a step has filled the column."""
    table = rows_at(dataset, rows, _READ)
    own = clusters_of(table["prompt"])
    given = table["cluster"].to_pylist()
    names = [one if one is not None else other for one, other in zip(given, own, strict=True)]
    numbers = {name: place for place, name in enumerate(dict.fromkeys(names))}
    words = _words(table)
    margins, kinds = (table[name].to_pylist() for name in ("margin", "margin_kind"))
    each = zip(names, words, margins, kinds, strict=True)
    return {
        row: RowFacts(numbers[name], count, margin, kind)
        for row, (name, count, margin, kind) in zip(rows, each, strict=True)
    }


def _words(table: pa.Table) -> list[int]:
    """Words of prompt and both sides together; a missing text has none."""
    total = np.zeros(len(table), dtype=np.int64)
    for name in _SIDES:
        held = one_chunk(table[name])
        texts = pl.Series(pl.from_arrow(pc.struct_field(held.flatten(), "content")))
        words = texts.cast(pl.String).fill_null("").str.count_matches(r"\S+").to_numpy()
        of = pc.list_parent_indices(held).to_numpy()
        total += np.bincount(of, words, len(table)).astype(np.int64)
    found: list[int] = total.tolist()
    return found


def words_of(
    lines: Iterable[Mapping[str, Any]], facts: Mapping[int, RowFacts]
) -> dict[tuple[str, str], int]:
    """The words of each pair of these lines of a sample or a queue."""
    return {(line["pair"], line["pair_sha256"]): facts[line["row"]].words for line in lines}


def margins_of(frame: Frame) -> pl.DataFrame:
    """Lines of `row`, `scale` and `value` of the frame: a pair's margin, and its `p_chosen`."""
    frames, first = [], 0
    for table in frame.dataset.batches(["margin", "margin_kind", "p_chosen", "p_kind"]):
        batch = pl.DataFrame(pl.from_arrow(table)).with_row_index("row", first)
        frames.append(batch.cast({"row": pl.Int64, "margin": pl.Float64, "p_chosen": pl.Float64}))
        first += len(table)
    every = pl.concat(frames).join(frame.pairs.select("row"), on="row", how="semi")
    margin = every.select("row", column=pl.lit("margin"), kind="margin_kind", value="margin")
    p_chosen = every.select("row", column=pl.lit("p_chosen"), kind="p_kind", value="p_chosen")
    return pl.concat([margin, p_chosen]).drop_nulls("value").filter(pl.col("value").is_not_nan())
