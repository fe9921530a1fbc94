"""Whole programs: what they print is compared outside, as a whole."""

from __future__ import annotations

import math

from prefkit.sandbox.cases import Judged
from prefkit.sandbox.session import Session
from prefkit.sandbox.tasks import OutputPolicy, Program
from prefkit.sandbox.worker import Worker

__all__ = ["judge_program", "same_output"]


def judge_program(case: Program, code: str, worker: Worker) -> tuple[Judged, Session]:
    """Fork the program once with its input; the session it had is over.

    Raises:
        SandboxError: no sandbox could be started.
    """
    session = worker.open(code, name="__main__", stdin=case.stdin.encode(errors="replace"))
    with session:
        ended = session.loaded
    if ended.kind != "value":
        return Judged(ended.kind, ended.error, ended.wall_s), session
    try:
        printed = session.printed.decode()
    except UnicodeDecodeError:
        return Judged("wrong", "it prints bytes that are no UTF-8", ended.wall_s), session
    if same_output(printed, case.stdout, case.policy, case.tolerance):
        return Judged("pass", "", ended.wall_s), session
    return Judged("wrong", "it prints something else than expected", ended.wall_s), session


def same_output(
    printed: str, expected: str, policy: OutputPolicy = "lines", tolerance: float = 0.0
) -> bool:
    """Whether a program printed what it should; with a tolerance numbers may differ by it.

    With a tolerance the words of each line are compared one by one, so that only the numbers among
    them may differ, never their count.
    """
    if policy == "exact" and tolerance <= 0:
        return printed == expected
    ours, theirs = _lines(printed), _lines(expected)
    if tolerance <= 0:
        return ours == theirs
    return len(ours) == len(theirs) and all(
        _near(one, other, tolerance) for one, other in zip(ours, theirs, strict=True)
    )


def _lines(text: str) -> list[str]:
    # `splitlines` would take other characters than the end of a line for one too
    lines = [line.rstrip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _near(line: str, other: str, tolerance: float) -> bool:
    ours, theirs = line.split(), other.split()
    return len(ours) == len(theirs) and all(
        one == two or _near_numbers(one, two, tolerance)
        for one, two in zip(ours, theirs, strict=True)
    )


def _near_numbers(word: str, other: str, tolerance: float) -> bool:
    try:
        one, two = float(word), float(other)
    except ValueError:
        return False
    return math.isfinite(one) and math.isclose(one, two, rel_tol=0.0, abs_tol=tolerance)
