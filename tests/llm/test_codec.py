import math

import orjson
import pytest

from prefkit.errors import ConfigError
from prefkit.llm.codec import (
    KEY_LENGTH,
    digest_of,
    facts_bytes,
    key_of,
    read_reply,
    read_score,
    written,
)
from prefkit.llm.records import (
    Failure,
    Reply,
    Request,
    Score,
    ScoreRequest,
    Token,
    Usage,
    messages,
)
from prefkit.schema.records import Message

REQUEST = Request(messages=messages("Hi"), temperature=0.7, max_tokens=16)


def key(request: Request | ScoreRequest, who: bytes = b'{"model":"m"}') -> str:
    return key_of(digest_of(who), facts_bytes(request))


def test_a_reply_comes_back_as_it_was_but_for_its_price_and_origin() -> None:
    reply = Reply(
        text='Ünïcode "quoted"\n\u2028',
        data={"winner": "A", "n": [1, 2.5, None]},
        finish="stop",
        tokens=(Token("A", -0.1, (("A", -0.1), ("B", -2.5))), Token("", -3.0)),
        usage=Usage(10, 4, 3, 2),
        cost_usd=0.0125,
        model="m-2026",
        revision="fp",
        seconds=1.25,
        attempts=2,
        failure=Failure("invalid", "no JSON"),
        key="k",
    )
    back = read_reply(written(reply), "k")
    assert (back.cost_usd, back.cached) == (0.0, True)
    for name in ("text", "data", "finish", "tokens", "usage", "model", "revision", "failure"):
        assert getattr(back, name) == getattr(reply, name), name
    assert (back.seconds, back.attempts, back.key) == (1.25, 2, "k")


def test_a_score_comes_back_with_every_digit() -> None:
    score = Score(value=-12.345678901234567, logprobs=(-1.1, -11.245678901234567), usage=Usage(5))
    back = read_score(written(score), "k")
    assert back.value == score.value
    assert back.logprobs == score.logprobs
    assert back.usage == Usage(5, None)


@pytest.mark.parametrize("stored", [b"[]", b"{}", b'{"usage":[1,2],"strange":1}', b'"text"'])
def test_what_is_no_reply_is_not_read_as_one(stored: bytes) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_reply(stored, "k")


def test_a_key_is_short_enough_for_the_ids_of_batches() -> None:
    assert KEY_LENGTH <= 64
    assert len(key(REQUEST)) == KEY_LENGTH
    assert set(key(REQUEST)) <= set("0123456789abcdef")


def test_the_order_of_a_schema_is_part_of_the_key_because_answers_are_written_in_it() -> None:
    reason, verdict = {"reason": {"type": "string"}}, {"verdict": {"type": "string"}}
    one = Request(messages=messages("Hi"), schema={"properties": {**reason, **verdict}})
    other = Request(messages=messages("Hi"), schema={"properties": {**verdict, **reason}})
    again = Request(messages=messages("Hi"), schema={"properties": {**reason, **verdict}})
    assert key(one) != key(other)
    assert key(one) == key(again)


def test_where_a_request_comes_from_is_not_part_of_its_key() -> None:
    named = Request(
        messages=messages("Hi"), temperature=0.7, max_tokens=16, name="row 7", cache_prefix=1
    )
    assert key(named) == key(REQUEST)


