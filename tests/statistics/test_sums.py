"""Numbers of sums: values by hand, widths by theory, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from prefkit.statistics.bootstrap import BOOTSTRAP, estimates
from prefkit.statistics.design_effect import design_effect
from prefkit.statistics.sums import ALL_ALIKE, SCORE, Draws, sum_estimates, supported, withheld


def mean(sums: Any) -> dict[str, Any]:
    return {"mean": sums[:, 0] / sums[:, 1]}


def parts_of(values: Any) -> Any:
    return np.column_stack([values, np.ones(len(values))])


def test_the_value_is_that_of_all_sums_and_the_width_the_textbook_one() -> None:
    values = np.random.default_rng(3).normal(2, 1, 4_000)
    found = sum_estimates(parts_of(values), np.arange(4_000), mean)["mean"]
    assert found.value == pytest.approx(values.mean())
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 4_000**0.5, rel=0.08)
    assert (found.n, found.clusters, found.method, found.design_effect) == (
        4000,
        4000,
        BOOTSTRAP,
        1,
    )


def test_kinds_drawn_together_have_the_spread_of_clusters_drawn_one_by_one() -> None:
    rng = np.random.default_rng(5)
    kinds = rng.integers(0, 3, 9_000).astype(float)
    apart = kinds + rng.normal(0, 1e-9, 9_000)
    widths = []
    for values in (kinds, apart):
        found = [
            sum_estimates(parts_of(values), np.arange(9_000), mean, draws=Draws(seed))["mean"]
            for seed in range(5)
        ]
        widths.append(np.mean([(one.high or 0) - (one.low or 0) for one in found]))
    # 1,000 draws tell a width to 3 %, five times as many to 1.4 %.
    assert widths[0] == pytest.approx(widths[1], rel=0.06)


def test_a_share_has_the_wilson_interval_of_its_rows_where_each_is_a_prompt() -> None:
    values = np.array([1.0] * 30 + [0.0] * 70)
    found = sum_estimates(parts_of(values), np.arange(100), mean, shares=("mean",))["mean"]
    # Wilson for 30 of 100 is 0.219 to 0.396; Student's t for 99 degrees widens it by a little.
    assert (found.low, found.high) == pytest.approx((0.218, 0.397), abs=2e-3)
    assert found.method == SCORE


def test_the_design_effect_of_a_mean_is_the_one_of_the_formula() -> None:
    rng = np.random.default_rng(8)
    clusters = np.repeat(np.arange(80), rng.integers(1, 9, 80))
    values = rng.normal(size=80)[clusters] + rng.normal(size=len(clusters))
    expected = design_effect(values, clusters)
    found = sum_estimates(parts_of(values), clusters, mean)["mean"].design_effect
    assert found == pytest.approx(expected, rel=1e-6)

    def of_weights(columns: Any) -> Any:
        return lambda weights: {"mean": float((weights * columns["v"]).sum() / weights.sum())}

    drawn = estimates({"v": values}, clusters, np.ones(len(values)), of_weights)["mean"]
    assert drawn.design_effect == pytest.approx(expected, rel=0.25), "by draws, less exactly"


def test_rows_that_repeat_say_nothing_new() -> None:
    values = np.random.default_rng(1).integers(0, 2, 60).astype(float)
    once = sum_estimates(parts_of(values), np.arange(60), mean, shares=("mean",))["mean"]
    often = sum_estimates(
        parts_of(np.repeat(values, 9)), np.repeat(np.arange(60), 9), mean, shares=("mean",)
    )["mean"]
    assert (often.low, often.high) == pytest.approx((once.low, once.high))
    # 9 times the rows, less the correction for few rows: 60 / 59 over 540 / 539.
    assert often.design_effect == pytest.approx(9 * (60 / 59) / (540 / 539))


def test_few_prompts_have_a_value_without_an_interval() -> None:
    found = sum_estimates(parts_of(np.arange(19.0)), np.arange(19), mean)
    assert found["mean"].value == 9
    assert found["mean"].low is None
    assert found["mean"].reason == "19 prompt clusters, an interval needs 20"
    assert withheld(found)["mean"].value is None


def test_one_prompt_that_outweighs_all_others_leaves_no_interval() -> None:
    values = np.random.default_rng(2).normal(size=130)
    clusters = np.concatenate([np.arange(30), np.full(100, 30)])
    found = sum_estimates(parts_of(values), clusters, mean)["mean"]
    assert found.value == pytest.approx(values.mean())
    # (30 + 100) ** 2 / (30 + 100 ** 2) = 1.69
    assert found.reason == (
        "31 prompt clusters of so unequal sizes are worth 1.7 equal ones, an interval needs 10"
    )


@pytest.mark.parametrize(("value", "ends"), [(0.0, (0, 0.0711)), (1.0, (0.9289, 1))])
def test_where_all_rows_say_the_same_the_bound_is_exact(
    value: float, ends: tuple[float, float]
) -> None:
    parts = parts_of(np.full(50, value))
    found = sum_estimates(parts, np.arange(50), mean, shares=("mean",))["mean"]
    assert (found.low, found.high) == pytest.approx(ends, abs=1e-4)
    assert found.method == ALL_ALIKE


def test_ties_only_and_what_never_differs_have_no_interval() -> None:
    parts = parts_of(np.full(50, 0.5))
    for shares in ((), ("mean",)):
        found = sum_estimates(parts, np.arange(50), mean, shares=shares)["mean"]
        assert (found.value, found.low) == (0.5, None)
        assert found.reason == "all rows say the same: no draw differs"


def test_no_rows_and_nothing_below_are_no_number() -> None:
    nothing = sum_estimates(np.zeros((0, 2)), np.zeros(0), mean)["mean"]
    below = sum_estimates(np.zeros((30, 2)), np.arange(30), mean)["mean"]
    for found in (nothing, below):
        assert found.value is None
        assert found.reason == "no such number: the rows do not vary"


def test_a_number_that_hangs_on_one_row_has_no_interval() -> None:
    parts = np.zeros((40, 2))
    parts[0] = 1
    found = sum_estimates(parts, np.arange(40), mean)["mean"]
    assert found.value == 1
    assert "draws give no number" in str(found.reason)


def test_the_same_seed_gives_the_same_interval_and_another_does_not() -> None:
    parts = parts_of(np.random.default_rng(6).normal(size=90))
    one, again, other = (
        sum_estimates(parts, np.arange(90), mean, draws=Draws(seed))["mean"] for seed in (1, 1, 2)
    )
    assert one == again
    assert one.low != other.low


def test_a_number_that_few_prompts_count_for_keeps_its_value_and_loses_its_interval() -> None:
    values = np.random.default_rng(3).integers(0, 2, 60).astype(float)
    found = sum_estimates(parts_of(values), np.arange(60), mean)
    assert found["mean"].low is not None
    few = supported(found, {"mean": np.arange(60) < 19}, np.arange(60))["mean"]
    assert (few.value, few.low, few.method) == (found["mean"].value, None, None)
    assert few.reason == ("of the rows that count for it: 19 prompt clusters, an interval needs 20")
    assert supported(found, {"mean": np.arange(60) < 20}, np.arange(60)) == found
