from __future__ import annotations

import numpy as np
import pytest

from prefkit.statistics.rates import rate, ratio


def test_a_rate_is_the_mean_with_an_interval_as_wide_as_theory_says() -> None:
    values = np.array([1.0] * 300 + [0.0] * 700)
    found = rate(values, np.arange(1000))
    assert (found.value, found.n, found.clusters) == (0.3, 1000, 1000)
    assert found.high is not None
    assert found.low is not None
    # 2 * 1.96 * sqrt(0.3 * 0.7 / 1000) = 0.0568
    assert found.high - found.low == pytest.approx(0.0568, rel=0.15)


def test_rows_of_one_prompt_are_no_independent_evidence() -> None:
    values = np.repeat(np.array([1.0] * 30 + [0.0] * 70), 10)
    found = rate(values, np.repeat(np.arange(100), 10))
    assert found.high is not None
    assert found.low is not None
    # As wide as of 100 rows: 2 * 1.96 * sqrt(0.21 / 100) = 0.18
    assert found.high - found.low == pytest.approx(0.18, rel=0.2)


def test_none_of_fifty_may_be_seven_in_a_hundred() -> None:
    found = rate(np.zeros(50), np.arange(50))
    assert (found.value, found.low) == (0.0, 0.0)
    # 1 - 0.025 ** (1 / 50)
    assert found.high == pytest.approx(0.0711, abs=1e-4)


def test_a_ratio_is_the_sum_over_the_sum() -> None:
    dollars = np.tile([0.01, 0.03], 20)
    readable = np.tile([1.0, 0.0], 20)
    found = ratio(dollars, readable, np.arange(40))
    assert found.value == pytest.approx(0.8 / 20)
    assert found.low is not None
    assert found.low < 0.04


def test_nothing_below_gives_no_ratio_but_why() -> None:
    found = ratio(np.ones(30), np.zeros(30), np.arange(30))
    assert found.value is None
    assert found.reason


def test_few_prompts_give_no_rate_but_why() -> None:
    found = rate(np.ones(19), np.arange(19))
    assert found.value is None
    assert found.reason == "19 prompt clusters, an interval needs 20"
