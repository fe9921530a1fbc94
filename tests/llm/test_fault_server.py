"""The fault server is held to the documents by the official SDKs, unmodified."""

from __future__ import annotations

import datetime
import email.utils
import json
import time
import urllib.request
import zlib

import anthropic
import jsonschema
import openai
import pydantic
import pytest
from fault_answers import KEY, answer_to, turn
from fault_server import FaultServer, Rule

SCHEMA = {
    "type": "object",
    "properties": {
        "winner": {"type": "string", "enum": ["A", "B", "tie"]},
        "score": {"type": "integer"},
    },
    "required": ["winner", "score"],
    "additionalProperties": False,
}


CALL = {
    "tools": [{"name": "judge", "input_schema": SCHEMA}],
    "tool_choice": {"type": "tool", "name": "judge"},
}


class Verdict(pydantic.BaseModel):
    winner: str
    score: int


def bare_request(server: FaultServer) -> urllib.request.Request:
    body = json.dumps({"model": "m", "messages": turn("x")}).encode()
    headers = {"Content-Type": "application/json"}
    return urllib.request.Request(f"{server.openai_url}/chat/completions", body, headers)


def test_openai_chat_answers_what_the_question_determines(
    server: FaultServer, gpt: openai.OpenAI
) -> None:
    made = gpt.chat.completions.create(model="m", messages=turn("Which?"), max_completion_tokens=2)
    assert made.choices[0].message.content == "The answer"
    assert made.choices[0].finish_reason == "length"
    # "Which" and "?" and four for the turn and three for the answer's start.
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (9, 2)
    (seen,) = server.asks()
    assert (seen.outcome, seen.worked, seen.input, seen.output) == ("answered", True, 9, 2)
    assert server.dollars(1.0, 10.0) == pytest.approx((9 + 20) / 1e6)


def test_openai_chat_gives_logprobs_stops_and_several_choices(gpt: openai.OpenAI) -> None:
    made = gpt.chat.completions.create(
        model="m",
        messages=turn("SAY: one two three"),
        logprobs=True,
        top_logprobs=3,
        stop=[" three"],
        n=2,
    )
    assert [choice.message.content for choice in made.choices] == ["one two", "one two #1"][:1] * 2
    (first, second) = made.choices[0].logprobs.content
    assert (first.token, second.token) == ("one", " two")
    assert [top.token for top in first.top_logprobs] == ["one", "one~1", "one~2"]
    assert first.top_logprobs[0].logprob == first.logprob <= 0


def test_openai_follows_schemas_by_chat_and_by_responses(gpt: openai.OpenAI) -> None:
    parsed = gpt.chat.completions.parse(model="m", messages=turn("Judge."), response_format=Verdict)
    assert isinstance(parsed.choices[0].message.parsed, Verdict)
    shape = {"type": "json_schema", "name": "v", "schema": SCHEMA, "strict": True}
    made = gpt.responses.create(model="m", input="Judge.", text={"format": shape})
    jsonschema.validate(json.loads(made.output_text), SCHEMA)
    assert made.status == "completed"


def test_openai_calls_the_tool_it_must_call(gpt: openai.OpenAI) -> None:
    tool = {"type": "function", "function": {"name": "judge", "parameters": SCHEMA}}
    choice = {"type": "function", "function": {"name": "judge"}}
    made = gpt.chat.completions.create(
        model="m", messages=turn("Judge."), tools=[tool], tool_choice=choice
    )
    (call,) = made.choices[0].message.tool_calls
    jsonschema.validate(json.loads(call.function.arguments), SCHEMA)


def test_openai_responses_are_cut_counted_and_with_logprobs(gpt: openai.OpenAI) -> None:
    made = gpt.responses.create(
        model="m",
        instructions="Be brief.",
        input=[{"role": "user", "content": "SAY: a b c"}],
        max_output_tokens=16,
        include=["message.output_text.logprobs"],
        top_logprobs=2,
    )
    assert made.output_text == "a b c"
    assert [t.token for t in made.output[0].content[0].logprobs] == ["a", " b", " c"]
    counted = gpt.responses.input_tokens.count(
        model="m", instructions="Be brief.", input="SAY: a b c"
    )
    assert counted.input_tokens == made.usage.input_tokens
    cut = gpt.responses.create(model="m", input="SAY: a b c", max_output_tokens=2)
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"nonsense": 1}, "Unknown parameter: 'nonsense'"),
        ({"temperature": 3}, "temperature"),
        ({"top_logprobs": 2}, "logprobs"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
    ],
)
def test_openai_refuses_what_it_documents_as_wrong(
    gpt: openai.OpenAI, wrong: dict[str, object], said: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=said):
        gpt.chat.completions.create(model="m", messages=turn("x"), extra_body=wrong)


