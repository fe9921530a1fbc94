"""Runs clients against servers of their own and checks every answer against the right one."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.asking.answering import Answering, Tally
from benchmarks.asking.cases import answer_to, case_number, read_answers, write_cases
from benchmarks.measure import CommandError, Cost, measure

__all__ = [
    "Asked",
    "Cached",
    "Client",
    "Plan",
    "Resumed",
    "ask",
    "ask_cached",
    "ask_killed",
    "best",
    "resumed",
]

_UNDER_WAY_S = 0.1
"""What the server sent so shortly before a kill may not have reached the client's disk."""


class Client(NamedTuple):
    """Who asks: a program of this folder, run by an interpreter."""

    name: str
    python: str
    program: str
    options: tuple[str, ...] = ()


class Plan(NamedTuple):
    """How many cases are asked, how many at a time, and what the server does to them."""

    requests: int
    at_once: int
    data: Path
    latency_ms: tuple[float, float] = (200.0, 50.0)

    @property
    def cases(self) -> Path:
        """The file of cases."""
        return self.data / f"cases-{self.requests}.jsonl"

    @property
    def work(self) -> Path:
        """A folder for what one run writes."""
        return self.data / "asking"

    @property
    def answers(self) -> Path:
        """Where a client writes its answers."""
        return self.work / "answers.jsonl"

    def command(self, client: Client, url: str) -> tuple[str, ...]:
        """What is started."""
        module = f"benchmarks.asking.{client.program}"
        where = (str(self.cases), str(self.answers), url, str(self.at_once))
        return (client.python, "-m", module, *where, str(self.work / "kept"), *client.options)

    def server(self, *options: str) -> Answering:
        """A server that answers late."""
        return Answering("--latency-ms", *map(str, self.latency_ms), *options)

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """Write the cases, and leave nothing of any run."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        if not self.cases.is_file():
            write_cases(self.requests, self.cases)
        try:
            yield
        finally:
            shutil.rmtree(self.work, ignore_errors=True)

    def lost(self) -> int:
        """Cases for which the client has not written the right answer."""
        found = read_answers(self.answers)
        return sum(found.get(number) != answer_to(number) for number in range(self.requests))


class Asked(NamedTuple):
    """What one client took for all cases; `cost` is that of the whole process."""

    client: str
    cost: Cost
    span_s: float
    """From the first request that came in to the last answer that went out."""
    sends: int
    lost: int
    again: int
    """Requests for cases that were answered whole before."""
    most_in_flight: int

    def ms_each(self, count: int) -> float:
        """Processor milliseconds a case, start-up included."""
        return 1e3 * self.cost.cpu_s / count


class Resumed(NamedTuple):
    """What was sent twice around a kill -9 at half way."""

    kept: int
    """Answers on the client's disk at the kill, or sent by the server well before it."""
    kept_again: int
    in_flight_again: int
    """Cases that the server had not answered at the kill, asked again."""
    just_answered_again: int
    """Cases that the server answered so late that the answer never reached the disk."""
    lost: int


class Cached(NamedTuple):
    """Seconds for all cases, start-up left out: from a server that answers at once, from disk."""

    asked_s: float
    cached_s: float
    sends: int
    lost: int


def ask(plan: Plan, client: Client) -> Asked:
    """Run one client from nothing.

    Raises:
        CommandError: it ended with a code other than 0.
    """
    with plan.prepared(), plan.server() as server:
        cost = measure(plan.command(client, server.url))
        tally, lost = server.tally(), plan.lost()
    return Asked(
        client.name, cost, tally.span_s, tally.sends, lost, tally.again, tally.most_in_flight
    )


def best(tried: Iterable[Asked]) -> Asked:
    """The least seconds, which noise of the machine can only add to, and the most of the rest."""
    runs = list(tried)
    costs = [run.cost for run in runs]
    return Asked(
        runs[0].client,
        Cost(
            min(cost.cpu_s for cost in costs),
            min(cost.wall_s for cost in costs),
            max(cost.peak_mb for cost in costs),
        ),
        min(run.span_s for run in runs),
        max(run.sends for run in runs),
        max(run.lost for run in runs),
        max(run.again for run in runs),
        max(run.most_in_flight for run in runs),
    )


def ask_killed(plan: Plan, client: Client) -> Resumed:
    """Kill a client when half of the cases are answered, then run it again to its end."""
    with plan.prepared(), plan.server("--tell", str(plan.requests // 2)) as server:
        command = plan.command(client, server.url)
        first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            server.wait_until_told(first)
        finally:
            first.kill()
            killed = time.monotonic()
            first.wait()
        on_disk = _on_disk(plan.work / "kept")
        measure(command)
        tally, lost = server.tally(), plan.lost()
    return resumed(tally, killed, on_disk, lost)


def resumed(tally: Tally, killed: float, on_disk: set[int], lost: int) -> Resumed:
    """Sort the cases that were asked both before and after the kill by where they stood then."""

    def answered_before(limit: float) -> set[int]:
        return {number for number, at in tally.answered.items() if at < limit}

    def before(times: list[float]) -> int:
        return sum(at < killed for at in times)

    again = {number for number, times in tally.asked.items() if 0 < before(times) < len(times)}
    kept = on_disk | answered_before(killed - _UNDER_WAY_S)
    just_answered = answered_before(killed) - kept
    # What had only met faults by then was waiting to be asked again, kill or no kill.
    unanswered = {
        number
        for number in again - answered_before(killed)
        if before(tally.asked[number]) > before(tally.failed.get(number, []))
    }
    return Resumed(
        len(kept), len(kept & again), len(unanswered - kept), len(just_answered & again), lost
    )


def _on_disk(folder: Path) -> set[int]:
    """The cases of all whole lines of the journals; what a line says is read as plain JSON."""
    found = set()
    for path in folder.rglob("*.jsonl"):
        with path.open("rb") as stream:
            for line in stream:
                with suppress(ValueError):
                    found.add(case_number(json.dumps(json.loads(line)["request"]).encode()))
    return {number for number in found if number is not None}


def ask_cached(plan: Plan, client: Client) -> Cached:
    """Ask a server that answers at once, then all of it again from what was kept."""
    with plan.prepared(), Answering("--latency-ms", "0", "0", "--no-faults") as server:
        command = plan.command(client, server.url)
        asked_s, cached_s = _seconds(command), _seconds(command)
        tally, lost = server.tally(), plan.lost()
    return Cached(asked_s, cached_s, tally.sends, lost)


def _seconds(command: tuple[str, ...]) -> float:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stderr}")
    return float(done.stdout.splitlines()[-1])
