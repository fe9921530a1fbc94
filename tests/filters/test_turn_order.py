"""Roles and turn order, one fault at a time."""

from __future__ import annotations

from typing import Any

import pytest
from filter_runs import dropped, run, sides, values
from pair_rows import assistant, pair, user

from prefkit.filters.turns import Turns

SYSTEM = ("system", "Be brief.", None)
CALL = ("assistant", None, '{"tool_calls":[{"id":"1"}]}')
RESULT = ("tool", "21 degrees", '{"tool_call_id":"1"}')


def asked(prompt: Any, chosen: Any = None, rejected: Any = None) -> Any:
    return pair(prompt, chosen or assistant("a"), rejected or assistant("b"))


@pytest.mark.parametrize(
    "prompt",
    [
        user("Q?"),
        [SYSTEM, *user("Q?")],
        [("developer", "Be brief.", None), *user("Q?")],
        [*user("Hi"), *assistant("Hello"), *user("Q?")],
        [*user("Rain?"), CALL, RESULT],
        [*user("Rain?"), CALL, RESULT, RESULT],
    ],
)
def test_what_a_chat_template_expects_has_no_fault(prompt: Any) -> None:
    assert dropped(Turns(), asked(prompt)) == [None]
    assert values(Turns(), asked(prompt)) == [0.0]


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ([], "there is no prompt"),
        ([("bot", "Beep?", None), *user("Q?")], "unknown role 'bot'"),
        ([*user("Q?"), SYSTEM, CALL, RESULT], "a system turn after the first"),
        (
            [*user("Q?"), ("developer", "Hush.", None), CALL, RESULT],
            "a developer turn after the first",
        ),
        ([*user("One"), *user("Two")], "two user turns in a row"),
        ([*user("Q?"), CALL, CALL, RESULT], "two assistant turns in a row"),
        ([SYSTEM], "the prompt ends with a turn of 'system'"),
    ],
)
def test_one_fault_of_the_prompt_is_the_reason_and_counts_once(prompt: Any, reason: str) -> None:
    assert dropped(Turns(), asked(prompt)) == [f"turns: {reason}"]
    assert values(Turns(), asked(prompt)) == [1.0]


def test_a_prompt_that_ends_with_an_answer_makes_two_answers_in_a_row() -> None:
    row = asked([*user("Q?"), *assistant("Said.")])
    assert dropped(Turns(), row) == ["turns: the prompt ends with a turn of 'assistant'"]
    assert values(Turns(), row) == [2.0]


@pytest.mark.parametrize(
    ("side", "count", "reason"),
    [
        ([], 1, "does not begin with the assistant"),
        ([RESULT, *assistant("a")], 1, "does not begin with the assistant"),
        ([CALL, RESULT], 1, "ends with a turn of 'tool'"),
        ([*assistant("a"), ("bot", "b", None), *assistant("c")], 1, "unknown role 'bot'"),
        ([*assistant("a"), SYSTEM, *assistant("c")], 1, "a system turn after the first"),
        ([*assistant("a"), *assistant("b")], 1, "two assistant turns in a row"),
        (user("a"), 3, "does not begin with the assistant"),
    ],
)
def test_a_fault_of_a_side_names_the_side(side: Any, count: int, reason: str) -> None:
    good = assistant("good")
    for name, row in (
        ("chosen", pair(user("Q?"), side, good)),
        ("rejected", pair(user("Q?"), good, side)),
    ):
        assert dropped(Turns(), row) == [f"turns: {name}: {reason}"]
        assert values(Turns(), row) == [float(count)]


def test_the_worse_side_counts_and_its_first_fault_is_the_reason() -> None:
    one, two = [*assistant("a"), *assistant("b")], [("bot", "b", None)]
    row = pair(user("Q?"), one, two)
    # rejected: does not begin with the assistant, ends with a bot, unknown role
    assert values(Turns(), row) == [3.0]
    assert dropped(Turns(), row) == ["turns: rejected: does not begin with the assistant"]
    equal = pair(user("Q?"), one, one)
    assert dropped(Turns(), equal) == ["turns: chosen: two assistant turns in a row"]
    assert values(Turns(), equal) == [1.0]


def test_a_side_that_goes_on_is_a_fault_only_where_divergence_is_not_allowed() -> None:
    longer = [*assistant("a"), *user("Sure?"), *assistant("Yes.")]
    row = pair(user("Q?"), assistant("a"), longer)
    assert dropped(Turns(), row) == [None]
    reason = "turns: rejected: goes on past its first answer"
    assert dropped(Turns(allow_divergence=False), row) == [reason]


def test_an_unpaired_row_is_measured_by_the_side_it_has() -> None:
    rows = (sides("a", None), sides(None, "b"), pair(user("Q?"), None, user("b")))
    assert values(Turns(), *rows) == [0.0, 0.0, 3.0]


def test_plain_and_other_rows_keep_their_places() -> None:
    rows = [sides("a", "b"), asked([SYSTEM]), sides("a", "b"), asked([]), sides("c", "d")]
    assert values(Turns(), *rows) == [0.0, 1.0, 0.0, 1.0, 0.0]
    assert [row["dropped"] is None for row in run(Turns(), *rows)] == [True, False] * 2 + [True]
