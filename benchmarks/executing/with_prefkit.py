"""prefkit's sandbox alone, verdicts made outside it; `CASES COUNT WORKERS [references]`.

With `references` each task's reference is judged first, as `collect synthetic` does it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from benchmarks.executing.cases import Case, candidate, read_cases
from benchmarks.executing.spent import spending
from prefkit.sandbox.judges import Judge, judge_all
from prefkit.sandbox.launch import Level
from prefkit.sandbox.levels import strongest_level
from prefkit.sandbox.limits import Limits
from prefkit.sandbox.references import checked
from prefkit.sandbox.task_files import read_task
from prefkit.sandbox.tasks import Fault
from prefkit.sandbox.verdicts import Plan, plan
from prefkit.sandbox.worker import Worker

_LIMITS = Limits()


def main(cases: str, count: str, workers: str, references: str = "") -> None:
    """Execute and print what it took."""
    read = read_cases(Path(cases))
    level = strongest_level()  # found once by every process, before anything is measured
    with spending() as spent:
        plans = list(_plans(read, level if references else None))
        jobs = (
            (plans[number % len(plans)], candidate(case, number))
            for number, case in enumerate(islice(cycle(read), int(count)))
        )
        for result in judge_all(jobs, partial(Worker, level, _LIMITS), int(workers)):
            spent.passed += result.outcome == "passed"
    print(spent.printed())


def _plans(cases: Sequence[Case], level: Level | None) -> Iterator[Plan]:
    """A plan for each task; its reference is judged where a level says in what sandbox."""
    tasks = [read_task(case._asdict(), case.task_id, "humaneval") for case in cases]
    good = [task for task in tasks if not isinstance(task, Fault)]
    if len(good) < len(tasks):
        raise SystemExit("a task cannot be read")
    if level is None:
        yield from map(plan, good)
        return
    with Worker(level, _LIMITS) as worker, Judge(worker) as judge:
        for task in good:
            made = checked(judge, task, _LIMITS)
            if isinstance(made, Fault):
                raise SystemExit(str(made))
            yield made


if __name__ == "__main__":
    main(*sys.argv[1:])
