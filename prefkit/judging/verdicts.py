"""From a reply to a verdict; what is not exactly a verdict is a failed one, with its text kept."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn, get_args

from prefkit.judging.asking import USUAL, How, letters_of, schema_of
from prefkit.judging.first_token import FirstToken, first_token, goes_on
from prefkit.judging.rendering import names_of
from prefkit.judging.rubric import Rubric
from prefkit.judging.signs import visible
from prefkit.llm.records import PAID_FAILURES, FailureKind, Reply

__all__ = ["UNANSWERED", "Verdict", "read"]

UNANSWERED = frozenset(get_args(FailureKind)) - frozenset(PAID_FAILURES)
"""Failures of a reply for which the judge is not to blame: it never had its say.

What it is to blame for is a whole answer that breaks what was asked for.
"""

_ROUNDING = 1e-6  # of a mass that is a sum of exponentials
_TOLD_OFF = 1e-3  # of a total probability, as servers round: no less is left for what is not told
_SHOWN = 120  # characters of an answer in a message


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one reply says of the responses, in the order shown and in the terms of a vote."""

    outcome: str
    """scored, tie, both_good, both_bad; `failed`: unreadable; `infra`: there was no answer."""
    scores: tuple[float | None, ...]
    """One per response shown, higher is better; only nulls unless scored or tie."""
    scale: str
    label: str | None = None
    """What was said: a letter, an outcome, a grade, or ranks (`B > A = C`)."""
    rationale: str | None = None
    probability: float | None = None
    """By first token, of two: that the first shown is better, as 0 to 1 of the two letters."""
    logit: float | None = None
    """The log of its odds, natural. If one letter was not told, the nearest to 0 that it can be."""
    probabilities: Mapping[str, float] | None = None
    """By first token: of every allowed label, adding up to 1."""
    mass: float | None = None
    """By first token: the probability that was on allowed tokens; kept if it was too low."""
    expected: float | None = None
    """By first token, of a grade: the mean of the grades by their probabilities."""
    reason: str | None = None
    """Why it failed: a `FailureKind` of the reply, or no_answer, no_json, off_schema, refusal,
    no_logprobs, low_mass, unclear."""
    message: str | None = None
    """The same in words."""
    raw: str | None = None
    """The reply's text as it came; null if there was none."""


