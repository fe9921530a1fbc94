"""The recipe `sample`: every draw its own request, over all combinations or a number of them."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from prefkit.collectors.prompts import Prompt
from prefkit.collectors.synthetic.recipe import Draft
from prefkit.collectors.synthetic.sample import Sample
from prefkit.errors import ConfigError
from prefkit.schema.records import Message
from prefkit.step import make

SYSTEM = Message("system", "Be kind.")
QUESTION = Message("user", "Why?")
PROMPT = Prompt("p.jsonl", "line 1", None, (QUESTION,))


def drafts(options: dict[str, Any], models: int = 1, prompt: Prompt = PROMPT) -> list[Draft]:
    return list(make(Sample, options, "recipe").drafts(prompt, models))


def told(found: list[Draft], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(draft.sampling.get(name) for name in names) for draft in found]


def test_by_default_four_draws_leave_everything_to_the_model() -> None:
    found = drafts({})
    assert [draft.sampling for draft in found] == [
        {"max_tokens": 1024, "draw": number} for number in range(4)
    ]
    requests = [draft.request for draft in found]
    assert all(one and (one.temperature, one.top_p, one.seed) == (None,) * 3 for one in requests)
    # the first is what `ask` asked: it is in the journal then
    assert [one.draw for one in requests if one] == [None, 1, 2, 3]


def test_every_combination_is_drawn_and_no_two_requests_are_equal() -> None:
    options = {
        "n": 3,
        "temperature": [0.0, 0.7],
        "top_p": [None, 0.9],
        "seed": 40,
        "system": {"plain": None, "kind": "Be kind."},
    }
    found = drafts(options, models=2)
    expected = product(range(3), (0.0, 0.7), (None, 0.9), (40, 41, 42), ("plain", "kind"))
    names = ("draw", "temperature", "top_p", "seed", "system")
    wanted = [one for one in expected if one[3] == 40 + one[0]]
    for model in (0, 1):
        assert sorted(told([d for d in found if d.model == model], *names), key=repr) == sorted(
            wanted, key=repr
        )
    keys = {(draft.model, repr(draft.request and draft.request.facts())) for draft in found}
    assert len(found) == len(keys) == 2 * 3 * 2 * 2 * 2


def test_a_total_is_dealt_over_the_combinations_in_turn() -> None:
    found = drafts({"total": 5, "temperature": [0.2, 0.8], "seed": 1}, models=1)
    assert told(found, "temperature", "draw", "seed") == [
        (0.2, 0, 1), (0.8, 0, 1), (0.2, 1, 2), (0.8, 1, 2), (0.2, 2, 3),
    ]  # fmt: skip


def test_a_list_of_seeds_is_one_draw_each() -> None:
    assert told(drafts({"seed": [9, 4]}), "seed", "draw") == [(9, 0), (4, 1)]


def test_a_system_prompt_stands_in_place_of_the_prompts_own() -> None:
    prompt = PROMPT._replace(messages=(SYSTEM, QUESTION))
    found = drafts({"n": 1, "system": {"none": None, "cruel": "Be cruel."}}, prompt=prompt)
    assert [draft.request and draft.request.messages for draft in found] == [
        (SYSTEM, QUESTION),
        (Message("system", "Be cruel."), QUESTION),
    ]
    assert told(found, "system") == [("none",), ("cruel",)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n": 2, "total": 3}, "give one of them"),
        ({"temperature": -0.1}, "from 0 upwards"),
        ({"temperature": []}, "at least 1 item"),
        ({"top_p": 1.5}, "at most 1"),
        ({"seed": []}, "not an empty list"),
        ({"seed": [1, 1]}, "stands there twice"),
        ({"seed": [1, 2], "total": 4}, "one first seed"),
        ({"n": 0}, "greater than or equal to 1"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        drafts(options)


def test_a_system_prompt_that_is_there_already_is_no_combination_of_its_own() -> None:
    own = PROMPT._replace(messages=(SYSTEM, QUESTION))
    options = {"n": 2, "system": {"none": None, "kind": "Be kind.", "curt": "Be curt."}}
    found = drafts(options, prompt=own)
    assert told(found, "system", "draw") == [("none", 0), ("curt", 0), ("none", 1), ("curt", 1)]
    assert len({draft.request for draft in found}) == 4
    assert len(drafts(options)) == 6
    with pytest.raises(ConfigError, match="two names have one text"):
        drafts({"system": {"one": "Be kind.", "two": "Be kind."}})
