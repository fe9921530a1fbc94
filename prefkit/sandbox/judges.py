"""Judges of candidates: what repeats a failure of the machine, and a time-out, before it counts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from prefkit.sandbox.cases import Judged
from prefkit.sandbox.limits import Limits
from prefkit.sandbox.pool import in_sandboxes
from prefkit.sandbox.runs import Run
from prefkit.sandbox.tasks import Task
from prefkit.sandbox.verdicts import Plan, Result
from prefkit.sandbox.worker import Worker

__all__ = ["Gate", "Judge", "judge_all", "limits_of"]

_TESTERS, _SLOW, _ALONE = 64, 128, 192  # numbers of workers beside those of a pool
_MOST_SETTLED = 10  # time-outs of one candidate that are looked at again, while all others wait


class Gate:
    """Lets a candidate be run again alone: all others wait meanwhile."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._running = 0
        self._alone = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Beside others."""
        with self._turn:
            self._turn.wait_for(lambda: not self._alone)
            self._running += 1
        try:
            yield
        finally:
            with self._turn:
                self._running -= 1
                self._turn.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While nobody else runs."""
        with self._turn:
            self._turn.wait_for(lambda: not self._alone)
            self._alone = True
            self._turn.wait_for(lambda: self._running == 0)
        try:
            yield
        finally:
            with self._turn:
                self._alone = False
                self._turn.notify_all()


class Judge:
    """Judges one candidate at a time, with the worker that it is given and others as needed.

    Args:
        worker: runs the candidates.
        gate: shared with other judges, so that a candidate can be run again alone.
        tester_s: wall seconds that tests in a sandbox of their own have at least.
    """

    def __init__(self, worker: Worker, gate: Gate | None = None, tester_s: float = 60.0) -> None:
        self._worker = worker
        self._gate = gate or Gate()
        limits = replace(worker.limits, total_s=max(tester_s, 3 * worker.limits.total_s))
        self._tester = self._sister(limits, _TESTERS)
        self._slow: Worker | None = None

    def __enter__(self) -> Judge:
        """Workers start when they are needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers that were added; the one given is its owner's to end."""
        self.close()

    def close(self) -> None:
        """End the workers that were added."""
        self._tester.burn()
        if self._slow is not None:
            self._slow.burn()
            self._slow = None

    def judge(self, plan: Plan, code: str) -> Result:
        """A verdict for each test of a plan.

        What went wrong with the machine is tried again once on a fresh worker. A time-out counts
        when it repeats, alone and with twice the time; otherwise it is `unsure`.

        Raises:
            SandboxError: no sandbox could be started.
        """
        worker = self._worker_for(plan.task)
        with self._gate.shared():
            run = Run(plan, code, worker, self._tester)
            result = run.result()
            if "infra" in result.verdicts:
                worker.burn()
                self._tester.burn()
                result = _mended(result, Run(plan, code, worker, self._tester).result())
        if "timeout" in result.verdicts:
            with self._gate.alone():
                result = self._settled(result, plan, code, worker.limits)
        return result

    def _worker_for(self, task: Task) -> Worker:
        limits = limits_of(task, self._worker.limits)
        if limits == self._worker.limits:
            return self._worker
        if self._slow is None or self._slow.limits != limits:
            if self._slow is not None:
                self._slow.burn()
            self._slow = self._sister(limits, _SLOW)
        return self._slow

    def _settled(self, result: Result, plan: Plan, code: str, limits: Limits) -> Result:
        """Repeat time-outs, each alone, until one is confirmed: then the others are believed.

        After a number of them that were none, those that are left are no more believed either.
        """
        twice = replace(limits, call_s=2 * limits.call_s, total_s=2 * limits.total_s)
        tests = list(result.tests)
        late = [place for place, one in enumerate(tests) if one.verdict == "timeout"]
        with self._sister(twice, _ALONE) as worker:
            for count, place in enumerate(late):
                first = tests[place]
                if count >= _MOST_SETTLED:
                    note = f"{first.note}; {_MOST_SETTLED} others were not too slow alone"
                    tests[place] = Judged("unsure", note[:500], first.wall_s)
                    continue
                one = plan._replace(cases=(plan.cases[place],))
                again = Run(one, code, worker, self._tester).result().tests[0]
                if again.verdict == "timeout":
                    break
                note = f"too slow at first, then {again.verdict} alone with twice the time"
                tests[place] = Judged("unsure", note, first.wall_s)
        return replace(result, tests=tuple(tests))

    def _sister(self, limits: Limits, offset: int) -> Worker:
        level, number = self._worker.level, self._worker.number + offset
        return Worker(level, limits, number, allow_unsafe=level == "unsafe")


def _mended(first: Result, second: Result) -> Result:
    """The second run where the first says nothing: no candidate gets another try at the rest."""
    tests = tuple(
        again if once.verdict == "infra" else once
        for once, again in zip(first.tests, second.tests, strict=True)
    )
    return replace(second, tests=tests)


def limits_of(task: Task, limits: Limits) -> Limits:
    """The limits of a run, wider where the task asks for it."""
    return replace(
        limits,
        call_s=max(limits.call_s, task.call_s or 0.0),
        total_s=max(limits.total_s, task.total_s or 0.0),
    )


def judge_all(
    jobs: Iterable[tuple[Plan, str]], worker: Callable[[int], Worker], workers: int | None = None
) -> Iterator[Result]:
    """Judge candidates side by side; results come in the order of the jobs.

    `worker` makes worker number n: `functools.partial(Worker, level, limits)`. One a core unless
    `workers` says how many.

    Raises:
        SandboxError: no sandbox could be started.
    """
    gate = Gate()
    judges: dict[int, Judge] = {}

    def work(mine: Worker, job: tuple[Plan, str]) -> Result:
        if mine.number not in judges:
            judges[mine.number] = Judge(mine, gate)
        return judges[mine.number].judge(*job)

    try:
        yield from in_sandboxes(work, jobs, worker, workers)
    finally:
        for judge in judges.values():
            judge.close()
