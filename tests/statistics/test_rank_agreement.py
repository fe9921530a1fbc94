"""Agreement of rankings: scipy's numbers, hand-made ties, many comparisons, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from prefkit.statistics.rank_agreement import NAMES, Rankings, each_group, rank_agreement


def rankings(*tables: list[list[float]]) -> Rankings:
    """A table a comparison: raters by responses, NaN where a response was not ranked."""
    lines = [
        (group, rater, response, score)
        for group, table in enumerate(tables)
        for rater, row in enumerate(table)
        for response, score in enumerate(row)
        if not np.isnan(score)
    ]
    groups, raters, responses = (np.array([line[at] for line in lines]) for at in range(3))
    scores = np.array([line[3] for line in lines], dtype=float)
    return Rankings(groups, raters, responses, scores, len(tables))


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 8))
def test_two_raters_have_the_tau_b_and_rho_of_scipy(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 4, (2, size)).astype(float)
    one[:2], other[:2] = [0, 1], [0, 3]
    found = each_group(rankings([one.tolist(), other.tolist()])).row(0, named=True)
    assert found["tau_b"] == pytest.approx(stats.kendalltau(one, other).statistic)
    assert found["spearman"] == pytest.approx(stats.spearmanr(one, other).statistic)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(3, 6), st.integers(3, 7))
def test_concordance_with_ties_is_friedmans_test_of_scipy(
    seed: int, raters: int, size: int
) -> None:
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 5, (raters, size)).astype(float)
    table[0] = np.arange(size)
    found = each_group(rankings(table.tolist())).row(0, named=True)
    friedman = stats.friedmanchisquare(*table.T).statistic
    assert found["w"] == pytest.approx(friedman / (raters * (size - 1)))


def test_the_three_readings_of_a_tie_by_hand() -> None:
    # Of six pairs of four responses: alike 3, opposite 1, one tied 2 (the first by one rater).
    found = each_group(rankings([[1, 2, 3, 3], [2, 1, 3, 4]])).row(0, named=True)
    # Pairs: 12 opposite; 13 14 23 24 alike; 34 tied by the first.
    assert found["tau_a"] == pytest.approx((4 - 1) / 6)
    assert found["gamma"] == pytest.approx((4 - 1) / 5)
    assert found["tau_b"] == pytest.approx((4 - 1) / np.sqrt(5 * 6))


def test_kendalls_concordance_of_a_textbook_table() -> None:
    # Siegel (1956): three executives rank six applicants. Sums of ranks 8 14 11 11 11 8, mean 10.5.
    found = each_group(rankings([[1, 6, 3, 2, 5, 4], [1, 5, 6, 4, 2, 3], [6, 3, 2, 5, 4, 1]])).row(
        0, named=True
    )
    # S = 25.5; W = 12 S / (m^2 (n^3 - n)) = .16.
    assert found["w"] == pytest.approx(12 * 25.5 / (9 * 210))
    assert found["w"] == pytest.approx(0.16, abs=5e-3)


def test_raters_who_ranked_other_responses_are_compared_on_those_they_share() -> None:
    none = float("nan")
    found = each_group(rankings([[1, 2, 3, none], [none, 2, 3, 1], [none, none, none, 5]])).row(
        0, named=True
    )
    # Two responses are shared by the two who ranked more than one.
    assert (found["raters"], found["tau_b"], found["spearman"], found["w"]) == (2, 1.0, 1.0, 1.0)


def test_somebody_who_ties_everything_orders_nothing() -> None:
    found = each_group(rankings([[1, 1, 1], [1, 2, 3]])).row(0, named=True)
    assert (found["tau_b"], found["gamma"], found["spearman"]) == (None, None, None)
    assert found["tau_a"] == 0.0
    # Sums of ranks 3 4 5: S = 2; below 4 * 24 - 2 * 24 = 48.
    assert found["w"] == pytest.approx(12 * 2 / 48)


def test_means_over_comparisons_have_intervals_by_clusters() -> None:
    rng = np.random.default_rng(3)
    tables = []
    for _ in range(200):
        truth = rng.normal(size=4)
        tables.append([(truth + rng.normal(size=4)).tolist() for _ in range(3)])
    found = rank_agreement(rankings(*tables), np.arange(200) // 2)
    assert tuple(found) == NAMES
    assert {(each.n, each.clusters) for each in found.values()} == {(200, 100)}
    # Scores of two raters correlate by one half; Kendall's tau is then 2 / pi asin(1 / 2) = 1 / 3.
    tau = found["tau_b"]
    assert tau.low < 1 / 3 < tau.high  # type: ignore[operator]
    assert tau.method == "bootstrap over prompts"
    assert found["gamma"].value == found["tau_a"].value == tau.value


def test_one_rater_or_nothing_says_so() -> None:
    nothing = Rankings(*(np.zeros(0, dtype=np.int64) for _ in range(3)), np.zeros(0), 0)
    for given_, clusters in ((rankings([[1, 2, 3]]), np.zeros(1)), (nothing, np.zeros(0))):
        found = rank_agreement(given_, clusters)
        for each in found.values():
            assert (each.value, each.n) == (None, 0)
            assert each.reason == "no two raters ranked the same two responses apart"


def test_what_cannot_be_ranked_is_refused() -> None:
    twice = Rankings(np.zeros(2), np.zeros(2), np.zeros(2), np.zeros(2), 1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="more than once"):
        each_group(twice)
    with pytest.raises(ValueError, match="3 clusters of 1 comparisons"):
        rank_agreement(rankings([[1, 2]]), np.zeros(3))


@settings(max_examples=15)
@given(st.integers(0, 1000))
def test_the_order_of_lines_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tables = rng.integers(0, 4, (30, 3, 5)).astype(float)
    ranked = rankings(*tables.tolist())
    moved = rng.permutation(len(ranked.groups))
    again = Rankings(*(column[moved] for column in ranked[:4]), 30)
    assert rank_agreement(ranked, np.arange(30)) == rank_agreement(again, np.arange(30))
