"""What people said of a pair: the gold that a judge is held to, and how far people agree.

One person counts once on a pair: several votes of one (draws, a second look) are that person's own
majority, and a person without one says nothing. Nobody named is somebody else every time. Gold is
what more than half of the people on a pair say, of a, tie and b; a pair without such a majority is
no gold, and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from prefkit.judging.duel_names import JUDGED_BY, JudgeName
from prefkit.statistics.agreement import TIES, VERDICTS, agreement, implied_error
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.shares import Coded

__all__ = [
    "HUMAN",
    "Gold",
    "GoldKind",
    "gold_about",
    "gold_for",
    "gold_of",
    "head_counts",
    "human_ceiling",
    "people_on",
]

GoldKind = Literal["human", "label"]

_PAIR = ("comparison", "a", "b")
_KEPT = (*_PAIR, "verdict", "votes", "agreeing")
HUMAN = ("human",)
_MOST_PEOPLE = 50  # on one pair: 2,450 rows of it


@dataclass(frozen=True, kw_only=True)
class Gold:
    """The gold for one judge; `kind` null means that there is none: the judge is uncalibrated."""

    frame: pl.DataFrame
    """As `gold_of`: comparison, a, b, verdict, votes, agreeing."""

    criterion: str | None = None
    """What it is about; null = overall, and where there is none."""

    kind: GoldKind | None = None
    said: str
    """Where it comes from, in words."""

    left_out: Mapping[str, int] = field(default_factory=dict)
    """Pairs with votes and no gold, by reason."""


def gold_of(
    duels: pl.DataFrame, criterion: str | None, *, kinds: Sequence[str] = HUMAN
) -> pl.DataFrame:
    """The majority of each pair about one criterion (null = overall).

    Columns: comparison, a, b, verdict (1 for a, 0 for a tie, both good or both bad, -1 for b),
    votes (people, not their votes) and agreeing (how many of them say it).
    """
    return _with_majority(head_counts(duels, criterion, kinds))


def gold_about(duels: pl.DataFrame, kind: GoldKind, criterion: str | None) -> Gold:
    """All gold of one kind about one criterion, whoever judged the same pairs."""
    counted = head_counts(duels, criterion, (kind,))
    return Gold(
        frame=_with_majority(counted), criterion=criterion, kind=kind, said=kind,
        left_out=_left_out(counted),
    )  # fmt: skip


def gold_for(duels: pl.DataFrame, judge: JudgeName) -> Gold:
    """The gold for a judge, from all duels of a dataset.

    People about the judge's own criterion, else people about the whole, else labels (already
    aggregated elsewhere) in the same order: the first of these that has a pair which the judge
    was shown. Labels are gold only where people give none.
    """
    mine = _judged_by(duels, judge)
    for kind, criterion in _wishes(judge):
        found = gold_about(duels, kind, criterion)
        met = found.frame.join(mine, on=list(_PAIR), how="semi").height
        if met:
            return replace(found, said=_said(kind, criterion, judge.criterion, met))
    return Gold(
        frame=gold_of(duels.clear(), None), said="no person and no label on any pair it judged"
    )


def _wishes(judge: JudgeName) -> Iterator[tuple[GoldKind, str | None]]:
    kinds: tuple[GoldKind, ...] = ("human", "label")
    criteria = [judge.criterion, None] if judge.criterion is not None else [None]
    return ((kind, criterion) for kind in kinds for criterion in criteria)


def _judged_by(duels: pl.DataFrame, judge: JudgeName) -> pl.DataFrame:
    unnamed = pl.lit(value=True) if judge.by is not None else pl.col("file") == judge.file
    whose = [
        pl.col(name).eq_missing(pl.lit(value, pl.String))
        for name, value in (
            ("judge", judge.by),
            ("rubric", judge.rubric),
            ("criterion", judge.criterion),
        )
    ]
    mine = duels.filter(pl.col("kind").is_in(list(JUDGED_BY)), unnamed, *whose)
    return mine.select(_PAIR).unique()


def _said(kind: str, criterion: str | None, wanted: str | None, met: int) -> str:
    who = "people" if kind == "human" else "labels (no person voted on a pair it judged)"
    about = "overall" if criterion is None else f"about {criterion}"
    less = f" (none about {wanted})" if criterion != wanted else ""
    return f"{who}, {about}{less}, on {met} pairs that it judged"


def people_on(
    duels: pl.DataFrame, criterion: str | None, kinds: Sequence[str] = HUMAN
) -> pl.DataFrame:
    """One line a person and pair, in the order of the duels.

    Columns: comparison, a, b, cluster, longer, judge, said (their majority, null if they have
    none), first (null where their votes were shown in both orders), seconds (of all their votes)
    and at (of the first of them).
    """
    lines = duels.with_row_index("line").filter(
        pl.col("kind").is_in(list(kinds)),
        pl.col("criterion").eq_missing(pl.lit(criterion, pl.String)),
        pl.col("verdict").is_not_null(),
    )
    lines = lines.with_columns(nobody=pl.when(pl.col("judge").is_null()).then("line"))
    grouped = lines.group_by(*_PAIR, "kind", "judge", "nobody", maintain_order=True)
    first, seconds = pl.col("first"), pl.col("seconds")
    return grouped.agg(
        pl.col("cluster", "longer", "at").first(),
        pl.when(first.n_unique() == 1).then(first.first()).alias("first"),
        pl.when(seconds.count() > 0).then(seconds.sum()).alias("seconds"),
        *_tally("verdict"),
        pl.len().alias("n"),
    ).select(
        *_PAIR, "cluster", "longer", "judge", "first", "seconds", "at", said=_most("n")
    )  # fmt: skip


def _tally(column: str) -> list[pl.Expr]:
    names = ((1, "for_a"), (0, "ties"), (-1, "for_b"))
    return [(pl.col(column) == code).sum().cast(pl.Int64).alias(name) for code, name in names]


def _most(total: str) -> pl.Expr:
    """The class of more than half, null where there is none."""
    return (
        pl.when(2 * pl.col("for_a") > pl.col(total)).then(1)
        .when(2 * pl.col("for_b") > pl.col(total)).then(-1)
        .when(2 * pl.col("ties") > pl.col(total)).then(0)
        .cast(pl.Int8)
    )  # fmt: skip


def head_counts(
    duels: pl.DataFrame, criterion: str | None, kinds: Sequence[str] = HUMAN
) -> pl.DataFrame:
    """All pairs with a readable vote, and how many people say what.

    Columns: comparison, a, b, for_a, ties, for_b, votes (people with a majority of their own) and
    verdict (null = no majority).
    """
    people = people_on(duels, criterion, kinds)
    heads = people.group_by(*_PAIR, maintain_order=True).agg(
        *_tally("said"), pl.col("said").count().cast(pl.Int64).alias("votes")
    )
    return heads.with_columns(verdict=_most("votes"))


def _with_majority(counted: pl.DataFrame) -> pl.DataFrame:
    agreeing = (
        pl.when(pl.col("verdict") == 1).then("for_a")
        .when(pl.col("verdict") == -1).then("for_b")
        .otherwise("ties")
    )  # fmt: skip
    found = counted.filter(pl.col("verdict").is_not_null()).with_columns(agreeing=agreeing)
    return found.select(_KEPT).sort(_PAIR)


def _left_out(counted: pl.DataFrame) -> dict[str, int]:
    none = counted.filter(pl.col("verdict").is_null())
    split = none.filter(pl.col("votes") > 0).height
    reasons = {"split: nothing has more than half": split}
    reasons["nobody agrees with themselves"] = none.height - split
    return {reason: count for reason, count in reasons.items() if count}


class _Meetings(NamedTuple):
    """Every two people on a pair, in both directions."""

    one: Coded
    other: Coded
    clusters: np.ndarray[tuple[int], np.dtype[np.uint64]]


def human_ceiling(
    duels: pl.DataFrame,
    criterion: str | None,
    *,
    kinds: Sequence[str] = HUMAN,
    seed: int = 0,
) -> dict[str, Estimate]:
    """How far two people agree on the same pair, and the most that a judge can agree with one.

    Keys: `class.percent`, `class.kappa`, `class.ac` and the same of `dropped` and `half` (the
    readings of a tie in `statistics.agreement`), and `ceiling`: one minus the error that the
    agreement without ties implies for a single person. A majority of several errs less than one
    person, so a judge may pass the ceiling against such gold.

    Every two people on a pair are counted in both directions, so that no number depends on who
    comes first; kappa then takes the pooled habits of all people for chance (as Scott and Fleiss
    do). Sides are as stored, by digest, so by chance. `n` is the pairs of people; intervals draw
    prompt clusters. Of more than 50 people on one pair 50 are drawn by the seed. Where no two
    people judged one pair, every number says so.
    """
    people = people_on(duels, criterion, kinds).filter(pl.col("said").is_not_null())
    met = _meetings(people, seed)
    if not len(met.clusters):
        reason = "no two people judged the same pair"
        none = Estimate(None, None, None, 0, 0, reason)
        names = (f"{ties}.{name}" for ties in TIES for name in ("percent", "kappa", "ac"))
        return dict.fromkeys((*names, "ceiling"), none)
    found = agreement(met.one, met.other, met.clusters, VERDICTS, seed=seed)
    flat = {
        f"{ties}.{name}": each._replace(n=each.n // 2)
        for ties, numbers in found.items()
        for name, each in numbers.items()
    }
    return {**flat, "ceiling": _ceiling(flat["dropped.percent"])}


def _meetings(people: pl.DataFrame, seed: int) -> _Meetings:
    """Every two people of a pair: quadratic in the people on one pair, so these are limited."""
    turn = pl.int_range(pl.len()).shuffle(seed).over(_PAIR)
    numbered = people.filter(turn < _MOST_PEOPLE).with_row_index("person")
    other = numbered.select(*_PAIR, other="person", said_other="said")
    both = numbered.join(other, on=list(_PAIR)).filter(pl.col("person") != pl.col("other"))
    both = both.sort("person", "other")
    codes = [both[name].to_numpy().astype(np.int64) + 1 for name in ("said", "said_other")]
    known = np.ones(both.height, dtype=bool)
    return _Meetings(Coded(codes[0], known), Coded(codes[1], known), both["cluster"].to_numpy())


def _ceiling(agreed: Estimate) -> Estimate:
    """One minus the implied error, which rises with the agreement: so do its ends."""
    ends = [
        None if end is None or end < 0.5 else 1 - implied_error(min(end, 1.0))
        for end in (agreed.value, agreed.low, agreed.high)
    ]
    value, low, high = ends
    if agreed.value is not None and value is None:
        reason = "people agree less than half of the time: no error of theirs explains it"
        return agreed._replace(value=None, low=None, high=None, reason=reason)
    if value is not None and high is not None and low is None:
        low = 0.5  # of agreement below one half, the most error that there is
    return agreed._replace(value=value, low=low, high=high)
