"""Rows that say the same again, rows that say the opposite, clusters."""

from __future__ import annotations

import time
from typing import Any

import pyarrow as pa
import pytest
from filter_runs import dropped, numbered, run, sides, values
from pair_rows import assistant, pair, user

from prefkit.filters.duplicates import Duplicates
from prefkit.schema.ids import prompt_cluster

EXACT = Duplicates(normalise=False)
LOOSE = Duplicates()
CALL = '{"tool_calls":[{"function":{"name":"weather","arguments":"{}"}}]}'
OTHER_CALL = '{"tool_calls":[{"function":{"name":"tides","arguments":"{}"}}]}'


def id_of(row: tuple[Any, ...]) -> str:
    return str(row[0])


def repeats(row: tuple[Any, ...]) -> str:
    return f"duplicates: repeats {id_of(row)}"


def opposes(row: tuple[Any, ...]) -> str:
    return f"duplicates.contradiction: opposes {id_of(row)}"


@pytest.mark.parametrize("step", [EXACT, LOOSE])
def test_every_copy_but_the_first_goes_and_names_the_one_that_stays(step: Duplicates) -> None:
    row, other = sides("a", "b"), sides("a", "c")
    assert dropped(step, row, other, row, row) == [None, None, repeats(row), repeats(row)]
    assert values(step, row, other, row, row) == [0.0, 0.0, 1.0, 1.0]
    notes = [found["checks"][1]["note"] for found in run(step, row, other, row)]
    assert notes == [None, None, id_of(row)]


@pytest.mark.parametrize(
    "again",
    [
        sides("A", "b"),
        sides(" a\n", "b"),
        sides("a", "b", prompt="q?"),
        sides("a", "b", prompt="\tQ? "),
        sides("\uff41", "b"),
    ],
)
def test_case_blanks_and_unicode_form_make_no_difference_when_normalised(again: Any) -> None:
    row = sides("a", "b")
    assert dropped(LOOSE, row, again) == [None, repeats(row)]
    assert dropped(EXACT, row, again) == [None, None]


def test_runs_of_blanks_are_one_and_no_blank_is_none() -> None:
    row, same, other = sides("a b", "c"), sides("a \n\t b", "c"), sides("ab", "c")
    assert dropped(LOOSE, row, same, other) == [None, repeats(row), None]


@pytest.mark.parametrize("step", [EXACT, LOOSE])
@pytest.mark.parametrize(
    "other",
    [
        sides("a", "b", prompt="Why?"),
        sides("a", "c"),
        sides("a", "b", criterion="tone"),
        sides("a", "b", tools='[{"type":"function"}]'),
        sides("a", None),
        sides(None, "b"),
        sides("a", ""),
        pair(user("Q?"), [*assistant("a"), *user("b")], assistant("b")),
        pair([("system", "Q?", None)], assistant("a"), assistant("b")),
        pair(user("Q?", '{"name":"bob"}'), assistant("a"), assistant("b")),
    ],
)
def test_other_prompts_sides_criteria_tools_or_turns_are_other_pairs(
    step: Duplicates, other: Any
) -> None:
    assert dropped(step, sides("a", "b"), other) == [None, None]


@pytest.mark.parametrize("step", [EXACT, LOOSE])
def test_different_tool_calls_without_text_are_different_pairs(step: Duplicates) -> None:
    one = pair(user("Q?"), assistant(None, CALL), assistant("No."))
    other = pair(user("Q?"), assistant(None, OTHER_CALL), assistant("No."))
    assert dropped(step, one, other, one) == [None, None, repeats(one)]
    called = [*user("Q?"), ("assistant", None, CALL), ("tool", "1", None)]
    called_else = [*user("Q?"), ("assistant", None, OTHER_CALL), ("tool", "1", None)]
    prompts = [pair(prompt, assistant("a"), assistant("b")) for prompt in (called, called_else)]
    assert dropped(step, *prompts) == [None, None]


def test_the_row_with_most_votes_or_the_highest_probability_can_stay() -> None:
    rows = [
        sides("a", "b", n_votes=1, p_chosen=0.9),
        sides("A", "b", n_votes=3, p_chosen=None),
        sides("a ", "b", n_votes=3, p_chosen=0.95),
    ]
    first, second, third = rows
    assert dropped(LOOSE, *rows) == [None, repeats(first), repeats(first)]
    most = Duplicates(keep="most_votes")
    assert dropped(most, *rows) == [repeats(second), None, repeats(second)]
    highest = Duplicates(keep="highest_p")
    assert dropped(highest, *rows) == [repeats(third), repeats(third), None]


def test_a_row_that_a_person_kept_is_the_one_that_stays() -> None:
    rows = [sides("a", "b", n_votes=9), sides("A", "b", decision=("keep", "d1"))]
    for step in (LOOSE, Duplicates(keep="most_votes")):
        assert dropped(step, *rows) == [repeats(rows[1]), None]


def test_rows_that_are_dropped_already_keep_no_others_out() -> None:
    gone = sides("a", "b", dropped="length: 1 < 2")
    swapped = sides("b", "a", dropped="length: 1 < 2")
    row = sides("a", "b")
    assert dropped(LOOSE, gone, swapped, row) == ["length: 1 < 2", "length: 1 < 2", None]
    assert values(LOOSE, gone, row) == ["-", 0.0]


