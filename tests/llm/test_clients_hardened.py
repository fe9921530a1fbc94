"""What servers, hosts and callers got wrong: each is one request's failure, and no key shows."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from openai_clients import ASK, CANARY, both, chat, responses, said
from wire_server import WireServer, asked, http, shown

from prefkit.errors import ConfigError
from prefkit.llm.clients.anthropic import Anthropic
from prefkit.llm.clients.connection import Connection
from prefkit.llm.clients.keys import Address, address, key_for
from prefkit.llm.clients.schema_forms import closed, is_strict
from prefkit.llm.clients.server import Server
from prefkit.llm.clients.wire import fault_of, fault_within
from prefkit.llm.connect import connect
from prefkit.llm.records import Request
from prefkit.llm.settings import Settings
from prefkit.schema.records import Message

PLAIN = Request(messages=ASK, max_tokens=8)
OPEN = {"type": "object", "properties": {"winner": {"type": "string"}}, "required": ["winner"]}
CLOSED = OPEN | {"additionalProperties": False}
CALL = {
    "id": "c",
    "type": "function",
    "function": {"name": "answer", "arguments": '{"winner":"A"}'},
}


@pytest.fixture(autouse=True)
def house_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE_KEY", CANARY)


def kind(status: int, error: Any) -> str:
    return fault_of(status, {}, json.dumps(error).encode()).kind


@pytest.mark.parametrize(
    ("status", "error", "wanted"),
    [
        (
            400,
            {"message": "Invalid schema: 'billing_address' ...", "type": "invalid_request_error"},
            "rejected",
        ),
        (
            429,
            {"message": "see your plan and billing details", "code": "rate_limit_exceeded"},
            "throttled",
        ),
        (429, {"message": "no", "type": "insufficient_quota"}, "refused"),
        (429, {"message": "no", "code": "billing_hard_limit_reached"}, "refused"),
        (
            400,
            {
                "message": "Your credit balance is too low to access the API.",
                "type": "invalid_request_error",
            },
            "refused",
        ),
        (403, {"message": "requires moderation, your input was flagged", "code": 403}, "rejected"),
        (403, {"message": "no", "type": "permission_error"}, "refused"),
        (403, {"message": "no", "status": "PERMISSION_DENIED"}, "refused"),
        (401, {"message": "who?"}, "refused"),
        (402, {"message": "pay"}, "refused"),
    ],
)
def test_only_type_and_code_say_that_an_account_is_refused(
    status: int, error: dict[str, Any], wanted: str
) -> None:
    assert kind(status, {"error": error}) == wanted
    assert kind(status, [{"error": error}]) == wanted
    assert fault_within({**error, "code": error.get("code", status)}, None).kind == wanted


def test_a_blocked_page_of_a_firewall_is_one_rejected_request() -> None:
    assert fault_of(403, {}, b"<html>Access to billing denied</html>").kind == "rejected"


@pytest.mark.parametrize(
    "extra",
    [
        {"max_completion_tokens": 10**6},
        {"max_output_tokens": 10**6},
        {"Max_Tokens": 10**6},
        {"n": 5},
        {"best_of": 5},
        {"stream": True},
        {"store": True},
        {"background": True},
        {"service_tier": "priority"},
        {"speed": "fast"},
        {"models": ["dearer"]},
        {"tools": [{"type": "web_search"}]},
    ],
)
def test_extra_changes_neither_price_nor_form_of_an_answer(extra: dict[str, Any]) -> None:
    request = Request(messages=ASK, extra=extra)
    name = next(iter(extra))
    with WireServer(lambda _: http(said())) as server:
        for client in [*both(server.url), Server(f"{server.url}#m", Settings())]:
            assert name in (client.refuses(request) or "")
            fault = asked(client, request)
            assert fault.kind == "rejected"
            assert name in fault.message
        assert not server.came


def test_a_client_refuses_such_an_extra_before_it_sends_anything(tmp_path: Path) -> None:
    asked_for = [Request(messages=ASK), Request(messages=ASK, extra={"n": 5}, name="row-2")]
    with (
        WireServer(lambda _: http(said())) as server,
        connect(f"{server.url}#m", cache=tmp_path) as client,
    ):
        with pytest.raises(ConfigError, match=r"row-2.*extra may not hold n"):
            client.ask(asked_for)
        assert not any("n" in came.json for came in server.came)


def test_extra_that_changes_neither_is_sent() -> None:
    extra = {"reasoning_effort": "low", "tools": [{"type": "function", "function": {"name": "f"}}]}
    request = Request(messages=ASK, extra=extra)
    with WireServer(lambda _: http(said())) as server:
        client = chat(server.url)
        assert client.refuses(request) is None
        assert asked(client, request).text == "Yes."
        assert server.came[0].json["reasoning_effort"] == "low"


def test_an_answer_that_was_all_reasoning_is_whole_and_empty() -> None:
    with WireServer(lambda _: http(said(None, reasoning_content="Hm."))) as server:
        reply = asked(chat(server.url), PLAIN)
    assert (reply.text, reply.finish) == ("", "stop")
    body = {"status": "completed", "output": [{"type": "reasoning", "summary": []}]}
    with WireServer(lambda _: http(body)) as server:
        reply = asked(responses(server.url), PLAIN)
    assert (reply.text, reply.finish) == ("", "stop")


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (rb"caf\ud83d", "caf�"),
        (rb"\ude00x", "�x"),
        (rb"\ud83d\ude00", "\U0001f600"),
        (rb"\ud83d \ud83d\ude00", "� \U0001f600"),
        (rb"\\ud83d\ud83d", "\\ud83d�"),
    ],
)
def test_half_a_character_costs_no_answer(sent: bytes, read: str) -> None:
    raw = b'{"choices":[{"message":{"content":"%s"},"finish_reason":"length"}]}' % sent
    with WireServer(lambda _: http(raw)) as server:
        for client in (chat(server.url), Server(f"{server.url}#m", Settings())):
            assert asked(client, PLAIN).text == read


@pytest.mark.parametrize("words", [None, "", "I will call the tool."])
def test_a_forced_call_comes_before_words_beside_it(words: str | None) -> None:
    request = Request(messages=ASK, schema=CLOSED, by_tool=True)
    body = said(words, tool_calls=[CALL])
    with WireServer(lambda _: http(body)) as server:
        reply = asked(chat(server.url), request)
    assert (reply.text, reply.finish) == ('{"winner":"A"}', "tool")
    body["choices"][0]["finish_reason"] = "length"
    with WireServer(lambda _: http(body)) as server:
        assert asked(chat(server.url), request).finish == "length"
    output: list[Any] = [{"type": "function_call", "name": "answer", "arguments": '{"winner":"A"}'}]
    if words is not None:
        part = {"type": "output_text", "text": words}
        output = [{"type": "message", "content": [part]}, *output]
    for status, finish in (("completed", "tool"), ("incomplete", "length")):
        answer = {
            "status": status,
            "output": output,
            "incomplete_details": {"reason": "max_output_tokens"},
        }
        with WireServer(lambda _, answer=answer: http(answer)) as server:  # type: ignore[misc]
            reply = asked(responses(server.url), request)
        assert (reply.text, reply.finish) == ('{"winner":"A"}', finish)


def test_a_content_type_of_odd_bytes_stays_one_printable_line() -> None:
    raw = b"HTTP/1.1 200 OK\r\ncontent-type: text/\xff\xfe\x1b[31m\r\ncontent-length: 2\r\n\r\nhi"
    with WireServer(lambda _: raw) as server:
        for client in [*both(server.url), Server(f"{server.url}#m", Settings())]:
            fault = asked(client, PLAIN)
            assert fault.kind == "malformed"
            assert fault.message.isprintable()
            fault.message.encode()


@pytest.mark.parametrize(
    "raw", [b"SSH-2.0 \xff\x1b[2J\r\n\r\n", b"HTTP/1.1 200 OK\r\nb\x00\xff: c\r\n\r\n"]
)
def test_what_is_no_http_stays_one_printable_line(raw: bytes) -> None:
    with WireServer(lambda _: raw) as server:
        fault = asked(Server(f"{server.url}#m", Settings()), PLAIN)
    assert fault.kind == "malformed"
    assert fault.message.isprintable()
    fault.message.encode()


def test_a_long_error_is_read_to_its_type_and_code() -> None:
    error = {"error": {"message": "no money " + "x" * 70_000, "code": "insufficient_quota"}}
    with WireServer(lambda _: http(error, 429)) as server:
        fault = asked(Server(f"{server.url}#m", Settings()), PLAIN)
    assert fault.kind == "refused"
    assert fault.message.startswith("HTTP 429: no money xxx")


def test_the_beginning_of_an_endless_error_is_shown() -> None:
    with WireServer(lambda _: http(b"no money " + b"x" * (3 << 20), 429)) as server:
        fault = asked(Server(f"{server.url}#m", Settings()), PLAIN)
    assert fault.kind == "throttled"
    assert fault.message.startswith("HTTP 429: no money xxx")
    assert len(fault.message) < 400


@pytest.mark.parametrize("extra", ["{bad", "[1]", '"x"'])
def test_what_comes_with_a_turn_and_is_no_json_is_rejected(extra: str) -> None:
    request = Request(messages=(Message("user", "x", extra),))
    fault = asked(Server("http://127.0.0.1:1#m", Settings()), request)
    assert fault.kind == "rejected"


@pytest.mark.parametrize(
    "host", ["a..b", "a" * 64 + ".com", ".".join(["abc"] * 70), "-a.b", "a-.b"]
)
def test_a_host_with_impossible_labels_is_refused_at_once(host: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        address(f"https://{host}")


def test_a_host_that_cannot_be_looked_up_raises_a_fault_without_the_key() -> None:
    where = Address("https", "a..b", 443, "/v1")
    key = key_for(address("https://a.example"), Settings(key_env="HOUSE_KEY"))
    connection = Connection(where, key, {"Authorization": "Bearer [key]"}, Settings())

    async def run() -> BaseException | None:
        try:
            await connection.post("https://a..b/v1", b"{}")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is looked at
            return error
        finally:
            await connection.close()
        return None

    fault = asyncio.run(run())
    assert getattr(fault, "kind", None) in ("rejected", "transport")
    assert fault is not None
    assert CANARY not in shown(fault)


@pytest.mark.parametrize(
    "given",
    [
        "sk-proj-abcdefghijklmnop",
        "sk_live_abcdefgh",
        "hf_abcdefgh",
        "A1b2C3d4E5f6G7h8I9",
        "two words",
        "1ABC",
        "NAME=VALUE",
    ],
)
def test_a_key_in_place_of_its_name_is_never_shown(given: str) -> None:
    with pytest.raises(ConfigError, match="--key-env") as caught:
        key_for(address("https://a.example"), Settings(key_env=given))
    assert given not in str(caught.value)
    assert given not in str(caught.value.hint)


@pytest.mark.parametrize("name", ["MISSING_KEY", "my_key", "OPENAI_KEY_FOR_TEAM_2"])
def test_a_variable_that_is_not_set_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        key_for(address("https://a.example"), Settings(key_env=name))


@pytest.mark.parametrize(("url", "end"), [("https://a.b", "\n"), ("http://a.b", "")])
def test_no_frame_of_a_refused_key_holds_it(
    monkeypatch: pytest.MonkeyPatch, url: str, end: str
) -> None:
    monkeypatch.setenv("HOUSE_KEY", CANARY + end)
    with pytest.raises(ConfigError) as caught:
        key_for(address(url), Settings(key_env="HOUSE_KEY"))
    assert CANARY not in shown(caught.value)


def test_a_client_holds_its_key_nowhere_in_plain_text(tmp_path: Path) -> None:
    with WireServer(lambda _: http(said())) as server:
        clients = [
            *both(server.url),
            Server(f"{server.url}#m", Settings(key_env="HOUSE_KEY")),
            Anthropic("m", Settings(base_url=server.url, key_env="HOUSE_KEY")),
        ]
        for client in clients:
            assert CANARY not in repr(vars(client._connection))
            asked(client, PLAIN)
        sent = [came.headers["authorization"] for came in server.came]
        assert sent == [f"Bearer {CANARY}"] * 4
        assert server.came[-1].headers["x-api-key"] == CANARY


def test_strict_is_said_only_of_schemas_that_are() -> None:
    assert is_strict(CLOSED)
    assert not is_strict(OPEN)
    optional = {**CLOSED, "required": []}
    assert not is_strict(optional)
    assert not is_strict({"type": "array", "items": CLOSED})
    assert not is_strict({**CLOSED, "properties": {"winner": OPEN}})
    assert is_strict({**CLOSED, "properties": {"winner": {"anyOf": [CLOSED, {"type": "null"}]}}})
    assert not is_strict({**CLOSED, "properties": {"winner": {"type": "string", "minLength": 1}}})
    for schema in (OPEN, CLOSED):
        strict = schema is CLOSED
        request = Request(messages=ASK, schema=schema)
        tool = Request(messages=ASK, schema=schema, by_tool=True)
        a, b = both("http://127.0.0.1:1")
        assert a.body(request)["response_format"]["json_schema"]["strict"] is strict
        assert b.body(request)["text"]["format"]["strict"] is strict
        assert b.body(tool)["tools"][0]["strict"] is strict


def test_anthropic_gets_closed_objects_and_limits_as_words() -> None:
    score = {"type": "integer", "minimum": 1, "description": "From bad to good."}
    assert closed({"type": "object", "properties": {"score": score}, "required": ["score"]}) == {
        "type": "object",
        "properties": {
            "score": {"type": "integer", "description": "From bad to good. (minimum: 1)"}
        },
        "required": ["score"],
        "additionalProperties": False,
    }
    client = Anthropic("m", Settings(base_url="http://127.0.0.1:1"))
    held = client.body(Request(messages=ASK, schema=OPEN))["output_config"]["format"]["schema"]
    assert held == CLOSED
    for wrong in (
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"a": {"not": {}}}},
        {"$ref": "http://a.example/s.json"},
    ):
        request = Request(messages=ASK, schema=wrong)
        assert "by tool" in (client.refuses(request) or "")
        assert asked(client, request).kind == "rejected"
        by_tool = Request(messages=ASK, schema=wrong, by_tool=True)
        assert client.refuses(by_tool) is None
