"""The preference without the order: planted judges, statsmodels, and where there is no answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.discrete.conditional_models import ConditionalLogit

from prefkit.statistics.logistic import sigmoid
from prefkit.statistics.order_effect import (
    infer_order,
    logit,
    order_effect,
    order_free_logit,
    within_pairs,
)
from prefkit.statistics.shares import Coded


def judged(
    rng: np.random.Generator, theta: Any, b: float, each: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Verdicts for the fixed side in both orders; `theta` a pair, `each` pairs a prompt."""
    pairs = len(theta)
    order = np.repeat([1, -1], pairs)
    verdicts = (rng.random(2 * pairs) < sigmoid(np.tile(theta, 2) + b * order)).astype(float)
    return verdicts, order, np.tile(np.arange(pairs) // each, 2)


def planted(rng: np.random.Generator, prompts: int, each: int, mean: float) -> np.ndarray:
    """Preferences of pairs: spread 0.8 between prompts and 0.6 within."""
    shared = np.repeat(rng.normal(mean, 0.8, prompts), each)
    return shared + rng.normal(0, 0.6, prompts * each)


def test_the_fit_and_its_width_are_those_of_statsmodels_with_clustered_errors() -> None:
    rng = np.random.default_rng(1)
    verdicts, order, clusters = judged(rng, planted(rng, 200, 3, 0.7), 0.5, each=3)
    found = order_effect(verdicts, order, clusters)
    columns = sm.add_constant(order.astype(float))
    fit = sm.GLM(verdicts, columns, family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": clusters}
    )
    for place, name in enumerate(("theta", "order")):
        one = found[name]
        assert one.value == pytest.approx(fit.params[place], abs=1e-8)
        width = one.high - one.low  # type: ignore[operator]
        assert width == pytest.approx(2 * 1.96 * fit.bse[place], rel=0.12)


@pytest.mark.parametrize(
    ("mean", "spread", "b", "close", "shrunk"),
    [(1.2, 0.8, 2.5, 0.02, 0.13), (0.8, 1.0, 1.0, 0.005, 0.015), (2.0, 1.0, 4.0, 0.05, 0.25)],
)
def test_a_large_order_effect_is_taken_out_where_an_average_of_verdicts_shrinks(
    mean: float, spread: float, b: float, close: float, shrunk: float
) -> None:
    rng = np.random.default_rng(2)
    theta = rng.normal(mean, spread, 50_000)
    truth = sigmoid(theta).mean()
    found = order_effect(*judged(rng, theta, b))
    assert found["preference"].value == pytest.approx(truth, abs=close)
    assert found["averaged"].value < truth - shrunk  # type: ignore[operator]


def test_keeping_consistent_pairs_only_overstates_the_preference() -> None:
    rng = np.random.default_rng(3)
    theta = rng.normal(0.8, 0.5, 100_000)
    verdicts, order, _ = judged(rng, theta, 1.0)
    one, other = verdicts[order == 1], verdicts[order == -1]
    truth = sigmoid(theta).mean()
    assert one[one == other].mean() > truth + 0.08
    middle = sigmoid((logit(one.mean()) + logit(other.mean())) / 2)
    assert middle == pytest.approx(truth, abs=0.006)


@pytest.mark.parametrize("b", [0.0, 0.6, 2.0])
def test_intervals_cover_the_planted_preference_whatever_the_order_effect(b: float) -> None:
    rng = np.random.default_rng(4)
    truth = sigmoid(planted(np.random.default_rng(5), 200_000, 1, 0.8)).mean()
    covered = naive = 0
    for seed in range(100):
        verdicts, order, clusters = judged(rng, planted(rng, 120, 3, 0.8), b, each=3)
        found = order_effect(verdicts, order, clusters, seed=seed)
        covered += found["preference"].low <= truth <= found["preference"].high  # type: ignore[operator]
        naive += found["averaged"].low <= truth <= found["averaged"].high  # type: ignore[operator]
    # 95 of 100 expected; three standard deviations are 6.5.
    assert covered >= 88
    if b == 2.0:
        assert naive < 10, "the average of verdicts must miss the truth, or the test sees nothing"


def test_the_interval_covers_the_planted_order_effect_of_equal_pairs() -> None:
    rng = np.random.default_rng(6)
    covered = {"theta": 0, "order": 0}
    for seed in range(100):
        verdicts, order, clusters = judged(rng, np.full(200, 0.5), 0.9)
        found = order_effect(verdicts, order, clusters, seed=seed)
        for name, truth in (("theta", 0.5), ("order", 0.9)):
            covered[name] += found[name].low <= truth <= found[name].high  # type: ignore[operator]
    assert min(covered.values()) >= 88


def test_probabilities_are_verdicts_too() -> None:
    rng = np.random.default_rng(7)
    theta = rng.normal(0.6, 1.0, 3000)
    order = np.repeat([1, -1], 3000)
    chances = sigmoid(np.tile(theta, 2) + 0.8 * order)
    found = order_effect(chances, order, np.tile(np.arange(3000), 2))
    assert found["preference"].value == pytest.approx(sigmoid(theta).mean(), abs=0.005)
    middle = order_free_logit(chances[:3000], chances[3000:])
    assert middle == pytest.approx(theta)


def test_the_effect_within_pairs_is_that_of_conditional_logistic_regression() -> None:
    rng = np.random.default_rng(8)
    verdicts, order, clusters = judged(rng, rng.normal(0.3, 2.0, 600), 0.7)
    one, other = (np.where(verdicts[order == place] == 1, 1, -1) for place in (1, -1))
    known = np.ones(600, dtype=bool)
    found = within_pairs(Coded(one, known), Coded(other, known), np.arange(600))
    # Pairs with the same verdict twice say nothing to it, and it warns of them.
    tell = np.tile(one != other, 2)
    columns = order.astype(float)[tell, None]
    fit = ConditionalLogit(verdicts[tell], columns, groups=clusters[tell]).fit(disp=0)
    assert found.value == pytest.approx(fit.params[0], abs=1e-4)
    # Pairs that differ hide a part of it from the marginal effect.
    assert found.value == pytest.approx(0.7, abs=0.2)
    assert order_effect(verdicts, order, clusters)["order"].value < found.value  # type: ignore[operator]


def test_a_side_that_never_loses_in_one_order_leaves_no_estimate_but_the_shares() -> None:
    rng = np.random.default_rng(9)
    order = np.tile([1, -1], 60)
    verdicts = np.where(order == 1, 1.0, rng.random(120) < 0.4)
    found = order_effect(verdicts, order, np.arange(120) // 2)
    for name in ("theta", "preference", "order"):
        assert found[name].value is None
        assert found[name].reason == (
            "the fixed side always wins where it is shown first: no finite order effect"
        )
    assert found["shown_first"].value == 1.0
    assert found["shown_first"].low is None
    assert found["shown_second"].value == pytest.approx(0.4, abs=0.12)


def test_nearly_separated_verdicts_keep_the_value_and_lose_the_interval() -> None:
    order = np.tile([1, -1], 100)
    verdicts = np.tile([1.0, 0.0], 100)
    verdicts[:4] = [0.0, 1.0, 1.0, 1.0]
    found = order_effect(verdicts, order, np.arange(200) // 2)["theta"]
    assert found.value is not None
    assert found.low is None
    assert "draws give no number" in str(found.reason)


def test_one_order_only_says_that_order_and_side_are_one() -> None:
    found = order_effect(np.tile([0.0, 1.0], 30), np.ones(60, dtype=np.int64), np.arange(60))
    assert "never shown second" in str(found["theta"].reason)


def test_no_pair_locked_to_one_slot_is_no_finite_effect() -> None:
    known = np.ones(40, dtype=bool)
    one = Coded(np.tile([1, 1], 20), known)
    other = Coded(np.tile([1, -1], 20), known)
    found = within_pairs(one, other, np.arange(40))
    assert found.value is None
    assert "20 pairs are locked to the first slot and 0 to the second" in str(found.reason)


@pytest.mark.parametrize(
    ("verdicts", "order", "message"),
    [
        ([1.2], [1], "verdicts go from 0 to 1"),
        ([np.nan], [1], "leave null rows out"),
        ([0.5], [0], "an order is 1"),
    ],
)
def test_what_is_no_verdict_or_no_order_is_refused(
    verdicts: list[float], order: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        order_effect(np.array(verdicts), np.array(order), np.zeros(1))


@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99)), min_size=20, max_size=40))
def test_exchanging_the_sides_turns_the_preference_round_and_not_the_order_effect(
    pairs: list[tuple[float, float]],
) -> None:
    given_first, given_second = (np.array(column) for column in zip(*pairs, strict=True))
    verdicts = np.concatenate([given_first, given_second])
    order = np.repeat([1, -1], len(pairs))
    clusters = np.tile(np.arange(len(pairs)), 2)
    found = order_effect(verdicts, order, clusters)
    turned = order_effect(1 - verdicts, -order, clusters)
    assert turned["theta"].value == pytest.approx(-found["theta"].value, abs=1e-9)  # type: ignore[operator]
    assert turned["order"].value == pytest.approx(found["order"].value, abs=1e-9)
    middle = order_free_logit(given_first, given_second)
    assert order_free_logit(1 - given_second, 1 - given_first) == pytest.approx(-middle)


