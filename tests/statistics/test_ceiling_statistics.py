"""A judge beside one more human: counted by hand, and found to be 1 where it is one of them."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from prefkit.statistics.agreement import TIES
from prefkit.statistics.ceiling import ceiling_share
from prefkit.statistics.shares import Coded

CREDITS: dict[str, Any] = {
    "class": lambda one, other: float(one == other),
    "dropped": lambda one, other: float(one == other),
    "half": lambda one, other: 1 - abs(one - other) / 2,
}


def by_hand(judge: list[int | None], votes: list[list[int]], ties: str) -> tuple[float, float]:
    """Means over rows of the agreement of the judge with each vote, and of all pairs of votes."""
    with_judge, with_each_other = [], []
    for said, cast in zip(judge, votes, strict=True):
        rest = [vote for vote in cast if vote] if ties == "dropped" else cast
        if said is None or len(rest) < 2 or (ties == "dropped" and said == 0):
            continue
        credit = CREDITS[ties]
        with_judge.append(np.mean([credit(said, vote) for vote in rest]))
        with_each_other.append(np.mean([credit(*pair) for pair in combinations(rest, 2)]))
    return float(np.mean(with_judge)), float(np.mean(with_each_other))


def coded(judge: list[int | None]) -> Coded:
    known = np.array([said is not None for said in judge])
    return Coded(np.array([said or 0 for said in judge]), known)


def heads(votes: list[list[int]]) -> np.ndarray[Any, Any]:
    return np.array([[cast.count(code) for code in (-1, 0, 1)] for cast in votes])


def test_agreements_are_those_counted_by_hand() -> None:
    rng = np.random.default_rng(2)
    votes = [rng.integers(-1, 2, rng.integers(0, 5)).tolist() for _ in range(300)]
    judge = [None if n % 9 == 0 else int(rng.integers(-1, 2)) for n in range(300)]
    found = ceiling_share(coded(judge), heads(votes), np.arange(300))
    for ties in TIES:
        expected = by_hand(judge, votes, ties)
        values = found[ties]["judge"].value, found[ties]["human"].value
        assert values == pytest.approx(expected)
        assert found[ties]["share"].value == pytest.approx(expected[0] / expected[1])


def test_a_judge_that_is_one_more_human_covers_a_share_of_one() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for seed in range(60):
        truth = rng.choice([-1, 1], 200)
        right = np.where(rng.random((200, 4)) < rng.choice([0.6, 0.95], (200, 1)), 1, -1)
        said = truth[:, None] * right
        votes = [row.tolist() for row in said[:, 1:]]
        found = ceiling_share(coded(said[:, 0].tolist()), heads(votes), np.arange(200), seed=seed)
        share = found["class"]["share"]
        assert share.low is not None
        assert share.high is not None
        covered += share.low <= 1 <= share.high
    assert covered >= 53, "95 % of 60 less two and a half standard errors"


def test_without_two_humans_on_a_pair_there_is_no_ceiling() -> None:
    found = ceiling_share(coded([1] * 50), heads([[1]] * 50), np.arange(50))
    assert found["class"]["human"].value is None
    assert found["class"]["human"].reason == "0 prompt clusters, an interval needs 20"
