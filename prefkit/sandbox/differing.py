"""Inputs like those of the tests, on which programs that pass them may still disagree."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from prefkit.sandbox.asserts import AssertCase
from prefkit.sandbox.cases import Case, CheckCase, alike
from prefkit.sandbox.inside.values import Opaque
from prefkit.sandbox.session import Answer
from prefkit.sandbox.syntax import every_node, parsed
from prefkit.sandbox.tasks import Pair

__all__ = ["Call", "disagree", "known_calls", "same_answer", "variants", "written"]

_MOST_SHOWN = 10_000  # characters of a call that is varied
_TRIES = 20  # for each variant that is wanted
_TOLERANCE = 1e-6  # two right ways to work out a float differ in the last digits


class Call(NamedTuple):
    """Arguments of the entry point."""

    arguments: tuple[Any, ...]
    keywords: tuple[tuple[str, Any], ...] = ()


def known_calls(cases: Iterable[Case], entry_point: str) -> tuple[Call, ...]:
    """The calls of the entry point in tests whose arguments are all literals, each once."""
    found: dict[str, Call] = {}
    for case in cases:
        for call in _calls(case, entry_point):
            found.setdefault(written(call), call)
    return tuple(found.values())


def variants(calls: Sequence[Call], most: int, seed: str) -> tuple[Call, ...]:
    """Up to `most` calls, each one of the given ones with one small change in one argument.

    Types stay as they are: a number is one more, one less or twice as much and keeps its sign, a
    text or list loses, doubles or turns around something. None of them is a given one.
    """
    numbers = random.Random(seed)
    known = {written(one) for one in calls}
    varied = [one for one in calls if one.arguments and 0 < len(written(one)) <= _MOST_SHOWN]
    found: dict[str, Call] = {}
    for _ in range(most * _TRIES if varied else 0):
        call = numbers.choice(varied)
        place = numbers.randrange(len(call.arguments))
        changed = list(call.arguments)
        changed[place] = _varied(changed[place], numbers)
        made = call._replace(arguments=tuple(changed))
        if written(made) not in known:
            found.setdefault(written(made), made)
        if len(found) == most:
            break
    return tuple(found.values())


def written(call: Call) -> str:
    """The arguments of a call as source; empty where a number has too many digits."""
    given = [*call.arguments, *(one for pair in call.keywords for one in pair)]
    try:
        return ", ".join(map(repr, given))
    except (ValueError, RecursionError):
        return ""


def same_answer(one: Answer, other: Answer) -> bool | None:
    """Whether two answers are alike; null where one of them is no plain value.

    A program may do as it likes with what it was never meant to get: an error says nothing.
    """
    for answer in (one, other):
        if answer.kind != "value" or _is_opaque(answer.value):
            return None
    try:
        return bool(one.value == other.value) or alike(one.value, other.value, _TOLERANCE)
    except (ArithmeticError, RecursionError, TypeError, ValueError):
        return None


def disagree(answers: Sequence[Answer]) -> bool:
    """Whether any two of several answers to one call differ."""
    return any(
        same_answer(one, other) is False
        for place, one in enumerate(answers)
        for other in answers[place + 1 :]
    )


def _is_opaque(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_is_opaque(one) for pair in value.items() for one in pair)
    if isinstance(value, list | tuple | set | frozenset):
        return any(_is_opaque(one) for one in value)
    return isinstance(value, Opaque)


def _calls(case: Case, entry_point: str) -> Iterator[Call]:
    if isinstance(case, Pair):
        yield Call(case.arguments, case.keywords)
    elif isinstance(case, AssertCase):
        for _, source in case.asked:
            yield from _in_source(source, {entry_point})
    elif isinstance(case, CheckCase):
        yield from _in_source(case.source, {entry_point, "candidate"})


def _in_source(source: str, names: set[str]) -> Iterator[Call]:
    tree = parsed(source)
    for node in [] if tree is None else every_node(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            try:
                arguments = tuple(ast.literal_eval(one) for one in node.args)
                keywords = tuple(
                    (one.arg, ast.literal_eval(one.value)) for one in node.keywords if one.arg
                )
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                continue
            yield Call(arguments, keywords)


def _varied(value: Any, numbers: random.Random) -> Any:
    """A value with one small change; as it is where there is none."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        nearer = value - 1 if value > 0 else value + 1 if value < 0 else value
        farther = value + 1 if value >= 0 else value - 1
        return numbers.choice([nearer, farther, 2 * value])
    if isinstance(value, float):
        return numbers.choice([value / 2, value * 2, value + 0.5])
    if isinstance(value, str | list | tuple):
        return _varied_items(value, numbers)
    if isinstance(value, dict) and value:
        key = numbers.choice(list(value))
        return {**value, key: _varied(value[key], numbers)}
    return value


def _varied_items(value: Any, numbers: random.Random) -> Any:
    if not value:
        return value
    place = numbers.randrange(len(value))
    way = numbers.randrange(4)
    if way == 0:
        return value[:place] + value[place + 1 :]
    if way == 1:
        return value[:place] + value[place : place + 1] + value[place:]
    if way == 2 or isinstance(value, str):
        return value[::-1]
    changed = list(value)
    changed[place] = _varied(changed[place], numbers)
    return type(value)(changed)
