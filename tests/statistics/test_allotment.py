"""How many of which kind are taken from whom."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefkit.statistics.allotment import allotted


def taken(available: list[list[int]], cap: int, shares: list[float]) -> list[list[int]]:
    draws = np.random.default_rng(0).random((len(available), cap))
    return allotted(np.array(available), cap, shares, draws).counts.tolist()


def test_the_totals_have_the_shares_where_all_is_there() -> None:
    counts = np.array(taken([[9, 9, 9]] * 10, 4, [5, 3, 2]))
    assert counts.sum(axis=0).tolist() == [20, 12, 8]
    assert counts.sum(axis=1).tolist() == [4] * 10


def test_a_group_that_has_the_scarce_kind_gives_nothing_else() -> None:
    assert taken([[2, 2], [0, 2]], 2, [1, 1]) == [[2, 0], [0, 2]]


def test_others_fill_the_part_of_a_kind_that_is_short() -> None:
    assert taken([[1, 9, 9]], 6, [4, 1, 1]) in ([[1, 3, 2]], [[1, 2, 3]])


def test_a_kind_without_a_share_is_never_taken() -> None:
    assert taken([[0, 5], [1, 5]], 3, [1, 0]) == [[0, 0], [1, 0]]
    assert taken([[5, 5]], 3, [0, 0]) == [[0, 0]]


def test_it_says_how_many_of_a_kind_there_could_be() -> None:
    found = allotted(np.array([[9, 1], [1, 0]]), 2, [1, 1], np.zeros((2, 2)))
    assert found.most == (3, 1)


def test_no_groups_give_nothing() -> None:
    found = allotted(np.zeros((0, 2), np.int64), 3, [1, 1], np.zeros((0, 3)))
    assert (found.counts.shape, found.most) == ((0, 2), (0, 0))


GROUPS = st.integers(1, 4).flatmap(
    lambda kinds: st.tuples(
        st.lists(st.lists(st.integers(0, 4), min_size=kinds, max_size=kinds), max_size=4),
        st.lists(st.sampled_from([0.0, 0.3, 1.0, 5.0]), min_size=kinds, max_size=kinds),
    )
)


def distance(totals: tuple[int, ...], shares: Any) -> float:
    parts = np.array(shares) / (sum(shares) or 1) * sum(totals)
    return sum((one - part) ** 2 / part for one, part in zip(totals, parts, strict=True) if part)


@given(GROUPS, st.integers(1, 4), st.integers(0, 9))
@settings(max_examples=150, deadline=None)
def test_no_other_way_to_take_as_many_is_nearer_to_the_shares(
    groups: tuple[list[list[int]], list[float]], cap: int, seed: int
) -> None:
    available, shares = groups
    table = np.array(available, np.int64).reshape(len(available), len(shares))
    draws = np.random.default_rng(seed).random((len(available), cap))
    found = allotted(table, cap, shares, draws).counts
    possible = {(0,) * len(shares)}
    for row, group in zip(found.tolist(), available, strict=True):
        limits = [min(n, cap) if share else 0 for n, share in zip(group, shares, strict=True)]
        size = min(cap, sum(limits))
        ways = [way for way in product(*(range(n + 1) for n in limits)) if sum(way) == size]
        assert tuple(row) in ways
        possible = {
            tuple(a + b for a, b in zip(so_far, way, strict=True))
            for so_far in possible
            for way in ways
        }
    least = min(distance(totals, shares) for totals in possible)
    assert distance(tuple(found.sum(axis=0).tolist()), shares) == pytest.approx(least, abs=1e-9)
