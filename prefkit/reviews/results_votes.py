"""Which decisions count for what: blind votes on the sample, the lead's, and those about reviewers.

The headline number is made of blind votes on drawn pairs. Practice, gold questions, repeats,
targeted queues and whatever was said with the label in sight are counted apart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from prefkit.reviews.plan import Planned
from prefkit.reviews.settling import in_order
from prefkit.schema.decision_lines import Decision, Outcome, outcome_of

__all__ = [
    "OUTCOMES", "Ruling", "Sorted", "Vote", "headline_rows", "right_rows", "rulings", "sort_votes",
]  # fmt: skip

OUTCOMES = ("chosen", "rejected", "tie", "both_bad")
"""What a settled pair can be. A lead who drops a pair means that neither side is any good."""

_LATER = "answered again later"
_UNKNOWN = "pairs that are not in this review, or changed since"
_NO_SIDE = "which side was shown left is not known"


class Vote(NamedTuple):
    """A decision with what it says of the sides as the dataset calls them."""

    line: Decision
    outcome: Outcome

    @property
    def reviewer(self) -> str:
        """Who it was; a name that nobody gave is one name."""
        return self.line.reviewer or ""

    @property
    def pair(self) -> tuple[str, str]:
        """Its id and its content: a flipped pair is another one."""
        return self.line.pair, self.line.pair_sha256


class Sorted(NamedTuple):
    """Votes by what they are for, each in the order in which they were cast.

    `blind`, `lead` and `triage`: the last word of each reviewer on each pair of the sample or a
    queue. `repeats`, `gold` and `practice` say something about reviewers only. `excluded` counts
    what no headline number is made of, by reason.
    """

    blind: list[Vote]
    lead: list[Vote]
    triage: list[Vote]
    repeats: list[Vote]
    gold: list[Vote]
    practice: list[Vote]
    excluded: dict[str, int]


class Ruling(NamedTuple):
    """What the votes on one row come to; `outcome` null where that is not settled.

    More than half of the blind votes that decide settle it, else the lead does. A lead who
    looked again at a vote against the label alone does not change it: nobody looks again at the
    votes for it, and the number would rise by that.
    """

    row: int
    pair: str
    pair_sha256: str
    outcome: str | None
    blind: tuple[Vote, ...]
    lead: tuple[Vote, ...]

    @property
    def split(self) -> bool:
        """Whether reviewers said different things."""
        return len(self._said) > 1

    @property
    def outcome_of_all(self) -> str | None:
        """What all reviewers who decided say, null where they do not say one thing."""
        return next(iter(self._said)) if len(self._said) == 1 else None

    @property
    def _said(self) -> set[str]:
        return {vote.outcome for vote in self.blind if vote.outcome != "unsure"}


def sort_votes(planned: Planned, decisions: Iterable[Decision]) -> Sorted:
    """Sort the decisions of a review; what a later one supersedes is gone."""
    every = in_order(decisions)
    gone = {line.supersedes for line in every if line.supersedes is not None}
    drawn, queued = _pairs(planned.sample), _pairs(planned.queue)
    excluded: Counter[str] = Counter()
    found: dict[str, list[Vote]] = defaultdict(list)
    for line in every:
        if line.id in gone:
            continue
        if line.verdict in ("a", "b") and line.left is None:
            excluded[_NO_SIDE] += 1
            continue
        vote = Vote(line, outcome_of(line.verdict, line.left))
        use = _use(line)
        if use in ("blind", "lead", "triage") and vote.pair not in drawn | queued:
            excluded[_UNKNOWN] += 1
            continue
        found[use].append(vote)
        if use != "blind":
            excluded[use] += 1
        elif vote.pair not in drawn:
            excluded["targeted"] += 1
    last = {use: _last(found[use]) for use in ("blind", "lead", "triage")}
    excluded[_LATER] += len(found["blind"]) - len(last["blind"])
    return Sorted(
        **last, repeats=found["repeat"], gold=found["gold"], practice=found["practice"],
        excluded={why: count for why, count in sorted(excluded.items()) if count},
    )  # fmt: skip


def _pairs(lines: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    return {(line["pair"], line["pair_sha256"]) for line in lines}


def _use(line: Decision) -> str:
    if line.item != "pair":
        return line.item
    return {"blind": "blind", "adjudicate": "lead", "triage": "triage"}[line.role]


def _last(votes: Sequence[Vote]) -> list[Vote]:
    found: dict[tuple[str, tuple[str, str]], Vote] = {}
    for vote in votes:
        found.pop((vote.reviewer, vote.pair), None)
        found[vote.reviewer, vote.pair] = vote
    return list(found.values())


def rulings(planned: Planned, votes: Sorted) -> dict[int, Ruling]:
    """By row of the dataset: every pair of the sample and the queues that somebody voted on."""
    blind, lead = _by_pair(votes.blind), _by_pair(votes.lead)
    found = {}
    for line in (*planned.sample, *planned.queue):
        pair = (line["pair"], line["pair_sha256"])
        if pair in blind or pair in lead:
            mine, last = tuple(blind[pair]), tuple(lead[pair])
            found[line["row"]] = Ruling(line["row"], *pair, _outcome(mine, last), mine, last)
    return found


def _by_pair(votes: Iterable[Vote]) -> defaultdict[tuple[str, str], list[Vote]]:
    found: defaultdict[tuple[str, str], list[Vote]] = defaultdict(list)
    for vote in votes:
        found[vote.pair].append(vote)
    return found


def _outcome(blind: Sequence[Vote], lead: Sequence[Vote]) -> str | None:
    said = Counter(vote.outcome for vote in blind if vote.outcome != "unsure")
    for outcome, count in said.items():
        if 2 * count > said.total():
            return _settled(outcome)
    final = {vote.outcome for vote in lead if vote.outcome != "unsure"}
    return _settled(final.pop()) if len(final) == 1 and blind else None


def _settled(outcome: str) -> str:
    return "both_bad" if outcome == "drop" else outcome


def headline_rows(planned: Planned) -> list[int]:
    """The rows of the random sample that the headline number is made of, as drawn."""
    return [line["row"] for line in planned.sample if line["headline"]]


def right_rows(found: Mapping[int, Ruling], outcome: str = "chosen") -> dict[int, bool]:
    """By row that is settled, whether its outcome is this one."""
    return {row: one.outcome == outcome for row, one in found.items() if one.outcome is not None}
