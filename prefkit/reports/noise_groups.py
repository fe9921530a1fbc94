"""Suspects by source, generator and tag: a rare style looks like noise to every model.

A group with far more suspects than the rest may be labelled worse, or only be unlike the rest. The
test tells that it differs, never which of the two it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from prefkit.judging.numbers import number, rounded
from prefkit.reports.noise_pairs import NoisePairs
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.shares import Bools
from prefkit.statistics.slices import FEWEST_ROWS, Slice, slices, worst_first

__all__ = ["groups"]

_MOST_VALUES = 50  # of one tag: one with more is an id, not a group
_WORDS = {"proven low": "proven more", "suspect": "perhaps more"}


def groups(pairs: NoisePairs, suspect: Bools) -> list[dict[str, Any]]:
    """Each group's share of suspects beside that of all other pairs, the worst first.

    States are those of `statistics.slices` with suspects for errors: all groups are compared at
    once, and what is in the dataset as a whole is no group.
    """
    lines = _lines(pairs)
    names = lines.select("by", "group").unique().sort("by", "group").with_row_index("code")
    coded = lines.join(names, on=["by", "group"], maintain_order="left")
    rows, codes = (coded[name].to_numpy().astype(np.int64) for name in ("row", "code"))
    found = worst_first(slices(~suspect, rows, codes, pairs.clusters, names.height))
    return [_group(one, names.row(one.code, named=True)) for one in found]


def _lines(pairs: NoisePairs) -> pl.DataFrame:
    """`row`, `by`, `group`: a pair may be in several groups of one kind."""
    frame = pairs.frame.drop("row").with_row_index("row")
    tags = frame.select("row", group="tags").explode("group", empty_as_null=True).drop_nulls()
    tags = tags.with_columns(pl.col("group").str.split("=").list.first().alias("key"))
    tags = tags.filter(pl.col("group").n_unique().over("key") <= _MOST_VALUES)
    parts = [
        tags.select("row", pl.lit("tag").alias("by"), "group"),
        frame.select("row", pl.lit("source").alias("by"), group="files").explode(
            "group", empty_as_null=True
        ),
        *(
            frame.select("row", pl.lit(f"{side} by").alias("by"), group=f"{side}_model")
            for side in ("chosen", "rejected")
        ),
    ]
    lines = pl.concat(parts).drop_nulls().unique(maintain_order=True)
    sizes = pl.len().over("by", "group")
    return lines.filter(sizes >= FEWEST_ROWS, sizes < frame.height)


def _group(found: Slice, name: dict[str, Any]) -> dict[str, Any]:
    return {
        "by": name["by"],
        "group": name["group"],
        "suspects": number(_turned(found.rate)),
        "rest": None if found.rest is None else rounded(1 - found.rest),
        "q": None if found.q is None else rounded(found.q),
        "state": _WORDS.get(found.state, found.state),
    }


def _turned(share: Estimate) -> Estimate:
    """One minus a share."""
    value, low, high = (
        None if end is None else 1 - end for end in (share.value, share.high, share.low)
    )
    return share._replace(value=value, low=low, high=high)
