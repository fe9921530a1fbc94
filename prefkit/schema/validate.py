"""Validation at the border: what a comparison must hold before it is stored."""

from __future__ import annotations

import math
import re
from functools import cache, lru_cache

from prefkit.errors import SchemaError
from prefkit.schema.records import KINDS, OUTCOMES, Comparison, Message, Vote

__all__ = ["check_comparison", "check_vote", "scale_bounds"]

_SCALE = re.compile(r"[a-z][a-z0-9_]*(?::(-?\d+(?:\.\d+)?)-(-?\d+(?:\.\d+)?))?")
_BOUNDS = {
    "choice": (0.0, 1.0),
    "probability": (0.0, 1.0),
    "thumbs": (0.0, 1.0),
    "pass_share": (0.0, 1.0),
}


def check_comparison(comparison: Comparison) -> None:
    """Check one record against docs/design.md, section 3.

    Raises:
        SchemaError: the message names the part, the value and the rule.
    """
    if not comparison.responses:
        raise SchemaError("a comparison needs at least one response")
    _check_messages(comparison.prompt, "prompt")
    for number, response in enumerate(comparison.responses):
        if not response.messages:
            raise SchemaError(f"response {number} has no messages")
        _check_messages(response.messages, f"response {number}")
    for number, vote in enumerate(comparison.votes):
        try:
            check_vote(vote, len(comparison.responses))
        except SchemaError as error:
            raise SchemaError(f"vote {number} ({vote.source.record}): {error}") from error


@cache
def scale_bounds(scale: str) -> tuple[float, float] | None:
    """Lowest and highest score a scale allows, null where it is open.

    Raises:
        SchemaError: the scale is not `NAME` or `NAME:LOW-HIGH`.
    """
    match = _SCALE.fullmatch(scale)
    if match is None:
        raise SchemaError(f"scale {scale!r} is not NAME or NAME:LOW-HIGH (for example rating:1-5)")
    if match[1] is None:
        return _BOUNDS.get(scale)
    low, high = float(match[1]), float(match[2])
    if low >= high:
        raise SchemaError(f"scale {scale!r} has its ends in the wrong order")
    return low, high


def _check_messages(messages: tuple[Message, ...], where: str) -> None:
    for turn, message in enumerate(messages):
        role: object = message[0]  # what a source holds, whatever the record promises
        content: object = message[1]
        if not isinstance(role, str) or not role:
            raise SchemaError(f"{where}, turn {turn}: the role is {role!r}, not a name")
        if content is not None and not isinstance(content, str):
            kind = type(content).__name__
            raise SchemaError(f"{where}, turn {turn}: the content is {kind}, not text")


def check_vote(vote: Vote, responses: int) -> None:
    """Check one vote on a number of responses.

    Raises:
        SchemaError: the message names the part, the value and the rule.
    """
    _check_judgement(vote.kind, vote.outcome, vote.scores, vote.scale)
    if vote.outcome in ("both_good", "both_bad") and responses < 2:
        raise SchemaError(f"outcome {vote.outcome} needs two or more responses, not {responses}")
    for name, values in (("scores", vote.scores), ("labels", vote.labels), ("trials", vote.trials)):
        if values is not None and len(values) != responses:
            raise SchemaError(f"{len(values)} {name} for {responses} responses")
    if vote.order is not None and (
        len(set(vote.order)) != len(vote.order) or not set(vote.order) <= set(range(responses))
    ):
        raise SchemaError(f"the order shown {list(vote.order)} does not name each response once")
    for name, value in (("seconds", vote.seconds), ("cost_usd", vote.cost_usd)):
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise SchemaError(f"{name} is {value}, not a number from 0 upwards")


@lru_cache(maxsize=4096)
def _check_judgement(kind: str, outcome: str, scores: tuple[float | None, ...], scale: str) -> None:
    """Kind, outcome, scores and scale together: a few combinations make up most of a file."""
    if kind not in KINDS:
        raise SchemaError(f"kind {kind!r} is not one of {', '.join(KINDS)}")
    if outcome not in OUTCOMES:
        raise SchemaError(f"outcome {outcome!r} is not one of {', '.join(OUTCOMES)}")
    _check_scores(outcome, scores, scale)


def _check_scores(outcome: str, scores: tuple[float | None, ...], scale: str) -> None:
    given = [score for score in scores if score is not None]
    if outcome not in ("scored", "tie"):
        if given:
            raise SchemaError(f"outcome {outcome} carries scores {given}; it must have none")
        return
    bounds = scale_bounds(scale)
    for score in given:
        if not math.isfinite(score):
            raise SchemaError(f"score {score} is not a finite number")
        if bounds and not bounds[0] <= score <= bounds[1]:
            raise SchemaError(f"score {score} is outside the scale {scale}")
    if outcome == "scored" and not given:
        raise SchemaError("outcome scored needs at least one score")
    if outcome == "tie" and (len(given) < 2 or len(set(given)) > 1):
        raise SchemaError(f"outcome tie needs two or more equal scores, not {given}")
