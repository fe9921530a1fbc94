"""A run of batches killed at each of its steps, and run again: all answers, none paid twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fault_server import BatchPlan, FaultServer, Rule

COUNT = 6
STEPS = [
    ("intend", 1),
    ("intended", 1),
    ("upload", 1),
    ("submit", 1),
    ("accepted", 1),
    ("submitted", 1),
    ("poll", 1),
    ("poll", 2),
    ("row", 1),
    ("row", 3),
    ("close", 1),
    ("closed", 1),
    ("intend", 2),
    ("accepted", 2),
    ("poll", 4),
    ("close", 2),
    ("finish", 1),
]
"""Step, and which time it comes: the second job holds the row that failed in the first."""


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as made:
        made.batch = BatchPlan(polls=1)
        # one request needs a second job
        made.script.rules = [Rule(fault="500", path="line", text="q4", each=1)]
        yield made


@pytest.fixture(scope="module")
def runs() -> Iterator[subprocess.Popen[str]]:
    """The process that forks the runs."""
    command = [sys.executable, str(Path(__file__).parent / "batch_child.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        yield parent


def started(runs: Any, server: FaultServer, folder: Path, *what: Any) -> int:
    """Start a run of a client, perhaps with a step to die at; its process id."""
    client, step, times = what if len(what) == 3 else (*what, "", 0)
    url = server.anthropic_url if client == "anthropic" else server.openai_url
    runs.stdin.write(json.dumps([str(folder), url, client, COUNT, step, times]) + "\n")
    runs.stdin.flush()
    return int(runs.stdout.readline())


def ended(runs: Any) -> Any:
    """What the run got; null if it was killed."""
    said = json.loads(runs.stdout.readline())
    assert said["status"] in (0, -signal.SIGKILL)
    return said["told"]


def check(server: FaultServer, told: Any) -> None:
    """Every request has its answer, and the provider did the work for each of them once."""
    assert told["kinds"] == [None] * COUNT
    assert len(set(told["texts"])) == COUNT
    jobs = [*server.openai_batches.jobs.values(), *server.anthropic_batches.jobs.values()]
    submitted = Counter(line["custom_id"] for job in jobs for line in job.lines)
    assert sorted(submitted.values()) == [1] * (COUNT - 1) + [2]  # the one that failed, twice
    assert sum(len(job.billed) for job in jobs) == COUNT


@pytest.mark.parametrize("client", ["openai", "anthropic"])
@pytest.mark.parametrize(("step", "times"), STEPS)
def test_a_run_killed_at_a_step_is_finished_by_the_next_and_nothing_is_paid_twice(
    runs: Any, server: FaultServer, tmp_path: Path, client: str, step: str, times: int
) -> None:
    if client == "anthropic" and step == "upload":
        pytest.skip("Anthropic takes no files")
    started(runs, server, tmp_path, client, step, times)
    assert ended(runs) is None
    started(runs, server, tmp_path, client)
    told = ended(runs)
    check(server, told)
    if step != "finish":
        # what the killed run had paid is in the sum of the run that finished the work
        assert told["spent"] == pytest.approx(server.dollars(100, 200, 0.5), abs=1e-12)


@pytest.mark.parametrize("client", ["openai", "anthropic"])
def test_runs_killed_at_any_moment_pay_for_nothing_twice(
    runs: Any, server: FaultServer, tmp_path: Path, client: str
) -> None:
    server.latency = 0.03
    server.batch = BatchPlan(polls=3)
    chance = random.Random(20)
    for _ in range(10):
        run = started(runs, server, tmp_path, client)
        time.sleep(chance.uniform(0.0, 0.9))
        with suppress(ProcessLookupError):  # it may have done all by then
            os.kill(run, signal.SIGKILL)
        ended(runs)
    started(runs, server, tmp_path, client)
    check(server, ended(runs))
