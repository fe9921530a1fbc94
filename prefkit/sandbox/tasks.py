"""Code tasks: a prompt, and tests of one or several kinds that a candidate has to pass."""

from __future__ import annotations

import keyword
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from prefkit.sandbox.inside.values import DEEPEST
from prefkit.sandbox.syntax import LONGEST, nested_too_deep, parsed, used_names

__all__ = [
    "Asserts",
    "Check",
    "Fault",
    "FaultKind",
    "Inputs",
    "OutputPolicy",
    "Pair",
    "Program",
    "Task",
    "Test",
    "faults",
    "is_plain",
]

_MOST_TESTS = 20_000
_MOST_S = 3600.0

OutputPolicy = Literal["exact", "lines"]
"""How the output of a program is compared: every byte, or line by line without white space at the
end of lines and without empty lines at the end."""


@dataclass(frozen=True, slots=True)
class Asserts:
    """`assert` statements that call the entry point by its name, each a test of its own."""

    source: str


@dataclass(frozen=True, slots=True)
class Check:
    """Source that defines `check(candidate)`: one test, unless it is made of asserts alone."""

    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One call and what it should return."""

    arguments: tuple[Any, ...]
    expected: Any
    keywords: tuple[tuple[str, Any], ...] = ()
    tolerance: float = 0.0
    """By which numbers may differ, absolutely; 0 = not at all."""
    from_json: bool = False
    """Whether the expected value was JSON, where a tuple is a list and every key a text."""
    as_sets: bool = False
    """Whether only the members count: neither their order, nor how often, nor of what kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Calls whose right answers are those of the task's reference."""

    calls: tuple[tuple[Any, ...], ...]
    tolerance: float = 0.0
    """By which floats may differ, absolutely; an answer without floats has to be equal."""
    as_sets: bool = False
    """As in `Pair`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What a whole program reads and what it should print."""

    stdin: str
    stdout: str
    policy: OutputPolicy = "lines"
    tolerance: float = 0.0
    """By which printed numbers may differ, absolutely; 0 = compared as text."""


Test = Asserts | Check | Pair | Inputs | Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task; its own limits are null where the limits of the run hold."""

    id: str
    prompt: str
    tests: tuple[Test, ...]
    entry_point: str | None = None
    """Null where candidates are programs."""
    preamble: str = ""
    """Runs before the candidate's code: what it may use without an import."""
    setup: str = ""
    """Runs after the candidate's code and before the tests, so it may use what that defines.

    What it imports and defines is at hand for tests that run in a sandbox of their own as well."""
    reference: str | None = None
    """Right code, whole: not only a body."""
    language: str = "python"
    call_s: float | None = None
    total_s: float | None = None
    notes: tuple[str, ...] = ()
    """What was left out when it was read, in words."""


FaultKind = Literal[
    "unreadable",
    "no_tests",
    "broken_tests",
    "no_entry_point",
    "unsupported_language",
    "broken_reference",
    "no_reference",
    "reference_fails",
]


class Fault(NamedTuple):
    """Why a task cannot be used; the others go on."""

    task: str
    """Its id, or where it stands if it has none."""
    kind: FaultKind
    text: str

    def __str__(self) -> str:
        """`HumanEval/1: it has no tests`."""
        return f"{self.task}: {self.text}"


def faults(task: Task) -> tuple[Fault, ...]:
    """What is wrong with a task, as far as can be seen without running anything."""
    if task.language not in ("python", "py", "python3"):
        text = f"it is written in {task.language}, and only Python can be run"
        return (Fault(task.id, "unsupported_language", text),)
    if not task.tests:
        return (Fault(task.id, "no_tests", "it has no tests, so nothing could be ranked"),)
    if len(task.tests) > _MOST_TESTS:
        text = f"it has {len(task.tests):,} tests, and at most {_MOST_TESTS:,} are run"
        return (Fault(task.id, "broken_tests", text),)
    return tuple(Fault(task.id, kind, text) for kind, text in _wrong(task))


def _wrong(task: Task) -> Iterator[tuple[FaultKind, str]]:
    tests = (text for test in task.tests for text in _wrong_test(test, task.entry_point))
    first = next(tests, None)
    if first is not None:
        yield "broken_tests", first
    if task.entry_point is None and not all(isinstance(test, Program) for test in task.tests):
        yield "no_entry_point", "it does not say which function its tests call"
    if task.entry_point is not None and not _is_name(task.entry_point):
        yield "no_entry_point", f"{task.entry_point[:60]!r} is no name of a function"
    yield from (("broken_reference", text) for text in _wrong_reference(task.reference))
    if task.reference is None and any(isinstance(test, Inputs) for test in task.tests):
        text = "its right answers are those of a reference solution, which it does not have"
        yield "no_reference", text
    if not all(one is None or 0 < one <= _MOST_S for one in (task.call_s, task.total_s)):
        yield "unreadable", f"its limits have to be above 0 and at most {_MOST_S:,.0f} seconds"
    code = (parsed(task.prompt) or parsed(f"{task.prompt}\n    pass\n"), parsed(task.setup))
    if any(one is not None and nested_too_deep(one) for one in code):
        yield "unreadable", "the code of its prompt or setup is nested too deep"


def _is_name(text: str) -> bool:
    return all(one.isidentifier() and not keyword.iskeyword(one) for one in text.split("."))


def _wrong_reference(source: str | None) -> Iterator[str]:
    if source is not None and len(source) > LONGEST:
        yield f"its reference solution has more than {LONGEST:,} characters"
    elif source is not None and parsed(source) is None:
        yield "its reference solution is no Python that can be parsed"


def _wrong_test(test: Test, entry_point: str | None) -> Iterator[str]:
    if isinstance(test, Asserts | Check):
        yield from _wrong_source(test.source, entry_point)
        return
    if not (math.isfinite(test.tolerance) and test.tolerance >= 0):
        yield f"a tolerance of {test.tolerance} is none"
    if isinstance(test, Program):
        texts: tuple[Any, ...] = (test.stdin, test.stdout)  # of a row of any kind
        if not all(isinstance(one, str) for one in texts):
            yield "what a program reads and prints is no text"
    elif not all(map(is_plain, _values(test))):
        yield "a value of its tests is no plain one, or is nested too deep to be handed over"


@lru_cache(maxsize=32)  # a task is looked at by each who uses it, all within a short time
def _wrong_source(source: str, entry_point: str | None) -> tuple[str, ...]:
    tree = parsed(source)
    if len(source) > LONGEST:
        return (f"its tests have more than {LONGEST:,} characters",)
    if tree is None:
        return ("its tests are no Python that can be parsed",)
    if nested_too_deep(tree):
        return ("its tests are nested too deep",)
    if (used_names(tree) - {entry_point}) & {"eval", "exec"}:
        said = "its tests run texts as code, and so could an answer run there: it cannot be judged"
        return (said,)
    return ()


def _values(test: Pair | Inputs) -> Iterable[Any]:
    if isinstance(test, Inputs):
        return (one for call in test.calls for one in call)
    return (*test.arguments, *(value for _, value in test.keywords), test.expected)


_PLAIN = (type(None), bool, int, float, complex, str, bytes, Fraction)


def is_plain(value: Any, depth: int = DEEPEST) -> bool:
    """Whether a value crosses the wall of a sandbox as what it is."""
    if not isinstance(value, dict | list | tuple | set | frozenset):
        return type(value) in _PLAIN
    members = (*value, *value.values()) if isinstance(value, dict) else value
    return depth > 0 and all(is_plain(one, depth - 1) for one in members)