def test_the_order_is_inferred_where_one_verdict_is_told_of_a_side_and_of_a_slot() -> None:
    # Equal: shown first. Summing to one: shown second. One half, both fit. 0.9 and 0.7: neither.
    for_side = np.array([0.9, 0.9, 0.5, 0.9, np.nan, 1.0, 0.0])
    for_first = np.array([0.9, 0.1, 0.5, 0.7, 0.5, 0.0, 0.0])
    found = infer_order(for_side, for_first)
    assert found.order.codes.tolist() == [1, -1, 0, 0, 0, -1, 1]
    assert found.order.known.tolist() == [True, True, False, False, False, True, True]
    assert (found.either_fits, found.neither_fits, found.null) == (1, 1, 1)


def test_inference_finds_planted_orders_through_rounding_and_is_silent_near_a_half() -> None:
    rng = np.random.default_rng(10)
    chances, order = rng.random(5000), rng.choice([-1, 1], 5000)
    for_first = np.where(order == 1, chances, 1 - chances)
    found = infer_order(chances.round(4), for_first)
    assert (found.order.codes[found.order.known] == order[found.order.known]).all()
    unknown = ~found.order.known
    assert np.abs(chances[unknown] - 0.5).max() < 0.002
    assert unknown.sum() == found.either_fits
    assert found.neither_fits == 0


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        infer_order(np.array([1.5]), np.array([0.5]))
    with pytest.raises(ValueError, match="from 0 to 1"):
        order_free_logit(np.array([-0.1]), np.array([0.5]))
    assert np.isnan(order_free_logit(np.array([np.nan]), np.array([0.5]))).all()
    assert np.isfinite(order_free_logit(np.array([1.0]), np.array([0.0]))).all()
