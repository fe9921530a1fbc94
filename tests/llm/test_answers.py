from typing import Any

import pytest

from prefkit.errors import ConfigError
from prefkit.llm.answers import check_schema, checked
from prefkit.llm.records import Reply, Request, messages

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