class _Unreadable(Exception):
    def __init__(self, reason: str, message: str, mass: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.mass = mass


def read(
    rubric: Rubric, reply: Reply, how: How = USUAL, *, responses: int | None = None
) -> Verdict:
    """The verdict in a reply; nothing that the server promised is taken for granted.

    Args:
        rubric: the rubric that was asked by.
        reply: the answer to what `asked` made.
        how: as it was asked.
        responses: how many were shown; may be left out unless it is a list.

    Raises:
        ConfigError: the rubric does not judge so many together, or has no such way.
    """
    count = responses or (1 if rubric.form == "pointwise" else 2)
    first = how.way == "first_token"
    names = tuple(letters_of(rubric, count)) if first else names_of(rubric, count)
    scale = "probability" if first and rubric.form == "pairwise" else rubric.vote_scale
    nothing = Verdict(outcome="failed", scores=(None,) * count, scale=scale, raw=reply.text)
    if reply.failure is not None:
        kind = reply.failure.kind
        return replace(
            nothing,
            outcome="infra" if kind in UNANSWERED else "failed",
            reason=kind,
            message=reply.failure.message,
        )
    try:
        _check_said(reply)
        if first:
            return _by_token(nothing, rubric, _first(reply, names, how.least_mass))
        return _by_fields(nothing, rubric, _fields(reply, schema_of(rubric, count)))
    except _Unreadable as error:
        return replace(nothing, reason=error.reason, message=str(error), mass=error.mass)


def _check_said(reply: Reply) -> None:
    if reply.finish in ("refusal", "content_filter"):
        raise _Unreadable("refusal", f"the model refused ({reply.finish})")
    if not (reply.text or "").strip():
        raise _Unreadable("no_answer", "the answer is empty")


def _fields(reply: Reply, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The object that the whole text is, each field of its kind and of its enumeration."""
    if reply.finish == "length":
        raise _Unreadable("cut", "the answer was cut off")
    try:
        data = json.loads(reply.text or "", object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise _Unreadable("no_json", f"no JSON ({error}): {_shown(reply.text)}") from error
    wanted = schema["properties"]
    if not isinstance(data, dict) or data.keys() != wanted.keys():
        raise _Unreadable("off_schema", f"not the fields asked for: {_shown(reply.text)}")
    for name, rule in wanted.items():
        if not _fits(data[name], rule):
            raise _Unreadable("off_schema", f"{name} is {_shown(json.dumps(data[name]))}")
    return data


def _fits(value: Any, rule: Mapping[str, Any]) -> bool:
    """Truth is no number and `5` in quotes is none, but 5.0 is 5: so says JSON Schema."""
    kinds = (str,) if rule["type"] == "string" else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool):
        return False
    return "enum" not in rule or value in rule["enum"]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field is given twice")
    return found


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _by_fields(nothing: Verdict, rubric: Rubric, data: Mapping[str, Any]) -> Verdict:
    given = replace(nothing, rationale=_encodable(data.get("rationale")))
    if rubric.form == "pairwise":
        return _said(given, data["verdict"])
    if rubric.form == "pointwise":
        grade = int(data["grade"])
        return replace(given, outcome="scored", scores=(float(grade),), label=str(grade))
    return _ranked(given, rubric, {name: data[name] for name in data if name != "rationale"})


def _said(given: Verdict, word: str) -> Verdict:
    if word in ("both_good", "both_bad"):
        return replace(given, outcome=word, label=word)
    if word == "tie":
        return replace(given, outcome="tie", scores=(0.5, 0.5), label=word)
    scores = (1.0, 0.0) if word == "A" else (0.0, 1.0)
    return replace(given, outcome="scored", scores=scores, label=word)


def _ranked(given: Verdict, rubric: Rubric, ranks: Mapping[str, float]) -> Verdict:
    """Scores are minus the rank, counted anew: 1 and the number of better ones."""
    if "tie" not in rubric.outcomes and len(set(ranks.values())) < len(ranks):
        raise _Unreadable("off_schema", "ranks are shared, which the rubric does not allow")
    counted = [1 + sum(other < rank for other in ranks.values()) for rank in ranks.values()]
    groups = [
        " = ".join(name for name, own in ranks.items() if own == rank)
        for rank in sorted(set(ranks.values()))
    ]
    return replace(
        given,
        outcome="tie" if len(groups) == 1 else "scored",
        scores=tuple(-float(rank) for rank in counted),
        label=" > ".join(groups),
    )


def _first(reply: Reply, letters: tuple[str, ...], least: float) -> FirstToken:
    """The letters of a reply whose probability is theirs, and which does not go on."""
    if not reply.tokens:
        raise _Unreadable("no_logprobs", "the reply has no log-probs")
    found = first_token(reply.tokens, letters)
    if found is None:
        raise _Unreadable("no_logprobs", "the reply's log-probs are none, or all blanks")
    if not found.logprobs or found.mass < least - _ROUNDING:
        message = f"the allowed tokens have {found.mass:.3g} of the probability, below {least:g}"
        raise _Unreadable("low_mass", message, found.mass)
    if goes_on(reply.text or "", letters):
        raise _Unreadable("unclear", f"a longer answer: {_shown(reply.text)}", found.mass)
    return found


def _by_token(nothing: Verdict, rubric: Rubric, found: FirstToken) -> Verdict:
    letters = letters_of(rubric, len(nothing.scores))
    whole = math.fsum(math.exp(value) for value in found.logprobs.values())
    shares = {
        word: math.exp(found.logprobs[letter]) / whole if letter in found.logprobs else 0.0
        for letter, word in letters.items()
    }
    word = max(shares, key=shares.__getitem__)
    given = replace(nothing, label=word, probabilities=shares, mass=found.mass)
    if rubric.form == "pointwise":
        mean = math.fsum(int(grade) * share for grade, share in shares.items())
        return replace(given, outcome="scored", scores=(float(word),), expected=mean)
    logit = _logit(found)
    if logit is not None:
        given = replace(given, logit=logit, probability=_sigmoid(logit))
    if word in ("both_good", "both_bad"):
        return replace(given, outcome=word)
    if word == "tie" or logit is None or logit == 0:
        return replace(given, outcome="tie", scores=(0.5, 0.5), label="tie")
    return replace(given, outcome="scored", scores=(_sigmoid(logit), _sigmoid(-logit)))


def _logit(found: FirstToken) -> float | None:
    """Log odds of A over B; null if neither was told."""
    told = found.logprobs
    if "A" not in told and "B" not in told:
        return None
    most = min(found.floor, math.log(max(1 - found.mass, _TOLD_OFF)))
    return told.get("A", most) - told.get("B", most)


def _sigmoid(logit: float) -> float:
    odds = math.exp(-abs(logit))
    return (1.0 if logit >= 0 else odds) / (1.0 + odds)


def _encodable(text: str | None) -> str | None:
    """A text that can be stored: half a character is shown by its number."""
    if text is None:
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        return visible(text)
    return text


def _shown(text: str | None) -> str:
    line = " ".join((text or "").split())
    return repr(line if len(line) <= _SHOWN else line[:_SHOWN] + "…")
