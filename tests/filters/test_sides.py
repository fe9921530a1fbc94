"""Sides that are empty or equal."""

from __future__ import annotations

import pytest
from filter_runs import dropped, run, sides, values
from pair_rows import assistant, pair, user

from prefkit.filters.sides import EmptySides, IdenticalSides

CALL = '{"tool_calls":[{"function":{"name":"weather","arguments":"{}"}}]}'
OTHER_CALL = '{"tool_calls":[{"function":{"name":"tides","arguments":"{}"}}]}'


@pytest.mark.parametrize("blank", ["", " ", "\n\t ", "\u00a0\u2003"])
def test_a_side_without_text_is_dropped_by_its_name(blank: str) -> None:
    rows = (sides(blank, "b"), sides("a", blank), sides(blank, blank), sides("a", "b"))
    assert dropped(EmptySides(), *rows) == [
        "empty_sides: chosen is empty",
        "empty_sides: rejected is empty",
        "empty_sides: chosen is empty",
        None,
    ]
    assert values(EmptySides(), *rows) == [1.0, 1.0, 2.0, 0.0]


def test_a_blank_prompt_is_the_first_reason() -> None:
    rows = (sides("a", "b", prompt=" "), sides("", "", prompt=""), pair([], None, assistant("b")))
    assert dropped(EmptySides(), *rows) == ["empty_sides: prompt is empty"] * 3
    assert values(EmptySides(), *rows) == [1.0, 3.0, 1.0]


def test_a_side_that_is_missing_by_design_is_not_empty() -> None:
    assert dropped(EmptySides(), sides("a", None), sides(None, "b")) == [None, None]
    assert values(EmptySides(), sides("a", None), sides(None, "")) == [0.0, 1.0]


def test_a_pair_without_any_side_is_dropped() -> None:
    assert dropped(EmptySides(), sides(None, None)) == ["empty_sides: both sides are missing"]
    assert values(EmptySides(), sides(None, None)) == [2.0]


def test_a_side_of_no_messages_is_empty() -> None:
    found = dropped(EmptySides(), pair(user("Q?"), [], assistant("b")))
    assert found == ["empty_sides: chosen is empty"]


def test_a_bare_tool_call_is_not_empty() -> None:
    rows = (
        pair(user("Q?"), assistant(None, CALL), assistant("b")),
        pair(user("Q?"), assistant("", CALL), assistant("b")),
    )
    assert dropped(EmptySides(), *rows) == [None, None]


@pytest.mark.parametrize(
    "extra",
    ['{"name":"bob"}', '{"tool_calls":[]}', '{"tool_calls":null,"name":"bob"}', "{}", "null"],
)
def test_an_extra_that_says_nothing_leaves_a_side_empty(extra: str) -> None:
    found = dropped(EmptySides(), pair(user("Q?"), assistant(None, extra), assistant("b")))
    assert found == ["empty_sides: chosen is empty"]


def test_one_turn_with_text_is_enough_for_a_side_of_several() -> None:
    turns = [*assistant(""), *user("go on"), *assistant("")]
    silent = [*assistant(" "), *user(""), *assistant("")]
    rows = (pair(user("Q?"), turns, assistant("b")), pair(user("Q?"), silent, assistant("b")))
    assert dropped(EmptySides(), *rows) == [None, "empty_sides: chosen is empty"]


def test_equal_sides_are_dropped_and_sides_that_differ_in_blanks_too() -> None:
    rows = (sides("a", "a"), sides("a", " a\n"), sides("a b", "a  b"), sides("a", "A"))
    assert dropped(IdenticalSides(), *rows) == [
        "identical_sides: the sides are equal",
        "identical_sides: the sides differ only in blanks",
        None,
        None,
    ]
    assert values(IdenticalSides(), *rows) == [2.0, 1.0, 0.0, 0.0]


def test_blanks_at_the_ends_of_every_turn_are_trimmed() -> None:
    one = [*assistant("At seven. "), *user("Sure?"), *assistant("Yes.")]
    other = [*assistant("At seven."), *user(" Sure?"), *assistant("Yes.\n")]
    moved = [*assistant("At seven. Sure?"), *user(""), *assistant("Yes.")]
    rows = (pair(user("When?"), one, other), pair(user("When?"), one, moved))
    assert values(IdenticalSides(), *rows) == [1.0, 0.0]


def test_equal_letters_in_other_turns_or_roles_are_not_equal_sides() -> None:
    one, other = [*assistant("ab"), *user("c")], [*assistant("a"), *user("bc")]
    rows = (pair(user("Q?"), one, other), pair(user("Q?"), assistant("a"), user("a")))
    assert values(IdenticalSides(), *rows) == [0.0, 0.0]


def test_different_tool_calls_without_text_are_not_equal_sides() -> None:
    rows = (
        pair(user("Q?"), assistant(None, CALL), assistant(None, OTHER_CALL)),
        pair(user("Q?"), assistant(None, CALL), assistant(None, CALL)),
        pair(user("Q?"), assistant(None, CALL), assistant("", CALL)),
    )
    assert values(IdenticalSides(), *rows) == [0.0, 2.0, 1.0]


def test_an_unpaired_row_has_no_equal_sides() -> None:
    assert values(IdenticalSides(), sides("a", None), sides(None, ""), sides("", None)) == [0.0] * 3


def test_rows_that_are_dropped_already_are_not_measured_again() -> None:
    before = sides("", "", dropped="length: 1 < 2", checks=[("length", 1.0, None)])
    (row,) = run(EmptySides(), before)
    assert row["dropped"] == "length: 1 < 2"
    assert row["checks"] == [{"check": "length", "value": 1.0, "note": None}]


def test_a_row_that_a_person_kept_is_measured_and_stays() -> None:
    rows = run(
        EmptySides(),
        sides("", "b", decision=("keep", "d1")),
        sides("", "b", decision=("drop", "d2")),
        sides("", "b", decision=(None, None)),
    )
    assert [row["checks"][0]["value"] for row in rows] == [1.0, 1.0, 1.0]
    assert [row["dropped"] is None for row in rows] == [True, False, False]


def test_a_new_check_comes_behind_those_that_are_there() -> None:
    rows = run(
        IdenticalSides(),
        sides("a", "b", checks=[("diverges", 1.0, "at turn 1"), ("agreement", None, None)]),
        sides("a", "a"),
        sides("a", "a", checks=[("diverges", 2.0, None)]),
    )
    assert [[check["check"] for check in row["checks"]] for row in rows] == [
        ["diverges", "agreement", "identical_sides"],
        ["identical_sides"],
        ["diverges", "identical_sides"],
    ]
    assert rows[0]["checks"][0]["note"] == "at turn 1"
