"""The server as a process of its own: started on a free port, ended for its tally."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from typing import IO, Any, NamedTuple, Self

from benchmarks.measure import CommandError

__all__ = ["Answering", "Tally"]

_ENDS_WITHIN_S = 30


class Tally(NamedTuple):
    """What a server was asked and has answered; seconds on the machine's monotonic clock."""

    asked: dict[int, list[float]]
    """When each attempt of a case came in."""
    answered: dict[int, float]
    """When a case's first whole answer went out."""
    failed: dict[int, list[float]]
    """When each fault of a case went out."""
    again: int
    """Requests for cases whose whole answer had gone out."""
    kinds: dict[str, int]
    probes: int
    connections: int
    most_in_flight: int
    cpu_s: float

    @property
    def sends(self) -> int:
        """Requests, probes left out."""
        return sum(map(len, self.asked.values()))

    @property
    def span_s(self) -> float:
        """From the first request to the last answer."""
        first = min((times[0] for times in self.asked.values()), default=0.0)
        return max(self.answered.values(), default=first) - first


class Answering:
    """A server that runs as long as its `with` block."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "benchmarks.asking.server", *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self._out.readline())}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._out.close()

    def wait_until_told(self, asking: subprocess.Popen[bytes]) -> None:
        """Wait until it has answered as many cases as it was to tell of.

        Raises:
            CommandError: the process that asks ended before.
        """
        while not select.select([self._out], [], [], 0.2)[0]:
            if asking.poll() is not None:
                raise CommandError(f"{asking.args!r}\nended with {asking.returncode} too early")
        self._out.readline()

    def tally(self) -> Tally:
        """End it and read what it has counted."""
        self._process.terminate()
        facts: dict[str, Any] = json.loads(self._out.readline())
        self._process.wait(_ENDS_WITHIN_S)
        by_case = ("asked", "answered", "failed")
        return Tally(**facts | {name: dict(facts[name]) for name in by_case})

    @property
    def _out(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout
