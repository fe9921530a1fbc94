from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from fault_server import FaultServer, Rule
from wire_server import WireServer, asked, done, http, shown, tls_files

from prefkit.llm.clients.anthropic import Anthropic
from prefkit.llm.provider import Fault
from prefkit.llm.records import Request, Usage, messages
from prefkit.llm.settings import Settings
from prefkit.schema.records import Message

CANARY = "sk-ant-canary-0123456789abcdef"
ASK = messages("Which is better?")
SCHEMA = {
    "type": "object",
    "properties": {"winner": {"type": "string", "enum": ["A", "B"]}},
    "required": ["winner"],
    "additionalProperties": False,
}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE_KEY", CANARY)


def client(url: str = "https://llm.example", **options: Any) -> Anthropic:
    return Anthropic("m", Settings(base_url=url, key_env="HOUSE_KEY", **options))


def plain(**options: Any) -> Request:
    return Request(messages=ASK, temperature=None, **options)


def said(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    usage = {"input_tokens": 10, "output_tokens": 5}
    message = {"type": "message", "content": list(blocks), "stop_reason": "end_turn"}
    return {"model": "m-1", "usage": usage} | message | more


def read(body: dict[str, Any], request: Request | None = None) -> Any:
    with WireServer(lambda _: http(body)) as server:
        return asked(client(server.url), request or plain())


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def test_only_what_the_request_says_is_sent():
    assert client().body(plain(max_tokens=7)) == {
        "model": "m",
        "max_tokens": 7,
        "messages": [{"role": "user", "content": "Which is better?"}],
    }


def test_leading_system_turns_are_split_off_and_later_ones_stay_in_place():
    turns = (
        Message("system", "Be fair."),
        Message("developer", "Be brief."),
        Message("user", "A or B?"),
        Message("system", "Now answer."),
    )
    body = client().body(Request(messages=turns, temperature=None, stop=("END",)))
    assert body["system"] == [text("Be fair."), text("Be brief.")]
    assert body["messages"] == [
        {"role": "user", "content": "A or B?"},
        {"role": "system", "content": "Now answer."},
    ]
    assert body["stop_sequences"] == ["END"]


@pytest.mark.parametrize(("prefix", "place"), [(1, "system"), (2, "user"), (0, ""), (9, "")])
def test_the_end_of_the_shared_prefix_is_marked_for_the_cache(prefix: int, place: str):
    turns = (Message("system", "Rubric."), Message("user", "Example."), Message("user", "Row."))
    body = client().body(Request(messages=turns, temperature=None, cache_prefix=prefix))
    mark = {"cache_control": {"type": "ephemeral"}}
    marked = [text("Example.") | mark]
    assert body["system"] == [text("Rubric.") | (mark if place == "system" else {})]
    assert body["messages"][0]["content"] == (marked if place == "user" else "Example.")
    assert body["messages"][1]["content"] == "Row."


def test_a_schema_is_asked_for_by_structured_output_or_by_a_forced_tool():
    assert client().body(plain(schema=SCHEMA))["output_config"] == {
        "format": {"type": "json_schema", "schema": SCHEMA}
    }
    body = client().body(plain(schema=SCHEMA, by_tool=True))
    assert "output_config" not in body
    assert body["tool_choice"] == {
        "type": "tool",
        "name": "answer",
        "disable_parallel_tool_use": True,
    }
    assert [(tool["name"], tool["input_schema"]) for tool in body["tools"]] == [("answer", SCHEMA)]


def test_the_strict_server_takes_every_body_and_gives_what_was_asked_for():
    with FaultServer(key=CANARY) as server:
        assert asked(client(server.host), plain()).text[:14] == "The answer is "
        for by_tool in (False, True):
            choice = asked(client(server.host), plain(choices=("A", "B"), by_tool=by_tool))
            assert choice.text in ("A", "B")
            shaped = asked(client(server.host), plain(schema=SCHEMA, by_tool=by_tool))
            assert shaped.text.replace(" ", "") in ('{"winner":"A"}', '{"winner":"B"}')
            assert shaped.finish == ("tool" if by_tool else "stop")
        provider = client(server.host)
        assert done(provider, provider.count(plain())) == asked(provider, plain()).usage.input


def test_sampling_options_go_with_the_last_version_of_the_api_that_has_them():
    with WireServer(lambda _: http(said(text("A")))) as server:
        asked(client(server.url), plain())
        asked(client(server.url), Request(messages=ASK, temperature=0.0, top_p=0.5, top_k=5))
    without, sampled = server.came
    assert without.headers["anthropic-version"] == "2026-10-21"
    assert not {"temperature", "top_p", "top_k"} & without.json.keys()
    assert sampled.headers["anthropic-version"] == "2023-06-01"
    assert (sampled.json["temperature"], sampled.json["top_k"]) == (0.0, 5)


def test_the_key_goes_in_the_headers_that_the_provider_reads():
    with WireServer(lambda _: http(said(text("A")))) as server:
        asked(client(server.url), plain())
    assert server.came[0].path == "/v1/messages"
    assert server.came[0].headers["authorization"] == f"Bearer {CANARY}"
    assert server.came[0].headers["x-api-key"] == CANARY


def test_several_texts_are_joined_and_thinking_is_none_of_them():
    thinking = {"type": "thinking", "thinking": "hm", "signature": "x"}
    reply = read(said(thinking, text("It is "), {"type": "redacted_thinking"}, text("A.")))
    assert (reply.text, reply.finish, reply.model) == ("It is A.", "stop", "m-1")


def test_the_input_of_a_forced_call_is_the_answer_and_words_around_it_are_not():
    call = {"type": "tool_use", "id": "t", "name": "answer", "input": {"winner": "A", "x": "é"}}
    reply = read(said(text("Let me see."), call, stop_reason="tool_use"))
    assert (reply.text, reply.finish) == ('{"winner":"A","x":"é"}', "tool")


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool"),
        ("refusal", "refusal"),
        (None, None),
    ],
)
def test_why_it_stopped_has_one_word_for_all_providers(reason: str | None, finish: str | None):
    assert read(said(text("A"), stop_reason=reason)).finish == finish


