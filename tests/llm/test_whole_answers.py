"""Half an answer is no answer, `extra` takes no form away, and no count of tokens ends a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openai_clients import ASK, CANARY, SCHEMA, chat, responses, said
from wire_server import WireServer, asked, http

from prefkit.errors import ConfigError, DataError
from prefkit.llm.clients.anthropic import Anthropic
from prefkit.llm.clients.server import Server
from prefkit.llm.connect import connect
from prefkit.llm.records import Request, Usage
from prefkit.llm.settings import Settings

PLAIN = Request(messages=ASK, max_tokens=8)
SHAPED = Request(messages=ASK, schema=SCHEMA)
ABSURD = [2**64 - 1, (1 << 30) + 1, -1, 3.0, True, "3", [3]]


@pytest.fixture(autouse=True)
def house_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE_KEY", CANARY)


def anthropic(url: str) -> Anthropic:
    return Anthropic("m", Settings(base_url=url, key_env="HOUSE_KEY"))


def plain_server(url: str) -> Server:
    return Server(f"{url}#m", Settings())


def read(make: Any, body: dict[str, Any]) -> Any:
    with WireServer(lambda _: http(body)) as server:
        return asked(make(server.url), PLAIN)


def completion(finish: Any, text: str | None = "Half", **choice: Any) -> dict[str, Any]:
    return {"choices": [{"finish_reason": finish, "message": {"content": text}} | choice]}


def message(reason: Any, *texts: str) -> dict[str, Any]:
    blocks = [{"type": "text", "text": text} for text in texts]
    return {"type": "message", "content": blocks, "stop_reason": reason}


def response(status: Any, *texts: str, reason: str | None = None) -> dict[str, Any]:
    parts = [{"type": "output_text", "text": text} for text in texts]
    output = [{"type": "message", "content": parts}] if parts else []
    details = {"incomplete_details": {"reason": reason}} if reason else {}
    return {"output": output} | details | ({} if status is None else {"status": status})


# How an answer ended


@pytest.mark.parametrize(
    "word",
    ["abort", "error", "ABORTED", "cancelled", "network_error", "insufficient_system_resource"],
)
def test_an_answer_that_broke_off_is_a_failure_that_may_be_billed(word: str) -> None:
    call = {"function": {"name": "answer", "arguments": '{"winner":"A"}'}}
    called = completion(word, message={"content": None, "tool_calls": [call]})
    for body in (completion(word), completion(word, ""), completion(word, None), called):
        for make in (chat, plain_server):
            fault = read(make, body)
            assert (fault.kind, fault.maybe_billed) == ("server", True)
            assert word in fault.message
    for body in (message(word, "Half"), message(word)):
        fault = read(anthropic, body)
        assert (fault.kind, fault.maybe_billed) == ("server", True)


def test_a_paused_turn_is_no_answer() -> None:
    fault = read(anthropic, message("pause_turn", "Half"))
    assert (fault.kind, fault.maybe_billed) == ("server", True)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 502, "message": "upstream died"}, "server"),
        ({"code": 429, "message": "slow down"}, "throttled"),
        ("gone", "server"),
    ],
)
def test_an_error_beside_half_an_answer_is_what_it_says(error: Any, kind: str) -> None:
    for finish in ("error", "stop", None):
        fault = read(chat, completion(finish, error=error))
        assert (fault.kind, fault.maybe_billed) == (kind, True)
    assert read(chat, completion("stop", error=None)).text == "Half"


@pytest.mark.parametrize("word", [None, "", "bored", "repetition"])
def test_a_server_that_says_nothing_or_an_unknown_word_needs_text(word: str | None) -> None:
    for make, whole, empty in (
        (chat, completion(word, "Yes."), completion(word, "")),
        (anthropic, message(word, "Yes."), message(word)),
    ):
        reply = read(make, whole)
        assert (reply.text, reply.finish) == ("Yes.", word or None)
        fault = read(make, empty)
        assert (fault.kind, fault.maybe_billed) == ("malformed", True)
    reply = read(responses, response(word, "Yes."))
    assert (reply.text, reply.finish) == ("Yes.", "stop")
    assert read(responses, response(word)).kind == "malformed"
    assert read(responses, response(word, "")).kind == "malformed"


@pytest.mark.parametrize(
    ("word", "finish"),
    [
        ("stop", "stop"),
        ("STOP", "stop"),
        ("eos_token", "stop"),
        ("length", "length"),
        ("model_length", "length"),
        ("content_filter", "content_filter"),
    ],
)
def test_an_empty_answer_that_says_how_it_ended_is_whole(word: str, finish: str) -> None:
    for text in ("", None):
        reply = read(plain_server, completion(word, text))
        assert (reply.text, reply.finish) == ("", finish)


@pytest.mark.parametrize("reason", ["end_turn", "max_tokens", "refusal"])
def test_an_empty_message_that_says_how_it_ended_is_whole(reason: str) -> None:
    assert read(anthropic, message(reason)).text == ""


def test_a_response_that_failed_or_is_incomplete_without_a_known_reason_is_no_answer() -> None:
    for body in (
        response("failed", "Half"),
        response("cancelled", "Half"),
        response("failed", "Half") | {"error": {"code": "server_error", "message": "no"}},
        response("incomplete", "Half"),
        response("incomplete", "Half", reason="bored"),
    ):
        fault = read(responses, body)
        assert (fault.kind, fault.maybe_billed) == ("server", True)
    for reason, finish in (("max_output_tokens", "length"), ("content_filter", "content_filter")):
        reply = read(responses, response("incomplete", "Half", reason=reason))
        assert (reply.text, reply.finish) == ("Half", finish)


def test_half_an_answer_is_asked_again_and_never_kept(tmp_path: Path) -> None:
    words = iter(["abort", "error", "stop"])
    with WireServer(
        lambda came: http(completion(next(words)) if came.line[:4] == "POST" else {})
    ) as server:
        for attempts, outcome in ((2, "server"), (1, None)):
            options = Settings(attempts=attempts)
            with connect(f"{server.url}#m", options, cache=tmp_path) as client:
                reply = client.ask([PLAIN])[0]
            assert (reply.failure and reply.failure.kind) == outcome
            assert not reply.cached
    assert (reply.text, reply.finish) == ("Half", "stop")


# What `extra` may say about the form


def test_extra_goes_into_the_objects_that_the_form_needs_too() -> None:
    effort = Request(messages=ASK, schema=SCHEMA, extra={"output_config": {"effort": "low"}})
    body = anthropic("https://llm.example").body(effort)
    form = {"type": "json_schema", "schema": SCHEMA}
    assert body["output_config"] == {"format": form, "effort": "low"}
    brief = Request(messages=ASK, schema=SCHEMA, extra={"text": {"verbosity": "low"}})
    body = responses("https://llm.example").body(brief)
    assert body["text"] == {
        "format": {"type": "json_schema", "name": "answer", "strict": True, "schema": SCHEMA},
        "verbosity": "low",
    }


@pytest.mark.parametrize(
    ("extra", "name"),
    [
        ({"response_format": {"type": "text"}}, "response_format"),
        ({"structured_outputs": {"regex": "A"}}, "structured_outputs"),
        ({"guided_json": {}}, "guided_json"),
        ({"text": {"format": {"type": "text"}}}, "text.format"),
        ({"text": None}, "text"),
        ({"output_config": {"format": {}, "effort": "low"}}, "output_config.format"),
    ],
)
def test_extra_says_no_other_form_than_the_request(extra: dict[str, Any], name: str) -> None:
    forms: list[dict[str, Any]] = [{"schema": SCHEMA}, {"choices": ("A", "B")}]
    with WireServer(lambda _: http({})) as server:
        for form in forms:
            request = Request(messages=ASK, extra=extra, **form)
            for make in (chat, responses, anthropic, plain_server):
                client = make(server.url)
                why = client.refuses(request) or ""
                assert f"extra may not hold {name}: " in why
                fault = asked(client, request)
                assert (fault.kind, fault.maybe_billed) == ("rejected", False)
            assert chat(server.url).refuses(Request(messages=ASK, extra=extra)) is None
        assert server.came == []


@pytest.mark.parametrize("name", ["tools", "tool_choice", "functions", "function_call"])
def test_extra_names_no_tools_beside_the_tool_that_is_the_answer(name: str) -> None:
    tools: dict[str, Any] = {name: [{"type": "function", "function": {"name": "f"}}]}
    forced = Request(messages=ASK, schema=SCHEMA, by_tool=True, extra=tools)
    for make in (chat, responses, anthropic, plain_server):
        assert name in (make("http://127.0.0.1:9").refuses(forced) or "")
    free = Request(messages=ASK, schema=SCHEMA, extra=tools)
    assert chat("http://127.0.0.1:9").refuses(free) is None


def test_such_an_extra_ends_the_run_before_anything_is_asked(tmp_path: Path) -> None:
    wrong = Request(messages=ASK, schema=SCHEMA, extra={"response_format": {}}, name="row-2")
    with (
        WireServer(lambda _: http(said())) as server,
        connect(f"{server.url}#m", cache=tmp_path) as client,
    ):
        with pytest.raises(ConfigError, match=r"row-2.*extra may not hold response_format"):
            client.ask([SHAPED, wrong])
        assert not any("response_format" in came.body.decode() for came in server.came)


# Counts of tokens


@pytest.mark.parametrize("count", ABSURD)
def test_a_number_of_tokens_that_cannot_be_is_not_said(count: Any) -> None:
    cached = {"prompt_tokens_details": {"cached_tokens": count}}
    usage = {"prompt_tokens": count, "completion_tokens": count}
    assert read(chat, said() | {"usage": usage | cached}).usage == Usage()
    usage = {"input_tokens": count, "output_tokens": count, "cache_read_input_tokens": count}
    assert read(anthropic, message("end_turn", "A") | {"usage": usage}).usage == Usage()
    assert read(responses, response("completed", "A") | {"usage": usage}).usage == Usage()


@pytest.mark.parametrize("count", ABSURD)
def test_two_paid_attempts_with_such_numbers_are_kept(count: Any, tmp_path: Path) -> None:
    body = said("no JSON") | {"usage": {"prompt_tokens": count, "completion_tokens": count}}
    with WireServer(lambda _: http(body)) as server:
        for cached in (False, True):
            with connect(f"{server.url}#m", Settings(attempts=2), cache=tmp_path) as client:
                reply = client.ask([SHAPED])[0]
            assert reply.failure is not None
            assert (reply.failure.kind, reply.cached, reply.usage) == ("invalid", cached, Usage())


@pytest.mark.parametrize("count", ABSURD)
def test_such_a_number_in_an_answer_by_hand_is_said(count: Any, tmp_path: Path) -> None:
    line = {
        "request": {"messages": "Hi"},
        "reply": {"text": "A", "usage": {"input": count}},
    }
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps(line))
    with pytest.raises(DataError, match=r"usage\.input"):
        connect(f"replay:{path}", cache=tmp_path / "cache")
