"""Rows for a bound, provable drops, acceptance plans, and shares of stratified samples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, hypergeom
from statsmodels.stats.proportion import proportion_confint

from prefkit.statistics.acceptance import Acceptance, Risks, acceptance_plan, accepted
from prefkit.statistics.sampling import likely_rows_for_bound, rows_for_bound, smallest_drop
from prefkit.statistics.stratified import Stratum, allocated, stratified_ends, stratified_share
from prefkit.statistics.tails import binomial_at_most, hypergeometric_at_most
from prefkit.statistics.wilson import wilson_ends, wilson_share


@pytest.mark.parametrize(("count", "trials"), [(0, 50), (1, 7), (46, 50), (400, 500), (50, 50)])
def test_wilson_is_that_of_statsmodels(count: int, trials: int) -> None:
    assert wilson_ends(count / trials, trials) == pytest.approx(
        proportion_confint(count, trials, method="wilson"), abs=1e-12
    )


def test_wilson_of_all_rows_leaves_nothing_open() -> None:
    assert wilson_share(45, 50, population=50)[:3] == (0.9, 0.9, 0.9)
    assert wilson_share(0, 0).reason == "no row was looked at"
    with pytest.raises(ValueError, match="51 of 50 rows"):
        wilson_share(51, 50)


@pytest.mark.parametrize(("drawn", "marked", "total"), [(20, 5, 100), (80, 40, 100), (7, 0, 9)])
def test_tails_are_those_of_scipy(drawn: int, marked: int, total: int) -> None:
    for found in range(-1, drawn + 1):
        assert hypergeometric_at_most(found, drawn, marked, total) == pytest.approx(
            hypergeom.cdf(found, total, marked, drawn), abs=1e-12
        )
        assert binomial_at_most(found, drawn, marked / total) == pytest.approx(
            binom.cdf(found, drawn, marked / total), abs=1e-12
        )


def test_the_bound_takes_196_rows_if_90_percent_are_seen() -> None:
    assert rows_for_bound(0.85, 0.9) == 196
    assert wilson_ends(0.9, 195)[0] < 0.85 <= wilson_ends(0.9, 196)[0]
    assert rows_for_bound(0.85, 0.9, 12_480) == 193
    assert rows_for_bound(0.85, 0.9, 3) == 3, "all of them leave nothing open"


def test_the_likely_number_reaches_the_bound_four_times_of_five() -> None:
    rows = likely_rows_for_bound(0.85, 0.9)
    assert rows is not None
    rng = np.random.default_rng(0)
    reached = [wilson_ends(x / rows, rows)[0] >= 0.85 for x in rng.binomial(rows, 0.9, 4000)]
    assert np.mean(reached) == pytest.approx(0.8, abs=0.03)


def test_a_target_above_what_is_expected_is_refused() -> None:
    with pytest.raises(ValueError, match="not below"):
        rows_for_bound(0.9, 0.9)


@pytest.mark.parametrize(("rows", "points"), [(20, 21.4), (40, 14.6), (80, 10.8), (160, 6.6)])
def test_the_provable_drop_below_90_percent_is_that_of_the_exact_test(
    rows: int, points: float
) -> None:
    drop = smallest_drop(rows, 0.9)
    assert drop == pytest.approx(points / 100)
    most = max(x for x in range(rows + 1) if binom.cdf(x, rows, 0.9) <= 0.05)
    assert binom.cdf(most, rows, 0.9 - drop) >= 0.8 > binom.cdf(most, rows, 0.9 - drop + 0.001)


def test_a_few_rows_prove_only_what_cannot_be() -> None:
    assert smallest_drop(1, 0.9) == 0.9
    assert smallest_drop(2_001, 0.9) == pytest.approx(smallest_drop(2_000, 0.9), abs=0.002)


@pytest.mark.parametrize(
    ("risks", "rows", "wrong"),
    [(Risks(0.01, 0.05, 0.05, 0.10), 132, 3), (Risks(0.05, 0.15, 0.05, 0.075), 80, 7)],
)
def test_acceptance_plans_are_those_of_the_tables(risks: Risks, rows: int, wrong: int) -> None:
    found = acceptance_plan(risks)
    assert found[:2] == (rows, wrong)
    assert found.producer_risk == pytest.approx(1 - binom.cdf(wrong, rows, risks.good))
    assert found.consumer_risk == pytest.approx(binom.cdf(wrong, rows, risks.bad))


def test_a_plan_for_a_known_number_of_rows_keeps_both_risks_with_fewer() -> None:
    risks = Risks(0.02, 0.10, 0.05, 0.10)
    found = acceptance_plan(risks, 300)
    assert found.rows < acceptance_plan(risks).rows
    assert found.consumer_risk == pytest.approx(hypergeom.cdf(found.wrong, 300, 30, found.rows))
    assert found.producer_risk <= 0.05
    fewer = hypergeom.cdf(found.wrong, 300, 30, found.rows - 1)
    assert fewer > 0.10, "one row fewer would not keep the risk"


def test_a_dataset_that_is_good_throughout_is_always_accepted() -> None:
    assert acceptance_plan(Risks(0.0, 0.5, 0.05, 0.05), 10) == Acceptance(
        4, 0, 0.0, pytest.approx(1 / 42)
    )
    assert accepted(5, 0, 0.0) == 1.0


def test_what_no_plan_can_tell_apart_is_refused() -> None:
    with pytest.raises(ValueError, match="no plan tells"):
        acceptance_plan(Risks(0.1, 0.1, 0.05, 0.1))
    with pytest.raises(ValueError, match="same number of rows"):
        acceptance_plan(Risks(0.10, 0.11, 0.05, 0.1), 20)


def test_a_stratum_counts_by_its_rows_and_not_by_how_many_were_seen() -> None:
    found = stratified_share([Stratum(900, 50, 45), Stratum(100, 50, 25)])
    assert found.value == pytest.approx(0.9 * 0.9 + 0.1 * 0.5)
    assert (found.n, found.method) == (100, "stratified score")


def test_one_stratum_is_wilson() -> None:
    one = stratified_share([Stratum(1000, 50, 45)])
    plain = wilson_share(45, 50, population=1000)
    assert one[1:3] == pytest.approx(plain[1:3], abs=1e-9)
    assert one.method == "Wilson"
    assert one.design_effect == pytest.approx(1.0)


def test_strata_without_an_error_do_not_pass_for_certain() -> None:
    low, high = stratified_ends([500, 500], [20, 20], [1.0, 1.0])
    assert high == 1.0
    assert low == pytest.approx(wilson_ends(1.0, 40 * 999 / 960)[0], abs=0.03)


def test_strata_without_a_right_row_do_not_pass_for_certain_either() -> None:
    none, all_ = ([Stratum(900, 50, n), Stratum(300, 50, n)] for n in (0, 50))
    wrong, right = stratified_share(none), stratified_share(all_)
    assert wrong.low == 0
    assert wrong.high == pytest.approx(1 - right.low)
    one = stratified_share([Stratum(1200, 233, 0)])
    assert one[:3] == pytest.approx(wilson_share(0, 233, population=1200)[:3])


def test_strata_that_were_seen_whole_leave_nothing_open() -> None:
    found = stratified_share([Stratum(30, 30, 27), Stratum(10, 10, 5)])
    assert found[:3] == pytest.approx((0.8, 0.8, 0.8))


def test_a_stratum_nobody_looked_at_leaves_no_number() -> None:
    found = stratified_share([Stratum(30, 10, 9), Stratum(10, 0, 0)])
    assert found.value is None
    assert found.reason == "1 of 2 strata have no row that was looked at"
    assert stratified_share([]).reason == "there are no rows"


@pytest.mark.parametrize(
    ("sizes", "seen", "shares"),
    [
        ([5000, 3000, 1500, 500], [80, 60, 40, 20], [0.95, 0.9, 0.8, 0.6]),
        ([9000, 1000], [50, 150], [0.98, 0.6]),
        ([1000] * 10, [20] * 10, [0.98] * 10),
        ([100] * 60, [2] * 60, [0.9] * 60),
    ],
)
def test_intervals_of_strata_cover_what_they_say(
    sizes: list[int], seen: list[int], shares: list[float]
) -> None:
    rng = np.random.default_rng(3)
    marked = [round(size * share) for size, share in zip(sizes, shares, strict=True)]
    truth = sum(marked) / sum(sizes)
    inside = 0
    for _ in range(300):
        right = rng.hypergeometric(marked, np.subtract(sizes, marked), seen)
        low, high = stratified_ends(sizes, seen, (right / seen).tolist())
        inside += low <= truth <= high
    # 95 % of 300, give or take two and a half standard errors (3.1 points).
    assert 0.915 <= inside / 300 <= 0.985


def test_draws_go_to_strata_by_size_after_each_has_a_few() -> None:
    assert allocated([900, 90, 10], 100) == [90, 9, 1]
    assert allocated([900, 90, 10], 100, least=20) == [66, 24, 10]
    assert allocated([5, 5], 100) == [5, 5]
    assert allocated([1, 1, 1], 2) == [1, 1, 0]
    assert allocated([], 3) == []