@pytest.mark.parametrize(
    "other",
    [
        Request(messages=messages("Hi!"), temperature=0.7, max_tokens=16),
        Request(messages=(Message("system", "Hi"),), temperature=0.7, max_tokens=16),
        Request(messages=(Message("user", "Hi", "{}"),), temperature=0.7, max_tokens=16),
        Request(messages=messages("Hi"), temperature=0.8, max_tokens=16),
        Request(messages=messages("Hi"), temperature=None, max_tokens=16),
        Request(messages=messages("Hi"), temperature=0.7, max_tokens=17),
        Request(messages=messages("Hi"), temperature=0.7, max_tokens=16, draw=0),
        Request(messages=messages("Hi"), temperature=0.7, max_tokens=16, draw=1),
        Request(messages=messages("Hi"), temperature=0.7, max_tokens=16, seed=0),
        Request(messages=messages("Hi"), temperature=0.7, max_tokens=16, stop=("x",)),
        Request(messages=messages("Hi"), temperature=0.7, max_tokens=16, choices=("A", "B")),
        Request(messages=messages("Hi"), temperature=0.7, max_tokens=16, logprobs=0),
        Request(messages=messages("Hi"), temperature=0.7, max_tokens=16, schema={}),
        Request(messages=messages("Hi"), temperature=0.7, max_tokens=16, extra={"min_p": 0.1}),
        Request(messages=messages("Hi"), temperature=0.7, max_tokens=16, schema={}, by_tool=True),
    ],
)
def test_whatever_can_change_an_answer_changes_its_key(other: Request) -> None:
    assert key(other) != key(REQUEST)


def test_who_is_asked_changes_the_key() -> None:
    assert key(REQUEST, b'{"model":"m"}') != key(REQUEST, b'{"model":"n"}')


def test_text_and_token_ids_are_different_things_to_score() -> None:
    text = ScoreRequest(prompt="1", completion="2")
    ids = ScoreRequest(prompt=(1,), completion=(2,))
    assert key(text) != key(ids)
    assert key(ScoreRequest(prompt="ab", completion="c")) != key(
        ScoreRequest(prompt="a", completion="bc")
    )


def test_a_request_without_a_json_form_is_refused_by_name() -> None:
    strange = Request(messages=messages("Hi"), extra={"when": object()}, name="row 3")
    with pytest.raises(ConfigError, match="row 3"):
        facts_bytes(strange)


def test_half_a_character_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError, match="row 4"):
        facts_bytes(Request(messages=messages("\ud800"), name="row 4"))


def test_facts_are_one_line_of_json() -> None:
    facts = facts_bytes(Request(messages=messages("two\nlines")))
    assert b"\n" not in facts
    assert orjson.loads(facts)["messages"] == [{"role": "user", "content": "two\nlines"}]


@pytest.mark.parametrize("value", [math.nan, -math.inf, math.inf])
def test_a_score_that_is_no_number_comes_back_as_a_failure(value: float) -> None:
    back = read_score(written(Score(value=value, logprobs=(-1.0, -math.inf))), "k")
    assert back.value is None
    assert back.failure is not None
    assert back.failure.kind == "invalid"
    assert back.logprobs == (-1.0, -math.inf)


def test_a_log_prob_of_no_probability_comes_back() -> None:
    tokens = (Token("A", -0.1, (("A", -0.1), ("B", -math.inf))), Token("B", -math.inf))
    stored = written(Reply(text="AB", tokens=tokens))
    assert read_reply(stored, "k").tokens == tokens
    assert stored.count(b'"-inf"') == 2
    unknown = read_reply(written(Reply(text="A", tokens=(Token("A", math.nan),))), "k").tokens
    assert unknown is not None
    assert math.isnan(unknown[0].logprob)


def test_an_older_null_among_log_probs_is_no_probability() -> None:
    old = b'{"tokens":[["A",null,[["B",null]]]],"usage":[1,1,0,0]}'
    assert read_reply(old, "k").tokens == (Token("A", -math.inf, (("B", -math.inf),)),)


def test_data_too_deep_to_be_written_is_dropped_and_the_text_kept() -> None:
    data: list[object] = []
    for _ in range(300):
        data = [data]
    back = read_reply(written(Reply(text="paid for", data=data, usage=Usage(5, 6))), "k")
    assert (back.text, back.data, back.usage) == ("paid for", None, Usage(5, 6))
    assert back.failure is not None
    assert back.failure.kind == "invalid"
