"""Means of amounts: many small ones and a few that are large."""

from __future__ import annotations

import numpy as np

from prefkit.statistics.rates import ratio
from prefkit.statistics.studentized import STUDENTIZED


def amounts(seed: int, count: int) -> np.ndarray:
    return np.exp(np.random.default_rng(seed).normal(0, 0.6, count))


def test_an_interval_of_amounts_reaches_farther_up_than_down() -> None:
    found = ratio(amounts(1, 40), np.ones(40), np.arange(40))
    assert found.method == STUDENTIZED
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert found.value - found.low < found.high - found.value


def test_it_holds_the_mean_more_often_than_a_plain_bootstrap() -> None:
    # 300 data sets: the standard error of 95 % is 1.3 %.
    truth = float(np.exp(0.18))
    held = 0
    for seed in range(300):
        found = ratio(amounts(seed, 30), np.ones(30), np.arange(30))
        held += found.low is not None and found.low <= truth <= found.high  # type: ignore[operator]
    assert 0.91 < held / 300 < 0.99


def test_one_amount_that_outweighs_all_others_leaves_no_interval() -> None:
    values = np.r_[np.ones(59), 1_000.0]
    found = ratio(values, np.ones(60), np.arange(60))
    assert found.value == values.mean()
    assert (found.low, found.method) == (None, None)
    assert "so unequal that they are worth" in str(found.reason)


def test_shares_keep_their_own_interval_and_rows_their_order() -> None:
    hits = np.r_[np.ones(30), np.zeros(30)]
    assert ratio(hits, np.ones(60), np.arange(60)).method != STUDENTIZED
    values = amounts(2, 60)
    assert ratio(values, np.ones(60), np.arange(60)) == ratio(values, np.ones(60), np.arange(60))


def test_equal_amounts_have_none() -> None:
    found = ratio(np.full(30, 7.0), np.ones(30), np.arange(30))
    assert (found.value, found.low) == (7.0, None)
    assert found.reason
