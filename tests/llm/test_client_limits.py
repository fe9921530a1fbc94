"""Limits, given and found: a client that fills them, stays under them and recovers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_server import FaultServer, Rule
from faulty import KINDS, client_of, failures, questions, right, text_of, texts

from prefkit.errors import ClientError
from prefkit.llm.records import Reply


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def most_within(server: FaultServer, seconds: float) -> int:
    """The most requests that came within any such span."""
    times = [seen.at for seen in server.asks()]
    return max(sum(start <= at < start + seconds for at in times) for start in times)


@pytest.mark.parametrize("kind", KINDS)
def test_requests_per_minute_are_kept(kind: str, server: FaultServer, tmp_path: Path) -> None:
    asked = questions(40)
    begun = time.monotonic()
    with client_of(kind, server, tmp_path, requests_per_minute=900) as client:
        replies = client.ask(asked)
    took = time.monotonic() - begun
    assert texts(replies) == right(asked)
    # 15 a second; what may go at once is no more than a second's worth.
    assert most_within(server, 1.0) <= 31
    assert 25 / 15 - 0.3 <= took < 40 / 15 + 3


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_per_minute_are_kept(kind: str, server: FaultServer, tmp_path: Path) -> None:
    asked = questions(30)
    begun = time.monotonic()
    # An answer takes about 14 tokens of the server's count: two a second, and some at once.
    with client_of(kind, server, tmp_path, tokens_per_minute=12_000) as client:
        replies = client.ask(asked)
        waited = client._standing(0).waited_s
    took = time.monotonic() - begun
    assert texts(replies) == right(asked)
    used = sum(seen.input + seen.output for seen in server.asks())
    # The limit is 200 a second, with at most a few seconds' worth at once.
    assert used <= 200 * (took + 5)
    assert waited <= took


@pytest.mark.parametrize("kind", KINDS)
def test_a_provider_that_admits_few_at_once_is_found_out(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    server.admits, server.latency = 6, 0.05
    asked = questions(240)
    with client_of(kind, server, tmp_path, concurrency=64) as client:
        replies = client.ask(asked)
        assert client._standing(0).limit < 32
    assert failures(replies) == {}
    assert texts(replies) == right(asked)
    assert len(server.answered()) == 240
    assert set(server.answered().values()) == {1}
    late = server.asks()[-120:]
    assert sum(seen.outcome == "throttled" for seen in late) < 40


@pytest.mark.parametrize("kind", KINDS)
def test_a_provider_with_a_limit_per_minute_is_obeyed(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    server.per_minute, server.minute_s, server.latency = 30, 0.5, 0.01
    asked = questions(120)
    begun = time.monotonic()
    with client_of(kind, server, tmp_path, concurrency=40) as client:
        replies = client.ask(asked)
    took = time.monotonic() - begun
    assert failures(replies) == {}
    assert texts(replies) == right(asked)
    assert set(server.answered().values()) == {1}
    # Four minutes of half a second each are the least that it can take.
    assert 1.4 <= took < 8.0
    assert server.outcomes()["throttled"] < 240


@pytest.mark.parametrize("kind", KINDS)
def test_who_waits_holds_no_slot(kind: str, server: FaultServer, tmp_path: Path) -> None:
    server.latency = 0.02
    server.script.rules = [Rule(fault="429", value="2", text=text_of(0), each=1)]
    asked = questions(20)
    with client_of(kind, server, tmp_path, concurrency=1) as client:
        replies = client.ask(asked)
    assert texts(replies) == right(asked)
    assert server.most_in_flight == 1
    first, last = server.asks(text_of(0))
    between = [seen for seen in server.asks() if first.at < seen.at < last.at]
    assert len(between) == 19


@pytest.mark.parametrize("kind", KINDS)
def test_a_provider_that_is_away_for_a_while_costs_time_and_no_answer(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    server.latency = 0.02
    asked = questions(60)
    with client_of(kind, server, tmp_path, concurrency=8) as client:
        stream = client.stream(asked)
        replies = [next(stream)]
        server.down = True
        time.sleep(0.8)
        server.down = False
        replies += list(stream)
    assert failures(replies) == {}
    assert texts(replies) == right(asked)
    assert server.outcomes()["down"] > 0
    assert set(server.answered().values()) == {1}


def test_a_slow_answer_at_the_head_does_not_stop_the_others(
    server: FaultServer, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault="slow", value="1", text=text_of(0))]
    asked = questions(300)
    begun = time.monotonic()
    with client_of("server", server, tmp_path, concurrency=10) as client:
        stream = client.stream(asked)
        assert next(stream).text == right(asked[:1])[0]
        # While the first one took a second the client went as far ahead as it may.
        assert len(server.answered()) > 150
        assert texts(list(stream)) == right(asked)[1:]
    assert time.monotonic() - begun < 6


def test_a_stream_holds_a_bounded_number_of_requests(server: FaultServer, tmp_path: Path) -> None:
    taken = 0

    def endless() -> Iterator[object]:
        nonlocal taken
        while True:
            taken += 1
            yield questions(1, first=taken)[0]

    with client_of("server", server, tmp_path, concurrency=4) as client:
        stream = client.stream(endless())
        for _ in range(500):
            next(stream)
        assert taken <= 500 + 256 + 40
        stream.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_provider_that_throttles_for_good_ends_the_run_after_one_deadline(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault="429")]
    begun = time.monotonic()
    replies: list[Reply] = []
    with (
        client_of(kind, server, tmp_path, concurrency=4, deadline_s=1.0) as client,
        pytest.raises(ClientError, match="throttles all requests") as caught,
    ):
        replies.extend(client.stream(questions(200)))
    assert caught.value.exit_code == 6
    assert time.monotonic() - begun < 8.0  # one after the other they would take minutes
    assert len(server.asks()) < 40


def test_who_is_throttled_until_the_deadline_is_told_so(
    server: FaultServer, tmp_path: Path
) -> None:
    # Without a word how long to wait the pauses grow, until one of them passes the deadline.
    server.script.rules = [Rule(fault="529")]
    with client_of("server", server, tmp_path, concurrency=3, deadline_s=1.2) as client:
        replies = client.ask(questions(3))
    assert failures(replies) == {0: "throttled", 1: "throttled", 2: "throttled"}
