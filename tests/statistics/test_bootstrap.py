"""Intervals over clusters: what they cover, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from prefkit.statistics import bootstrap
from prefkit.statistics.bootstrap import Estimate, estimates


def mean(columns: Mapping[str, Any]) -> Callable[[Any], dict[str, float]]:
    values = columns["value"]
    return lambda weights: {"mean": float(weights @ values / weights.sum())}


def clustered(rng: np.random.Generator, clusters: int, each: int) -> tuple[Any, Any]:
    """Values that share their cluster's own shift: variance 1 between, 1 within."""
    codes = np.repeat(np.arange(clusters), each)
    return rng.normal(size=clusters)[codes] + rng.normal(size=len(codes)), codes


def test_intervals_cover_the_truth_where_rows_of_a_cluster_go_together() -> None:
    rng = np.random.default_rng(11)
    covered = naive = 0
    for _ in range(120):
        values, codes = clustered(rng, 60, 5)
        found = estimates({"value": values}, codes, np.ones(len(codes)), mean)["mean"]
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0 <= found.high
        apart = estimates({"value": values}, np.arange(len(codes)), np.ones(len(codes)), mean)
        low, high = apart["mean"].low, apart["mean"].high
        naive += low <= 0 <= high  # type: ignore[operator]
    # 95 % of 120 is 114; three standard deviations of that count are 7.2.
    assert covered >= 106
    assert naive < 100, "rows taken for independent must cover less: the test would see nothing"


def test_the_width_is_the_textbook_one_for_a_mean() -> None:
    values = np.random.default_rng(4).normal(size=2000)
    found = estimates({"value": values}, np.arange(2000), np.ones(2000), mean)["mean"]
    assert found.value == pytest.approx(values.mean())
    expected = 2 * 1.96 * values.std() / np.sqrt(2000)
    assert found.high - found.low == pytest.approx(expected, rel=0.1)  # type: ignore[operator]


def test_many_rows_are_drawn_from_a_part_of_the_clusters_without_a_narrower_interval() -> None:
    rng = np.random.default_rng(5)
    values, codes = clustered(rng, 60_000, 4)
    assert len(values) > 4 * bootstrap.MOST_ROWS
    found = estimates({"value": values}, codes, np.ones(len(codes)), mean)["mean"]
    # variance of a cluster's mean: 1 between + 1 / 4 within
    expected = 2 * 1.96 * np.sqrt(1.25 / 60_000)
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(expected, rel=0.12)  # type: ignore[operator]
    assert (found.n, found.clusters) == (240_000, 60_000)


def test_the_same_seed_gives_the_same_interval_and_another_does_not() -> None:
    values, codes = clustered(np.random.default_rng(6), 40, 3)
    ones = np.ones(len(codes))
    one, again, other = (
        estimates({"value": values}, codes, ones, mean, seed=seed)["mean"] for seed in (1, 1, 2)
    )
    assert one == again
    assert one != other
    assert one.value == other.value


def test_too_few_clusters_are_not_measured_and_say_so() -> None:
    values, codes = clustered(np.random.default_rng(7), 19, 30)
    found = estimates({"value": values}, codes, np.ones(len(codes)), mean)["mean"]
    assert found.facts() == {
        "not_measured": "19 prompt clusters, an interval needs 20",
        "n": 570,
        "clusters": 19,
    }


def test_a_number_that_most_draws_cannot_give_has_no_interval() -> None:
    def sometimes(columns: Mapping[str, Any]) -> Callable[[Any], dict[str, float]]:
        return lambda weights: {"one": 1.0 if weights[0] == 1 else float("nan")}

    found = estimates({"value": np.ones(30)}, np.arange(30), np.ones(30), sometimes)["one"]
    assert found.value == 1.0
    assert found.low is None
    assert "of 500 draws give no number" in str(found.facts()["no_interval"])


def test_facts_are_rounded_to_six_digits() -> None:
    found = Estimate(0.123456789, 0.1, 0.2, 10, 5).facts()
    assert found == {"value": 0.123457, "interval": [0.1, 0.2], "n": 10, "clusters": 5}


def test_facts_tell_the_method_and_the_design_effect_where_they_are_known() -> None:
    found = Estimate(0.5, 0.4, 0.6, 10, 5, None, "bootstrap over prompts", 1.23456789).facts()
    assert (found["method"], found["design_effect"]) == ("bootstrap over prompts", 1.23457)
    bare = Estimate(0.5, None, None, 10, 5, "too few", None, 1.5).facts()
    assert "method" not in bare, "where there is no interval none was made"
    assert (bare["design_effect"], bare["no_interval"]) == (1.5, "too few")


def test_an_interval_holds_its_own_number() -> None:
    rng = np.random.default_rng(9)
    for _ in range(30):
        values = rng.exponential(size=25) ** 3
        found = estimates({"value": values}, np.arange(25), np.ones(25), mean)["mean"]
        assert found.low is not None
        assert found.high is not None
        assert found.value is not None
        assert found.low <= found.value <= found.high


def test_prompts_of_very_unequal_size_leave_a_number_without_an_interval() -> None:
    values, codes = np.arange(400.0), np.minimum(np.arange(400), 40)
    found = estimates({"value": values}, codes, np.ones(400), mean)["mean"]
    # (40 + 360) ** 2 / (40 + 360 ** 2) = 1.23
    assert found.value == pytest.approx(199.5)
    assert found.low is None
    assert "worth 1.2 equal ones" in str(found.reason)