def test_a_refusal_keeps_its_text():
    reply = read(said(text("I will not."), stop_reason="refusal"))
    assert (reply.text, reply.finish, reply.failure) == ("I will not.", "refusal", None)


def test_usage_counts_all_input_tokens_cached_ones_included():
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 2000,
        "cache_creation_input_tokens": 300,
        "output_tokens": 7,
    }
    reply = read(said(text("A"), usage=usage))
    assert reply.usage == Usage(input=2310, output=7, cache_read=2000, cache_write=300)
    assert read(said(text("A"), usage=usage | {"input_tokens": -1})).usage.input is None


def test_a_shared_prefix_is_written_to_the_cache_once_and_read_afterwards():
    rubric = Message("system", "word " * 3000)
    with FaultServer(key=CANARY) as server:
        first, second = (
            asked(
                client(server.host),
                Request(
                    messages=(rubric, Message("user", f"Row {row}")),
                    temperature=None,
                    cache_prefix=1,
                ),
            )
            for row in (1, 2)
        )
    assert first.usage.cache_write > 1024
    assert first.usage.cache_read == 0
    assert second.usage.cache_read == first.usage.cache_write
    assert second.usage.input == first.usage.input


@pytest.mark.parametrize(
    "body",
    [{}, {"content": None}, {"content": "A"}, {"content": [{"type": "text"}]}, {"content": [1]}],
)
def test_an_answer_of_another_shape_is_malformed_and_may_be_billed(body: dict[str, Any]):
    fault = read(body)
    assert (fault.kind, fault.maybe_billed) == ("malformed", True)


def test_an_error_that_comes_with_status_200_is_what_it_says():
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    assert (read(error).kind, read(error).message) == ("throttled", "Overloaded")


