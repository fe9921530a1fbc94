"""Code tasks: a prompt, and tests of one or several kinds that a candidate has to pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from prefkit.sandbox.syntax import parsed

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
]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Calls whose right answers are those of the task's reference."""

    calls: tuple[tuple[Any, ...], ...]
    tolerance: float = 0.0


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
    """Runs after the candidate's code and before the tests, so it may use what that defines."""
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
    found = [
        Fault(task.id, "broken_tests", "its tests are no Python that can be parsed")
        for test in task.tests
        if isinstance(test, Asserts | Check) and parsed(test.source) is None
    ][:1]
    if task.entry_point is None and not all(isinstance(test, Program) for test in task.tests):
        text = "it does not say which function its tests call"
        found.append(Fault(task.id, "no_entry_point", text))
    if task.reference is not None and parsed(task.reference) is None:
        text = "its reference solution is no Python that can be parsed"
        found.append(Fault(task.id, "broken_reference", text))
    if task.reference is None and any(isinstance(test, Inputs) for test in task.tests):
        text = "its right answers are those of a reference solution, which it does not have"
        found.append(Fault(task.id, "no_reference", text))
    return tuple(found)
