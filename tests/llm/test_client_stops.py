"""When a run stops: told at once, with what was paid kept and nothing sent that is of no use."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_server import FaultServer, Rule
from faulty import client_of, failures, questions, right, text_of, texts

from prefkit.errors import ClientError, ConfigError
from prefkit.llm.course import judged
from prefkit.llm.records import Reply, Request, Usage, messages

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def seconds(since: float) -> float:
    return time.monotonic() - since


def test_a_refused_key_is_told_at_once_whatever_the_rate_limit(
    server: FaultServer, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault="401")]
    with client_of("openai", server, tmp_path, requests_per_minute=60) as client:
        begun = time.monotonic()
        with pytest.raises(ClientError, match="refused the key"):
            client.ask(questions(50))
        assert seconds(begun) < 5
    assert len(server.asks()) == 1


def test_a_budget_that_is_gone_is_told_at_once_whatever_the_rate_limit(
    server: FaultServer, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"requests_per_minute": 60, "budget": 0.0005}
    with client_of("openai", server, tmp_path, **options) as client:
        begun = time.monotonic()
        replies = client.ask(questions(50))
        assert seconds(begun) < 8
    assert set(failures(replies).values()) == {"budget"}


def test_a_refused_key_wakes_who_waits_for_the_next_attempt(
    server: FaultServer, tmp_path: Path
) -> None:
    server.script.rules = [
        Rule(fault="429", value="30", text=text_of(0)),
        Rule(fault="401", text=text_of(5)),
    ]
    with client_of("server", server, tmp_path) as client:
        client.ask(questions(1, first=77))
        begun = time.monotonic()
        with pytest.raises(ClientError, match="refused the key"):
            client.ask(questions(6))
        assert seconds(begun) < 5


def test_a_client_asks_again_after_a_run_that_was_refused(
    server: FaultServer, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault="401", times=1)]
    with client_of("openai", server, tmp_path) as client:
        with pytest.raises(ClientError):
            client.ask(questions(1))
        assert texts(client.ask(questions(3))) == right(questions(3))


@pytest.mark.parametrize("wrong", [{"top_k": 5}, {"messages": messages("\ud800")}])
def test_a_list_whose_last_request_is_wrong_is_refused_before_anything_is_sent(
    wrong: dict[str, Any], server: FaultServer, tmp_path: Path
) -> None:
    last = Request(**{"messages": messages("z"), **wrong})
    with client_of("openai", server, tmp_path) as client, pytest.raises(ConfigError):
        client.ask([*questions(300), last])
    assert server.asks() == []


def test_a_stream_whose_last_request_is_wrong_keeps_what_was_sent(
    server: FaultServer, tmp_path: Path
) -> None:
    server.latency = 0.2

    def source() -> Iterator[Request]:
        yield from questions(40)
        time.sleep(0.05)
        yield Request(messages=messages("z"), top_k=5)

    with client_of("openai", server, tmp_path, concurrency=8, budget=1.0) as client:
        with pytest.raises(ConfigError, match="top_k"):
            client.ask(source())
        assert len(client.desk.journal) == len(server.asks()) > 0
        assert client.desk.ledger.doubtful_usd == client.desk.ledger.reserved_usd == 0.0


def test_a_source_that_is_slow_holds_back_nothing_that_it_gave(
    server: FaultServer, tmp_path: Path
) -> None:
    given: list[float] = []

    def source() -> Iterator[Request]:
        given.append(time.monotonic())
        yield from questions(1)
        time.sleep(0.7)
        yield from questions(1, first=1)

    with client_of("server", server, tmp_path) as client:
        client.ask(questions(1, first=77))
        client.ask(source())
    assert server.asks()[1].at - given[0] < 0.5


def test_waiting_for_the_budget_uses_up_no_deadline(server: FaultServer, tmp_path: Path) -> None:
    server.latency = 0.4
    options: dict[str, Any] = {"budget": 0.0019, "deadline_s": 1.0, "concurrency": 16}
    with client_of("openai", server, tmp_path, **options) as client:
        client.ask(questions(1, first=77))
        replies = client.ask(questions(16))
        assert client.desk.ledger.doubtful_usd == 0.0
    # At most four of these are reserved for at once: the last ones wait longer than a second.
    assert set(failures(replies).values()) <= {"budget"}


def test_an_answer_that_was_cut_is_not_asked_for_again(server: FaultServer, tmp_path: Path) -> None:
    with client_of("openai", server, tmp_path, budget=1.0) as client:
        replies = client.ask(questions(1, schema=SCHEMA, max_tokens=2))
        assert failures(replies) == {0: "cut"}
        assert len(client.desk.journal) == 1
    assert len(server.asks()) == 1


def test_an_answer_that_breaks_the_judge_is_kept_as_invalid() -> None:
    def breaks(_: Reply) -> Reply:
        raise LookupError("no such pointer")

    answer, is_worth_more = judged(breaks, Reply(text="paid", usage=Usage(10, 5)))
    assert answer.text == "paid"
    assert answer.usage == Usage(10, 5)
    assert answer.failure is not None
    assert answer.failure.kind == "invalid"
    assert "LookupError: no such pointer" in answer.failure.message
    assert not is_worth_more


def test_an_ask_beside_a_run_that_failed_is_told_the_same(
    server: FaultServer, tmp_path: Path
) -> None:
    server.latency = 0.3
    said: list[BaseException] = []

    def beside() -> None:
        try:
            client.ask(questions(200, first=1000))
        except ClientError as error:
            said.append(error)

    with client_of("server", server, tmp_path, concurrency=4) as client:
        client.ask(questions(1, first=77))
        server.script.rules = [Rule(fault="401", text=text_of(3))]
        thread = threading.Thread(target=beside)
        thread.start()
        with pytest.raises(ClientError):
            client.ask(questions(20))
        thread.join(10)
    assert len(said) == 1
