"""Circular triads against counting them one by one."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from prefkit.statistics import cycles
from prefkit.statistics.cycles import BY_COIN, circular_triads, triad_counts


def arrays(*edges: tuple[int, int, int]) -> list[np.ndarray]:
    return [np.array(column, dtype=np.int64) for column in zip(*edges, strict=True)]


def by_hand(edges: set[tuple[int, int]]) -> tuple[int, list[tuple[int, int, int]]]:
    """Decided triads, and the circular ones from their smallest number on."""
    members = sorted({one for edge in edges for one in edge})
    met = edges | {(loser, winner) for winner, loser in edges}
    decided = 0
    circular = []
    for one, two, three in combinations(members, 3):
        if {(one, two), (two, three), (one, three)} <= met:
            decided += 1
            for way in ((one, two, three), (one, three, two)):
                if {(way[0], way[1]), (way[1], way[2]), (way[2], way[0])} <= edges:
                    circular.append(way)
    return decided, sorted(circular)


def test_one_circle_and_one_order() -> None:
    found = triad_counts(
        *arrays((7, 1, 2), (7, 2, 3), (7, 3, 1), (9, 1, 2), (9, 2, 3), (9, 1, 3), (11, 1, 2))
    )
    assert found.groups.tolist() == [7, 9]
    assert found.decided.tolist() == [1, 1]
    assert found.circular.tolist() == [1, 0]
    assert found.left_out == 0


def test_a_triad_without_one_of_its_duels_is_not_decided() -> None:
    assert triad_counts(*arrays((1, 1, 2), (1, 2, 3), (1, 3, 4))).groups.tolist() == []


def test_nothing_has_no_triads() -> None:
    none = np.array([], dtype=np.int64)
    assert triad_counts(none, none, none).decided.tolist() == []
    assert list(circular_triads(none, none)) == []


def test_counts_and_lists_are_those_of_counting_one_by_one() -> None:
    rng = np.random.default_rng(3)
    edges = []
    expected = {}
    for group in range(60):
        members = rng.choice(2**62, int(rng.integers(2, 9)), replace=False)
        own = {
            (int(one), int(other)) if rng.random() < 0.5 else (int(other), int(one))
            for one, other in combinations(members, 2)
            if rng.random() < 0.8
        }
        edges += [(group, *edge) for edge in own]
        expected[group] = by_hand(own)
        if own:
            listed = list(circular_triads(*(np.array(side) for side in zip(*own, strict=True))))
            assert sorted(listed) == listed == expected[group][1]
    found = triad_counts(*arrays(*edges))
    assert found.groups.tolist() == [group for group, (n, _) in expected.items() if n]
    assert found.decided.tolist() == [n for n, _ in expected.values() if n]
    assert found.circular.tolist() == [len(each) for n, each in expected.values() if n]


def test_coins_give_one_in_four() -> None:
    rng = np.random.default_rng(0)
    pairs = list(combinations(range(12), 2))
    edges = [
        (group, *((one, other) if rng.random() < 0.5 else (other, one)))
        for group in range(200)
        for one, other in pairs
    ]
    found = triad_counts(*arrays(*edges))
    assert found.decided.tolist() == [220] * 200
    assert found.circular.sum() / found.decided.sum() == pytest.approx(BY_COIN, abs=0.01)


def test_one_that_met_itself_and_two_that_met_twice_are_refused() -> None:
    with pytest.raises(ValueError, match="met themselves"):
        triad_counts(*arrays((1, 2, 2)))
    with pytest.raises(ValueError, match="met twice"):
        triad_counts(*arrays((1, 2, 3), (1, 3, 2)))


def test_a_group_that_is_too_large_is_told() -> None:
    size = cycles.MOST_RESPONSES + 1
    groups = np.ones(size, dtype=np.int64)
    ring = np.arange(size)
    found = triad_counts(groups, ring, (ring + 1) % size)
    assert (found.left_out, found.groups.tolist()) == (1, [])
