"""The whole client against a provider that goes wrong: nothing lost, nothing paid twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_server import FaultServer, Rule
from faulty import KINDS, client_of, failures, plain, questions, right, text_of, texts

from prefkit.llm.records import Request, messages

SCHEMA = {
    "type": "object",
    "properties": {
        "winner": {"type": "string", "enum": ["A", "B", "tie"]},
        "score": {"type": "integer", "enum": [1, 2, 3]},
    },
    "required": ["winner", "score"],
    "additionalProperties": False,
}
BILLED = {"cut_after_work", "cut_headers", "cut_body", "cut_chunk", "half", "malformed", "html"}
BILLED |= {"empty", "null", "list", "not_utf8", "deep", "other_shape", "no_content"}
"""Faults after which the provider bills an answer that never arrived whole."""
UNBILLED = {"429", "500", "502", "503", "529", "408", "cut", "html_502"}


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.mark.parametrize("kind", KINDS)
def test_answers_come_in_the_order_of_the_questions_and_are_then_free(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    server.latency = (0.0, 0.05)
    asked = questions(60)
    with client_of(kind, server, tmp_path, concurrency=20) as client:
        replies = client.ask(asked)
        assert texts(replies) == right(asked)
        assert {reply.attempts for reply in replies} == {1}
        again = client.ask(asked)
    assert plain(again) == plain(replies)
    assert all(reply.cached and reply.cost_usd == 0.0 for reply in again)
    with client_of(kind, server, tmp_path) as client:
        assert plain(client.ask(asked)) == plain(replies)
    assert len(server.asks()) == 60
    assert server.most_in_flight <= 20


@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_that_can_pass_ends_in_the_right_answer(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    faults = sorted(BILLED | UNBILLED)
    server.script.rules = [
        Rule(fault=fault, text=text_of(number), each=1) for number, fault in enumerate(faults)
    ]
    asked = questions(len(faults))
    with client_of(kind, server, tmp_path, concurrency=30, timeout_s=10) as client:
        replies = client.ask(asked)
    assert {faults[at]: said for at, said in failures(replies).items()} == {}
    assert texts(replies) == right(asked)
    assert [reply.attempts for reply in replies] == [2] * len(faults)
    for number, fault in enumerate(faults):
        first, second = server.asks(text_of(number))
        assert (first.outcome, second.outcome) == (fault, "answered")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("fault", "said"), [("400", "rejected"), ("404", "rejected"), ("413", "rejected")]
)
def test_one_failure_is_the_failure_of_one_reply(
    kind: str, fault: str, said: str, server: FaultServer, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault=fault, text=text_of(3))]
    asked = questions(6)
    with client_of(kind, server, tmp_path) as client:
        replies = client.ask(asked)
    assert failures(replies) == {3: said}
    assert replies[3].text is None
    assert texts(replies)[4:] == right(asked)[4:]
    assert len(server.asks(text_of(3))) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_that_stays_fails_its_reply_after_the_attempts(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    server.script.rules = [
        Rule(fault="500", text=text_of(0)),
        Rule(fault="half", text=text_of(1)),
        Rule(fault="hang", text=text_of(2)),
        Rule(fault="cut", text=text_of(3)),
    ]
    asked = questions(5)
    with client_of(kind, server, tmp_path, attempts=2, timeout_s=1.0) as client:
        replies = client.ask(asked)
        assert failures(replies) == {0: "server", 1: "malformed", 2: "timeout", 3: "transport"}
        assert [len(server.asks(text_of(number))) for number in range(5)] == [2, 2, 2, 2, 1]
        server.script.rules = []
        # Failures are not kept: asked again, they are answered.
        assert texts(client.ask(asked)) == right(asked)
    assert len(server.asks(text_of(4))) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("value", "least_s"), [("1", 1.0), ("0.4", 0.4), ("date:3", 1.9)])
def test_retry_after_is_waited_for(
    kind: str, value: str, least_s: float, server: FaultServer, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault="429", value=value, text=text_of(0), each=1)]
    with client_of(kind, server, tmp_path) as client:
        replies = client.ask(questions(3))
    assert failures(replies) == {}
    first, second = server.asks(text_of(0))
    assert first.done_at is not None
    assert least_s <= second.at - first.done_at < least_s + 2.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_mix_of_all_faults_loses_nothing_and_pays_nothing_twice(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    server.latency = (0.0, 0.05)
    faults = sorted(BILLED | UNBILLED)
    server.script.rules = [
        *(Rule(fault=fault, share=0.015, first=2) for fault in faults),
        Rule(fault="429", value="0.3", share=0.02, first=2),
    ]
    server.script.seed = 5
    asked = questions(400)
    with client_of(kind, server, tmp_path, concurrency=50, timeout_s=10) as client:
        replies = client.ask(asked)
    assert failures(replies) == {}
    assert texts(replies) == right(asked)
    assert set(server.answered().values()) == {1}
    assert len(server.answered()) == 400
    spoiled = sum(seen.outcome in BILLED for seen in server.asks())
    assert spoiled > 20
    assert sum(server.worked().values()) == 400 + spoiled
    assert server.most_in_flight <= 50


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_breaks_its_schema_is_asked_twice_and_then_kept(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    by_tool = kind == "anthropic"
    asked = [
        Request(messages=messages(text_of(n)), schema=SCHEMA, max_tokens=64, by_tool=by_tool)
        for n in range(4)
    ]
    server.script.rules = [
        Rule(fault="wrong_schema", text=text_of(0), each=1),
        Rule(fault="wrong_schema", text=text_of(1)),
        Rule(fault="cut_structured", text=text_of(2)),
    ]
    with client_of(kind, server, tmp_path) as client:
        replies = client.ask(asked)
        assert failures(replies) == {1: "invalid", 2: "cut"}
        # What was cut would be cut again: it is not paid a second time.
        assert [reply.attempts for reply in replies] == [2, 2, 1, 1]
        assert replies[0].data["winner"] in {"A", "B", "tie"}
        # Both attempts were paid, and both are in the bill.
        first, second = server.asks(text_of(1))
        assert replies[1].usage.input == first.input + second.input
        assert replies[1].usage.output == first.output + second.output
        # They were paid for: asked again they come from the journal.
        assert failures(client.ask(asked)) == {1: "invalid", 2: "cut"}
    assert len(server.asks()) == 6


@pytest.mark.parametrize("kind", KINDS)
def test_equal_questions_are_asked_once_and_draws_each(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    server.latency = 0.1
    one = questions(1)[0]
    with client_of(kind, server, tmp_path) as client:
        replies = client.ask([one] * 20)
        assert texts(replies) == right([one]) * 20
        assert len(server.asks()) == 1
        client.ask([Request(messages=one.messages, max_tokens=16, draw=d) for d in range(3)])
        assert len(server.asks()) == 4


@pytest.mark.parametrize("kind", KINDS)
def test_threads_of_one_client_share_what_they_ask(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    server.latency = 0.05
    asked = questions(30)
    got: list[list[str | None]] = []
    with client_of(kind, server, tmp_path) as client:
        threads = [
            threading.Thread(target=lambda: got.append(texts(client.ask(asked)))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert got == [right(asked)] * 4
    assert len(server.asks()) == 30


@pytest.mark.parametrize("kind", KINDS)
def test_usage_that_is_missing_or_wild_is_not_believed(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    server.script.rules = [
        Rule(fault="no_usage", text=text_of(0)),
        Rule(fault="wild_usage", text=text_of(1), each=1),
    ]
    asked = questions(3)
    with client_of(kind, server, tmp_path) as client:
        replies = client.ask(asked)
    assert failures(replies) == {}
    assert texts(replies) == right(asked)
    for reply in replies:
        for count in (reply.usage.input, reply.usage.output):
            assert count is None or count >= 0
    assert replies[0].usage.input is None
