"""What a judging run gave, counted on its way to the dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from prefkit.judging.protocol import Judged, Missing
from prefkit.judging.verdicts import UNANSWERED
from prefkit.schema.records import Vote

__all__ = ["Tally", "aside"]

_LATER = UNANSWERED | {"not_reached"}
"""Reasons of what another run would ask again."""


class Tally:
    """Counts of verdicts, of what failed, and of what was not asked or not answered."""

    def __init__(self) -> None:
        self.comparisons = self.judged = self.verdicts = 0
        self.outcomes: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        """Unreadable verdicts by reason."""
        self.unanswered: Counter[str] = Counter()
        """Judgements that the next run asks again, by reason."""
        self.not_asked: Counter[str] = Counter()
        self.unpaid: Counter[int] = Counter()
        """Not asked for want of money, by the number of the judge in its panel."""
        self.names: Counter[tuple[str | None, str | None]] = Counter()
        """Votes by the judge's name, as its provider tells it, and the rubric."""
        self.first: str | None = None
        """Why the first verdict that is missing or unreadable is."""
        self._pairs = self._readable = self._same = 0

    def add(self, several: Sequence[Judged]) -> None:
        """Count what every judge of a panel said of the next comparison."""
        self.comparisons += 1
        before = self.verdicts
        for number, one in enumerate(several):
            for vote in one.votes:
                self._count(vote)
            for missing in one.missing:
                self._miss(number, missing)
            self._compare(one.votes)
        self.judged += self.verdicts > before

    def _count(self, vote: Vote) -> None:
        self.outcomes[vote.outcome] += 1
        self.names[vote.by, vote.rubric] += 1
        if vote.outcome != "failed":
            self.verdicts += 1
            return
        said = orjson.loads(vote.raw or "{}")
        self.failed[said.get("reason", "unreadable")] += 1
        self.first = self.first or said.get("message")

    def _miss(self, number: int, missing: Missing) -> None:
        if missing.reason not in _LATER:
            self.not_asked[missing.reason] += 1
            return
        self.unanswered[missing.reason] += 1
        self.unpaid[number] += missing.reason == "budget"
        self.first = self.first or missing.detail

    def _compare(self, votes: Sequence[Vote]) -> None:
        said: dict[tuple[Any, ...], dict[int, int | None]] = {}
        for vote in votes:
            for first, second in _shown_together(vote):
                low, high = sorted((first, second))
                key = (vote.by, vote.rubric, vote.draw, low, high)
                said.setdefault(key, {})[first] = _better(vote, low, high)
        both = [tuple(one.values()) for one in said.values() if len(one) == 2]
        readable = [one for one in both if None not in one]
        self._pairs += len(both)
        self._readable += len(readable)
        self._same += sum(one == other for one, other in readable)

    def facts(self) -> dict[str, Any]:
        """The counts of a manifest."""
        return {
            "comparisons": self.comparisons,
            "judged": self.judged,
            "verdicts": self.verdicts,
            "outcomes": dict(sorted(self.outcomes.items())),
            "failed": dict(sorted(self.failed.items())),
            "unanswered": dict(sorted(self.unanswered.items())),
            "not_asked": dict(sorted(self.not_asked.items())),
            "both_orders": {
                "pairs": self._pairs,
                "readable": self._readable,
                "same": self._same,
            },
        }


def aside(name: str, spec: str, responses: Sequence[str], missing: Missing) -> dict[str, Any]:
    """The line of a judgement that gave no vote; `order` holds ids of responses, as in a vote."""
    order = missing.order
    return {
        "comparison": name,
        "judge": spec,
        "rubric": missing.rubric,
        "order": None if order is None else [responses[place] for place in order],
        "draw": missing.draw,
        "reason": missing.reason,
        "detail": missing.detail,
    }


def _shown_together(vote: Vote) -> Iterator[tuple[int, int]]:
    """Every two places of a vote's order, the one shown first before the other."""
    order = vote.order or ()
    for number, first in enumerate(order):
        for second in order[number + 1 :]:
            yield first, second


def _better(vote: Vote, low: int, high: int) -> int | None:
    """1: the lower place, -1: the higher, 0: neither; null for an unreadable verdict."""
    if vote.outcome == "failed":
        return None
    one, other = vote.scores[low], vote.scores[high]
    if one is None or other is None:
        return 0
    return (one > other) - (one < other)
