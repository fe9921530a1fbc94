"""Programs run over the tests of a task again and again: what they pass, and which tests flicker.

A test flickers for a program that passes it in one run and not in another. It is flaky for the task
where it does so for the reference or for programs of two shapes; without a reference, for any. A
program that flickers alone, where the reference holds steady, is the flaky one itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from prefkit.sandbox.cases import Judged, Verdict
from prefkit.sandbox.judges import Judge
from prefkit.sandbox.limits import Limits
from prefkit.sandbox.references import checked, with_answers
from prefkit.sandbox.shapes import shape
from prefkit.sandbox.tasks import Fault, Task
from prefkit.sandbox.verdicts import Plan, Result, plan
from prefkit.sandbox.worker import Worker

__all__ = [
    "Flaky",
    "Prepared",
    "Ran",
    "decided",
    "flaky_tests",
    "prepared",
    "repeated",
    "wanted_s",
]

_SECOND_LOOKS = 2
"""A reference that failed is run so many times as often, to see whether it always fails."""


class Ran(NamedTuple):
    """One program, run several times."""

    tests: tuple[tuple[Judged, ...], ...]
    """Of each test every verdict, in the order of the runs; a time-out that was confirmed is not
    repeated."""
    first: Result

    def verdict(self, test: int) -> Verdict:
        """Of a steady test: the first that says anything, else the first."""
        decided = [one for one in self.tests[test] if _decides(one)]
        return (decided or self.tests[test])[0].verdict

    def note(self, test: int) -> str:
        """Why it is no pass."""
        return next((one.note for one in self.tests[test] if one.verdict != "pass"), "")

    @property
    def flickers(self) -> frozenset[int]:
        """Tests that it passed in one run and not in another."""
        return frozenset(
            place
            for place, several in enumerate(self.tests)
            if len({one.verdict == "pass" for one in several if _decides(one)}) > 1
        )

    @property
    def fails(self) -> frozenset[int]:
        """Tests that it did not pass in every run."""
        return frozenset(
            place
            for place, several in enumerate(self.tests)
            if any(one.verdict != "pass" for one in several if _decides(one))
        )


class Prepared(NamedTuple):
    """A task that can be used."""

    plan: Plan
    reference: Ran | None
    """Null where the task has none, or nobody asked how steady and how fast it is."""


class Flaky(NamedTuple):
    """What disagrees with itself."""

    tests: Mapping[int, str]
    """Of the task, and for whom: `the reference`, `2 candidates`."""
    codes: frozenset[str]
    """Programs that flicker in tests that are steady for all others."""


def _decides(judged: Judged) -> bool:
    return judged.verdict not in ("infra", "unsure")


def wanted_s(result: Result) -> float:
    """How long a run took: what was waited for, or what it computed if that is more."""
    return max(result.wall_s, result.cpu_s or 0.0)


def repeated(judge: Judge, made: Plan, code: str, repeats: int) -> Ran:
    """Run a program several times, each time from the start.

    Raises:
        SandboxError: no sandbox could be started.
    """
    first = judge.judge(made, code)
    tests = [[one] for one in first.tests]
    # a time-out was confirmed alone and with twice the time already
    again = [place for place, one in enumerate(first.tests) if one.verdict != "timeout"]
    for _ in range(repeats - 1 if again else 0):
        part = made._replace(cases=tuple(made.cases[place] for place in again))
        for place, one in zip(again, judge.judge(part, code).tests, strict=True):
            tests[place].append(one)
    return Ran(tuple(map(tuple, tests)), first)


def prepared(
    judge: Judge, worker: Worker, task: Task, limits: Limits, looks: int
) -> Prepared | Fault:
    """A task with its right answers and its limits, its reference run; or why it is no use.

    A test that the reference passes only sometimes does not make the task useless: it is flaky.

    Args:
        judge: runs the reference.
        worker: asks it for right answers.
        task: as it was read.
        limits: those of the run, which a slow reference widens.
        looks: runs of the reference beside the one that has to pass.

    Raises:
        SandboxError: no sandbox could be started.
    """
    answered = with_answers(worker, task)
    if isinstance(answered, Fault):
        return answered
    made = checked(judge, answered, limits)
    if isinstance(made, Plan):
        if answered.reference is None or not looks:
            return Prepared(made, None)
        return Prepared(made, repeated(judge, made, answered.reference, looks))
    if made.kind != "reference_fails" or not looks or answered.reference is None:
        return made
    plain = plan(answered)
    ran = repeated(judge, plain, answered.reference, _SECOND_LOOKS * (looks + 1))
    steady = [place for place in range(len(plain.cases)) if place not in ran.flickers]
    if not ran.flickers or any(ran.verdict(one) != "pass" for one in steady):
        return made
    return Prepared(plain, ran)


def flaky_tests(reference: Ran | None, runs: Mapping[str, Ran]) -> Flaky:
    """The tests and the programs that disagree with themselves, by the rule above."""
    tests: dict[int, str] = {}
    shapes = {code: shape(code) or code for code, ran in runs.items() if ran.flickers}
    # it passed every test once, or it would not be here
    of_reference = frozenset() if reference is None else reference.fails
    for place in sorted({one for code in shapes for one in runs[code].flickers} | of_reference):
        among = {shapes[code] for code in shapes if place in runs[code].flickers}
        if place in of_reference:
            tests[place] = "the reference"
        elif reference is None or len(among) > 1:
            tests[place] = _counted(len(among))
    alone = frozenset(code for code in shapes if runs[code].flickers - tests.keys())
    return Flaky(tests, alone)


def _counted(candidates: int) -> str:
    return "1 candidate" if candidates == 1 else f"{candidates} candidates"


def decided(ran: Ran, counted: Sequence[int]) -> list[Verdict]:
    """The verdicts of tests that count and say something."""
    return [one for one in map(ran.verdict, counted) if one not in ("infra", "unsure")]
