"""Requests as people write them: one form, one key, and every slip said before anything is sent."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from fault_server import FaultServer
from faulty import client_of, failures, questions

from prefkit.errors import ConfigError
from prefkit.llm.codec import facts_bytes
from prefkit.llm.money.tokens import most_input_tokens
from prefkit.llm.records import Request, ScoreRequest, messages
from prefkit.schema.records import Message

ASK = messages("x")


def facts(**options: Any) -> bytes:
    return facts_bytes(Request(messages=ASK, **options))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"temperature": 0}, {"temperature": 0.0}),
        ({"temperature": -0.0}, {"temperature": 0.0}),
        ({"top_p": 1}, {"top_p": 1.0}),
        ({"extra": {}}, {}),
        ({"stop": []}, {}),
        ({"stop": ["a"]}, {"stop": ("a",)}),
        ({"choices": ["a"]}, {"choices": ("a",)}),
    ],
)
def test_what_means_the_same_has_one_key(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert facts(**one) == facts(**other)


def test_a_schema_that_is_changed_afterwards_changes_no_request() -> None:
    schema = {"type": "object", "properties": {"w": {"enum": ["a"]}}}
    extra = {"template": {"thinking": False}}
    request = Request(messages=ASK, schema=schema, extra=extra)
    before = facts_bytes(request), most_input_tokens(request)
    schema["properties"]["w"]["enum"][0] = "b"  # type: ignore[index]
    extra["template"]["thinking"] = True
    assert request.schema == {"type": "object", "properties": {"w": {"enum": ["a"]}}}
    assert request.extra == {"template": {"thinking": False}}
    assert (facts_bytes(request), most_input_tokens(request)) == before
    assert facts_bytes(Request(messages=ASK, schema=schema, extra=extra)) != before[0]


def test_the_order_of_a_schema_is_sent_as_it_was_given() -> None:
    first = Request(messages=ASK, schema={"type": "object", "required": ["a"]})
    second = Request(messages=ASK, schema={"required": ["a"], "type": "object"})
    assert list(first.schema or ()) == ["type", "required"]
    assert list(second.schema or ()) == ["required", "type"]
    assert dataclasses.replace(first, draw=1).schema is first.schema


def test_one_dictionary_used_again_and_again_sends_what_each_key_says(tmp_path: Path) -> None:
    extra = {"number": -1}

    def asked() -> Iterator[Request]:
        for number in range(20):
            extra["number"] = number
            yield Request(messages=ASK, max_tokens=16, extra=extra)

    with FaultServer(latency=0.01) as server:
        server.strict = False
        with client_of("server", server, tmp_path, concurrency=2) as client:
            assert failures(client.ask(asked())) == {}
            kept = [json.loads(entry.request) for entry in client.desk.journal.entries()]
        assert sorted(seen.body["number"] for seen in server.asks()) == list(range(20))
        assert sorted(one["extra"]["number"] for one in kept) == list(range(20))


def test_what_a_turn_says_besides_its_text_is_scored_too() -> None:
    calls = ['{"tool_calls":[{"f":"rm"}]}', '{"tool_calls":[{"f":"ls"}]}', None]
    made = [
        facts_bytes(ScoreRequest(messages=(Message("assistant", None, call),))) for call in calls
    ]
    assert len(set(made)) == 3


def test_whatever_else_a_mapping_says_becomes_extra_in_its_order() -> None:
    turns = messages(
        [
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}], "name": "b"},
            {"role": "tool", "content": "5", "tool_call_id": "1", "refusal": None},
            {"role": "assistant", "tool_calls": [{"id": "2"}]},
            {"role": "user", "content": "plain"},
            {"role": "user", "content": "kept", "extra": '{"a":1}'},
        ]
    )
    assert turns == (
        Message("assistant", None, '{"tool_calls":[{"id":"1"}],"name":"b"}'),
        Message("tool", "5", '{"tool_call_id":"1"}'),
        Message("assistant", None, '{"tool_calls":[{"id":"2"}]}'),
        Message("user", "plain"),
        Message("user", "kept", '{"a":1}'),
    )


def test_turns_in_any_form_are_read_by_the_request_itself() -> None:
    for given in ("hi", [{"role": "user", "content": "hi"}], [Message("user", "hi")]):
        assert Request(messages=given).messages == (Message("user", "hi"),)  # type: ignore[arg-type]
        assert ScoreRequest(messages=given).messages == (Message("user", "hi"),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given",
    [
        5,
        None,
        {"role": "user", "content": "hi"},
        Message("user", "hi"),
        [5],
        ["hi"],
        [{"content": "hi"}],
        [{"role": "user"}],
        [{"role": "user", "content": ["hi"]}],
        [{"role": "user", "content": "hi", "when": object()}],
    ],
)
def test_what_are_no_turns_is_refused_with_its_row(given: Any) -> None:
    with pytest.raises(ConfigError, match="row 7"):
        Request(messages=given, name="row 7")


@pytest.mark.parametrize("name", ["stop", "choices"])
@pytest.mark.parametrize("given", ["END", 5])
def test_one_text_where_several_belong_is_refused_with_its_row(name: str, given: Any) -> None:
    options: dict[str, Any] = {name: given}
    with pytest.raises(ConfigError, match=rf"{name} .*row 7"):
        Request(messages=ASK, name="row 7", **options)


@pytest.mark.parametrize(
    "options",
    [
        {"max_tokens": 0},
        {"max_tokens": 1.5},
        {"max_tokens": True},
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"temperature": "0.5"},
        {"temperature": True},
        {"top_p": 0},
        {"top_p": 1.01},
        {"top_p": "0.5"},
        {"top_k": 0},
        {"top_k": 2.0},
        {"seed": 1.5},
        {"seed": 2**63},
        {"seed": "1"},
        {"draw": -1},
        {"logprobs": -1},
        {"logprobs": 21},
        {"logprobs": True},
        {"stop": ("a", "")},
        {"stop": ("a", 5)},
        {"choices": ("a", "")},
        {"choices": ("a", "b", "a")},
        {"schema": "text"},
        {"schema": {"type": object()}},
        {"extra": [1]},
        {"extra": {"a": float("nan")}},
        {"schema": {}, "by_tool": 1},
        {"messages": (Message("user", 5),)},  # type: ignore[arg-type]
        {"messages": (Message("", "hi"),)},
    ],
)
def test_a_value_that_an_option_cannot_have_is_refused_with_its_row(
    options: dict[str, Any], tmp_path: Path
) -> None:
    given = {"messages": ASK, "name": "row 7", "max_tokens": 16} | options
    (tmp_path / "recorded.jsonl").write_text('{"request": {"messages": "x"}, "reply": "y"}\n')
    from prefkit.llm.connect import connect

    with (
        connect(f"replay:{tmp_path / 'recorded.jsonl'}", cache=tmp_path) as client,
        pytest.raises(ConfigError, match="row 7"),
    ):
        client.ask([Request(**given)])


def test_the_last_values_that_an_option_can_have_are_sent(tmp_path: Path) -> None:
    asked = questions(1, temperature=0, top_p=1, top_k=1, seed=0, logprobs=20, stop=(" ",))
    with FaultServer() as server, client_of("server", server, tmp_path) as client:
        server.strict = False
        assert failures(client.ask(asked)) == {}
        body = server.asks()[0].body
    assert (body["temperature"], body["top_p"], body["stop"]) == (0.0, 1.0, [" "])


def test_one_request_instead_of_several_is_said_clearly(tmp_path: Path) -> None:
    with FaultServer() as server, client_of("openai", server, tmp_path) as client:
        for call in (client.ask, client.score, client.forecast):
            one = ScoreRequest(prompt="a", completion="b") if call == client.score else ASK_ONE
            with pytest.raises(ConfigError, match="several"):
                call(one)  # type: ignore[operator]


ASK_ONE = Request(messages=ASK)


def test_facts_are_json_values_in_the_order_in_which_they_are_sent() -> None:
    request = Request(messages=ASK, schema={"b": 1, "a": {"d": 2, "c": 3}}, extra={"z": 1, "y": 2})
    assert facts_bytes(request) == orjson.dumps(orjson.loads(facts_bytes(request)))
    assert b'"schema":{"b":1,"a":{"d":2,"c":3}}' in facts_bytes(request)
