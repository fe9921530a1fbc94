"""One run of a candidate over all tests of a task, on one worker."""

from __future__ import annotations

from prefkit.sandbox.asserts import AssertCase
from prefkit.sandbox.cases import Case, CheckCase, Judged, judge_assert, judge_pair
from prefkit.sandbox.checks import judge_check
from prefkit.sandbox.programs import judge_program
from prefkit.sandbox.session import Session
from prefkit.sandbox.syntax import LONGEST, joined
from prefkit.sandbox.tasks import Program
from prefkit.sandbox.verdicts import Plan, Result
from prefkit.sandbox.worker import Worker

__all__ = ["Run"]

_MOST_STARTS = 20  # of one candidate, after it crashed or was ended
_MOST_TIMEOUTS = 2  # of a program, whose inputs would take all their time each


class Run:
    """One candidate on one worker."""

    def __init__(self, plan: Plan, code: str, worker: Worker, tester: Worker) -> None:
        self._plan = plan
        before, after = plan.task.preamble, plan.task.setup
        self._too_long = len(code) > LONGEST
        # Python takes a mark of the byte order before a file, and not before a text
        self._code = "" if self._too_long else joined(before, code.removeprefix("\ufeff"), after)
        self._worker, self._tester = worker, tester
        self._session: Session | None = None
        self._starts = 0
        self._waited = 0.0
        self._timeouts = 0
        self._cpu: list[float | None] = []
        self._peak: list[int | None] = []

    def result(self) -> Result:
        """All tests, in their order."""
        tests = []
        try:
            for case in self._plan.cases:
                judged = self._judged(case)
                self._waited += judged.wall_s
                tests.append(judged)
        finally:
            self._leave()
        cpu = [one for one in self._cpu if one is not None]
        peak = [one for one in self._peak if one is not None]
        whole = len(cpu) == len(self._cpu)
        return Result(
            task=self._plan.task.id,
            tests=tuple(tests),
            cpu_s=sum(cpu) if whole and cpu else None,
            peak_kb=max(peak) if whole and peak else None,
        )

    def _judged(self, case: Case) -> Judged:
        if self._too_long:
            return Judged("oversize", f"not run: it has more than {LONGEST:,} characters")
        if isinstance(case, Program):
            return self._of_program(case)
        if self._waited >= self._worker.limits.total_s:
            return Judged("timeout", "no time is left of its total")
        session, waited = self._opened()
        if session is None:
            return Judged("unsure", f"not run: it was ended {_MOST_STARTS} times before")
        loaded = session.loaded
        if loaded.kind != "value":
            return Judged(loaded.kind, loaded.error, waited)
        judged = self._asked(case, session)
        return judged._replace(wall_s=judged.wall_s + waited)

    def _of_program(self, case: Program) -> Judged:
        """Each input has a process and its total time of its own."""
        if self._timeouts >= _MOST_TIMEOUTS:
            return Judged("timeout", f"not run: it was too slow {_MOST_TIMEOUTS} times before")
        judged, ended = judge_program(case, self._code, self._worker)
        self._used(ended)
        self._timeouts += judged.verdict == "timeout"
        return judged

    def _asked(self, case: Case, session: Session) -> Judged:
        if isinstance(case, AssertCase):
            return judge_assert(case, session)
        if isinstance(case, CheckCase):
            return judge_check(case, session, self._tester)
        assert not isinstance(case, Program)
        return judge_pair(case, self._plan.task.entry_point or "", session)

    def _opened(self) -> tuple[Session | None, float]:
        """The candidate, and what was waited for it just now.

        Code that does not load is not tried again.
        """
        held = self._session
        if held is not None and (held.over is None or held.loaded.kind != "value"):
            return held, 0.0
        self._leave()
        if self._starts >= _MOST_STARTS:
            return None, 0.0
        self._starts += 1
        self._session = self._worker.open(self._code)
        return self._session, self._session.loaded.wall_s

    def _leave(self) -> None:
        if self._session is not None:
            self._session.close()
            self._used(self._session)
            self._session = None

    def _used(self, session: Session) -> None:
        ending = session.ending
        self._cpu.append(None if ending is None else ending.cpu_s)
        self._peak.append(None if ending is None else ending.peak_kb)
