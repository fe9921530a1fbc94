"""Where to cut: the share that is right, and the pairs that are kept, above each cut-off."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from prefkit.judging.numbers import number, rounded
from prefkit.statistics.slices import FEWEST_ROWS
from prefkit.statistics.weighted import weighted_share

__all__ = ["cut_offs"]

_POINTS = 10


def cut_offs(
    margins: pl.DataFrame, right: Mapping[int, bool], weights: Mapping[int, float]
) -> list[dict[str, Any]]:
    """A table for each column and kind of margin that enough settled pairs have.

    Cut-offs are at tenths of all pairs of that kind, in six digits. The same sample proposes a
    cut and measures it, so the best of them looks better than it is.

    Args:
        margins: as `margins_of`.
        right: by row of the random sample, whether it is right.
        weights: by row, how many pairs it stands for.
    """
    looked = pl.DataFrame(
        {"row": list(right), "good": list(right.values()), "weight": [weights[r] for r in right]},
        schema={"row": pl.Int64, "good": pl.Boolean, "weight": pl.Float64},
    )
    found = []
    for key, every in sorted(
        margins.partition_by("column", "kind", as_dict=True).items(), key=lambda one: str(one[0])
    ):
        seen = every.join(looked, on="row").sort("row")
        if seen.height >= FEWEST_ROWS and every["value"].n_unique() > 1:
            found.append(
                {
                    "column": key[0],
                    "margin_kind": key[1],
                    "pairs": every.height,
                    "looked_at": seen.height,
                    "points": _points(every["value"].to_numpy(), seen),
                    "too_rosy": True,
                }
            )
    return found


def _points(values: np.ndarray[Any, Any], seen: pl.DataFrame) -> list[dict[str, Any]]:
    tenths = np.quantile(values, np.arange(_POINTS) / _POINTS, method="lower")
    points = []
    for value in sorted({_below(float(one)) for one in tenths}):
        above = seen.filter(pl.col("value") >= value)
        if above.height < FEWEST_ROWS:
            break
        kept = int((values >= value).sum())
        share = weighted_share(above["good"].to_numpy(), above["weight"].to_numpy())
        points.append(
            {
                "at": value,
                "right": number(share),
                "kept": rounded(kept / len(values)),
                "kept_pairs": kept,
            }
        )
    return points


def _below(value: float) -> float:
    """A cut-off that can be read: six digits, and never above the value itself."""
    found = rounded(value)
    if found > value:
        found = rounded(found - 10.0 ** (math.floor(math.log10(abs(found))) - 5))
    return found
