"""How much the tests of a task prove: by wrong programs that pass, by right ones that differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import NamedTuple

from prefkit.sandbox.cases import Judged
from prefkit.sandbox.differing import Call, disagree, known_calls, same_answer, variants, written
from prefkit.sandbox.limits import Limits
from prefkit.sandbox.mutants import mutants
from prefkit.sandbox.runs import Run
from prefkit.sandbox.session import Answer, Session
from prefkit.sandbox.tasks import Program
from prefkit.sandbox.verdicts import Plan
from prefkit.sandbox.worker import Worker

__all__ = ["Adequacy", "Differing", "Impatient", "adequacy", "agrees", "differing"]

_LEAST_S = 1.0
_PATIENCE = 10.0
"""A mutant may take so many times what the reference took: most that take longer never end."""
_CONFIRMED = 4.0
"""A mutant that was too slow gets so many times the time once more: a busy moment kills nobody."""
_OWN, _AGAIN, _TESTERS = 32, 48, 96  # numbers of workers beside those of a pool and of its judges
_MOST_STARTS = 3
_LEAST_AGREEING = 3  # further inputs answered alike, by which a program shows that it works
_TESTER_S = 60.0


class Adequacy(NamedTuple):
    """What the tests of a task noticed."""

    killed: int
    mutants: int
    timeouts: int
    """Of those killed, how many only took too long."""
    survivors: tuple[str, ...]
    """`line 4: n < 3 to n <= 3`; some of them change nothing that could be seen."""


class Differing(NamedTuple):
    """What programs that pass answered to further inputs."""

    inputs: int
    """On which the reference, or without one two programs, answered."""
    disagreeing: int
    """Of these, those on which two answers differ."""
    example: str | None
    of: Mapping[str, int]
    """Of each program: inputs on which it differs from the reference, or else from the most."""


class Impatient:
    """A worker, and one for tests, whose time is short: for programs that nobody needs to judge."""

    def __init__(self, worker: Worker) -> None:
        self._base = worker
        self._worker: Worker | None = None
        self._patient: Worker | None = None
        self._tester: Worker | None = None

    def workers(self, reference_s: float) -> tuple[Worker, Worker]:
        """Both, with time by what the reference took."""
        wanted = max(_LEAST_S, _PATIENCE * reference_s)
        # rounded up, so that tasks of about one speed share a sandbox
        wanted = _LEAST_S * 2 ** math.ceil(math.log2(wanted / _LEAST_S))
        limits = replace(self._base.limits, call_s=wanted, total_s=2 * wanted)
        if self._worker is None or self._worker.limits != limits:
            if self._worker is not None:
                self._worker.burn()
            self._worker = self._sister(limits, _OWN)
        if self._tester is None:
            roomy = replace(limits, total_s=_TESTER_S)
            self._tester = self._sister(roomy, _TESTERS)
        return self._worker, self._tester

    def again(self) -> tuple[Worker, Worker]:
        """The same with four times the time, once `workers` was called."""
        assert self._worker is not None and self._tester is not None  # noqa: S101, RUF100, PT018
        held = self._worker.limits
        limits = replace(held, call_s=_CONFIRMED * held.call_s, total_s=_CONFIRMED * held.total_s)
        if self._patient is None or self._patient.limits != limits:
            if self._patient is not None:
                self._patient.burn()
            self._patient = self._sister(limits, _AGAIN)
        return self._patient, self._tester

    def close(self) -> None:
        """End all."""
        for one in (self._worker, self._patient, self._tester):
            if one is not None:
                one.burn()

    def _sister(self, limits: Limits, offset: int) -> Worker:
        level, number = self._base.level, self._base.number + offset
        return Worker(level, limits, number, allow_unsafe=level == "unsafe")


def adequacy(
    made: Plan, impatient: Impatient, reference_s: float, counted: Sequence[int], most: int
) -> Adequacy:
    """Run mutants of the reference over the tests that count, each until one fails.

    One that is too slow is run once more with more time, the first such one of a task: where it
    is too slow again, the others are believed.

    Raises:
        SandboxError: no sandbox could be started.
    """
    steady = made._replace(cases=tuple(made.cases[place] for place in counted))
    killed, timeouts, tried = 0, 0, 0
    survivors = []
    workers = impatient.workers(reference_s)
    for one in mutants(made.task.reference or "", most, made.task.id):
        fate = _fate(steady, one.source, workers)
        if fate is not None and fate.verdict == "timeout" and not timeouts:
            fate = _fate(steady, one.source, impatient.again())
        if fate is None:
            continue
        tried += 1
        killed += fate.verdict != "pass"
        timeouts += fate.verdict == "timeout"
        if fate.verdict == "pass":
            survivors.append(f"line {one.line}: {one.change}")
    return Adequacy(killed, tried, timeouts, tuple(survivors))


def _fate(made: Plan, code: str, workers: tuple[Worker, Worker]) -> Judged | None:
    """The first test that fails, or one that passes if all do; null if they say nothing."""
    last: Judged | None = None
    # most fail the first test: no need to run the others
    for part in (made.cases[:1], made.cases[1:]):
        for judged in Run(made._replace(cases=part), code, *workers).result().tests if part else ():
            if judged.verdict in ("infra", "unsure"):
                return None
            if judged.verdict != "pass":
                return judged
            last = judged
    return last


def differing(
    made: Plan, worker: Worker, codes: Sequence[str], most: int, seed: str
) -> Differing | None:
    """Ask programs that pass what the tests do not ask; null where nothing can be asked.

    The inputs are the tests' own with one small change. Where the reference gives no plain value
    an input may be one that the task does not allow, and does not count.

    Raises:
        SandboxError: no sandbox could be started.
    """
    entry_point = made.task.entry_point
    if entry_point is None or any(isinstance(one, Program) for one in made.cases):
        return None
    calls = variants(known_calls(made.cases, entry_point), most, seed)
    programs = [*([made.task.reference] if made.task.reference else []), *codes]
    if not calls or len(programs) < 2:
        return None
    answers = [_answers(made, code, calls, worker) for code in programs]
    return _compared(calls, answers, codes, has_reference=made.task.reference is not None)


def agrees(made: Plan, worker: Worker, code: str, most: int) -> bool:
    """Whether a program answers further inputs as the reference does, every one that this answers.

    False without a reference, and where there are fewer than three such inputs.

    Raises:
        SandboxError: no sandbox could be started.
    """
    entry_point, reference = made.task.entry_point, made.task.reference
    if entry_point is None or reference is None:
        return False
    calls = variants(known_calls(made.cases, entry_point), most, made.task.id)
    right = _answers(made, reference, calls, worker) if len(calls) >= _LEAST_AGREEING else []
    own = _answers(made, code, calls, worker) if right else []
    # what is no plain value even for itself says nothing
    told = [pair for pair in zip(right, own, strict=True) if same_answer(pair[0], pair[0])]
    return len(told) >= _LEAST_AGREEING and all(same_answer(*pair) is True for pair in told)


def _answers(made: Plan, code: str, calls: Sequence[Call], worker: Worker) -> list[Answer]:
    """What one program answers; one that had to be ended too often answers no more."""
    source = f"{code}\n\n{made.task.setup}\n"
    found: list[Answer] = []
    starts = 0
    with ExitStack() as stack:
        session: Session | None = None
        for call in calls:
            if session is None or session.over is not None:
                if starts == _MOST_STARTS:
                    found.append(Answer("timeout"))
                    continue
                stack.close()
                session = stack.enter_context(worker.open(source))
                starts += 1
            name = made.task.entry_point or ""
            found.append(session.call(name, call.arguments, dict(call.keywords)))
    return found


def _compared(
    calls: Sequence[Call],
    answers: Sequence[list[Answer]],
    codes: Sequence[str],
    *,
    has_reference: bool,
) -> Differing:
    inputs, disagreeing, example = 0, 0, None
    of = dict.fromkeys(codes, 0)
    for call, given in zip(calls, zip(*answers, strict=True), strict=True):
        right = given[0] if has_reference else _most(given)
        if right.kind != "value" or all(same_answer(right, one) is None for one in given[1:]):
            continue
        inputs += 1
        if disagree(given):
            disagreeing += 1
            example = example or written(call)[:200]
        for code, one in zip(codes, given[has_reference:], strict=True):
            of[code] += same_answer(right, one) is False
    return Differing(inputs, disagreeing, example, of)


def _most(given: Sequence[Answer]) -> Answer:
    """The answer that most give, of equally many the first."""
    return max(given, key=lambda one: sum(same_answer(one, other) is True for other in given))
