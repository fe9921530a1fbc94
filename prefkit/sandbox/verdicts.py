"""What came of a candidate: a verdict for each test of a task, made outside the sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from prefkit.sandbox.cases import Case, Judged, Verdict
from prefkit.sandbox.plans import planned
from prefkit.sandbox.tasks import Task

__all__ = ["Outcome", "Plan", "Result", "plan"]

_UNCOUNTED = ("infra", "unsure")

Outcome = Literal["passed", "failed", "undecided"]


class Plan(NamedTuple):
    """A task and its cases, made once for all candidates."""

    task: Task
    cases: tuple[Case, ...]


def plan(task: Task) -> Plan:
    """Take the tests of a task apart.

    Raises:
        ValueError: the task has a fault, or inputs whose right answers are not known yet.
    """
    return Plan(task, planned(task))


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one candidate."""

    task: str
    tests: tuple[Judged, ...]
    """In the order of the task's tests."""
    cpu_s: float | None
    """Of all its processes, by the kernel; null where it had to be ended from outside."""
    peak_kb: int | None
    """The most memory one of its processes held; null as above."""

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One for each test."""
        return tuple(one.verdict for one in self.tests)

    @property
    def trials(self) -> int:
        """Tests that say something about the candidate."""
        return sum(one.verdict not in _UNCOUNTED for one in self.tests)

    @property
    def share(self) -> float | None:
        """Of its trials, those it passed; null without trials."""
        passed = sum(one.verdict == "pass" for one in self.tests)
        return passed / self.trials if self.trials else None

    @property
    def wall_s(self) -> float:
        """Spent waiting for it."""
        return sum(one.wall_s for one in self.tests)

    @property
    def outcome(self) -> Outcome:
        """Passed all, failed one, or neither because a test says nothing about it."""
        if any(one.verdict not in ("pass", *_UNCOUNTED) for one in self.tests):
            return "failed"
        return "passed" if self.tests and self.trials == len(self.tests) else "undecided"
