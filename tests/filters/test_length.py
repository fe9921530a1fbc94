"""Length: characters are code points, words are what stands between blanks."""

from __future__ import annotations

import pytest
from filter_runs import dropped, run, sides, values
from pair_rows import assistant, pair, user

from prefkit.errors import ConfigError
from prefkit.filters.length import Length, LengthDifference, LengthRatio
from prefkit.step import make


def test_the_ratio_is_chosen_over_rejected_and_its_reason_says_both_numbers() -> None:
    rows = (sides("a" * 12, "bbb"), sides("a" * 9, "bbb"), sides("aa", "b" * 8))
    assert dropped(LengthRatio(max=3), *rows) == ["length_ratio: 4 > 3", None, None]
    assert values(LengthRatio(max=3), *rows) == [4.0, 3.0, 0.25]


def test_the_lower_limit_is_a_check_of_its_own() -> None:
    rows = (sides("aa", "b" * 8), sides("a" * 8, "bb"), sides("aa", "bb"))
    step = LengthRatio(max=3, min=0.5)
    assert dropped(step, *rows) == ["length_ratio.low: 0.25 < 0.5", "length_ratio: 4 > 3", None]
    assert values(step, *rows, check="length_ratio.low") == [0.25, 4.0, 1.0]


def test_a_ratio_that_would_look_like_its_limit_is_written_in_full() -> None:
    (reason,) = dropped(LengthRatio(max=1), sides("a" * 1_000_001, "b" * 1_000_000))
    assert reason == "length_ratio: 1.000001 > 1"
    (reason,) = dropped(LengthRatio(max=1), sides("a" * 10_000_001, "b" * 10_000_000))
    assert reason == "length_ratio: 1.0000001 > 1"


def test_whole_numbers_are_written_whole() -> None:
    found = dropped(Length(max=1_000_000), sides("a" * 1_234_567, "b"))
    assert found == ["length.chosen: 1234567 > 1000000"]


def test_a_ratio_without_a_rejected_text_is_null() -> None:
    rows = (sides("a", None), sides(None, "b"), sides("a", ""), sides("", ""), sides("", "b"))
    assert values(LengthRatio(), *rows) == [None, None, None, None, 0.0]
    assert dropped(LengthRatio(max=0.1), *rows) == [None] * 5


def test_characters_are_code_points() -> None:
    smiley, composed, combined = "\U0001f600", "\u00e9", "e\u0301"
    rows = (sides(smiley * 3, "b"), sides(composed, "b"), sides(combined, "b"))
    assert values(Length(), *rows, check="length.chosen") == [3.0, 1.0, 2.0]


def test_words_are_what_stands_between_blanks() -> None:
    rows = (sides("one  two\nthree\u2003four ", "b"), sides("", "b"), sides("  ", "b"))
    step = Length(unit="words")
    assert values(step, *rows, check="length.chosen") == [4.0, 0.0, 0.0]


def test_the_turns_of_a_side_count_together() -> None:
    turns = [*assistant("four"), *user("ab"), *assistant(None, '{"tool_calls":[1]}')]
    row = pair(user("Q?"), turns, assistant("b"))
    assert values(LengthDifference(max=10), row) == [5.0]
    assert values(Length(), row, check="length.chosen") == [6.0]


def test_the_difference_fails_in_either_direction() -> None:
    rows = (sides("a" * 9, "bbbb"), sides("a", "b" * 6), sides("a" * 5, "b"), sides("a", None))
    step = LengthDifference(max=4)
    assert dropped(step, *rows) == [
        "length_difference: 5 > 4",
        "length_difference: -5 < -4",
        None,
        None,
    ]
    assert values(step, *rows) == [5.0, -5.0, 4.0, None]


def test_each_part_has_its_own_check_and_the_first_that_fails_is_the_reason() -> None:
    step = Length(min=2, max=4, max_prompt=3)
    rows = (
        sides("aaa", "bbb", prompt="Why?"),
        sides("a", "bbbbb"),
        sides("aaaa", "bbbbb"),
        sides("aa", "bbbb"),
        sides(None, "b"),
    )
    assert dropped(step, *rows) == [
        "length.prompt: 4 > 3",
        "length.chosen: 1 < 2",
        "length.rejected: 5 > 4",
        None,
        "length.rejected: 1 < 2",
    ]
    (row,) = run(step, rows[4])
    assert [(check["check"], check["value"]) for check in row["checks"]] == [
        ("length.prompt", 2.0),
        ("length.chosen", None),
        ("length.rejected", 1.0),
    ]


def test_rows_that_fail_several_checks_do_not_lend_their_reason_to_others() -> None:
    step = Length(max=2)
    found = dropped(step, sides("aaa", "bbb"), sides("a", "bbbb"), sides("aaaaa", "b"))
    assert found == ["length.chosen: 3 > 2", "length.rejected: 4 > 2", "length.chosen: 5 > 2"]


def test_without_limits_it_only_measures() -> None:
    (row,) = run(Length(), sides("", "b" * 99))
    assert (row["dropped"], len(row["checks"])) == (None, 3)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (LengthRatio, {"mx": 2}, "there is no option 'mx'. Did you mean 'max'?"),
        (LengthRatio, {"max": 0}, "max: Input should be greater than 0"),
        (LengthDifference, {}, "the option 'max' is needed"),
        (Length, {"unit": "tokens"}, "unit: Input should be 'characters' or 'words'"),
    ],
)
def test_wrong_options_are_refused(kind: type, options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make(kind, options, "curate[0]")
    assert str(caught.value) == f"curate[0]: {message}"
