from __future__ import annotations

import asyncio
import resource
from typing import Any

import pytest
from fault_server import FaultServer, Rule
from openai_clients import ASK, CANARY, SCHEMA, both, chat, responses, said
from wire_server import WireServer, asked, done, http, shown

from prefkit.errors import ConfigError
from prefkit.llm.clients.openai_chat import OpenAIChat
from prefkit.llm.provider import Fault
from prefkit.llm.records import Request, ScoreRequest, Token, Usage, messages
from prefkit.llm.settings import Settings
from prefkit.schema.records import Message


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE_KEY", CANARY)


# What is sent


def test_only_what_the_request_says_is_sent():
    request = Request(messages=ASK, max_tokens=7, temperature=None)
    turns = [{"role": "user", "content": "Which is better?"}]
    assert chat("https://llm.example").body(request) == {
        "model": "m",
        "messages": turns,
        "max_completion_tokens": 7,
    }
    assert responses("https://llm.example").body(request) == {
        "model": "m",
        "input": turns,
        "max_output_tokens": 7,
        "store": False,
    }


def test_every_option_of_a_chat_has_its_documented_field():
    request = Request(
        messages=ASK,
        max_tokens=7,
        temperature=0.5,
        top_p=0.9,
        seed=3,
        stop=("END", "\n"),
        schema=SCHEMA,
        logprobs=2,
        extra={"reasoning_effort": "low"},
    )
    form = {"name": "answer", "strict": True, "schema": SCHEMA}
    assert chat("https://llm.example").body(request) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Which is better?"}],
        "max_completion_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 3,
        "stop": ["END", "\n"],
        "logprobs": True,
        "top_logprobs": 2,
        "response_format": {"type": "json_schema", "json_schema": form},
        "reasoning_effort": "low",
    }


def test_a_first_system_turn_becomes_the_instructions_and_later_ones_stay_in_place():
    turns = messages(
        [
            {"role": "system", "content": "Be fair."},
            {"role": "user", "content": "A or B?"},
            {"role": "system", "content": "Be brief."},
        ]
    )
    request = Request(messages=turns, temperature=0.0, schema=SCHEMA, logprobs=3)
    form = {"type": "json_schema", "name": "answer", "strict": True, "schema": SCHEMA}
    assert responses("https://llm.example").body(request) == {
        "model": "m",
        "instructions": "Be fair.",
        "input": [
            {"role": "user", "content": "A or B?"},
            {"role": "system", "content": "Be brief."},
        ],
        "max_output_tokens": 1024,
        "store": False,
        "temperature": 0.0,
        "include": ["message.output_text.logprobs"],
        "top_logprobs": 3,
        "text": {"format": form},
    }


def test_what_comes_with_a_turn_is_sent_with_it():
    call = Message("assistant", None, '{"tool_calls": [{"id": "1"}]}')
    body = chat("https://llm.example").body(Request(messages=(*ASK, call)))
    assert body["messages"][1] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "1"}],
    }
    with pytest.raises(Fault, match="no tool calls") as caught:
        responses("https://llm.example").body(Request(messages=(*ASK, call)))
    assert caught.value.kind == "rejected"


def test_the_strict_server_takes_every_body_and_gives_what_was_asked_for():
    tool = Request(messages=ASK, schema=SCHEMA, by_tool=True)
    with FaultServer(key=CANARY) as server:
        for provider in both(server.host):
            assert asked(provider, Request(messages=ASK, choices=("A", "B"))).text in ("A", "B")
            assert asked(provider, Request(messages=ASK, schema=SCHEMA)).text[:11] == '{"winner": '
            forced = asked(provider, tool)
            assert (forced.text[:11], forced.finish) == ('{"winner": ', "tool")
            first = asked(provider, Request(messages=ASK, max_tokens=2, logprobs=2))
            assert first.finish == "length"
            assert "".join(token.text for token in first.tokens) == first.text
            assert all(len(token.top) == 2 for token in first.tokens)
            assert all(token.top[0][1] >= token.top[1][1] for token in first.tokens)
            assert done(provider, provider.count(Request(messages=ASK))) == first.usage.input


@pytest.mark.parametrize("extra", [{"stream": True}, {"n": 3}, {"messages": []}, {"model": "dear"}])
def test_extra_fields_do_not_change_what_the_request_says(extra: dict[str, Any]):
    with WireServer(lambda _: http(said())) as server:
        for provider in both(server.url):
            fault = asked(provider, Request(messages=ASK, extra=extra))
            assert (fault.kind, fault.maybe_billed) == ("rejected", False)
        assert server.came == []


