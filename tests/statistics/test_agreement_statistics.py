"""Agreement of two raters: textbook values, statsmodels, scikit-learn, and what must not matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa

from prefkit.statistics.agreement import (
    TIES,
    VERDICTS,
    Scale,
    agreement,
    cohen_kappa,
    counted,
    credits_of,
    gwet,
    implied_error,
    percent,
)
from prefkit.statistics.shares import Coded


def coded(*codes: int | None) -> Coded:
    """Answers with null as None."""
    return Coded(
        np.array([-7 if code is None else code for code in codes]),
        np.array([code is not None for code in codes]),
    )


def two_raters(rows: int, categories: int, seed: int) -> tuple[Coded, Coded]:
    rng = np.random.default_rng(seed)
    one = rng.integers(0, categories, rows)
    other = np.where(rng.random(rows) < 0.6, one, rng.integers(0, categories, rows))
    known = np.ones(rows, dtype=bool)
    return Coded(one, known), Coded(other, known)


def test_the_kappa_paradox_table_gives_the_published_values() -> None:
    table, credit = np.array([[90.0, 5.0], [5.0, 0.0]]), credits_of(2)
    assert percent(table, credit) == pytest.approx(0.90)
    assert cohen_kappa(table, credit) == pytest.approx(-0.053, abs=5e-4)
    assert gwet(table, credit) == pytest.approx(0.8895, abs=5e-5)


def test_weighted_coefficients_worked_out_by_hand() -> None:
    # 3 categories; rows (.4 .1 0 | 0 .2 .1 | .1 0 .1); linear credits 1, 1/2, 0.
    table = np.array([[4.0, 1.0, 0.0], [0.0, 2.0, 1.0], [1.0, 0.0, 1.0]])
    credit = credits_of(3, "linear")
    # observed .7 + (.1 + .1) / 2 = .8
    assert percent(table, credit) == pytest.approx(0.8)
    # marginals (.5 .3 .2) and (.5 .3 .2): .38 on the diagonal, half of 2 (.15 + .06) = .21
    assert cohen_kappa(table, credit) == pytest.approx((0.8 - 0.59) / 0.41)
    # credits sum to 5; pooled shares the same: sum p (1 - p) = .62; 5 / 6 of it is .516667
    assert gwet(table, credit) == pytest.approx((0.8 - 3.1 / 6) / (1 - 3.1 / 6))


@pytest.mark.parametrize("scheme", ["none", "linear", "quadratic"])
def test_kappa_is_that_of_scikit_learn_and_statsmodels(scheme: str) -> None:
    one, other = two_raters(400, 5, seed=2)
    table = counted(one, other, Scale(5))
    found = cohen_kappa(table, credits_of(5, scheme))
    weights = None if scheme == "none" else scheme
    assert found == pytest.approx(cohen_kappa_score(one.codes, other.codes, weights=weights))
    kind = {"none": None, "linear": "linear", "quadratic": "fc"}[scheme]
    assert found == pytest.approx(cohens_kappa(table, wt=kind, return_results=False))


def test_the_three_readings_of_ties_are_three_numbers() -> None:
    # 0 is A, 1 a tie, 2 is B. A-A 30, B-B 20, tie-tie 10, A-tie 20, A-B 20 of 100.
    one = np.repeat([0, 2, 1, 0, 0], [30, 20, 10, 20, 20])
    other = np.repeat([0, 2, 1, 1, 2], [30, 20, 10, 20, 20])
    known = np.ones(100, dtype=bool)
    found = agreement(Coded(one, known), Coded(other, known), np.arange(100), VERDICTS)
    assert tuple(found) == TIES
    assert found["class"]["percent"].value == pytest.approx(0.60)
    assert found["dropped"]["percent"].value == pytest.approx(50 / 70)
    assert found["half"]["percent"].value == pytest.approx(0.60 + 0.20 / 2)
    assert [found[name]["percent"].n for name in TIES] == [100, 70, 100]
    # Dropped: marginals (50, 20) and (30, 40) of 70, chance 23 / 49.
    assert found["dropped"]["kappa"].value == pytest.approx((50 / 70 - 23 / 49) / (26 / 49))


def test_half_credit_for_a_tie_between_two_sides_is_the_linear_weighting() -> None:
    one, other = two_raters(300, 3, seed=3)
    found = agreement(one, other, np.arange(300), VERDICTS)["half"]
    assert found["kappa"].value == pytest.approx(
        cohen_kappa_score(one.codes, other.codes, weights="linear")
    )


def test_null_answers_are_no_category() -> None:
    one, other = coded(0, 0, None, 1, None), coded(0, None, 1, 1, None)
    assert counted(one, other, Scale(2)).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_an_answer_outside_the_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="answers are 0 to 3, the scale is 0 to 2"):
        counted(coded(0, 1), coded(0, 3), VERDICTS)


def test_raters_who_only_ever_say_one_thing_have_no_kappa_but_a_bounded_percentage() -> None:
    known = np.ones(50, dtype=bool)
    same = Coded(np.zeros(50, dtype=np.int64), known)
    found = agreement(same, same, np.arange(50), Scale(2))["class"]
    assert found["kappa"].value is None
    # 50 of 50: the exact two-sided lower bound is 0.025 ** (1 / 50) = 0.929.
    assert found["percent"].low == pytest.approx(0.929, abs=5e-4)
    assert found["percent"].high == 1.0


def test_the_interval_widens_where_rows_of_a_prompt_go_together() -> None:
    rng = np.random.default_rng(5)
    agrees = np.repeat(rng.random(80) < 0.7, 10)
    one = rng.integers(0, 2, 800)
    known = np.ones(800, dtype=bool)
    pair = Coded(one, known), Coded(np.where(agrees, one, 1 - one), known)
    whole = agreement(*pair, np.repeat(np.arange(80), 10), Scale(2))["class"]["percent"]
    apart = agreement(*pair, np.arange(800), Scale(2))["class"]["percent"]
    ratio = (whole.high - whole.low) / (apart.high - apart.low)  # type: ignore[operator]
    # Ten rows that say the same are one: the root of ten.
    assert ratio == pytest.approx(np.sqrt(10), rel=0.15)


def test_intervals_of_kappa_and_ac_cover_their_truth() -> None:
    # Both raters say the truth with probability 0.85, else the other of two; 30 % of one category.
    rng, hits = np.random.default_rng(6), {"kappa": 0, "ac": 0}
    share, agree = 0.3, 0.85**2 + 0.15**2
    said = share * 0.85 + (1 - share) * 0.15
    chance = {"kappa": said**2 + (1 - said) ** 2, "ac": 2 * said * (1 - said)}
    known = np.ones(300, dtype=bool)
    for seed in range(100):
        truth = rng.random(300) < share
        one, other = (np.where(rng.random(300) < 0.85, truth, ~truth) for _ in range(2))
        raters = [Coded(rater.astype(np.int64), known) for rater in (one, other)]
        found = agreement(*raters, np.arange(300), Scale(2), seed=seed)["class"]
        for name, expected in chance.items():
            value = (agree - expected) / (1 - expected)
            hits[name] += found[name].low <= value <= found[name].high  # type: ignore[operator]
    # 95 of 100 expected; three standard deviations are 6.5.
    assert min(hits.values()) >= 88


tables = st.lists(st.integers(0, 40), min_size=9, max_size=9).map(
    lambda cells: np.array(cells, dtype=float).reshape(3, 3)
)


@given(tables, st.sampled_from(["none", "linear", "quadratic"]), st.sampled_from([(2, 1, 0)]))
def test_neither_who_is_first_nor_which_side_is_a_changes_anything(
    table: Any, scheme: str, turned: tuple[int, ...]
) -> None:
    credit = credits_of(3, scheme)
    for coefficient in (percent, cohen_kappa, gwet):
        found = coefficient(table, credit)
        exchanged = coefficient(table.T, credit)
        mirrored = coefficient(table[np.ix_(turned, turned)], credit)
        assert found == pytest.approx(exchanged, nan_ok=True)
        assert found == pytest.approx(mirrored, nan_ok=True)
        assert np.isnan(found) or found <= 1 + 1e-12


def test_the_implied_error_of_a_rater_is_the_published_one() -> None:
    published = {0.63: 24.5, 0.66: 21.7, 0.73: 16.1, 0.81: 10.6, 0.85: 8.2}
    for agreed, error in published.items():
        assert 100 * implied_error(agreed) == pytest.approx(error, abs=0.051)
    assert np.isnan(implied_error(0.49))
