import math
from typing import Any

import pytest

from prefkit.errors import ConfigError
from prefkit.llm.answers import check_schema, checked, checked_score
from prefkit.llm.records import Reply, Request, Score, messages

VERDICT = {
    "type": "object",
    "properties": {"winner": {"enum": ["A", "B", "tie"]}, "score": {"type": "integer"}},
    "required": ["winner"],
    "additionalProperties": False,
}


def asked(**options: Any) -> Request:
    return Request(messages=messages("Which is better?"), max_tokens=7, **options)


def test_a_plain_answer_passes_as_it_is() -> None:
    reply = Reply(text="anything", finish="length")
    assert checked(asked(), reply) is reply


def test_an_answer_that_follows_the_schema_brings_its_data() -> None:
    reply = checked(asked(schema=VERDICT), Reply(text='{"winner": "tie"}', finish="stop"))
    assert reply.data == {"winner": "tie"}
    assert reply.failure is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"winner": "C"}', "winner"),
        ('{"winner": "A", "score": "9"}', "score"),
        ('{"winner": "A", "why": ""}', "why"),
        ('"A"', "the answer"),
        ("A is better", "no JSON"),
        ('{"winner": "A"', "no JSON"),
        ("", "no JSON"),
    ],
)
def test_an_answer_that_breaks_the_schema_is_kept_as_text_and_says_where(
    text: str, words: str
) -> None:
    reply = checked(asked(schema=VERDICT), Reply(text=text, finish="stop"))
    assert reply.failure is not None
    assert reply.failure.kind == "invalid"
    assert words in reply.failure.message
    assert reply.text == text
    assert reply.data is None


def test_a_structured_answer_that_ran_out_of_tokens_is_cut_even_if_it_parses() -> None:
    reply = checked(asked(schema=VERDICT), Reply(text='{"winner": "A"}', finish="length"))
    assert reply.failure is not None
    assert (reply.failure.kind, reply.failure.message) == ("cut", "cut off after 7 tokens")


@pytest.mark.parametrize("finish", ["refusal", "content_filter"])
def test_a_refusal_is_no_verdict(finish: str) -> None:
    reply = checked(asked(schema=VERDICT), Reply(text="I cannot judge that.", finish=finish))
    assert reply.failure is not None
    assert reply.failure.kind == "invalid"
    assert finish in reply.failure.message
    assert reply.text == "I cannot judge that."


def test_a_choice_may_have_blanks_around_it_and_nothing_else() -> None:
    request = asked(choices=("A", "B"))
    assert checked(request, Reply(text=" A\n", finish="stop")).data == "A"
    for text in ("a", "A.", "A B", "C", ""):
        failure = checked(request, Reply(text=text, finish="stop")).failure
        assert failure is not None
        assert failure.kind == "invalid"


def test_a_choice_that_was_cut_off_is_cut() -> None:
    failure = checked(asked(choices=("Apple", "Pear")), Reply(text="App", finish="length")).failure
    assert failure is not None
    assert failure.kind == "cut"


def test_a_choice_that_is_whole_at_the_last_token_counts() -> None:
    assert checked(asked(choices=("A", "B")), Reply(text="A", finish="length")).data == "A"


def test_a_wrong_schema_is_the_askers_mistake() -> None:
    with pytest.raises(ConfigError, match="schema"):
        check_schema({"type": "nonsense"})


def test_a_choice_that_may_go_on_as_another_is_cut_at_the_last_token() -> None:
    request = asked(choices=("no", "no way", "yes"))
    failure = checked(request, Reply(text="no", finish="length")).failure
    assert failure is not None
    assert failure.kind == "cut"
    for text in ("yes", "no way"):
        assert checked(request, Reply(text=text, finish="length")).data == text
    assert checked(request, Reply(text="no", finish="stop")).data == "no"


def test_a_choice_with_blanks_of_its_own_is_found() -> None:
    request = asked(choices=(" yes", "no\n", " a", "a"))
    found = {" yes": " yes", "yes": " yes", "no\n": "no\n", " no": "no\n", " a": " a", "a ": "a"}
    for text, word in found.items():
        reply = checked(request, Reply(text=text, finish="stop"))
        assert (reply.data, reply.text, reply.failure) == (word, word, None)
    assert checked(asked(choices=(" a", "a\n")), Reply(text="a", finish="stop")).data is None


@pytest.mark.parametrize("finish", ["refusal", "content_filter"])
def test_a_refusal_in_the_words_of_a_choice_is_no_choice(finish: str) -> None:
    reply = checked(asked(choices=("no", "yes")), Reply(text="no", finish=finish))
    assert reply.failure is not None
    assert reply.failure.kind == "invalid"
    assert (reply.text, reply.data) == ("no", None)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_a_score_that_is_no_number_is_a_failure(value: float | None) -> None:
    score = checked_score(Score(value=value, logprobs=(-1.0,)))
    assert score.failure is not None
    assert score.failure.kind == "invalid"
    assert (score.value, score.logprobs) == (None, (-1.0,))
    assert checked_score(score) is score
    assert checked_score(Score(value=-1.5)) == Score(value=-1.5)
