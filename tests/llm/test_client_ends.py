"""How a run ends early, or does not: refused keys, absent providers, answers without end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from fault_server import FaultServer, Rule
from faulty import KINDS, client_of, failures, questions, right, text_of, texts

from prefkit.errors import ClientError


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["401", "403", "insufficient_quota"])
def test_a_refused_key_ends_the_run_at_once_and_keeps_what_was_answered(
    kind: str, fault: str, server: FaultServer, tmp_path: Path
) -> None:
    server.latency = 0.02
    server.script.rules = [Rule(fault=fault, text=text_of(30))]
    asked = questions(200)
    begun = time.monotonic()
    with (
        client_of(kind, server, tmp_path, concurrency=4) as client,
        pytest.raises(ClientError) as said,
    ):
        client.ask(asked)
    assert time.monotonic() - begun < 5
    assert said.value.exit_code == 6
    assert "key" in str(said.value)
    answered = len(server.answered())
    assert len(server.asks()) < 60
    server.script.rules = []
    with client_of(kind, server, tmp_path) as client:
        assert texts(client.ask(asked)) == right(asked)
    assert len(server.answered()) == 200
    assert set(server.answered().values()) == {1}
    assert answered >= 20


@pytest.mark.parametrize("kind", ["openai", "server"])
def test_a_provider_that_is_gone_ends_the_run_within_seconds(kind: str, tmp_path: Path) -> None:
    with FaultServer() as gone:
        pass
    begun = time.monotonic()
    with client_of(kind, gone, tmp_path) as client, pytest.raises(ClientError) as said:
        client.ask(questions(100))
    assert time.monotonic() - begun < 15
    assert said.value.exit_code == 6
    assert str(gone.port) in str(said.value) or "reached" in str(said.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_redirect_is_not_followed(kind: str, server: FaultServer, tmp_path: Path) -> None:
    with FaultServer() as stranger:
        server.script.rules = [Rule(fault="redirect", value=stranger.host, text=text_of(0))]
        with client_of(kind, server, tmp_path) as client:
            replies = client.ask(questions(2))
        assert failures(replies) == {0: "rejected"}
        assert stranger.record == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["trickle", "flood", "bomb"])
def test_an_answer_without_end_is_bounded_in_time_and_memory(
    kind: str, fault: str, server: FaultServer, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault=fault, text=text_of(0))]
    asked = questions(6)
    memory = psutil.Process()
    options = {"timeout_s": 2.0, "attempts": 2, "max_body_bytes": 8 << 20}
    with client_of(kind, server, tmp_path, **options) as client:
        client.ask(asked[1:2])
        before, most = memory.memory_info().rss, [0]
        watching = threading.Event()

        def watch() -> None:
            while not watching.wait(0.02):
                most[0] = max(most[0], memory.memory_info().rss)

        watcher = threading.Thread(target=watch)
        watcher.start()
        begun = time.monotonic()
        replies = client.ask(asked)
        took = time.monotonic() - begun
        watching.set()
        watcher.join()
    assert failures(replies) == {0: "timeout" if fault == "trickle" else "malformed"}
    assert texts(replies)[1:] == right(asked)[1:]
    assert took < 2 * 2.0 + 2.5
    # Twice the longest body, and what the server in this process sends meanwhile.
    assert most[0] - before < 100 << 20


@pytest.mark.parametrize("kind", KINDS)
def test_the_deadline_ends_all_attempts_of_a_request(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    server.script.rules = [
        Rule(fault="hang", text=text_of(0)),
        Rule(fault="429", value="60", text=text_of(1)),
        Rule(fault="429", text=text_of(2)),
    ]
    asked = questions(4)
    begun = time.monotonic()
    with client_of(kind, server, tmp_path, deadline_s=2.0, timeout_s=1.5) as client:
        replies = client.ask(asked)
    assert time.monotonic() - begun < 4.5
    assert failures(replies) == {0: "timeout", 1: "throttled", 2: "throttled"}
    assert replies[3].text == right(asked)[3]
