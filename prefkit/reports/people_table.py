"""The named annotators of one criterion: what each does, and who is proven low."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from prefkit.judging.columns import floats
from prefkit.judging.numbers import number, rounded
from prefkit.schema.moments import moments
from prefkit.statistics.annotators import UNKNOWN, Annotator, Shown, annotators
from prefkit.statistics.consensus import NO_CONSENSUS, others_say
from prefkit.statistics.drift import Drift
from prefkit.statistics.multiplicity import benjamini_hochberg
from prefkit.statistics.raters import NOBODY, Ratings
from prefkit.statistics.slices import LEVEL, Slice, slices, worst_first

__all__ = ["annotator_table"]


def annotator_table(
    said: pl.DataFrame, ratings: Ratings, clusters: np.ndarray[Any, Any], *,
    names: Sequence[str], seed: int = 0,
) -> list[dict[str, Any]]:  # fmt: skip
    """A line a named person: proven low first, and never one for a small number of votes.

    `state` is that of `statistics.slices` for the agreement with what most of the others say, with
    `q` over all named people; `shrunken` is the agreement drawn to that of all. `drift.q` is over
    the same people.

    Args:
        said: as `judging.gold.people_on` gives them, one line a rating.
        ratings: the same lines.
        clusters: the prompt cluster of each item.
        names: the person of each number.
        seed: another seed gives other draws.
    """
    if not names:
        return []
    found = annotators(ratings, clusters, _shown(said), seed=seed)
    states = _states(ratings, clusters, len(names))
    drifts = [np.nan if one.drift.p is None else one.drift.p for one in found]
    drifted = dict(
        zip((one.rater for one in found), benjamini_hochberg(np.array(drifts)), strict=True)
    )
    each = {one.rater: one for one in found}
    return [
        _line(names[state.code], each[state.code], state, float(drifted[state.code]))
        for state in states
    ]


def _shown(said: pl.DataFrame) -> Shown:
    chose = pl.col("said")

    def chosen(side: str) -> pl.Expr:
        asked = (chose != 0) & (pl.col(side) != 0)
        return pl.when(asked).then((chose == pl.col(side)).cast(pl.Int64)).fill_null(UNKNOWN)

    told = said.select(first=chosen("first"), longer=chosen("longer"))
    return Shown(
        first=told["first"].to_numpy(),
        longer=told["longer"].to_numpy(),
        seconds=floats(said["seconds"]),
        at=moments(said["at"]),
    )


def _states(ratings: Ratings, clusters: np.ndarray[Any, Any], count: int) -> list[Slice]:
    others = others_say(ratings)
    held = (others != NO_CONSENSUS) & (ratings.raters != NOBODY)
    good = ratings.codes[held] == others[held]
    rows = np.arange(len(good))
    found = slices(good, rows, ratings.raters[held], clusters[ratings.items[held]], count)
    ordered = worst_first(found)
    counts = np.bincount(ratings.raters[ratings.raters != NOBODY], minlength=count)
    # Of those who say too little there is no worst one: the busiest come first.
    bare = [one for one in ordered if one.state == "not covered"]
    busiest = sorted(bare, key=lambda one: (-counts[one.code], one.code))
    return [one for one in ordered if one.state != "not covered"] + busiest


def _line(name: str, one: Annotator, state: Slice, drift_q: float) -> dict[str, Any]:
    return {
        "annotator": name,
        "n": one.n,
        "consensus": number(one.consensus),
        "rest": _told(state.rest),
        "shrunken": _told(state.shrunken),
        "p": _told(state.p),
        "q": _told(state.q),
        "state": state.state,
        "first": number(one.first),
        "longer": number(one.longer),
        "seconds": number(one.seconds),
        "drift": _drift(one.drift, drift_q),
    }


def _drift(found: Drift, q: float) -> dict[str, Any]:
    told = None if np.isnan(q) else rounded(q)
    return {
        "shares": [rounded(share) for share in found.shares],
        "sizes": list(found.sizes),
        "change": number(found.change),
        "p": _told(found.p),
        "q": told,
        "drifts": None if told is None else told < LEVEL,
    }


def _told(value: float | None) -> float | None:
    return None if value is None else rounded(value)
