"""Planted judges: how often intervals hold the truth, and which estimators miss it by how much.

People and judges are drawn with one seed; the draws of an interval have another.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from planted_duels import frame_of, planted_people

from prefkit.judging.duels import judges_of
from prefkit.reports.win_rates import win_rates
from prefkit.statistics.design_effect import design_effect
from prefkit.statistics.logistic import sigmoid

_TRUTH = 0.62
_RUNS = 320


def estimated(rng: np.random.Generator, kind: str, spread: float) -> dict[str, Any]:
    """A win rate of 150 prompts with 3 pairs each, of which people have judged 50 prompts."""
    people = planted_people(rng, 150, 3, _TRUTH, spread)
    chance = rng.random(len(people.human))
    judge = {
        "good": np.where(chance < 0.9, people.human, 1 - people.human),
        "weak": np.where(chance < 0.6, people.human, 1 - people.human),
        # Gives M half of the pairs that people gave to N.
        "biased": np.where(chance < 0.5, 1.0, people.human),
        "useless": (chance < 0.8).astype(float),
    }[kind]
    labelled = np.isin(people.clusters, rng.choice(150, 50, replace=False))
    duels = frame_of(people, {None: (2 * judge - 1).astype(int)}, labelled)
    (found,) = win_rates(duels, judges_of(duels), seed=9_000)
    return found


@pytest.mark.parametrize("kind", ["good", "weak", "biased", "useless"])
def test_intervals_of_win_rates_hold_the_truth_in_95_of_100_runs(kind: str) -> None:
    rng = np.random.default_rng(71)
    found = [estimated(rng, kind, spread=0.35) for _ in range(_RUNS)]
    held = [one["win_rate"]["low"] <= _TRUTH <= one["win_rate"]["high"] for one in found]
    # Three standard deviations of 320 runs at 95 % are 3.7 points.
    assert np.mean(held) == pytest.approx(0.95, abs=0.037)
    ratios = np.array([one["width_ratio"] for one in found])
    # A judge that is no use costs at most the degree of freedom of lambda.
    assert ratios.max() < 1.001
    # rho is 0.79 (covariance 0.1885, variances 0.2356 and 0.2408), N = 300 and n = 150:
    # sqrt(1 - 0.626 * 300 / 450) = 0.76 of rows of different prompts.
    if kind == "good":
        assert ratios.mean() == pytest.approx(0.76, abs=0.05)
    if kind == "useless":
        assert ratios.mean() > 0.97
    values = np.array([one["win_rate"]["value"] for one in found])
    # 320 runs with a standard deviation of about 0.045: three errors of their mean are 0.008.
    assert values.mean() == pytest.approx(_TRUTH, abs=0.008)
    if kind == "biased":
        raw = np.mean([one["judge_rate"]["value"] for one in found])
        assert raw == pytest.approx(_TRUTH + 0.5 * (1 - _TRUTH), abs=0.01)


def test_intervals_that_take_pairs_of_a_prompt_for_independent_hold_it_less_often() -> None:
    rng = np.random.default_rng(72)
    held = {"clusters": 0, "rows": 0}
    for _ in range(_RUNS):
        # All pairs of a prompt go together as far as a share from 0.24 to 1 makes them.
        people = planted_people(rng, 60, 8, _TRUTH, spread=0.38)
        mean, n = people.human.mean(), len(people.human)
        effect = design_effect(people.human, people.clusters)
        assert effect is not None
        for name, factor in (("clusters", effect), ("rows", 1.0)):
            reach = 2.0 * np.sqrt(factor * people.human.var(ddof=1) / n)
            held[name] += abs(mean - _TRUTH) <= reach
    assert held["clusters"] / _RUNS == pytest.approx(0.95, abs=0.037)
    assert held["rows"] / _RUNS < 0.90


def of_orders(
    rng: np.random.Generator, order: float, pairs: int, certain: float
) -> tuple[dict[str, Any], float]:
    """A judge that leans to M by a planted theta, and to the first slot by `order` log-odds.

    `certain` is by how much single pairs differ from theta, in log-odds.
    """
    people = planted_people(rng, pairs, 1, _TRUTH)
    odds = np.log(_TRUTH / (1 - _TRUTH)) + certain * rng.normal(size=pairs)
    verdicts = {
        first: 2 * (rng.random(pairs) < sigmoid(odds + first * order)).astype(int) - 1
        for first in (1, -1)
    }
    duels = frame_of(people, verdicts, people.clusters < pairs // 4)
    (found,) = win_rates(duels, judges_of(duels), seed=9_001)
    one, other = verdicts[1], verdicts[-1]
    return found, float((one[one == other] == 1).mean())


@pytest.mark.parametrize("order", [1.5, 2.5])
def test_only_the_estimator_on_the_logit_scale_is_free_of_a_strong_order_effect(
    order: float,
) -> None:
    rng = np.random.default_rng(73)
    runs = [of_orders(rng, order, 2_000, certain=0.0) for _ in range(20)]
    free = np.array([found["order_free"]["preference"]["value"] for found, _ in runs])
    averaged = np.array([found["judge_rate"]["value"] for found, _ in runs])
    consistent = np.array([kept for _, kept in runs])
    # 40,000 pairs in both orders: three standard errors are about 0.01 even with b of 2.5.
    assert free.mean() == pytest.approx(_TRUTH, abs=0.012)
    theta = np.log(_TRUTH / (1 - _TRUTH))
    shown = sigmoid(np.array([theta + order, theta - order]))
    # Swap-averaging is drawn to one half: 0.57 with b of 1.5, 0.54 with 2.5.
    assert averaged.mean() == pytest.approx(shown.mean(), abs=0.008)
    assert averaged.mean() < _TRUTH - 0.04
    # Pairs that agree with themselves overstate it: p1 p2 / (p1 p2 + (1 - p1)(1 - p2)) = 0.73.
    both, neither = shown.prod(), (1 - shown).prod()
    assert consistent.mean() == pytest.approx(both / (both + neither), abs=0.02)
    assert consistent.mean() > _TRUTH + 0.08
    effect = [found["order_free"]["order"] for found, _ in runs]
    assert np.mean([one["value"] for one in effect]) == pytest.approx(order, abs=0.05)
    inside = [one["low"] <= order <= one["high"] for one in effect]
    assert sum(inside) >= 16, "95 % of 20 intervals: fewer than 16 once in 2,500 times"


def test_pairs_that_differ_leave_the_order_free_number_within_its_stated_error() -> None:
    rng = np.random.default_rng(74)
    truth = float(sigmoid(np.log(_TRUTH / (1 - _TRUTH)) + rng.normal(size=200_000)).mean())
    runs = [of_orders(rng, 2.0, 2_000, certain=1.0)[0] for _ in range(12)]
    free = np.mean([one["order_free"]["preference"]["value"] for one in runs])
    averaged = np.mean([one["judge_rate"]["value"] for one in runs])
    # `statistics.order_effect` promises at most 0.02 with b up to 2.5; chance adds 0.01.
    assert free == pytest.approx(truth, abs=0.03)
    assert abs(averaged - truth) > abs(free - truth)


@pytest.mark.parametrize(("each", "spread"), [(2, 0.38), (6, 0.38), (6, 0.0)])
def test_the_design_effect_of_a_report_is_the_planted_one(each: int, spread: float) -> None:
    rng = np.random.default_rng(75)
    people = planted_people(rng, 2_500, each, _TRUTH, spread)
    duels = frame_of(people, {None: (2 * people.human - 1).astype(int)}, people.clusters < 1_500)
    (found,) = win_rates(duels, judges_of(duels), seed=9_002)
    # Shares spread evenly by s have variance s^2 / 3, out of p (1 - p) in all.
    correlation = spread**2 / 3 / (_TRUTH * (1 - _TRUTH))
    planted = 1 + (each - 1) * correlation
    assert found["design_effect"] == pytest.approx(planted, rel=0.08)
    assert found["judge_design_effect"] == pytest.approx(planted, rel=0.08)
