"""Drafts asked of several models in two rounds: order, failures, what is held, equal texts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from prefkit.collectors.prompts import Prompt, Unused
from prefkit.collectors.synthetic.comparing import casts_of, finished
from prefkit.collectors.synthetic.equal_texts import merged
from prefkit.collectors.synthetic.making import Work, answered, likely_works, works
from prefkit.collectors.synthetic.recipe import (
    Cast,
    Caster,
    Draft,
    Made,
    Merged,
    Missing,
    Recipe,
)
from prefkit.collectors.synthetic.sample import Sample
from prefkit.collectors.turns import UnusableError
from prefkit.errors import ConfigError, SchemaError
from prefkit.llm.client import Client
from prefkit.llm.connect import connect
from prefkit.llm.records import Request
from prefkit.reader import Aside
from prefkit.schema.records import Message, Source, Vote
from prefkit.step import make


def prompt_of(number: int) -> Prompt:
    return Prompt("p.jsonl", f"line {number}", None, (Message("user", f"Say {number}"),))


class Relay(Recipe):
    """Even prompts ask the first model, odd ones the second; the other one answers the answer."""

    def drafts(self, prompt: Prompt, models: int) -> Iterator[Draft]:
        number = int(prompt.where.split()[1])
        if number == 7:
            raise UnusableError("unlucky", "it is seven")
        yield Draft(number % 2, Request(messages=prompt.messages), {"part": "first"})
        yield Draft(None, None, {"part": "own"}, text="as it is", name="nobody")

    def follow(self, prompt: Prompt, made: Sequence[Made]) -> Iterator[Draft]:
        first = made[0]
        if first.text is not None and first.draft.model is not None:
            turns = (Message("user", f"Better than {first.text}"),)
            yield Draft(1 - first.draft.model, Request(messages=turns), {"part": "second"})


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[list[Client]]:
    """Two models that answer the same, but `two` has no answer to odd numbers from 300 on."""
    with ExitStack() as stack:
        found = []
        for name in ("one", "two"):
            lines = [
                {"request": {"messages": f"Say {n}"}, "reply": f"{n} by {name}"}
                for n in range(400)
                if name == "one" or n < 300
            ]
            other = "two" if name == "one" else "one"
            lines += [
                {"request": {"messages": f"Better than {n} by {other}"}, "reply": f"more {n}"}
                for n in range(400)
            ]
            file = tmp_path / f"{name}.jsonl"
            file.write_text("".join(json.dumps(line) + "\n" for line in lines))
            found.append(stack.enter_context(connect(f"replay:{file}", cache=tmp_path / "c")))
        yield found


def test_a_second_round_of_another_model_meets_its_own_first_answers(clients: list[Client]) -> None:
    rows = [prompt_of(number) for number in range(400)]
    recipe = Relay()
    found = list(answered(recipe, works(recipe, rows, 2, None), clients, [None, None]))
    assert [work.row for work in found] == rows
    for number, work in enumerate(found):
        texts = [made.text for made in work.made]
        writer = ("one", "two")[number % 2]
        if number == 7:
            assert (texts, work.aside and work.aside.reason) == ([], "unlucky")
        elif number % 2 and number >= 300:
            assert texts == [None, "as it is"]
            assert work.made[0].reason == "unsupported"
        else:
            assert texts == [f"{number} by {writer}", "as it is", f"more {number}"]
            assert [made.model for made in work.made][:2] == [writer, "nobody"]


def test_a_limit_counts_prompts_and_equal_prompts_are_one(clients: list[Client]) -> None:
    unused = Unused("p.jsonl", "line 0", Aside("blank", "nothing"))
    rows: list[Prompt | Unused] = [
        unused,
        prompt_of(1),
        prompt_of(1),
        prompt_of(7),
        prompt_of(2),
        prompt_of(3),
    ]
    recipe = Relay()
    found = list(works(recipe, rows, 2, limit=2))
    reasons = [work.aside and work.aside.reason for work in found]
    assert reasons == ["blank", None, "repeated", "unlucky", None]


def test_an_estimate_knows_the_second_round_by_texts_as_long_as_they_can_be(
    clients: list[Client],
) -> None:
    recipe = Relay()
    rows = [prompt_of(number) for number in range(4)]
    ((_, drafts), *_) = likely_works(recipe, works(recipe, rows, 2, None), clients)
    first, _, second = drafts
    assert (first.model, second.model) == (0, 1)
    assert second.request is not None
    assert (second.request.messages[0].content or "").split().count("word") == 1024


def made(text: str | None, *, model: str | None = "m", finish: str | None = None) -> Made:
    return Made(Draft(0, Request(messages="?"), {"draw": 0}), text, finish=finish, model=model)  # type: ignore[arg-type]


def test_equal_texts_are_one_in_the_order_of_the_first() -> None:
    texts = [("b", made("b")), ("a", made("a", finish="length")), ("b", made("b", model="n"))]
    one, other = merged(texts)
    assert [one.response.messages, other.response.messages] == [
        (Message("assistant", "b"),),
        (Message("assistant", "a"),),
    ]
    assert (one.response.model, other.response.model) == (None, "m")
    assert json.loads(one.response.sampling or "")["count"] == 2
    assert json.loads(other.response.sampling or "")["draws"] == [
        {"model": "m", "finish": "length", "draw": 0}
    ]


class Picky(Relay):
    """Cuts responses out of answers, votes on some and refuses others."""

    def response(self, made: Made) -> str | None:
        if made.text == "long":
            raise UnusableError("too_long", "it is long")
        return None if made.text == "prose" else made.text

    def votes(self, prompt: Prompt, merged: Sequence[Merged]) -> Iterator[Vote | Missing]:
        if len(merged) == 1:
            raise UnusableError("no_pair", "one response is no pair")
        scores = tuple(float(place) for place in range(len(merged)))
        yield Vote("rule", "scored", scores, "rank", Source("s", "r"))
        yield Missing("unchanged", "the second is the first", 1)

    def tags(self, prompt: Prompt, merged: Sequence[Merged]) -> tuple[tuple[str, str], ...]:
        return (("domain", "mine"), ("kind", "test"))


def test_what_a_recipe_refuses_is_listed_and_the_rest_stays() -> None:
    prompt = prompt_of(1)._replace(tags=(("domain", "theirs"), ("level", "3")))
    texts = ["one", "long", "prose", " ", "two", "half \ud800"]
    found = finished(Picky(), Work(prompt, made=[made(text) for text in texts]))
    assert found.comparison is not None
    assert [one.messages[0].content for one in found.comparison.responses] == ["one", "two"]
    assert found.comparison.votes[0].scores == (0.0, 1.0)
    assert sorted(found.comparison.tags) == [("domain", "mine"), ("kind", "test"), ("level", "3")]
    assert [aside.reason for _, aside in found.unused] == [
        "too_long", "unusable", "blank", "bad value",
    ]  # fmt: skip
    assert found.missing == (Missing("unchanged", "the second is the first", 1),)
    alone = finished(Picky(), Work(prompt, made=[made("one")]))
    assert (alone.comparison, alone.aside and alone.aside.reason) == (None, "no_pair")


class Strict(Relay):
    """Takes no prompt but those that end with a mark; needs the first answer for more."""

    def drafts(self, prompt: Prompt, models: int) -> Iterator[Draft]:
        if prompt.reference is None:
            raise UnusableError("no_reference", "the row has none")
        yield from super().drafts(prompt, models)

    def follow(self, prompt: Prompt, made: Sequence[Made]) -> Iterator[Draft]:
        if made[0].text is None:
            raise UnusableError("no_answer", "nothing can follow")
        return super().follow(prompt, made)


def test_a_draft_that_failed_is_listed_where_its_prompt_is_set_aside_for_it(
    clients: list[Client],
) -> None:
    recipe = Strict()
    rows = [prompt_of(number)._replace(reference="1") for number in (301, 302)]
    one, other = (
        finished(recipe, work)
        for work in answered(recipe, works(recipe, rows, 2, None), clients, [None, None])
    )
    assert (one.comparison, one.aside and one.aside.reason) == (None, "no_answer")
    assert [aside.reason for _, aside in one.unused] == ["unsupported"]
    assert other.comparison is not None


def test_a_prompt_of_which_nothing_was_made_does_not_stand_for_a_later_one() -> None:
    rows = [prompt_of(1), prompt_of(1)._replace(where="line 2", reference="1")]
    rows.append(rows[1]._replace(where="line 3"))
    found = [work.aside for work in works(Strict(), rows, 2, None)]
    assert [aside and aside.reason for aside in found] == ["no_reference", None, "repeated"]
    assert found[2] is not None
    assert found[2].detail == "the prompt of p.jsonl, line 2 again"


def test_unknown_answers_to_one_prompt_are_as_many_responses(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text(json.dumps({"request": {"messages": "?"}, "reply": "!"}))
    recipe = make(Sample, {"n": 3, "temperature": [0.1, 0.9]}, "recipe")
    with connect(f"replay:{file}", cache=tmp_path / "c") as client:
        ((work, _),) = likely_works(recipe, works(recipe, [prompt_of(1)], 2, None), [client] * 2)
    found = finished(recipe, work).comparison
    assert found is not None
    assert len(found.responses) == 2 * 2 * 3


class Nobody(Recipe):
    """Asks a model that is not there."""

    def drafts(self, prompt: Prompt, models: int) -> Iterator[Draft]:
        yield Draft(models, Request(messages=prompt.messages), {})


def test_a_draft_that_nobody_can_answer_is_refused() -> None:
    with pytest.raises(ConfigError, match="nobody can answer"):
        list(works(Nobody(), [prompt_of(1)], 2, None))


class Short(Caster):
    """Says nothing of what comes last."""

    def cast(self, comparisons: Any) -> Iterator[Cast]:
        several = list(comparisons)
        yield from (Cast(()) for _ in several[1:])


def test_a_caster_that_says_too_little_is_found_out() -> None:
    rows = [
        finished(Relay(), Work(prompt_of(number), made=[made(str(number))])) for number in range(3)
    ]
    with pytest.raises(SchemaError, match="Short said nothing of 1 comparisons"):
        list(casts_of(Short(), rows))