def test_unpaired_rows_repeat_and_oppose_each_other() -> None:
    up, down = sides("a", None), sides(None, "a")
    assert dropped(LOOSE, up, sides("A", None), sides(None, "b")) == [None, repeats(up), None]
    assert dropped(EXACT, up, down) == [opposes(down), opposes(up)]


@pytest.mark.parametrize("step", [EXACT, LOOSE])
def test_equal_sides_with_opposite_labels_both_go(step: Duplicates) -> None:
    row, other = sides("a", "b"), sides("b", "a")
    assert dropped(step, row, sides("c", "d"), other) == [opposes(other), None, opposes(row)]
    check = "duplicates.contradiction"
    assert values(step, row, sides("c", "d"), other, check=check) == [1.0, 0.0, 1.0]


def test_labels_that_oppose_each_other_in_other_case_are_found_when_normalised() -> None:
    row, other = sides("Seven.", "Eight."), sides("EIGHT.", "seven. ", prompt="q?")
    assert id_of(row) != id_of(other)
    assert dropped(LOOSE, row, other) == [opposes(other), opposes(row)]
    assert dropped(EXACT, row, other) == [None, None]
    notes = [found["checks"][0]["note"] for found in run(LOOSE, row, other)]
    assert notes == [id_of(other), id_of(row)]


def test_the_value_of_a_contradiction_is_how_many_rows_oppose() -> None:
    one, two, three = sides("a", "b"), sides("A", "b"), sides("B", "a")
    check = "duplicates.contradiction"
    assert values(LOOSE, one, two, three, check=check) == [1.0, 1.0, 2.0]
    assert values(LOOSE, one, two, three) == [0.0, 1.0, 0.0]
    assert dropped(LOOSE, one, two, three) == [opposes(three), opposes(three), opposes(one)]


def test_other_criteria_do_not_contradict() -> None:
    rows = [sides("a", "b", criterion="tone"), sides("b", "a", criterion="truth"), sides("b", "a")]
    assert dropped(LOOSE, *rows) == [None, None, None]


def test_sides_that_are_equal_when_normalised_repeat_and_do_not_oppose() -> None:
    row, other = sides("a", "A"), sides("A", "a")
    assert dropped(LOOSE, row, other) == [None, repeats(row)]
    assert dropped(EXACT, sides("a", "a"), sides("a", "a"))[0] is None


def test_several_turns_oppose_each_other_too() -> None:
    longer = [*assistant("a"), *user("Sure?"), *assistant("Yes.")]
    row, other = pair(user("Q?"), longer, assistant("b")), pair(user("Q?"), assistant("b"), longer)
    for step in (EXACT, LOOSE):
        assert dropped(step, row, other) == [opposes(other), opposes(row)]


def test_the_cluster_is_that_of_the_normalised_prompt_for_dropped_rows_too() -> None:
    rows = [
        sides("a", "b", prompt="When does it open?"),
        sides("c", "d", prompt=" when does it\nOPEN?"),
        sides("e", "f", prompt="Why?", dropped="length: 1 < 2"),
        sides("g", "h", prompt="Why?", cluster="c" * 32),
    ]
    for step in (EXACT, LOOSE):
        clusters = [row["cluster"] for row in run(step, *rows)]
        assert clusters[0] == clusters[1] == prompt_cluster(user("When does it open?"))
        assert clusters[2:] == [prompt_cluster(user("Why?")), "c" * 32]


def test_a_fitted_step_finds_its_rows_by_their_number_in_the_dataset() -> None:
    rows = numbered([sides("a", "b"), sides("c", "d"), sides("a", "b"), sides("e", "f")])
    step = LOOSE.fit(LOOSE.sketch(rows))
    late = step(rows.slice(2))
    assert [reason is None for reason in late["dropped"].to_pylist()] == [False, True]


def test_a_sketch_takes_less_than_a_hundred_bytes_a_row() -> None:
    rows = numbered([sides("a" * 5000, "b" * 5000, prompt=f"Q {n}") for n in range(100)])
    for step in (EXACT, LOOSE):
        sketch = step.sketch(rows)
        assert sketch.nbytes < 100 * 100
        keys = [sketch[name].type for name in ("high", "low", "turned")]
        assert keys == [pa.uint64(), pa.uint64(), pa.bool_()]


@pytest.mark.slow
def test_the_exact_sketch_of_long_rows_costs_less_than_ten_microseconds_a_row() -> None:
    text = "Once more about the bridge, the tide and the ferries. " * 20  # 1,080 characters
    made = [sides(f"{n} {text}", f"{text} {n}", prompt=f"{n} {text[:500]}") for n in range(2_000)]
    rows = pa.concat_tables([numbered(made)] * 10).combine_chunks()
    costs = []
    for _ in range(3):
        start = time.process_time()
        EXACT.sketch(rows)
        costs.append((time.process_time() - start) / len(rows))
    assert min(costs) < 10e-6
