"""Drift: the share that is right by when pairs were labelled, and by when they were reviewed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from prefkit.judging.numbers import number, rounded
from prefkit.reviews.results_votes import Ruling, Vote
from prefkit.schema.moments import UNKNOWN, moments
from prefkit.statistics.control import control_limits, outside
from prefkit.statistics.drift import drift

__all__ = ["Seen", "labelled_drift", "reviewed_drift"]

_MICROSECONDS = 1_000_000
_DAY = 86_400
_MOST_DAYS, _MOST_WEEKS = 14, 26


class Seen(NamedTuple):
    """A settled pair of the random sample: right or not, when (microseconds), prompt cluster."""

    right: bool
    at: int
    cluster: int


def labelled_drift(
    rulings: Sequence[Ruling], times: Mapping[int, int], clusters: Mapping[int, int]
) -> dict[str, Any]:
    """By when the last vote was cast that the label rests on; `times` by row."""
    seen = [
        Seen(one.outcome == "chosen", times.get(one.row, UNKNOWN), clusters[one.row])
        for one in rulings
        if one.outcome is not None
    ]
    return _periods(seen, {}, [], "no vote behind these pairs has a time")


def reviewed_drift(
    rulings: Sequence[Ruling], gold: Sequence[Vote], clusters: Mapping[int, int]
) -> dict[str, Any]:
    """By when each pair was last voted on, with new guidelines and the gold questions."""
    votes = [vote for one in rulings for vote in one.blind] + list(gold)
    when = _moments(votes)
    seen = [
        Seen(one.outcome == "chosen", max(when[vote.line.id] for vote in one.blind),
             clusters[one.row])
        for one in rulings
        if one.outcome is not None and one.blind
    ]  # fmt: skip
    answers = [(when[vote.line.id], vote.outcome == "chosen") for vote in gold]
    return _periods(seen, _new_guidelines(votes, when), answers, "no vote has a time")


def _moments(votes: Sequence[Vote]) -> dict[str, int]:
    written = pl.Series([vote.line.at for vote in votes], dtype=pl.String)
    found = moments(written).tolist()
    return {vote.line.id: at for vote, at in zip(votes, found, strict=True)}


def _new_guidelines(votes: Iterable[Vote], when: Mapping[str, int]) -> dict[str, int]:
    """When each version but the first was first voted by."""
    first: dict[str, int] = {}
    for vote in sorted(votes, key=lambda one: (when[one.line.id], one.line.id)):
        if vote.line.guideline is not None and when[vote.line.id] > UNKNOWN:
            first.setdefault(vote.line.guideline, when[vote.line.id])
    return dict(list(first.items())[1:])


def _periods(
    every: Sequence[Seen],
    events: Mapping[str, int],
    gold: Sequence[tuple[int, bool]],
    otherwise: str,
) -> dict[str, Any]:
    seen = [one for one in every if one.at > UNKNOWN]
    found: dict[str, Any] = {
        "unit": None, "centre": None, "points": [], "change": None, "trend_p": None,
        "without_time": len(every) - len(seen), "reason": None,
    }  # fmt: skip
    if not seen:
        return {**found, "reason": otherwise}
    unit = _unit([one.at for one in seen])
    centre = sum(one.right for one in seen) / len(seen)
    by: dict[str, list[bool]] = defaultdict(list)
    for one in seen:
        by[_period(one.at, unit)].append(one.right)
    names = sorted(by)
    # A period in which nothing was settled has no point: its mark stands at the next.
    marks = {
        name: next((one for one in names if one >= _period(at, unit)), names[-1])
        for name, at in events.items()
    }
    answers = [(_period(at, unit), right) for at, right in gold if at > UNKNOWN]
    points = [_point(name, by[name], centre, marks, answers) for name in names]
    trend = drift(
        np.array([one.right for one in seen], dtype=float),
        np.array([one.at for one in seen], dtype=np.int64),
        np.array([one.cluster for one in seen], dtype=np.int64),
    )
    return {
        **found,
        "unit": unit,
        "centre": rounded(centre),
        "points": points,
        "change": number(trend.change),
        "trend_p": None if trend.p is None else rounded(trend.p),
    }


def _point(
    name: str,
    right: Sequence[bool],
    centre: float,
    marks: Mapping[str, str],
    gold: Sequence[tuple[str, bool]],
) -> dict[str, Any]:
    limits = control_limits(centre, len(right))
    share = sum(right) / len(right)
    mine = [answer for period, answer in gold if period == name]
    return {
        "period": name,
        "pairs": len(right),
        "right": rounded(share),
        "lower": rounded(limits[0]),
        "upper": rounded(limits[1]),
        "outside": outside(share, limits),
        "events": [f"guideline {version}" for version, at in marks.items() if at == name],
        "gold": {"seen": len(mine), "right": sum(mine)},
    }


def _unit(at: Sequence[int]) -> str:
    """Days of a short review, weeks, months of a long collection: a few dozen points at most."""
    days = (max(at) - min(at)) // (_MICROSECONDS * _DAY)
    if days <= _MOST_DAYS:
        return "day"
    return "week" if days <= 7 * _MOST_WEEKS else "month"


def _period(at: int, unit: str) -> str:
    """The name of the period, which sorts by time."""
    day: date = datetime.fromtimestamp(at // _MICROSECONDS, UTC).date()
    if unit == "day":
        return day.isoformat()
    if unit == "month":
        return f"{day.year:04d}-{day.month:02d}"
    year, week, _ = day.isocalendar()
    return f"{year:04d}-W{week:02d}"
