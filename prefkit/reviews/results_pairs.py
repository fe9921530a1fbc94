"""Pairs that somebody must decide, the worst first, and what adjudication came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from prefkit.reviews.results_rows import RowFacts
from prefkit.reviews.results_votes import Ruling, Sorted, Vote
from prefkit.reviews.settling import settle

__all__ = ["adjudication", "to_decide"]

_ORDER = (
    "all reviewers against", "for adjudication", "one reviewer against", "both bad", "tie", "unsure"
)  # fmt: skip
_PROPOSED = {
    "rejected": "flip",
    "both_bad": "drop",
    "drop": "drop",
    "tie": "tie",
    None: "adjudicate",
}


def to_decide(
    found: Mapping[int, Ruling],
    votes: Sorted,
    facts: Mapping[int, RowFacts],
    headline: Iterable[int],
) -> list[dict[str, Any]]:
    """Every pair that not all reviewers called right, by how bad it is, then by low margin.

    `outcome` is what the headline counts; `proposed` what `prefkit apply` would do by majority.

    Args:
        found: as `rulings`.
        votes: as `sort_votes`; what was said with the label in sight counts for `proposed` alone.
        facts: of every row in `found`.
        headline: rows of the random sample; all others are targeted or of a top-up.
    """
    sampled = set(headline)
    triage: dict[tuple[str, str], list[Vote]] = {}
    for vote in votes.triage:
        triage.setdefault(vote.pair, []).append(vote)
    told = [
        (one, why, triage.get((one.pair, one.pair_sha256), []))
        for one in found.values()
        if (why := _why(one)) is not None
    ]
    told.sort(key=lambda each: _badness(each[0], each[1], facts))
    return [
        {
            "rank": rank,
            "pair": one.pair,
            "pair_sha256": one.pair_sha256,
            "row": one.row,
            "why": why,
            "outcome": one.outcome,
            **_settled(one, seen),
            "votes": [_vote(vote) for vote in (*one.blind, *one.lead, *seen)],
            "margin": facts[one.row].margin,
            "margin_kind": facts[one.row].margin_kind,
            "in_headline": one.row in sampled,
        }
        for rank, (one, why, seen) in enumerate(told, start=1)
    ]


def _why(one: Ruling) -> str | None:
    """What makes a pair one to decide; null where all that decide call it right."""
    said = Counter(vote.outcome for vote in one.blind if vote.outcome != "unsure")
    if not said:
        return "unsure" if one.blind else None
    if len(said) > 1:
        return "for adjudication"
    outcome = next(iter(said))
    if outcome == "rejected":
        return "all reviewers against" if said.total() > 1 else "one reviewer against"
    return {"tie": "tie", "both_bad": "both bad", "drop": "both bad"}.get(outcome)


def _badness(one: Ruling, why: str, facts: Mapping[int, RowFacts]) -> tuple[Any, ...]:
    margin = facts[one.row].margin
    return (_ORDER.index(why), margin is None, margin or 0.0, one.row)


def _settled(one: Ruling, seen: list[Vote]) -> dict[str, Any]:
    """What `apply` would make of it, by the same rule."""
    lines = [vote.line for vote in (*one.blind, *one.lead, *seen)]
    found = settle(lines, "majority")
    return {"proposed": _PROPOSED.get(found.outcome, "keep"), "settled_by": found.why}


def _vote(vote: Vote) -> dict[str, Any]:
    line = vote.line
    return {
        "reviewer": vote.reviewer,
        "role": line.role,
        "outcome": vote.outcome,
        "strength": line.strength,
        "reasons": list(line.reasons),
        "comment": line.comment,
    }


def adjudication(found: Mapping[int, Ruling]) -> dict[str, int]:
    """How many pairs went to the lead, and what the lead said of them.

    `disagreements`: reviewers said different things. `against`: all of them who decided were
    against the label. `decided` have one word of the lead: it `upheld` the label, `overturned` it
    (the other side is better), or `neither`. `open` wait for it, or for a second reviewer: the rule
    is that of `apply`.
    """
    against = sum(one.outcome_of_all not in ("chosen", None) for one in found.values())
    counts = Counter(_lead(one) for one in found.values())
    lines = [[vote.line for vote in (*one.blind, *one.lead)] for one in found.values()]
    return {
        "disagreements": sum(one.split for one in found.values()),
        "against": against,
        "decided": counts.total() - counts[None],
        "upheld": counts["chosen"],
        "overturned": counts["rejected"],
        "neither": counts["tie"] + counts["both_bad"] + counts["drop"],
        "open": sum(settle(each, "majority").outcome is None for each in lines),
    }


def _lead(one: Ruling) -> str | None:
    said = {vote.outcome for vote in one.lead if vote.outcome != "unsure"}
    return said.pop() if len(said) == 1 else None
