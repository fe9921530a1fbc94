"""Where a run breaks off or is held up: what was paid is kept, and nobody waits for the dead."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_server import FaultServer, Rule
from faulty import client_of, failures, questions, text_of

from prefkit.errors import ClientError
from prefkit.llm.records import Request


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def test_a_source_of_requests_that_breaks_costs_no_answer_that_was_asked_for(
    server: FaultServer, tmp_path: Path
) -> None:
    server.latency = 0.3

    def source() -> Iterator[Request]:
        yield from questions(64)
        time.sleep(0.1)
        raise ValueError("the file ends here")

    with client_of("server", server, tmp_path, concurrency=16) as client:
        with pytest.raises(ValueError, match="the file ends here"):
            list(client.stream(source()))
        assert server.outcomes() == {"answered": len(server.asks())}
        assert len(client.desk.journal) == len(server.asks()) >= 16
        assert client.desk.ledger.doubtful_usd == 0.0


def test_requests_that_wait_to_be_asked_again_hold_up_no_others(
    server: FaultServer, tmp_path: Path
) -> None:
    server.latency = 0.01
    server.script.rules = [Rule(fault="500", text=text_of(number)) for number in range(20)]
    asked = questions(60)
    with client_of("server", server, tmp_path, concurrency=4, attempts=4) as client:
        client.ask(questions(1, first=1000))  # the server imports much for its first answer
        replies = client.ask(asked)
    assert failures(replies) == dict.fromkeys(range(20), "server")
    assert [reply.attempts for reply in replies] == [4] * 20 + [1] * 40
    seen = server.asks()[1:]
    good = [one.at - seen[0].at for one in seen if one.outcome == "answered"]
    # Sixty requests of ten milliseconds, four at a time: the bad ones wait half a second and more.
    assert max(good) < 1.0


def test_when_the_provider_is_down_nobody_waits_for_his_next_attempt(
    server: FaultServer, tmp_path: Path
) -> None:
    with client_of("server", server, tmp_path, attempts=30) as client:
        client.ask(questions(1, first=1000))
        server.script.rules = [Rule(fault="503")]
        begun = time.monotonic()
        with pytest.raises(ClientError, match="does not answer"):
            client.ask(questions(300))
    # Ten seconds without an answer are what it takes to be sure.
    assert time.monotonic() - begun < 13


FULL = """
import os, resource
from pathlib import Path
from fault_server import FaultServer, Rule
from faulty import client_of, questions, text_of

with FaultServer([Rule(fault="slow", value="2", text=text_of(10))], latency=0.01) as server:
    with client_of("server", server, Path(sys.argv[1]), concurrency=8) as client:
        client.ask(questions(5))
        size = os.path.getsize(client.desk.journal.path)
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, most))
        try:
            client.ask(questions(500, first=10))
        except OSError as error:
            print(error.strerror)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        print(len(server.worked()) - 5)
"""


def test_a_full_disk_stops_a_run_at_once_even_behind_a_slow_answer(tmp_path: Path) -> None:
    script = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n{FULL}"
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said, paid = done.stdout.splitlines()
    assert said == os.strerror(errno.EFBIG), done.stderr
    # Eight were in flight when the first could not be kept; a few may have taken their slots.
    assert int(paid) <= 24
