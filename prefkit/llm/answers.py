"""Whether an answer is what was asked for, whatever the server promised."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import orjson

from prefkit.llm.records import Failure, FailureKind, Reply, Request, Score
from prefkit.llm.schemas import check_schema

__all__ = ["check_schema", "checked", "checked_score", "kept_data"]

_SHOWN = 120  # characters of an answer in a message
_REFUSED = ("refusal", "content_filter")
_UNCHECKED = (RecursionError, ArithmeticError, re.error)
"""What a compiled schema can raise over an answer: too deep, numbers too large, a pattern that only
other engines know; and the errors of the validator itself, see `_unchecked`."""


def checked(request: Request, reply: Reply) -> Reply:
    """The reply with its validated `data`, or with the failure that says what is wrong with it.

    An answer that breaks the schema or the choices is kept as text: it was paid for, and it is
    evidence. Nothing that a model can write raises here.
    """
    if not request.choices and request.schema is None:
        return reply
    if reply.finish in _REFUSED:
        return _failed(reply, "invalid", f"the model refused ({reply.finish})")
    if request.choices:
        return _choice(request, reply)
    if reply.finish == "length":
        return _cut(request, reply)
    try:
        data = orjson.loads(reply.text or "")
    except orjson.JSONDecodeError:
        return _failed(reply, "invalid", f"no JSON: {_shown(reply.text)}")
    problem = _problem(request, data)
    if problem is not None:
        return _failed(reply, "invalid", problem)
    return kept_data(replace(reply, data=data))


def _problem(request: Request, data: object) -> str | None:
    """What breaks the schema, and where; null if nothing does."""
    assert request.schema is not None  # noqa: S101, RUF100
    try:
        problem = next(check_schema(request.schema).iter_errors(data), None)
        if problem is None:
            return None
        where = "/".join(map(str, problem.absolute_path)) or "the answer"
        return f"breaks the schema at {where}: {_shown(problem.message)}"
    except RecursionError:
        return "nested too deep to be held against the schema"
    except _unchecked() as error:
        return f"cannot be held against the schema: {_shown(str(error) or type(error).__name__)}"


def _unchecked() -> tuple[type[Exception], ...]:
    from jsonschema.exceptions import UndefinedTypeCheck, UnknownType
    from referencing.exceptions import Unresolvable

    return (*_UNCHECKED, Unresolvable, UnknownType, UndefinedTypeCheck)


def kept_data(reply: Reply) -> Reply:
    """The reply, without `data` that is nested deeper than the journal can write."""
    if reply.data is None:
        return reply
    try:
        orjson.dumps(reply.data)
    except TypeError as error:
        failed = _failed(reply, "invalid", f"JSON that cannot be kept: {_shown(str(error))}")
        return replace(failed, data=None)
    return reply


def checked_score(score: Score) -> Score:
    """The score, or its failure if its value is no finite number: nothing could be done with it."""
    if score.failure is not None or (score.value is not None and math.isfinite(score.value)):
        return score
    told = "there is no value" if score.value is None else f"the value is {score.value}"
    return replace(score, value=None, failure=Failure("invalid", f"no score: {told}"))


def _choice(request: Request, reply: Reply) -> Reply:
    word = _chosen(request.choices, reply.text or "")
    if word is None:
        if reply.finish == "length":
            return _cut(request, reply)
        return _failed(reply, "invalid", f"not one of the choices: {_shown(reply.text)}")
    if reply.finish == "length" and _may_go_on(request.choices, word):
        return _cut(request, reply)
    return replace(reply, text=word, data=word)


def _chosen(choices: Sequence[str], text: str) -> str | None:
    """The choice that a text is: letter by letter, or but for the blanks around it."""
    bare = text.strip()
    for word in (text, bare):
        if word in choices:
            return word
    alike = [choice for choice in choices if bare and choice.strip() == bare]
    return alike[0] if len(alike) == 1 else None


def _may_go_on(choices: Sequence[str], word: str) -> bool:
    """Whether it is also the beginning of another choice."""
    return any(other != word and other.strip().startswith(word.strip()) for other in choices)


def _cut(request: Request, reply: Reply) -> Reply:
    return _failed(reply, "cut", f"cut off after {request.max_tokens} tokens")


def _failed(reply: Reply, kind: FailureKind, message: str) -> Reply:
    return replace(reply, failure=Failure(kind, message))


def _shown(text: str | None) -> str:
    line = " ".join((text or "").split())
    return repr(line if len(line) <= _SHOWN else line[:_SHOWN] + "…")
