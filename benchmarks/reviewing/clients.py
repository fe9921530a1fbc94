"""Ten people at a served desk, each in a thread with a connection of their own."""

from __future__ import annotations

import html
import http.client
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from benchmarks.measure import CommandError
from benchmarks.reviewing.cases import NAMES

__all__ = ["Voted", "vote_all"]

_ADDRESS = re.compile(r" +(\S+)  http://([^/]+)(/\?token=\S+)\n")
_FORM = re.compile(r'name="(form|ticket)" value="([^"]*)"')


class Voted(NamedTuple):
    """Seconds from each vote to the next pair, all of them in seconds, and bytes to the first."""

    each_s: list[float]
    whole_s: float
    first_bytes: int


def vote_all(pairs: Path, review: Path, votes: int) -> Voted:
    """Serve the review and vote so often in all, ten at once.

    Raises:
        CommandError: the desk did not answer as it should.
    """
    with _desk(pairs, review) as addresses:
        people = [_Person(*addresses[name]) for name in NAMES]
        threads = [
            threading.Thread(target=one.vote, args=(votes // len(people),)) for one in people
        ]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        whole = time.perf_counter() - start
    failed = [one.failure for one in people if one.failure]
    if failed:
        raise CommandError(failed[0])
    return Voted([took for one in people for took in one.took], whole, people[0].first)


@contextmanager
def _desk(pairs: Path, review: Path) -> Iterator[dict[str, tuple[str, str]]]:
    """A desk for all, by name: host and path to come in by."""
    people = [part for name in NAMES for part in ("--reviewer", name)]
    command = [str(Path(sys.executable).with_name("prefkit")), "review", str(pairs)]
    command += ["--out", str(review), "--practice", "0", *people]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None
    try:
        found: dict[str, tuple[str, str]] = {}
        while len(found) < len(NAMES):
            line = process.stderr.readline()
            if not line:
                raise CommandError(f"{command!r} ended with {process.wait()}")
            if told := _ADDRESS.fullmatch(line):
                found[told[1]] = (told[2], told[3])
        yield found
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


class _Person:
    """A reviewer who votes without reading."""

    def __init__(self, host: str, path: str) -> None:
        self._line, self._path = http.client.HTTPConnection(host, timeout=60), path
        self._told = {"Origin": f"http://{host}"}
        self.took: list[float] = []
        self.first, self.failure = 0, ""

    def vote(self, count: int) -> None:
        """Come in and vote so often; what goes wrong is kept for the caller."""
        try:
            self._vote(count)
        except (OSError, http.client.HTTPException, CommandError) as error:
            self.failure = str(error) or repr(error)
        finally:
            self._line.close()

    def _vote(self, count: int) -> None:
        cookie = self._send("GET", self._path)[1].headers["Set-Cookie"]
        self._told["Cookie"] = cookie.partition(";")[0]
        page = self._send("GET", "/")[0]
        assets = [self._send("GET", f"/assets/desk.{kind}")[0] for kind in ("css", "js")]
        self.first = sum(len(text.encode()) for text in (page, *assets))
        for _ in range(count):
            fields = {name: html.unescape(value) for name, value in _FORM.findall(page)}
            if "ticket" not in fields:
                raise CommandError("there is no card left to vote on")
            start = time.perf_counter()
            self._send("POST", "/vote", urlencode({**fields, "verdict": "a"}))
            page = self._send("GET", "/")[0]
            self.took.append(time.perf_counter() - start)

    def _send(
        self, method: str, path: str, body: str | None = None
    ) -> tuple[str, http.client.HTTPResponse]:
        self._line.request(method, path, body, self._told)
        answer = self._line.getresponse()
        text = answer.read().decode()
        if answer.status not in (200, 303):
            raise CommandError(f"{method} {path}: {answer.status} {text[:200]}")
        return text, answer