def test_openai_refuses_a_strict_schema_with_open_objects(gpt: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    shape = {"type": "json_schema", "json_schema": {"name": "v", "strict": True, "schema": schema}}
    with pytest.raises(openai.BadRequestError, match="additionalProperties"):
        gpt.chat.completions.create(model="m", messages=turn("x"), response_format=shape)


def test_anthropic_answers_stops_and_is_cut(
    server: FaultServer, claude: anthropic.Anthropic
) -> None:
    made = claude.messages.create(model="c", max_tokens=9, system="Be", messages=turn("Which?"))
    assert made.content[0].text == answer_to("Which?")
    assert (made.stop_reason, made.usage.output_tokens) == ("end_turn", 4)
    counted = claude.messages.count_tokens(model="c", system="Be", messages=turn("Which?"))
    assert counted.input_tokens == made.usage.input_tokens == 16
    stopped = claude.messages.create(
        model="c", max_tokens=9, messages=turn("SAY: a b c"), stop_sequences=[" c"]
    )
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", " c")
    cut = claude.messages.create(model="c", max_tokens=1, messages=turn("x"))
    assert (cut.stop_reason, cut.content[0].text) == ("max_tokens", "The")
    assert server.asks()[0].headers["anthropic-version"]


def test_anthropic_takes_sampling_options_in_the_old_version_only(
    claude: anthropic.Anthropic,
) -> None:
    asked = {"model": "c", "max_tokens": 9, "messages": turn("x")}
    warm = {"temperature": 0.5}
    with pytest.raises(anthropic.BadRequestError, match="temperature"):
        claude.messages.create(**asked, extra_body=warm)
    old = {"anthropic-version": "2023-06-01"}
    assert claude.messages.create(**asked, extra_body=warm, extra_headers=old).content


def test_anthropic_follows_schemas_and_calls_tools(claude: anthropic.Anthropic) -> None:
    made = claude.messages.create(
        model="c",
        max_tokens=99,
        messages=turn("Judge."),
        output_config={"format": {"type": "json_schema", "schema": SCHEMA}},
    )
    jsonschema.validate(json.loads(made.content[0].text), SCHEMA)
    called = claude.messages.create(model="c", max_tokens=99, messages=turn("Judge."), **CALL)
    jsonschema.validate(called.content[0].input, SCHEMA)
    assert called.stop_reason == "tool_use"


def test_anthropic_writes_a_long_prefix_to_its_cache_once(claude: anthropic.Anthropic) -> None:
    rubric = "word " * 2000
    system = [{"type": "text", "text": rubric, "cache_control": {"type": "ephemeral"}}]
    usages = [
        claude.messages.create(model="c", max_tokens=9, system=system, messages=turn(text)).usage
        for text in ("first", "second")
    ]
    # 2,000 words, the last space, and three for the block.
    assert [use.cache_creation_input_tokens for use in usages] == [2004, 0]
    assert [use.cache_read_input_tokens for use in usages] == [0, 2004]
    assert [use.input_tokens for use in usages] == [11, 11]


@pytest.mark.parametrize(
    ("status", "ours", "theirs"),
    [
        ("400", openai.BadRequestError, anthropic.BadRequestError),
        ("401", openai.AuthenticationError, anthropic.AuthenticationError),
        ("403", openai.PermissionDeniedError, anthropic.PermissionDeniedError),
        ("404", openai.NotFoundError, anthropic.NotFoundError),
        ("429", openai.RateLimitError, anthropic.RateLimitError),
        ("500", openai.InternalServerError, anthropic.InternalServerError),
        ("insufficient_quota", openai.RateLimitError, anthropic.BadRequestError),
    ],
)
def test_errors_arrive_as_each_sdk_names_them(
    server: FaultServer,
    gpt: openai.OpenAI,
    claude: anthropic.Anthropic,
    status: str,
    ours: type[Exception],
    theirs: type[Exception],
) -> None:
    server.script.rules = [Rule(fault=status)]
    with pytest.raises(ours) as said:
        gpt.chat.completions.create(model="m", messages=turn("x"))
    assert said.value.request_id.startswith("req_")
    assert said.value.body["message"]
    with pytest.raises(theirs) as said:
        claude.messages.create(model="c", max_tokens=9, messages=turn("x"))
    assert said.value.request_id.startswith("req_")
    assert said.value.body["error"]["message"]
    assert not any(seen.worked for seen in server.asks())


def test_retry_after_comes_as_seconds_and_as_a_date(
    server: FaultServer, gpt: openai.OpenAI
) -> None:
    server.script.rules = [
        Rule(fault="429", value="7", at=(0,)),
        Rule(fault="429", value="date:60", at=(0,)),
    ]
    with pytest.raises(openai.RateLimitError) as said:
        gpt.chat.completions.create(model="m", messages=turn("x"))
    assert said.value.response.headers["retry-after"] == "7"
    with pytest.raises(openai.RateLimitError) as said:
        gpt.chat.completions.create(model="m", messages=turn("x"))
    when = email.utils.parsedate_to_datetime(said.value.response.headers["retry-after"])
    left = (when - datetime.datetime.now(datetime.UTC)).total_seconds()
    assert 55 < left < 61


@pytest.mark.parametrize("fault", ["cut", "cut_after_work", "cut_headers", "cut_body", "cut_chunk"])
def test_a_cut_connection_is_one_to_the_sdks(
    server: FaultServer, gpt: openai.OpenAI, claude: anthropic.Anthropic, fault: str
) -> None:
    server.script.rules = [Rule(fault=fault)]
    with pytest.raises(openai.APIConnectionError):
        gpt.chat.completions.create(model="m", messages=turn("x"))
    with pytest.raises(anthropic.APIConnectionError):
        claude.messages.create(model="c", max_tokens=9, messages=turn("x"))
    assert [seen.worked for seen in server.asks()] == [fault != "cut"] * 2


@pytest.mark.parametrize("fault", ["hang", "trickle", "flood", "bomb"])
def test_an_endless_answer_lasts_until_the_asker_goes(server: FaultServer, fault: str) -> None:
    server.script.rules = [Rule(fault=fault)]
    request = bare_request(server)
    if fault == "hang":
        with pytest.raises(TimeoutError):
            urllib.request.urlopen(request, timeout=0.2)
    else:
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert len(answer.read(10)) == 10
    end = time.monotonic() + 5
    while server.asks()[0].done_at is None and time.monotonic() < end:
        time.sleep(0.01)
    assert server.asks()[0].done_at is not None
    assert server.asks()[0].outcome == fault


def test_a_bomb_unpacks_to_a_thousand_times_its_size(server: FaultServer) -> None:
    server.script.rules = [Rule(fault="bomb")]
    request = bare_request(server)
    with urllib.request.urlopen(request, timeout=5) as answer:
        packed = answer.read(16_384)
    assert len(zlib.decompressobj(31).decompress(packed)) > 500 * len(packed)


@pytest.mark.parametrize(
    "fault", ["half", "malformed", "empty", "not_utf8", "deep", "list", "null", "html"]
)
def test_a_spoiled_body_is_framed_as_if_it_were_whole(server: FaultServer, fault: str) -> None:
    server.script.rules = [Rule(fault=fault)]
    request = bare_request(server)
    with urllib.request.urlopen(request, timeout=5) as answer:
        got = answer.read()
        assert int(answer.headers["content-length"]) == len(got)
    if fault in {"list", "null"}:
        assert not isinstance(json.loads(got), dict)
    else:
        with pytest.raises((ValueError, RecursionError)):
            json.loads(got)
    assert server.asks()[0].worked


def test_wrong_answers_of_the_model_are_whole_and_billed(
    server: FaultServer, gpt: openai.OpenAI, claude: anthropic.Anthropic
) -> None:
    shape = {"type": "json_schema", "json_schema": {"name": "v", "strict": True, "schema": SCHEMA}}
    server.script.rules = [Rule(fault="cut_structured", text="cut"), Rule(fault="wrong_schema")]
    cut = gpt.chat.completions.create(model="m", messages=turn("cut"), response_format=shape)
    assert cut.choices[0].finish_reason == "length"
    with pytest.raises(ValueError, match="line 1"):
        json.loads(cut.choices[0].message.content)
    other = claude.messages.create(model="c", max_tokens=99, messages=turn("x"), **CALL)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(other.content[0].input, SCHEMA)
    assert [(s.outcome, s.worked) for s in server.asks()] == [
        ("cut_structured", True),
        ("wrong_schema", True),
    ]


def test_limits_throttle_by_what_is_in_flight_and_by_the_minute(
    server: FaultServer, gpt: openai.OpenAI
) -> None:
    server.per_minute, server.minute_s = 2, 0.5
    for _ in range(2):
        gpt.chat.completions.create(model="m", messages=turn("x"))
    with pytest.raises(openai.RateLimitError) as said:
        gpt.chat.completions.create(model="m", messages=turn("x"))
    time.sleep(float(said.value.response.headers["retry-after"]) + 0.05)
    gpt.chat.completions.create(model="m", messages=turn("x"))
    server.per_minute, server.admits = None, 0
    with pytest.raises(openai.RateLimitError):
        gpt.chat.completions.create(model="m", messages=turn("x"))
    assert server.outcomes() == {"answered": 3, "throttled": 2}


def test_a_share_of_faults_depends_on_the_seed_and_not_on_the_order() -> None:
    drawn = []
    for order in (range(200), reversed(range(200))):
        rules = [Rule(fault="500", share=0.2, each=1)]
        with (
            FaultServer(rules, seed=3) as server,
            openai.OpenAI(base_url=server.openai_url, api_key=KEY, max_retries=0) as gpt,
        ):
            hit = set()
            for number in order:
                try:
                    gpt.chat.completions.create(model="m", messages=turn(f"q{number}"))
                except openai.InternalServerError:
                    hit.add(number)
                    gpt.chat.completions.create(model="m", messages=turn(f"q{number}"))
            drawn.append(hit)
    assert drawn[0] == drawn[1]
    # 40 are expected of 200; six standard deviations are 34.
    assert 6 < len(drawn[0]) < 74


def test_an_error_that_echoes_headers_shows_the_key(
    server: FaultServer, gpt: openai.OpenAI
) -> None:
    server.script.rules = [Rule(fault="echo", value="400")]
    with pytest.raises(openai.BadRequestError) as said:
        gpt.chat.completions.create(model="m", messages=turn("x"))
    assert KEY in str(said.value)