@pytest.mark.parametrize(
    ("fault", "kind", "billed"),
    [
        ("400", "rejected", False),
        ("401", "refused", False),
        ("402", "refused", False),
        ("403", "refused", False),
        ("404", "rejected", False),
        ("408", "server", True),
        ("413", "rejected", False),
        ("429", "throttled", False),
        ("500", "server", False),
        ("504", "server", True),
        ("529", "throttled", False),
        ("insufficient_quota", "refused", False),
        ("redirect", "rejected", False),
        ("cut", "transport", True),
        ("cut_body", "transport", True),
        ("half", "malformed", True),
        ("html", "malformed", True),
        ("other_shape", "malformed", True),
        ("flood", "malformed", True),
    ],
)
def test_each_fault_says_what_can_be_done_about_it(fault: str, kind: str, billed: bool):
    with FaultServer([Rule(fault=fault)], key=CANARY) as server:
        raised = asked(client(server.host, max_body_bytes=1 << 20), plain())
        assert (raised.kind, raised.maybe_billed) == (kind, billed), raised.message
        assert "canary" not in shown(raised)
        assert len(server.asks()) == 1  # nothing is retried down here


def test_a_call_of_the_sdk_itself_raises_the_same_faults():
    async def look(provider: Anthropic) -> None:
        await provider._sdk().messages.batches.retrieve("b")

    with FaultServer([Rule(fault="529")], key=CANARY) as server:
        provider = client(server.host)
        assert done(provider, look(provider)).kind == "throttled"


def test_a_key_that_comes_back_is_in_no_reply_or_message():
    for fault in ("echo", "leak", "leak_escaped"):
        with FaultServer([Rule(fault=fault)]) as server:
            got = asked(client(server.host), plain())
            told = shown(got) if isinstance(got, Fault) else repr(got)
            assert "canary" not in told
            assert "[key]" in told


def test_no_environment_variable_sends_the_key_elsewhere_or_adds_to_the_request(
    monkeypatch: pytest.MonkeyPatch,
):
    answer = http(said(text("A")))
    with WireServer(lambda _: answer) as trap, WireServer(lambda _: answer) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, trap.url)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", trap.url)
        monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token-of-somebody")
        monkeypatch.setenv("ANTHROPIC_PROFILE", "profile-of-somebody")
        monkeypatch.setenv(
            "ANTHROPIC_CUSTOM_HEADERS", "Host: evil.example\nX-Evil: 1\nX-Api-Key: evil"
        )
        assert asked(client(server.url), plain()).text == "A"
        assert trap.came == []
        headers = server.came[0].headers
    assert headers["authorization"] == f"Bearer {CANARY}"
    assert headers["x-api-key"] == CANARY
    assert "evil" not in str(headers)
    assert "somebody" not in str(headers)


def test_the_libraries_beneath_log_nothing_of_a_request(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    for name in ("anthropic", "httpx2"):  # as the SDK's own environment variable sets them
        logging.getLogger(name).setLevel(logging.DEBUG)
    with WireServer(lambda _: http(said(text("A")))) as server:
        asked(client(server.url), plain())
    assert "Which is better?" not in caplog.text
    assert not [one for one in caplog.records if one.name.startswith(("anthropic", "httpx2"))]


def test_a_server_that_nobody_vouches_for_gets_no_key(tmp_path: Path):
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*tls_files(tmp_path))
    with WireServer(lambda _: http(said(text("A"))), context) as server:
        fault = asked(client(server.url), plain())
        assert (fault.kind, fault.maybe_billed) == ("transport", False)
        assert server.came == []


def test_turns_that_have_no_form_here_are_said_before_anything_is_sent():
    turns = [
        Message("assistant", None, '{"tool_calls": []}'),
        Message("user", "A", '{"name": "x"}'),
        Message("tool", "4"),
        Message("user", "half a \ud83d pair"),
    ]
    with WireServer(lambda _: http(said(text("A")))) as server:
        for turn in turns:
            fault = asked(client(server.url), Request(messages=(*ASK, turn), temperature=None))
            assert (fault.kind, fault.maybe_billed) == ("rejected", False)
        assert server.came == []
