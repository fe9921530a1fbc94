"""Every two raters by themselves: who agrees with whom, each with the items that both rated."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from prefkit.statistics.agreement import Scale, agreement
from prefkit.statistics.bootstrap import FEWEST_CLUSTERS, Estimate
from prefkit.statistics.raters import NOBODY, Ratings, one_each
from prefkit.statistics.shares import Coded

__all__ = ["MOST_PAIRS", "Met", "pairwise"]

MOST_PAIRS = 45
"""Ten people have so many: more is no table that anybody reads."""

Met = dict[tuple[int, int], dict[str, dict[str, Estimate]]]
"""By the numbers of two raters, the lower first, what `agreement` finds."""


def pairwise(
    ratings: Ratings,
    clusters: np.ndarray[Any, Any],
    scale: Scale,
    *,
    seed: int = 0,
    fewest: int = FEWEST_CLUSTERS,
) -> Met:
    """Percent, Cohen's kappa and Gwet's coefficient of every two identified raters.

    Of those who share at least `fewest` items; of more than `MOST_PAIRS` such pairs, those who
    share the most. `clusters` has one prompt cluster an item. Memory: a line for each meeting of
    two people on an item.

    Raises:
        ValueError: an answer is outside the scale, a rater rated an item twice, or there is not one
            cluster an item.
    """
    ratings.check(scale.categories)
    clusters = one_each(clusters, ratings)
    lines = pl.DataFrame(
        {"item": ratings.items, "one": ratings.raters, "said_one": ratings.codes}
    ).filter(pl.col("one") != NOBODY)
    others = lines.rename({"one": "other", "said_one": "said_other"})
    met = lines.join(others, on="item").filter(pl.col("one") < pl.col("other"))
    sizes = met.group_by("one", "other").len().filter(pl.col("len") >= fewest)
    chosen = sizes.sort(["len", "one", "other"], descending=[True, False, False]).head(MOST_PAIRS)
    kept = met.join(chosen.drop("len"), on=["one", "other"], how="semi")
    found: Met = {}
    for pair in kept.sort("one", "other", "item").partition_by("one", "other", maintain_order=True):
        known = np.ones(pair.height, dtype=bool)
        one, other = (
            Coded(pair[name].to_numpy().astype(np.int64), known)
            for name in ("said_one", "said_other")
        )
        key = (int(pair["one"][0]), int(pair["other"][0]))
        found[key] = agreement(one, other, clusters[pair["item"].to_numpy()], scale, seed=seed)
    return found
