"""How far people agree on grades of single responses, scale by scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from prefkit.judging.numbers import number
from prefkit.schema.validate import scale_bounds
from prefkit.statistics.agreement import Scale
from prefkit.statistics.fleiss import MOST_CATEGORIES, agreements
from prefkit.statistics.ranks import Floats
from prefkit.statistics.raters import NOBODY, Ratings

__all__ = ["graded_alike"]

_ITEM = ["comparison", "place"]
_ORDERED = ("nominal", "ordinal", "interval")


def graded_alike(grades: pl.DataFrame, *, seed: int = 0) -> list[dict[str, Any]]:
    """Agreement of people on the grade of one response, for each criterion and scale.

    Grades of whole numbers are categories in their order, a disagreement weighed by the square of
    its distance (`fleiss`, `ac`); of others only alpha is told. One person grades a response once:
    the first of several counts. Responses with one grade are in no agreement.

    Args:
        grades: see `grade_shares.grades_in`; those of people are read.
        seed: another seed gives other draws.
    """
    # A strength is of a preference, and the other side's 0 is no grade.
    single = ~pl.col("scale").str.starts_with("strength")
    human = grades.filter(single & (pl.col("kind") == "human") & pl.col("grade").is_not_null())
    keys = ["criterion", "scale"]
    names = human.select(keys).unique().sort(keys).rows()
    found = []
    for criterion, scale in names:
        mine = human.filter(
            pl.col("criterion").eq_missing(pl.lit(criterion, pl.String)), pl.col("scale") == scale
        )
        found.append({"criterion": criterion, "scale": scale, **_agreed(mine, scale, seed)})
    return found


def _agreed(mine: pl.DataFrame, scale: str, seed: int) -> dict[str, Any]:
    mine = mine.with_row_index("line").with_columns(
        nobody=pl.when(pl.col("judge").is_null()).then("line")
    )
    mine = mine.unique([*_ITEM, "judge", "nobody"], keep="first", maintain_order=True)
    items = mine.unique(_ITEM, keep="first", maintain_order=True).sort(_ITEM)
    items = items.select(*_ITEM, "cluster").with_row_index("item")
    places = mine.join(items.drop("cluster"), on=_ITEM, how="left", maintain_order="left")["item"]
    raters = mine["judge"].rank("dense").cast(pl.Int64).fill_null(NOBODY + 1) - 1
    points = _points(mine["grade"].to_numpy(), scale)
    whole = points is not None
    points = np.unique(mine["grade"].to_numpy()) if points is None else points
    ratings = Ratings(
        items=places.cast(pl.Int64).to_numpy(),
        raters=raters.to_numpy(),
        codes=np.searchsorted(points, mine["grade"].to_numpy()),
        item_count=items.height,
        points=points,
    )
    weighed = Scale(len(points), scheme="quadratic" if whole else "none")
    metrics = _ORDERED if whole else ("interval",)
    clusters = items["cluster"].to_numpy()
    agreed = agreements(ratings, clusters, weighed, metrics=metrics, seed=seed)["class"]
    kept = agreed if whole else {"alpha_interval": agreed["alpha_interval"]}
    return {
        "responses": items.height,
        "responses_by_several": int((np.bincount(ratings.items) > 1).sum()),
        "grades": len(mine),
        "named": mine["judge"].n_unique() - int(mine["judge"].null_count() > 0),
        "agreement": {name: number(one) for name, one in kept.items()},
    }


def _points(grades: Floats, scale: str) -> Floats | None:
    """All points of a short scale of whole numbers; null of another one."""
    bounds = scale_bounds(scale)
    if bounds is None or bounds[1] - bounds[0] >= MOST_CATEGORIES:
        return None
    low, high = bounds
    steps = grades - low
    if not (steps == np.round(steps)).all():
        return None
    return np.arange(low, high + 1, dtype=np.float64)
