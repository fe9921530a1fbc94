"""Processes that are killed, interrupted or run side by side: no answer is paid for again."""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_answers import answer_to
from fault_server import FaultServer, Rule
from faulty import KINDS, client_of, questions, right, text_of, texts

SCRIPT = Path(__file__).parent / "client_process.py"
MOST_IN_FLIGHT = 16


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(latency=(0.02, 0.06)) as running:
        yield running


class Asker:
    """A process that asks; its standard output goes to a file, so that a kill loses nothing."""

    def __init__(self, folder: Path, server: FaultServer, **options: Any) -> None:
        options.setdefault("kind", "server")
        options.setdefault("settings", {"concurrency": MOST_IN_FLIGHT})
        told = {"host": server.host, "cache": str(folder / "cache")} | options
        self._out = folder / f"out-{time.monotonic_ns()}"
        with self._out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, str(SCRIPT), json.dumps(told)], stdout=out, stderr=subprocess.PIPE
            )

    def replies(self) -> list[dict[str, Any]]:
        """The whole lines so far."""
        lines = self._out.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines if line.startswith(b"{")]

    def wait(self) -> int:
        _, error = self.process.communicate(timeout=60)
        self.error = error.decode()
        return self.process.returncode

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()


@pytest.fixture
def start(tmp_path: Path, server: FaultServer) -> Iterator[Callable[..., Asker]]:
    started: list[Asker] = []

    def begin(**options: Any) -> Asker:
        started.append(Asker(tmp_path, server, **options))
        return started[-1]

    yield begin
    for one in started:
        if one.process.returncode is None:
            one.end()


def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.002)


def settle(server: FaultServer) -> None:
    """Wait for requests that were on their way when their sender was killed."""
    time.sleep(0.1)
    until(lambda: all(seen.done_at is not None for seen in server.asks()))


def kept_in(folder: Path, server: FaultServer, kind: str) -> int:
    with client_of(kind, server, folder / "cache") as client:
        return len(client.desk.journal)


