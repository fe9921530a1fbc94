"""Digests of columns are those of single message lists."""

from __future__ import annotations

from typing import Any

import pytest
from filter_runs import numbered
from hypothesis import given, settings
from hypothesis import strategies as st
from pair_rows import pair, user

from prefkit.filters.keys import exact_keys, normalised_keys
from prefkit.schema.arrow import MESSAGES
from prefkit.schema.columns import column
from prefkit.schema.digests import clusters_of, column_digests
from prefkit.schema.ids import messages_digest, normalised, prompt_cluster

TEXTS = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from(
            " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u2003\u3000AZaz\u0130\u03a3\ufb01\u00df\x00"
        ),
    ),
    max_size=12,
)
TURNS = st.lists(
    st.tuples(
        st.sampled_from(["user", "assistant", 'odd "role"\n', "\u00e9", ""]),
        st.none() | TEXTS,
        st.none() | st.sampled_from(['{"name":"x"}', '{"é":"\\n"}', ""]),
    ),
    max_size=4,
)
SIDES = st.lists(st.none() | TURNS, max_size=6)


@settings(deadline=None, max_examples=50)
@given(SIDES, st.integers(0, 3))
def test_exact_digests_are_those_of_the_messages(lists: list[Any], skipped: int) -> None:
    found = column_digests(column(MESSAGES, lists).slice(skipped))
    assert [None if name is None else name.hex() for name in found] == [
        None if turns is None else messages_digest(turns) for turns in lists[skipped:]
    ]


@settings(deadline=None, max_examples=50)
@given(SIDES, st.integers(0, 3))
def test_normalised_digests_are_those_of_normalised_texts(lists: list[Any], skipped: int) -> None:
    found = column_digests(column(MESSAGES, lists).slice(skipped), normalise=True)
    wanted = [
        turns and [(role, normalised(text or ""), extra) for role, text, extra in turns]
        for turns in lists[skipped:]
    ]
    assert [None if name is None else name.hex() for name in found] == [
        None if turns is None else messages_digest(turns) for turns in wanted
    ]


@settings(deadline=None, max_examples=50)
@given(st.lists(TURNS, max_size=6))
def test_clusters_are_those_of_the_prompts(prompts: list[Any]) -> None:
    found = clusters_of(column(MESSAGES, prompts))
    assert found == [prompt_cluster(prompt) for prompt in prompts]


@settings(deadline=None, max_examples=50)
@given(st.none() | TURNS, st.none() | TURNS)
@pytest.mark.parametrize("keys_of", [exact_keys, normalised_keys])
def test_keys_are_the_same_whichever_side_is_chosen(keys_of: Any, one: Any, other: Any) -> None:
    keys = keys_of(numbered([pair(user("Q?"), one, other), pair(user("Q?"), other, one)]))
    high, low, turned = (part.to_pylist() for part in keys)
    assert high[0] == high[1]
    assert low[0] == low[1]
    same = column_digests(column(MESSAGES, [one, other]), normalise=keys_of is normalised_keys)
    assert (turned[0] == turned[1]) == (same[0] == same[1])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(TURNS, st.none() | TURNS, st.none() | TURNS), min_size=2, max_size=5))
def test_pairs_of_other_texts_have_other_keys(rows: list[Any]) -> None:
    keys = exact_keys(numbered([pair(*row) for row in rows]))
    found = set(zip(*(part.to_pylist() for part in keys[:2]), strict=True))
    ids = {pair(*row)[0] for row in rows}
    assert len(found) == len(ids)


def test_a_key_has_sixteen_bytes_of_digest() -> None:
    rows = numbered([pair(user(f"Q {n}"), user("a"), user("b")) for n in range(200)])
    for keys in (exact_keys(rows), normalised_keys(rows)):
        assert len(set(keys.high.to_pylist())) == len(set(keys.low.to_pylist())) == 200