def test_half_of_a_surrogate_pair_is_said_before_anything_is_sent():
    with WireServer(lambda _: http(said())) as server:
        for provider in both(server.url):
            fault = asked(provider, Request(messages=messages("broken \ud83d text")))
            assert fault.kind == "rejected"
            assert "surrogates" in fault.message
        assert server.came == []


def test_a_model_is_needed():
    with pytest.raises(ConfigError, match="model is missing"):
        OpenAIChat(" ", Settings())


# What comes back


def read(body: dict[str, Any]) -> Any:
    with WireServer(lambda _: http(body)) as server:
        return asked(chat(server.url), Request(messages=ASK))


def test_usage_counts_cached_and_reasoning_tokens_once():
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 30,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 25},
    }
    reply = read(said() | {"usage": usage, "system_fingerprint": "fp_1"})
    assert reply.usage == Usage(input=100, output=30, cache_read=64)
    assert (reply.text, reply.finish, reply.model, reply.revision) == (
        "Yes.",
        "stop",
        "m-1",
        "fp_1",
    )


def test_a_refusal_keeps_its_text():
    reply = read(said(None, refusal="I will not."))
    assert (reply.text, reply.finish, reply.failure) == ("I will not.", "refusal", None)


def test_an_answer_that_went_into_reasoning_is_an_empty_paid_one():
    body = said(None)
    body["choices"][0]["finish_reason"] = "length"
    assert (read(body).text, read(body).finish) == ("", "length")


def test_an_unknown_reason_to_stop_is_kept():
    body = said()
    body["choices"][0]["finish_reason"] = "bored"
    assert read(body).finish == "bored"


def test_text_in_parts_is_joined_without_the_reasoning():
    parts = [{"type": "thinking", "text": "hm"}, {"type": "text", "text": "A"}]
    assert read(said(None, content=[*parts, {"type": "text", "text": "!"}])).text == "A!"


def test_alternatives_come_likeliest_first():
    body = said()
    top = [{"token": "No", "logprob": -2.0}, {"token": "Yes.", "logprob": -0.1}]
    entry = {"token": "Yes.", "logprob": -0.1, "top_logprobs": top}
    body["choices"][0]["logprobs"] = {"content": [entry]}
    assert read(body).tokens == (Token("Yes.", -0.1, (("Yes.", -0.1), ("No", -2.0))),)


@pytest.mark.parametrize(
    "body",
    [
        {"choices": []},
        {"choices": None},
        {"choices": "A"},
        {"object": "chat.completion"},
        said(None, content={"a": 1}),
        {"choices": [{"message": None}]},
        {"choices": [{"message": {"content": 3}}]},
    ],
)
def test_an_answer_of_another_shape_is_malformed_and_may_be_billed(body: dict[str, Any]):
    fault = read(body)
    assert (fault.kind, fault.maybe_billed) == ("malformed", True)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "message": "slow down"}, "throttled"),
        ({"code": 401, "message": "who?"}, "refused"),
        ({"code": "insufficient_quota", "message": "empty"}, "refused"),
        ({"type": "invalid_request_error", "message": "what?"}, "rejected"),
        ({"type": "server_error", "message": "oops"}, "server"),
        ("just a text", "server"),
    ],
)
def test_an_error_that_comes_with_status_200_is_what_it_says(error: Any, kind: str):
    assert read({"error": error}).kind == kind


def test_a_failed_or_cut_response_says_why():
    def one(body: dict[str, Any]) -> Any:
        with WireServer(lambda _: http(body)) as server:
            return asked(responses(server.url), Request(messages=ASK))

    text = {"type": "output_text", "text": "Yes", "logprobs": []}
    output = [{"type": "reasoning", "summary": []}, {"type": "message", "content": [text]}]
    cut = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    assert (one(cut | {"output": output}).text, one(cut | {"output": output}).finish) == (
        "Yes",
        "length",
    )
    assert (one(cut | {"output": []}).text, one(cut | {"output": []}).finish) == ("", "length")
    refusal = [{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}]
    reply = one({"status": "completed", "output": refusal})
    assert (reply.text, reply.finish) == ("No.", "refusal")
    failed = {"status": "failed", "output": [], "error": {"code": "rate_limit_exceeded"}}
    assert one(failed).kind == "throttled"
    assert one({"status": "queued", "output": []}).kind == "malformed"


# What goes wrong


