"""Words put in, taken out or replaced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefkit.statistics.edit_distance import edit_distance

WORDS = st.lists(st.sampled_from("abc"), max_size=12)


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("kitten", "sitting", 3),
        ("", "abc", 3),
        ("abc", "", 3),
        ("same", "same", 0),
        ("flaw", "lawn", 2),
        ("a" * 100, "b" * 100, 100),
    ],
)
def test_known_distances(one: str, other: str, distance: int) -> None:
    assert edit_distance(one, other) == distance


def test_elements_are_compared_whole() -> None:
    one, other = ["return", "a", "+", "b"], ["return", "a", "-", "b"]
    assert edit_distance(one, other) == 1


@given(WORDS, WORDS)
def test_it_is_the_distance_of_the_table(one: list[str], other: list[str]) -> None:
    row = list(range(len(other) + 1))
    for place, element in enumerate(one, 1):
        above, row = row, [place]
        for column, against in enumerate(other, 1):
            best = min(above[column], row[-1]) + 1
            row.append(min(best, above[column - 1] + (element != against)))
    assert edit_distance(one, other) == row[-1]
