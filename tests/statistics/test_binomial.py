"""Exact shares and tails, held against scipy."""

from __future__ import annotations

import pytest
from scipy import stats

from prefkit.statistics.binomial import by_chance, exact_share

CASES = [(0, 1), (0, 50), (3, 100), (30, 100), (100, 100), (7, 2_000)]


@pytest.mark.parametrize(("count", "trials"), CASES)
def test_the_interval_is_that_of_clopper_and_pearson(count: int, trials: int) -> None:
    found = exact_share(count, trials)
    expected = stats.binomtest(count, trials).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert (found.value, found.n, found.clusters) == (count / trials, trials, trials)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.05, 0.5, 1.0])
@pytest.mark.parametrize(("count", "trials"), CASES)
def test_the_tail_is_that_of_scipy(count: int, trials: int, share: float) -> None:
    expected = stats.binom.sf(count - 1, trials, share)
    assert by_chance(count, trials, share) == pytest.approx(expected, rel=1e-8, abs=1e-300)


def test_no_trials_have_no_share_and_nonsense_is_refused() -> None:
    assert exact_share(0, 0).reason == "there are no trials"
    for count, trials, share in ((2, 1, 0.5), (-1, 1, 0.5), (1, 2, 1.5)):
        with pytest.raises(ValueError, match="trials at a share"):
            by_chance(count, trials, share)
    with pytest.raises(ValueError, match="2 errors in 1 rows"):
        exact_share(2, 1)
