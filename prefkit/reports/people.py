"""How far people agree, criterion by criterion, and what each named person does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from prefkit.judging.gold import human_ceiling, people_on
from prefkit.judging.numbers import Number, number
from prefkit.reports.people_grades import graded_alike
from prefkit.reports.people_rankings import ranked_alike
from prefkit.reports.people_table import annotator_table
from prefkit.statistics.agreement import VERDICTS
from prefkit.statistics.fleiss import agreements
from prefkit.statistics.prediction import Ints
from prefkit.statistics.raters import NOBODY, Ratings

__all__ = ["people"]

_ITEM = ["comparison", "a", "b"]
_METRICS = ("nominal", "ordinal")

Ceilings = Mapping[str | None, Mapping[str, Number]]


def people(
    duels: pl.DataFrame, grades: pl.DataFrame, *, ceilings: Ceilings, seed: int = 0
) -> dict[str, Any]:
    """The agreement of people about each criterion, and a table of the named ones.

    `agreement` has, for each reading of a tie, `percent`, `fleiss`, `ac`, `alpha_nominal` and, with
    ties a class, `alpha_ordinal` (first side, tie, second side). Its `percent` is a mean over pairs
    of responses; `ceiling` is `judging.gold.human_ceiling`, whose percent is a mean over pairs of
    people, so that a pair with many votes counts for more.

    Args:
        duels: see `judging.duels`.
        grades: see `grade_shares.grades_in`.
        ceilings: those that the report has already, by criterion.
        seed: another seed gives other draws.
    """
    human = duels.filter(pl.col("kind") == "human")
    about = human["criterion"].unique().sort().to_list()
    graded = graded_alike(grades, seed=seed)
    return {
        "criteria": [
            _criterion(human, criterion, ceilings.get(criterion), seed) for criterion in about
        ],
        "grades": graded,
        "reason": None if about or graded else "no person has voted here",
    }


def _criterion(
    human: pl.DataFrame, criterion: str | None, ceiling: Mapping[str, Number] | None, seed: int
) -> dict[str, Any]:
    said = people_on(human, criterion)
    said = said.filter(pl.col("said").is_not_null())
    ratings, clusters, names = _ratings(said)
    found = agreements(ratings, clusters, VERDICTS, metrics=_METRICS, seed=seed)
    times = np.bincount(ratings.items, minlength=ratings.item_count)
    if ceiling is None:
        whole = human_ceiling(human, criterion, seed=seed)
        ceiling = {name: number(one) for name, one in whole.items()}
    return {
        "criterion": criterion,
        "pairs": ratings.item_count,
        "pairs_by_several": int((times > 1).sum()),
        "most_on_a_pair": int(times.max(initial=0)),
        "votes": len(ratings.items),
        "named": len(names),
        "votes_by_nobody_named": int((ratings.raters == NOBODY).sum()),
        "prompts": len(np.unique(clusters)),
        "agreement": {
            ties: {name: number(one) for name, one in numbers.items()}
            for ties, numbers in found.items()
        },
        "ceiling": dict(ceiling),
        "rankings": ranked_alike(human, criterion, seed=seed),
        "annotators": annotator_table(said, ratings, clusters, names=names, seed=seed),
    }


def _ratings(said: pl.DataFrame) -> tuple[Ratings, np.ndarray[Any, Any], Sequence[str]]:
    """The people of one criterion, the prompt cluster of each item, and the names by number."""
    items = said.select(*_ITEM, "cluster").unique(_ITEM, keep="first", maintain_order=True)
    items = items.sort(_ITEM).with_row_index("item")
    places = said.join(items.drop("cluster"), on=_ITEM, how="left", maintain_order="left")
    names: list[str] = said["judge"].drop_nulls().unique().sort().to_list()
    numbers = pl.DataFrame({"judge": names, "rater": range(len(names))}, schema=_NUMBERS)
    raters = said.join(numbers, on="judge", how="left", maintain_order="left")["rater"]
    ratings = Ratings(
        items=_ints(places["item"]),
        raters=_ints(raters.fill_null(NOBODY)),
        codes=_ints(said["said"]) + 1,
        item_count=items.height,
    )
    return ratings, items["cluster"].to_numpy(), names


_NUMBERS = {"judge": pl.String, "rater": pl.Int64}


def _ints(column: pl.Series) -> Ints:
    found: Ints = column.cast(pl.Int64).to_numpy()
    return found
