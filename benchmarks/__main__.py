"""`python -m benchmarks`: run the jobs, print one table, exit 3 when a limit does not hold."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from benchmarks.agreeing import job as agreeing
from benchmarks.asking import job as asking
from benchmarks.asking.runs import Plan
from benchmarks.covering import job as covering
from benchmarks.executing import job as executing
from benchmarks.jobs import JOB_NAMES, PREFKIT, jobs
from benchmarks.measure import CommandError
from benchmarks.printing import number, table
from benchmarks.reviewing import job as reviewing
from benchmarks.running import Result, RowsError, prepare_input, run_job

_HERE = Path(__file__).parent
_HELD_FROM_ROWS = 1_000_000
"""Limits are claims about a million rows; with fewer, starting up outweighs the work."""

_AT_ONCE = 100

Other = agreeing.Outcome | asking.Outcome | covering.Outcome | executing.Outcome | reviewing.Outcome
"""What a job that is no engine's on rows has measured."""

_HEADS = (
    "job", "engine", "rows", "CPU s", "wall s", "peak MB", "x CPU", "x wall", "limit", "holds",
)  # fmt: skip


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=_HELD_FROM_ROWS, metavar="N")
    others = (asking.ASKING, executing.EXECUTING, agreeing.AGREEING, covering.COVERING,
              reviewing.REVIEWING)  # fmt: skip
    parser.add_argument("--only", action="append", choices=(*JOB_NAMES, *others))
    parser.add_argument("--requests", type=int, default=asking.HELD_FROM, metavar="N")
    parser.add_argument("--executions", type=int, default=executing.HELD_FROM, metavar="N")
    parser.add_argument("--items", type=int, default=agreeing.HELD_FROM, metavar="N")
    parser.add_argument("--trials", type=int, default=covering.HELD_FROM, metavar="N")
    parser.add_argument("--votes", type=int, default=reviewing.HELD_FROM, metavar="N")
    parser.add_argument("--no-peers", action="store_true", help="without other libraries")
    parser.add_argument("--repeats", type=int, default=2, metavar="N", help="runs of each engine")
    parser.add_argument("--data", type=Path, default=_HERE / "data", help="inputs and outputs")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    """Run the benchmark.

    Returns:
        0; 1 when a command failed or the engines' rows differ; 3 when a limit does not hold.
    """
    options = _arguments(given)
    # The peers that would look for a hub are told that there is none.
    os.environ["HF_HUB_OFFLINE"] = "1"
    data: Path = options.data.resolve()
    chosen = [
        job
        for job in jobs(options.rows, data, data / "work")
        if not options.only or job.name in options.only
    ]
    results: list[Result] = []
    try:
        for job in chosen:
            for wanted in job.inputs:
                prepare_input(wanted)
            print(f"{job.name}: {job.does} ...", file=sys.stderr, flush=True)
            results += run_job(job, options.repeats)
        others = _measure_others(options, data)
    except (CommandError, RowsError, agreeing.Differ) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if options.rows < _HELD_FROM_ROWS:
        results = [result._replace(holds=None) for result in results]
    _save(results, others, options.rows, data / "results.json")
    print("\n\n".join(_texts(results, others)))
    missed = any(result.holds is False for result in results)
    return 3 if missed or not all(outcome.holds for outcome in others.values()) else 0


def _measure_others(options: argparse.Namespace, data: Path) -> dict[str, Other]:
    """What is no job of engines on rows, by name."""
    peers = not options.no_peers
    each: dict[str, Callable[[], Other]] = {
        asking.ASKING: lambda: _ask(options, data),
        executing.EXECUTING: lambda: executing.run(
            options.executions, options.repeats, data, executing.harnesses(peers=peers)
        ),
        agreeing.AGREEING: lambda: agreeing.run(
            options.items, options.repeats, data, agreeing.engines(peers=peers)
        ),
        covering.COVERING: lambda: covering.run(options.trials),
        reviewing.REVIEWING: lambda: reviewing.run(options.votes, data),
    }
    return {name: run() for name, run in each.items() if not options.only or name in options.only}


def _ask(options: argparse.Namespace, data: Path) -> asking.Outcome:
    data.mkdir(parents=True, exist_ok=True)
    plan = Plan(options.requests, _AT_ONCE, data)
    peers, missing = ([], tuple(asking.PEERS)) if options.no_peers else asking.peer_clients()
    return asking.run(plan, options.repeats, peers, missing)


def _save(results: Iterable[Result], others: Mapping[str, Other], rows: int, path: Path) -> None:
    entries = [result._asdict() | {"cost": result.cost._asdict()} for result in results]
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    found = {"rows": rows, "machine": machine, "results": entries}
    found |= {name: outcome.as_json() for name, outcome in others.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _texts(results: list[Result], others: Mapping[str, Other]) -> Iterable[str]:
    if results:
        yield table([_HEADS, *(_cells(result) for result in results)])
    yield from (outcome.text() for outcome in others.values())


def _cells(result: Result) -> tuple[str, ...]:
    ours = result.engine == PREFKIT
    held = {True: "yes", False: "NO", None: "-" if ours else ""}[result.holds]
    return (
        result.does if ours else "",
        result.engine,
        "" if result.rows is None else f"{result.rows:,}",
        number(result.cost.cpu_s),
        number(result.cost.wall_s),
        f"{result.cost.peak_mb:,.0f}",
        "" if result.ratio_cpu is None else f"{result.ratio_cpu:.2f}",
        "" if result.ratio_wall is None else f"{result.ratio_wall:.2f}",
        "" if result.limit is None else f"{result.limit:.2f}",
        held,
    )


if __name__ == "__main__":
    sys.exit(main())
