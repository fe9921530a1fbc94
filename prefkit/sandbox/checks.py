"""Tests that are code: they run in a second sandbox, and call the candidate through the parent.

The tester never holds the candidate's code nor the candidate the tests. A test is passed only by
the tester's own last message, which carries a number that the candidate cannot know.
"""

from __future__ import annotations

import secrets
from typing import Any

from prefkit.sandbox.cases import CheckCase, Judged
from prefkit.sandbox.inside.values import Opaque, ProtocolError, decode, encode
from prefkit.sandbox.session import Answer, Session
from prefkit.sandbox.worker import Worker

__all__ = ["judge_check"]

_FOREIGN = ("TypeError", "ValueError", "AttributeError", "IndexError", "KeyError")
_NUMBERS = ("ZeroDivisionError", "OverflowError", "ArithmeticError", "CandidateError")
_BY_AN_ANSWER = (*_FOREIGN, *_NUMBERS)
"""Errors of a test that an answer of a wrong kind can lead to; others are the test's own."""

_STAYING = (
    *("generator", "map", "filter", "zip", "deque", "range", "dict_values", "islice", "reversed"),
    *("enumerate", "chain", "accumulate", "product", "permutations", "combinations", "cycle"),
    *("list_iterator", "tuple_iterator", "list_reverseiterator", "str_ascii_iterator", "repeat"),
    *("function", "builtin_function_or_method", "method", "partial", "type", "coroutine"),
    *("async_generator", "date", "datetime", "time", "timedelta", "array", "ndarray", "UUID"),
)
"""Kinds that a test could have used, had they not had to cross a wall."""


def judge_check(case: CheckCase, candidate: Session, tester: Worker) -> Judged:
    """Run the tests once in `tester`, handing its calls to the candidate.

    Raises:
        SandboxError: no sandbox could be started for the tests.
    """
    nonce = secrets.token_hex(16)
    line = _Line(candidate)
    request = {
        "tests": case.source,
        "nonce": nonce,
        "entry": case.entry_point,
        "names": list(case.names),
        "modules": list(case.modules),
        "prelude": case.prelude,
        "calls": case.calls,
    }
    with tester.open_tester(request) as tests:
        if tests.loaded.kind != "value":
            return Judged("infra", f"the tester did not start: {tests.loaded.error}")
        message: dict[str, Any] = {"go": True}
        while True:
            frame = tests.exchange(message, tester.limits.total_s)
            if isinstance(frame, Answer):
                return Judged("infra", f"the tests: {frame.kind} {frame.error}", line.waited)
            if "ended" in frame:
                return _ended(frame, nonce, line)
            try:
                message = line.relayed(frame["ask"])
            except (ProtocolError, KeyError, TypeError, ValueError) as error:
                return Judged("infra", f"the tests ask in no known form: {error}", line.waited)
            if candidate.over is not None:
                over = candidate.over
                kind = "error" if over.kind == "value" else over.kind
                return Judged(kind, over.error, line.waited)


class _Line:
    """Calls on their way to the candidate, and answers on their way back."""

    def __init__(self, candidate: Session) -> None:
        self.candidate = candidate
        self.waited = 0.0
        self.opaque: list[str] = []

    def relayed(self, asked: Any) -> dict[str, Any]:
        """The answer to one call, in the form in which the tester takes it.

        Raises:
            ValueError: the tests hand over what is no plain value.
        """
        name, arguments, keywords = asked
        given = [decode(one) for one in arguments]
        named = {key: decode(one) for key, one in keywords.items()}
        foreign = [kind for one in (*given, *named.values()) for kind in _opaque(one)]
        if foreign:
            raise ValueError(f"they hand over a {foreign[0]}, which is no plain value")
        answer = self.candidate.call(name, given, named)
        self.waited += answer.wall_s
        if answer.kind == "value":
            self.opaque += _opaque(answer.value)
            return {"value": encode(answer.value)}
        kind, _, text = answer.error.partition(": ")
        return {"error": [kind, text]}


def _opaque(value: Any) -> list[str]:
    """The kinds of all that is no plain value in a value."""
    if isinstance(value, Opaque):
        return [value.kind]
    if isinstance(value, dict):
        return [kind for pair in value.items() for one in pair for kind in _opaque(one)]
    if isinstance(value, list | tuple | set | frozenset):
        return [kind for one in value for kind in _opaque(one)]
    return []


def _ended(frame: dict[str, Any], nonce: str, line: _Line) -> Judged:
    how, text, asked = frame.get("how"), str(frame.get("text", ""))[:500], frame.get("asked")
    if frame["ended"] != nonce:
        return Judged("infra", "the tests ended without the number that they were given")
    if how == "passed":
        if asked:
            return Judged("pass", "", line.waited)
        return Judged("infra", "the tests passed without a call of the candidate")
    if how == "raised":
        return Judged("error", text, line.waited)
    staying = [kind for kind in line.opaque if kind in _STAYING]
    if staying:
        return Judged("unsure", f"the answer is a {staying[0]}, which cannot cross", line.waited)
    if how == "failed" or (asked and text.partition(":")[0] in _BY_AN_ANSWER):
        return Judged("wrong", text, line.waited)
    return Judged("infra", f"the tests themselves broke: {text}", line.waited)
