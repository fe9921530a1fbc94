"""How many labels: the published numbers, statsmodels, and the way back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from prefkit.statistics.planning import (
    Help,
    clean_needed,
    half_width,
    labels_for_half_width,
    labels_for_power,
    most_errors,
)
from prefkit.statistics.ppi import powered_mean


@pytest.mark.parametrize(("half", "labels"), [(0.10, 97), (0.05, 385), (0.03, 1068)])
def test_labels_for_a_half_width_are_the_published_ones(half: float, labels: int) -> None:
    assert labels_for_half_width(half) == labels


@pytest.mark.parametrize(("share", "labels"), [(0.55, 783), (0.60, 194), (0.65, 85)])
def test_labels_for_80_percent_power_are_the_published_ones(share: float, labels: int) -> None:
    assert labels_for_power(share) == labels
    assert labels_for_power(1 - share) == labels


def test_a_whole_number_is_not_rounded_up_by_its_last_bit() -> None:
    assert labels_for_half_width(0.098) == 100


def test_a_design_effect_multiplies_the_labels() -> None:
    # 384.16 times 2.5 is 960.4.
    assert labels_for_half_width(0.05, design_effect=2.5) == 961
    assert labels_for_power(0.6, design_effect=2.0) == 388


def test_the_power_planned_for_is_the_power_seen() -> None:
    rng = np.random.default_rng(1)
    shares = rng.binomial(194, 0.6, 40_000) / 194
    told = np.abs(shares - 0.5) > 1.96 * np.sqrt(0.25 / 194)
    assert told.mean() == pytest.approx(0.80, abs=0.03)


def test_a_judge_saves_labels_and_the_plan_solves_its_own_formula() -> None:
    with_judge = Help(rho=0.8, judged=2000)
    labels = labels_for_half_width(0.05, help_of=with_judge)
    # n = 384.16 (1 - 0.64 * 2000 / (2000 + n)): 156 gives 156.08, 157 gives 156.19.
    assert labels == 157
    assert half_width(labels, help_of=with_judge) <= 0.05
    assert half_width(labels - 1, help_of=with_judge) > 0.05
    assert labels_for_half_width(0.05, help_of=Help(rho=0.0, judged=2000)) == 385
    assert labels_for_half_width(0.05, help_of=Help(rho=0.9, judged=0)) == 385


def test_the_half_width_planned_for_is_the_one_that_ppi_gives() -> None:
    rng = np.random.default_rng(2)
    human = (rng.random(2400) < 0.5).astype(float)
    judge = np.where(rng.random(2400) < 0.9, human, 1 - human)
    # rho of a judge that is right 0.9 of the time about even sides is 0.8.
    labels = labels_for_half_width(0.05, help_of=Help(rho=0.8, judged=2000))
    some = slice(0, 2000 + labels)
    labelled = np.arange(2400)[some] < labels
    found = powered_mean(human[some], labelled, judge[some], np.arange(2400)[some]).mean
    assert (found.high - found.low) / 2 == pytest.approx(0.05, rel=0.12)  # type: ignore[operator]


def test_a_clean_spot_check_bounds_the_errors() -> None:
    assert most_errors(0, 50) == pytest.approx(0.058, abs=5e-4)
    assert clean_needed(0.01) == 299
    assert most_errors(0, clean_needed(0.01)) <= 0.01
    assert most_errors(0, 298) > 0.01
    assert most_errors(5, 5) == 1.0


@pytest.mark.parametrize(("errors", "checked"), [(1, 50), (7, 120), (400, 5000), (4, 5)])
def test_the_bound_is_the_exact_one_of_scipy(errors: int, checked: int) -> None:
    exact = stats.beta.ppf(0.95, errors + 1, checked - errors)
    assert most_errors(errors, checked) == pytest.approx(exact, abs=1e-9)


def test_what_no_plan_can_answer_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no number of labels tells 0\.5 from 0\.5"):
        labels_for_power(0.5)
    with pytest.raises(ValueError, match="half is 0"):
        labels_for_half_width(0)
    with pytest.raises(ValueError, match="rho is from 0 to 1"):
        labels_for_half_width(0.05, help_of=Help(rho=1.2, judged=10))
    with pytest.raises(ValueError, match="design_effect is 0"):
        labels_for_half_width(0.05, design_effect=0)
    with pytest.raises(ValueError, match="3 errors in 2 rows"):
        most_errors(3, 2)


@given(st.floats(0.01, 0.4), st.floats(0, 0.99), st.integers(0, 100_000), st.floats(1, 8))
def test_help_never_costs_labels_and_the_plan_always_reaches_its_width(
    half: float, rho: float, judged: int, effect: float
) -> None:
    alone = labels_for_half_width(half, design_effect=effect)
    helped = labels_for_half_width(half, design_effect=effect, help_of=Help(rho, judged))
    assert 1 <= helped <= alone
    reached = half_width(helped, design_effect=effect, help_of=Help(rho, judged))
    assert reached <= half * (1 + 1e-6)
    assert math.isfinite(reached)
