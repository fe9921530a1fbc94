"""Opposite labels on one pair and criterion: between people, in one person, between labels."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import polars as pl

from prefkit.judging.numbers import number
from prefkit.reports.contradiction_votes import (
    PAIR,
    Entry,
    Found,
    by_people,
    response_name,
    said_of,
    vote_of,
)
from prefkit.statistics.rates import rate

__all__ = ["opposite_labels"]

_BETWEEN = {
    "people": "two people",
    "one_person": "one person and themselves",
    "labels": "two labels",
    "people_and_labels": "most people and the label",
}
_AT_A_TIME = 1_000  # pairs that are Python values


def opposite_labels(duels: pl.DataFrame, *, seed: int = 0) -> Found:
    """Pairs on which one vote prefers one side and another vote the other side.

    `between` has, for each criterion and each of `_BETWEEN` that can differ somewhere, `pairs`
    (those that can: two people who both chose a side, two votes of one person, two labels, a
    majority beside an undivided label), `opposite` and its share. Ties contradict nothing. The same
    two responses to one prompt are one pair in whichever comparisons they stand.
    """
    lines = said_of(duels, ("human", "label"))
    pairs = _pairs(lines)
    between = [
        entry
        for criterion in pairs["criterion"].unique().sort().to_list()
        for entry in _shares(pairs, criterion, seed)
    ]
    worst = _worst(pairs)
    facts = {"found": len(worst), "between": between}
    return Found(facts, partial(_entries, worst, lines))


def _pairs(lines: pl.DataFrame) -> pl.DataFrame:
    """A line a pair: what can differ on it (`may_...`), and what does (`is_...`)."""
    people = by_people(lines)
    own = pl.col("judge").is_not_null() & (pl.col("for_low") + pl.col("for_high") >= 2)
    torn = own & (pl.min_horizontal("for_low", "for_high") > 0)
    heads = people.group_by(PAIR, maintain_order=True).agg(
        *_sides("people"), own.any().alias("may_one_person"), torn.any().alias("is_one_person")
    )
    labels = lines.filter(pl.col("kind") == "label")
    tags = labels.group_by(PAIR, maintain_order=True).agg(*_sides("labels"))
    both = heads.join(tags, on=PAIR, how="full", coalesce=True, nulls_equal=True)
    both = both.with_columns(pl.exclude(PAIR).fill_null(0))
    counts = ("people_low", "people_high", "labels_low", "labels_high")
    people_low, people_high, labels_low, labels_high = (pl.col(name) for name in counts)
    most, tag = (people_low - people_high).sign(), (labels_low - labels_high).sign()
    whole = pl.min_horizontal(labels_low, labels_high) == 0
    return both.with_columns(
        pl.col("may_one_person", "is_one_person").cast(pl.Boolean),
        may_people=people_low + people_high >= 2,
        is_people=pl.min_horizontal(people_low, people_high) > 0,
        may_labels=labels_low + labels_high >= 2,
        is_labels=pl.min_horizontal(labels_low, labels_high) > 0,
        may_people_and_labels=whole & (most * tag != 0),
        is_people_and_labels=whole & (most * tag < 0),
    ).sort(PAIR)


def _sides(name: str) -> list[pl.Expr]:
    sides = ((1, "low"), (-1, "high"))
    return [
        (pl.col("said") == side).sum().cast(pl.Int64).alias(f"{name}_{word}")
        for side, word in sides
    ]


def _shares(pairs: pl.DataFrame, criterion: str | None, seed: int) -> Iterator[dict[str, Any]]:
    mine = pairs.filter(pl.col("criterion").eq_missing(pl.lit(criterion, pl.String)))
    for name, said in _BETWEEN.items():
        there = mine.filter(pl.col(f"may_{name}"))
        if not len(there):
            continue
        opposite = there[f"is_{name}"]
        found = rate(opposite.cast(pl.Float64).to_numpy(), there["cluster"].to_numpy(), seed=seed)
        yield {
            "criterion": criterion,
            "between": name,
            "said": said,
            "pairs": len(there),
            "opposite": int(opposite.sum()),
            "share": number(found),
        }


def _worst(pairs: pl.DataFrame) -> pl.DataFrame:
    """The pairs with opposite labels: first who contradicts themselves, then the most even."""
    named = [f"is_{name}" for name in _BETWEEN]
    found = pairs.filter(pl.any_horizontal(named))
    low, high = (pl.col(f"people_{side}") + pl.col(f"labels_{side}") for side in ("low", "high"))
    return found.sort(
        ~pl.col("is_one_person"), -pl.min_horizontal(low, high), pl.max_horizontal(low, high),
        *PAIR, nulls_last=False,
    )  # fmt: skip


def _entries(worst: pl.DataFrame, lines: pl.DataFrame) -> Iterator[Entry]:
    for part in worst.iter_slices(_AT_A_TIME):
        keys = part.select(*PAIR).with_row_index("place")
        mine = lines.join(keys, on=PAIR, nulls_equal=True).sort("place", "line")
        groups = mine.partition_by("place", maintain_order=True)
        for key, votes in zip(part.iter_rows(named=True), groups, strict=True):
            yield {
                "kind": "opposite_labels",
                "criterion": key["criterion"],
                "between": [name for name in _BETWEEN if key[f"is_{name}"]],
                "responses": [response_name(key[side]) for side in ("low", "high")],
                "votes": [vote_of(line) for line in votes.iter_rows(named=True)],
            }
