from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pair_rows import assistant, user
from task_rows import asked

from prefkit.errors import SchemaError
from prefkit.schema.ids import messages_digest, pair_id
from prefkit.schema.tasks import (
    Task,
    identity_of,
    question_of,
    shown_answer,
    shown_prompt,
    task_of,
)

PLAIN = asked(user("A prime?"), assistant("11"), assistant("12"))


def shown(task: Task) -> tuple[Any, list[str]]:
    return shown_prompt(task.prompt, task.tools), [shown_answer(one) for one in task.answers]


def test_plain_texts_are_shown_as_they_are_and_not_carried_twice() -> None:
    assert shown(PLAIN) == ([{"role": "user", "content": "A prime?"}], ["11", "12"])
    assert identity_of(PLAIN) == {
        "schema": "prefkit.task/1",
        "comparison": PLAIN.comparison,
        "order": list(PLAIN.order),
    }


def test_what_a_page_cannot_show_is_carried() -> None:
    call = ("assistant", None, '{"tool_calls":[]}')
    task = asked(user("Weather?"), [call, ("tool", "rain", None)], assistant("Dry.\n"), tools="[1]")
    prompt, answers = shown(task)
    assert prompt == [
        {"role": "tools", "content": "[1]"},
        {"role": "user", "content": "Weather?"},
    ]
    assert answers == ['[assistant]\n{"tool_calls":[]}\n\n[tool]\nrain', "Dry.\n"]
    identity = identity_of(task)
    assert identity["answers"] == {
        "answer1": [["assistant", None, '{"tool_calls":[]}'], ["tool", "rain", None]],
        "answer2": [["assistant", "Dry.\n", None]],
    }
    assert identity["prompt"] == [["user", "Weather?", None]]


def test_empty_and_very_long_turns_are_shown_in_pieces_that_a_page_takes() -> None:
    assert shown_prompt((), None) == [{"role": "prompt", "content": "(empty)"}]
    long = shown_prompt((("a role of many letters and more", "x" * 20_001, None),), None)
    assert [len(turn["content"]) for turn in long] == [20_000, 1]
    assert {turn["role"] for turn in long} == {"a role of many lette"}
    assert shown_answer(assistant("")) == "(empty)"


def test_the_question_names_the_criterion() -> None:
    assert question_of(PLAIN) == "Which answer is better?"
    toned = PLAIN._replace(criterion="tone")
    assert question_of(toned) == "Which answer is better? Judge only this: tone"


@pytest.mark.parametrize(
    ("prompt", "answers", "said"),
    [
        ([{"role": "user", "content": "A prime!"}], ["11", "12"], "comparison that it names"),
        ([{"role": "system", "content": "A prime?"}], ["11", "12"], "comparison that it names"),
        ([{"role": "user", "content": "A prime?"}], ["12", "11"], "answer1"),
        ([{"role": "user", "content": "A prime?"}], ["11", "13"], "answer2"),
        ([{"role": "user", "content": "A prime?"}], ["11"], "answer2"),
        ("A prime?", ["11", "12"], "list of turns"),
        (None, [None, None], "list of turns"),
    ],
)
def test_texts_that_somebody_changed_are_not_the_task(
    prompt: Any, answers: list[Any], said: str
) -> None:
    with pytest.raises(SchemaError, match=said):
        task_of(identity_of(PLAIN), prompt, answers)


def test_a_carried_text_does_not_hide_that_the_shown_one_was_changed() -> None:
    task = asked(user("A prime? "), assistant("11 "), assistant("12"))
    prompt, answers = shown(task)
    assert task_of(identity_of(task), prompt, answers) == task
    with pytest.raises(SchemaError, match="answer1"):
        task_of(identity_of(task), prompt, ["13", "12"])
    with pytest.raises(SchemaError, match="prompt"):
        task_of(identity_of(task), [{"role": "user", "content": "Two?"}], answers)


def test_blanks_at_the_ends_and_line_ends_may_change_on_the_way() -> None:
    task = asked(user("A\nprime?"), assistant("11\r\nor 13 "), assistant("12"))
    assert (
        task_of(
            identity_of(task),
            [{"role": "user", "content": "A\r\nprime?\n", "id": None}],
            ["11\nor 13", "12"],
        )
        == task
    )


@pytest.mark.parametrize(
    "identity",
    [
        None,
        "",
        "[]",
        7,
        {},
        {**identity_of(PLAIN), "schema": "prefkit.task/2"},
        {**identity_of(PLAIN), "order": [PLAIN.order[0]]},
        {**identity_of(PLAIN), "order": "ab"},
        {**identity_of(PLAIN), "chosen": "answer1"},
        {**identity_of(PLAIN), "answers": {"answer1": [["assistant"]]}},
        {**identity_of(PLAIN), "comparison": object},
    ],
)
def test_an_identity_of_another_kind_is_refused(identity: Any) -> None:
    with pytest.raises(SchemaError):
        task_of(identity, *shown(PLAIN))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TURN = st.tuples(
    st.sampled_from(["user", "assistant", "system", "tool", " odd role "]),
    st.none() | TEXT,
    st.none() | st.just('{"tool_calls":[1.50]}'),
)


@given(
    st.lists(TURN, max_size=3),
    st.lists(st.lists(TURN, min_size=1, max_size=2), min_size=2, max_size=4),
    st.none() | st.just("[1]"),
    st.none() | TEXT,
)
def test_any_messages_come_back_from_the_texts_and_the_identity(
    prompt: list[Any], answers: list[Any], tools: str | None, criterion: str | None
) -> None:
    task = asked(prompt, *answers, tools=tools, criterion=criterion, template_kwargs="{}")
    identity = json.loads(json.dumps(identity_of(task)))
    assert task_of(identity, *json.loads(json.dumps(shown(task)))) == task
    assert task_of(json.dumps(identity), *shown(task)) == task


@pytest.mark.parametrize("changed", [{"pair": "f" * 32}, {"criterion": "length"}])
def test_a_task_is_about_the_pair_of_its_texts_and_its_criterion_only(
    changed: dict[str, Any],
) -> None:
    prompt = messages_digest(PLAIN.prompt)
    sent = PLAIN._replace(pair=pair_id(prompt, (PLAIN.order[0], PLAIN.order[1]), None))
    assert task_of(identity_of(sent), *shown(sent)).pair == sent.pair
    with pytest.raises(SchemaError, match="not those of the pair that it names"):
        task_of(identity_of(sent) | changed, *shown(sent))
