"""What is asked of a candidate, one case for each test, and whether its answer is right."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from prefkit.sandbox.asserts import AssertCase
from prefkit.sandbox.expressions import NotPure, TooMuch, check_hashes, evaluated
from prefkit.sandbox.session import Answer, Session
from prefkit.sandbox.tasks import Pair, Program

__all__ = ["Case", "CheckCase", "Judged", "Verdict", "alike", "judge_assert", "judge_pair"]

Verdict = Literal[
    "pass", "wrong", "error", "timeout", "crash", "oversize", "protocol", "infra", "unsure"
]
"""Of one test. `infra` and `unsure` say nothing about the candidate."""

_RELATIVE = 1e-7  # beside a tolerance, as EvalPlus allows it


class Judged(NamedTuple):
    """One test of one candidate."""

    verdict: Verdict
    note: str = ""
    """Why it is no pass."""
    wall_s: float = 0.0
    """Spent waiting for the candidate, by the parent's clock."""


@dataclass(frozen=True, slots=True)
class CheckCase:
    """Tests that run in a sandbox of their own."""

    source: str
    entry_point: str
    names: tuple[str, ...] = ()
    """Beside the entry point, what the tests take from the candidate."""
    modules: tuple[str, ...] = ()
    """Of the standard library, which the tests use without an import."""
    prelude: str = ""
    """Helpers that the prompt defines, and that the tests use."""
    calls: bool = True
    """Whether `check` has still to be called once the source has run."""


Case = AssertCase | Pair | CheckCase | Program


class _NoAnswer(Exception):
    """The candidate gave no value."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


def judge_assert(case: AssertCase, candidate: Session) -> Judged:
    """Ask the candidate for its parts of the condition, and work out the rest here."""
    waited = 0.0

    def asking(source: str) -> Callable[[], Any]:
        def ask() -> Any:
            nonlocal waited
            answer = candidate.evaluate(source)
            waited += answer.wall_s
            if answer.kind != "value":
                raise _NoAnswer(answer)
            return answer.value

        return ask

    held = {name: asking(source) for name, source in case.asked}
    try:
        holds = bool(evaluated(case.condition, held))
    except _NoAnswer as missing:
        return Judged(_verdict(missing.answer), missing.answer.error, waited)
    except NotPure as error:
        return Judged("infra", f"{error} in {case.text}"[:500], waited)
    except TooMuch as error:
        return Judged("oversize", f"{error} in {case.text}"[:500], waited)
    except Exception as error:  # noqa: BLE001 - whatever Python raises for such an answer
        return Judged("wrong", f"{type(error).__name__} in {case.text}"[:500], waited)
    return Judged("pass", "", waited) if holds else Judged("wrong", case.text, waited)


def judge_pair(case: Pair, entry_point: str, candidate: Session) -> Judged:
    """Make one call, and compare what comes back."""
    answer = candidate.call(entry_point, case.arguments, dict(case.keywords))
    if answer.kind != "value":
        return Judged(_verdict(answer), answer.error, answer.wall_s)
    try:
        value = _as_json(answer.value) if case.from_json else answer.value
        if case.as_sets:
            right = _as_set(value) == _as_set(case.expected)
        else:
            right = alike(value, case.expected, case.tolerance)
    except Exception as error:  # noqa: BLE001 - whatever Python raises for such an answer
        return Judged("wrong", f"{type(error).__name__} when it is compared", answer.wall_s)
    note = "" if right else "it returns something else than expected"
    return Judged("pass" if right else "wrong", note, answer.wall_s)


def _verdict(answer: Answer) -> Verdict:
    return "error" if answer.kind == "value" else answer.kind


def alike(value: Any, expected: Any, tolerance: float = 0.0) -> bool:
    """Whether two plain values are equal as `==` says, numbers within a tolerance.

    With a tolerance containers that are not equal have to be of one type and length, and where a
    float is expected a number may also be off by 1e-7 of it, as EvalPlus allows it: never where a
    whole number is. No number is near NaN.
    """
    if tolerance <= 0 or value == expected:
        return bool(value == expected)
    if _is_number(value) and _is_number(expected):
        relative = _RELATIVE if isinstance(expected, float) else 0.0
        return math.isclose(value, expected, rel_tol=relative, abs_tol=tolerance)
    if type(value) is not type(expected):
        return False
    if isinstance(expected, list | tuple):
        pairs = zip(value, expected, strict=False)
        return len(value) == len(expected) and all(alike(*one, tolerance) for one in pairs)
    if isinstance(expected, Mapping):
        same = value.keys() == expected.keys()
        return same and all(alike(value[key], expected[key], tolerance) for key in expected)
    return bool(value == expected)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Fraction) and not isinstance(value, bool)


def _as_set(value: Any) -> frozenset[Any]:
    members = value if isinstance(value, list | tuple | set | frozenset | str | dict) else ()
    if value is not members:
        raise TypeError("it has no members")
    check_hashes(members)
    return frozenset(members)


def _as_json(value: Any) -> Any:
    """A value as JSON would have written it, which knows no tuples and only texts as keys."""
    if isinstance(value, list | tuple):
        return [_as_json(one) for one in value]
    if isinstance(value, dict):
        made = {_key(key): _as_json(one) for key, one in value.items()}
        if len(made) != len(value):
            raise ValueError("two keys are one in JSON")
        return made
    return value


def _key(key: Any) -> Any:
    return json.dumps(key) if key is None or isinstance(key, bool | int | float) else key