@pytest.mark.parametrize("kind", KINDS)
def test_after_kill_9_no_answer_that_was_had_is_asked_again(
    kind: str, server: FaultServer, start: Callable[..., Asker], tmp_path: Path
) -> None:
    chance = random.Random(f"kill {kind}")
    count, told, asked_before, kept_before = 240, set(), 0, 0
    for _ in range(3):
        goal = len(server.answered()) + chance.randrange(1, 70)
        process = start(kind=kind, count=count)
        until(lambda goal=goal: len(server.answered()) >= goal)
        time.sleep(chance.uniform(0.0, 0.03))
        os.kill(process.process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        asked_now = set(_asked(server)[asked_before:])
        assert not asked_now & told, "an answer that was told was asked again"
        told |= {text_of(int(reply["name"][4:])) for reply in process.replies()}
        kept = kept_in(tmp_path, server, kind)
        # At most what was in flight when the kill came is lost.
        settle(server)
        lost = len(server.asks()) - asked_before - (kept - kept_before)
        assert 0 <= lost <= MOST_IN_FLIGHT
        asked_before, kept_before = len(server.asks()), kept
    last = start(kind=kind, count=count)
    assert last.wait() == 0, last.error
    assert [reply["text"] for reply in last.replies()] == right(questions(count))
    assert len(server.asks()) - asked_before == count - kept_before
    twice = sum(times - 1 for times in server.worked().values())
    assert twice <= 3 * MOST_IN_FLIGHT


def _asked(server: FaultServer) -> list[str]:
    """The questions that came, in the order in which they came."""
    names = [text_of(number) for number in range(300)]
    return [next(n for n in names if n.encode() in seen.raw) for seen in server.asks()]


@pytest.mark.parametrize("kind", ["server", "openai"])
def test_processes_that_share_a_journal_ask_each_question_once(
    kind: str, server: FaultServer, start: Callable[..., Asker]
) -> None:
    askers = [
        start(kind=kind, count=150),
        start(kind=kind, count=150, backwards=True),
        start(kind=kind, count=100, first=50),
    ]
    for asker in askers:
        assert asker.wait() == 0, asker.error
    expected = right(questions(150))
    assert [r["text"] for r in askers[0].replies()] == expected
    assert [r["text"] for r in askers[1].replies()] == expected[::-1]
    assert [r["text"] for r in askers[2].replies()] == expected[50:]
    assert len(server.asks()) == 150
    assert set(server.answered().values()) == {1}


def test_what_a_killed_process_was_asking_is_asked_by_the_other(
    server: FaultServer, start: Callable[..., Asker]
) -> None:
    server.script.rules = [Rule(fault="hang", text=text_of(number), each=1) for number in range(8)]
    first = start(count=8)
    until(lambda: len(server.asks()) == 8)
    second = start(count=8)
    time.sleep(0.8)
    assert len(server.asks()) == 8, "the second process must wait for the first"
    os.kill(first.process.pid, signal.SIGKILL)
    first.wait()
    assert second.wait() == 0, second.error
    assert [reply["text"] for reply in second.replies()] == right(questions(8))
    assert len(server.asks()) == 16


@pytest.mark.parametrize("kind", ["server", "openai"])
def test_an_interrupt_ends_at_once_and_keeps_what_was_answered(
    kind: str, server: FaultServer, start: Callable[..., Asker], tmp_path: Path
) -> None:
    process = start(kind=kind, count=240)
    until(lambda: len(server.answered()) >= 60)
    process.process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    code = process.wait()
    assert time.monotonic() - begun < 5
    assert code != 0
    assert "KeyboardInterrupt" in process.error
    assert "never retrieved" not in process.error
    assert "Task was destroyed" not in process.error
    kept, asked = kept_in(tmp_path, server, kind), len(server.asks())
    assert len(server.answered()) - kept <= MOST_IN_FLIGHT
    last = start(kind=kind, count=240)
    assert last.wait() == 0, last.error
    assert [reply["text"] for reply in last.replies()] == right(questions(240))
    assert len(server.asks()) - asked == 240 - kept


def test_an_interrupted_call_leaves_a_client_that_goes_on(
    server: FaultServer, tmp_path: Path
) -> None:
    asked = questions(100)
    with client_of("server", server, tmp_path, concurrency=8) as client:
        stream = client.stream(asked)
        first = [next(stream) for _ in range(10)]
        stream.close()
        assert texts(first) == right(asked)[:10]
        assert client.ask(asked)[99].text == answer_to(text_of(99))
    # What was under way when the stream was closed may have been sent twice, nothing else.
    assert sum(times - 1 for times in server.worked().values()) <= 8


def test_damaged_answers_are_asked_again_and_no_others(server: FaultServer, tmp_path: Path) -> None:
    asked = questions(40)
    with client_of("server", server, tmp_path) as client:
        client.ask(asked)
    (journal,) = tmp_path.glob("*.jsonl")
    lines = journal.read_bytes().split(b"\n")
    held = [at for at, line in enumerate(lines) if line]
    assert len(held) == 40
    lines[held[3]] = lines[held[3]].replace(b"The answer", b"The Answer")
    lines[held[7]] = lines[held[7]][: len(lines[held[7]]) // 2]
    lines[held[11]] = b"\x00" * len(lines[held[11]])
    lines[held[20]] = lines[held[20]] + lines[held[21]]
    lines[held[21]] = b""
    torn = b"\n".join(lines).rstrip(b"\n")
    journal.write_bytes(torn[:-9])
    with client_of("server", server, tmp_path) as client:
        assert texts(client.ask(asked)) == right(asked)
    # Changed, halved, zeroed, run together (two), and the last one torn.
    assert len(server.asks()) == 40 + 6
    with client_of("server", server, tmp_path) as client:
        assert texts(client.ask(asked)) == right(asked)
    assert len(server.asks()) == 46


def test_a_journal_emptied_or_removed_under_way_costs_answers_and_no_failure(
    server: FaultServer, tmp_path: Path
) -> None:
    asked = questions(20)
    with client_of("server", server, tmp_path) as client:
        client.ask(asked)
        (journal,) = tmp_path.glob("*.jsonl")
        journal.unlink()
        more = questions(20, first=20)
        assert texts(client.ask(more)) == right(more)
    with client_of("server", server, tmp_path) as client:
        assert texts(client.ask(more)) == right(more)
    assert len(server.asks()) == 40


def test_files_are_for_their_owner_only(server: FaultServer, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        with client_of("openai", server, tmp_path / "new" / "cache") as client:
            client.ask(questions(3))
            found = [path for path in (tmp_path / "new").rglob("*") if path.is_file()]
            assert found
            assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}
    finally:
        os.umask(old)
    folder = tmp_path / "new" / "cache"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
