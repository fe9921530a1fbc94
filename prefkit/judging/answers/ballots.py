"""What a checker said of the responses of one comparison, as a vote."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import orjson

from prefkit.judging.answers.checking import Checked, Checker
from prefkit.schema.records import Source, Vote, to_json
from prefkit.step import name_of

__all__ = ["CRITERION", "Cast", "Unjudged", "label_of", "vote_of"]

CRITERION = "correctness"
"""What votes of checkers are about."""


class Unjudged(NamedTuple):
    """A response that the vote says nothing of."""

    place: int
    """Its position in `Comparison.responses`."""
    reason: str


class Cast(NamedTuple):
    """The vote of one checker on one comparison, and what it leaves out."""

    vote: Vote | None
    """Null if nothing could be told of any response."""
    unjudged: tuple[Unjudged, ...]


def label_of(checker: Checker) -> str:
    """`NAME:HASH`, the first 12 digits of the sha256 of its options."""
    name = name_of(checker)
    told = orjson.dumps([name, checker.told()], option=orjson.OPT_SORT_KEYS)
    return f"{name}:{hashlib.sha256(told).hexdigest()[:12]}"


def vote_of(
    checker: Checker, checked: Sequence[Checked], source: Source, *, by: str | None = None
) -> Cast:
    """One vote of kind `rule` on the scale `pass_share`: 1 right, 0 wrong, null unsure.

    Args:
        checker: who checked; its name and the hash of its options stand as the rubric.
        checked: what it said, in the order of `Comparison.responses`.
        source: the run and the record that it was cast in.
        by: who is named; null = `rule:NAME`. With a judge, the judge as its own votes name it.
    """
    unjudged = tuple(
        Unjudged(place, one.reason) for place, one in enumerate(checked) if one.outcome == "unsure"
    )
    if len(unjudged) == len(checked):
        return Cast(None, unjudged)
    scores = {"right": 1.0, "wrong": 0.0, "unsure": None}
    vote = Vote(
        kind="rule",
        outcome="scored",
        scores=tuple(scores[one.outcome] for one in checked),
        scale="pass_share",
        source=source,
        by=by or f"rule:{name_of(checker)}",
        labels=tuple(one.outcome for one in checked),
        trials=tuple(None if one.outcome == "unsure" else 1 for one in checked),
        criterion=CRITERION,
        rubric=label_of(checker),
        raw=to_json([one._asdict() for one in checked]),
    )
    return Cast(vote, unjudged)
