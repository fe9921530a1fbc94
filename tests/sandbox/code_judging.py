"""A real sandbox to judge candidates in, or word that there is none."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from callers import cannot

from prefkit.errors import ConfigError
from prefkit.sandbox.judges import Judge, judge_all
from prefkit.sandbox.levels import strongest_level
from prefkit.sandbox.limits import Limits
from prefkit.sandbox.tasks import Asserts, Task, Test
from prefkit.sandbox.verdicts import Plan, Result, plan
from prefkit.sandbox.worker import Worker

__all__ = ["QUICK", "a_worker", "all_judged", "judged", "task"]

QUICK = Limits(call_s=0.5, total_s=3.0)


def a_worker(number: int, limits: Limits) -> Worker:
    try:
        return Worker(strongest_level(), limits, number)
    except ConfigError as error:
        cannot(str(error))


def task(*tests: Test | str, entry_point: str | None = "f", **more: str) -> Task:
    """A task; a text is a test of asserts."""
    made = tuple(Asserts(one) if isinstance(one, str) else one for one in tests)
    return Task(id="t", prompt="", entry_point=entry_point, tests=made, **more)  # type: ignore[arg-type]


def judged(one: Task, code: str, limits: Limits = QUICK) -> Result:
    with a_worker(0, limits) as worker, Judge(worker) as judge:
        return judge.judge(plan(one), code)


def all_judged(jobs: Iterable[tuple[Plan, str]], limits: Limits | None = None) -> list[Result]:
    """With two workers."""
    return list(judge_all(jobs, partial(a_worker, limits=limits or Limits()), 2))