@pytest.mark.parametrize(
    ("fault", "kind", "billed"),
    [
        ("400", "rejected", False),
        ("401", "refused", False),
        ("402", "refused", False),
        ("403", "refused", False),
        ("404", "rejected", False),
        ("408", "server", True),
        ("409", "server", False),
        ("413", "rejected", False),
        ("425", "server", False),
        ("429", "throttled", False),
        ("500", "server", False),
        ("502", "server", True),
        ("503", "server", False),
        ("504", "server", True),
        ("529", "throttled", False),
        ("insufficient_quota", "refused", False),
        ("redirect", "rejected", False),
        ("html_502", "server", True),
        ("cut", "transport", True),
        ("cut_headers", "transport", True),
        ("cut_body", "transport", True),
        ("cut_chunk", "transport", True),
        ("half", "malformed", True),
        ("malformed", "malformed", True),
        ("html", "malformed", True),
        ("empty", "malformed", True),
        ("null", "malformed", True),
        ("not_utf8", "malformed", True),
        ("deep", "malformed", True),
        ("other_shape", "malformed", True),
        ("no_content", "malformed", True),
        ("flood", "malformed", True),
        ("bomb", "malformed", True),
    ],
)
def test_each_fault_says_what_can_be_done_about_it(fault: str, kind: str, billed: bool):
    with FaultServer([Rule(fault=fault)], key=CANARY) as server:
        for provider in both(server.host, max_body_bytes=1 << 20):
            raised = asked(provider, Request(messages=ASK, temperature=None))
            assert (raised.kind, raised.maybe_billed) == (kind, billed), raised.message
            assert "\n" not in raised.message
            assert len(raised.message) < 450
            assert "canary" not in shown(raised)
        assert len(server.asks()) == 2  # nothing is retried down here


def test_what_the_provider_asks_to_wait_is_carried_up():
    with FaultServer([Rule(fault="429", value="1.5")], key=CANARY) as server:
        assert asked(chat(server.host), Request(messages=ASK)).retry_after_s == 1.5


def test_a_connection_that_nobody_takes_was_not_billed():
    with WireServer(lambda _: b"") as server:
        gone = server.url
    for provider in both(gone):
        fault = asked(provider, Request(messages=ASK))
        assert (fault.kind, fault.maybe_billed) == ("transport", False)
        assert "no connection to 127.0.0.1:" in fault.message


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (http(b"{}", content_encoding="gzip"), "transport"),
        (http(b"{}", content_length="nonsense"), "malformed"),
        (b"SSH-2.0-nothing\r\n\r\n", "malformed"),
        (http(b"{}", content_length="1"), "malformed"),
    ],
)
def test_wrong_framing_and_bad_compression_are_faults_of_one_answer(answer: bytes, kind: str):
    with WireServer(lambda _: answer) as server:
        fault = asked(chat(server.url), Request(messages=ASK))
    assert (fault.kind, fault.maybe_billed) == (kind, True), fault.message


def test_a_body_that_never_gets_whole_is_ended_by_the_callers_time_limit():
    async def run(provider: OpenAIChat) -> None:
        async with asyncio.timeout(0.2):
            await provider.ask(Request(messages=ASK))

    with WireServer(lambda _: http(b"{}", content_length="999")) as server:
        provider = chat(server.url)
        with pytest.raises(TimeoutError):
            done(provider, run(provider))


def test_an_answer_without_end_takes_no_memory():
    with FaultServer([Rule(fault="bomb")], key=CANARY) as server:
        provider = chat(server.host, max_body_bytes=1 << 20)
        asked(provider, Request(messages=ASK))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(5):
            assert asked(provider, Request(messages=ASK)).kind == "malformed"
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # KiB


def test_a_cancelled_request_frees_its_connection():
    async def run(provider: OpenAIChat) -> None:
        request = Request(messages=ASK)
        for _ in range(3):  # more than there are connections
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(provider.ask(request), 0.05)
        server.script.rules = []
        assert (await asyncio.wait_for(provider.ask(request), 5)).failure is None

    with FaultServer([Rule(fault="hang", times=3)], key=CANARY) as server:
        provider = chat(server.host, concurrency=1)
        done(provider, run(provider))


def test_as_many_connections_are_open_as_the_settings_allow():
    async def run(provider: OpenAIChat) -> list[Any]:
        requests = [Request(messages=messages(f"Question {n}")) for n in range(60)]
        return await asyncio.gather(*map(provider.ask, requests))

    with FaultServer(latency=0.1, key=CANARY) as server:
        provider = chat(server.host, concurrency=20)
        replies = done(provider, run(provider))
        assert server.most_in_flight == 20
        assert len({reply.text for reply in replies}) == 60


# The rest


def test_a_host_without_a_counter_counts_nothing():
    with WireServer(lambda _: http({"error": {"message": "no such path"}}, 404)) as server:
        for provider in both(server.url):
            assert done(provider, provider.count(Request(messages=ASK))) is None


def test_hosted_providers_score_nothing():
    for provider in both("https://llm.example"):
        request = ScoreRequest(prompt="a", completion="b")
        assert done(provider, provider.score(request)).kind == "unsupported"
        assert "score" not in provider.can
