"""A task's reference solution: it has to pass, says how fast it is, and answers given inputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from prefkit.sandbox.judges import Judge
from prefkit.sandbox.limits import Limits
from prefkit.sandbox.syntax import joined
from prefkit.sandbox.tasks import Fault, Inputs, Pair, Task, Test, faults, is_plain
from prefkit.sandbox.verdicts import Plan, plan
from prefkit.sandbox.worker import Worker

__all__ = ["SLACK", "checked", "with_answers"]

SLACK = 5.0
"""A candidate may take so many times what the reference took: machines are loaded, and a right
answer that is slow is still right."""


def checked(judge: Judge, task: Task, limits: Limits) -> Plan | Fault:
    """The plan of a task whose reference passes, its limits set by that; else why it is no use.

    A task without a reference is taken as it is.

    Raises:
        ValueError: it has inputs that `with_answers` has not answered yet.
        SandboxError: no sandbox could be started.
    """
    for fault in faults(task):
        return fault
    made = plan(task)
    if not made.cases:
        text = "none of its tests calls the candidate, so nothing could be ranked"
        return Fault(task.id, "no_tests", text)
    if task.reference is None:
        return made
    wide = replace(task, call_s=SLACK * limits.call_s, total_s=SLACK * limits.total_s)
    result = judge.judge(Plan(wide, made.cases), task.reference)
    if result.outcome != "passed":
        bad = next(one for one in result.tests if one.verdict != "pass")
        text = f"its own reference solution does not pass ({bad.verdict}: {bad.note[:200]})"
        return Fault(task.id, "reference_fails", text)
    slowest = max(one.wall_s for one in result.tests)
    call_s = max(limits.call_s, SLACK * slowest)
    total_s = max(limits.total_s, SLACK * result.wall_s)
    return Plan(replace(task, call_s=call_s, total_s=total_s), made.cases)


def with_answers(worker: Worker, task: Task) -> Task | Fault:
    """The task with every `Inputs` replaced by pairs, answered by its reference.

    Raises:
        SandboxError: no sandbox could be started.
    """
    for fault in faults(task):
        return fault
    if not any(isinstance(test, Inputs) for test in task.tests):
        return task
    tests: list[Test] = []
    code = joined(task.preamble, task.reference or "", task.setup)
    with worker.open(code) as reference:
        for test in task.tests:
            if not isinstance(test, Inputs):
                tests.append(test)
                continue
            for call in test.calls:
                answer = reference.call(task.entry_point or "", call)
                if answer.kind != "value" or not is_plain(answer.value):
                    why = answer.error or "it is no plain value"
                    text = f"its reference solution gives no answer to an input ({why[:200]})"
                    return Fault(task.id, "reference_fails", text)
                tests.append(_pair(test, call, answer.value))
    return replace(task, tests=tuple(tests))


def _pair(test: Inputs, call: tuple[Any, ...], expected: Any) -> Pair:
    """A tolerance is for floats: a whole number, a text or a truth is right or wrong."""
    tolerance = test.tolerance if _holds_float(expected) else 0.0
    return Pair(arguments=call, expected=expected, tolerance=tolerance, as_sets=test.as_sets)


def _holds_float(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_float, (*value, *value.values())))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(_holds_float, value))
    return isinstance(value, float)
