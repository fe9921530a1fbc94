"""The short way of plain labelled pairs gives exactly the rows of the long way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from prefkit.schema.arrow import COMPARISONS
from prefkit.schema.build import comparison_row, comparisons_table
from prefkit.schema.plain import PlainPair, plain_table
from prefkit.schema.records import Comparison, Message, Response, Source, Vote

Turns = Sequence[dict[str, str]]

texts = st.text(max_size=8) | st.sampled_from(["", "x", "é", "\x00", "😀", '"\\\n'])
roles = st.sampled_from(["user", "assistant", "system", "tool", "rôle"])
turn = st.fixed_dictionaries({"role": roles, "content": texts})
conversation = st.lists(turn, min_size=1, max_size=3)
pairs = st.builds(
    PlainPair,
    where=st.text(min_size=1, max_size=5),
    prompt=st.lists(turn, max_size=3),
    chosen=conversation,
    rejected=conversation,
    extra=st.none() | st.just('{"a":1}'),
)


def messages(given: Turns) -> tuple[Message, ...]:
    return tuple(Message(turn["role"], turn["content"]) for turn in given)


def the_long_way(pair: PlainPair, source: str) -> Any:
    label = Vote("label", "scored", (1.0, 0.0), "choice", Source(source, pair.where))
    sides = tuple(Response(messages(side)) for side in (pair.chosen, pair.rejected))
    return comparison_row(Comparison(messages(pair.prompt), sides, (label,), extra=pair.extra))


@given(st.lists(pairs, max_size=6))
def test_both_ways_give_the_same_table(rows: list[PlainPair]) -> None:
    quick = plain_table(rows, "file.jsonl")
    slow = comparisons_table([the_long_way(row, "file.jsonl") for row in rows])
    quick.validate(full=True)
    assert quick.schema.equals(COMPARISONS, check_metadata=True)
    assert quick.equals(slow)


def test_a_pair_of_two_equal_sides_keeps_both() -> None:
    side = [{"role": "assistant", "content": "same"}]
    row = PlainPair("line 1", [{"role": "user", "content": "q"}], side, side)
    (stored,) = plain_table([row], "f").to_pylist()
    names = [response["id"] for response in stored["responses"]]
    assert names[1] == f"{names[0]}-2"
    assert stored["votes"][0]["scores"] == [1.0, 0.0]
