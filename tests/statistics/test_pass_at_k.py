"""pass@k without bias."""

from __future__ import annotations

from itertools import combinations

import pytest

from prefkit.statistics.pass_at_k import pass_at_k


def test_the_known_value() -> None:
    assert pass_at_k(10, 3, 5) == pytest.approx(
        0.916667, abs=1e-6
    )  # 1 - C(7,5)/C(10,5) = 1 - 21/252


@pytest.mark.parametrize(("samples", "passed"), [(6, 0), (6, 1), (6, 3), (6, 6)])
def test_it_is_the_share_of_all_draws_in_which_one_passes(samples: int, passed: int) -> None:
    outcomes = [True] * passed + [False] * (samples - passed)
    for k in range(1, samples + 1):
        draws = [any(draw) for draw in combinations(outcomes, k)]
        assert pass_at_k(samples, passed, k) == pytest.approx(sum(draws) / len(draws))


def test_many_samples_do_not_overflow() -> None:
    assert pass_at_k(100_000, 50, 1) == pytest.approx(0.0005)
    assert pass_at_k(100_000, 1, 100_000) == 1.0


@pytest.mark.parametrize(("samples", "passed", "k"), [(5, 6, 1), (5, -1, 1), (5, 1, 0), (5, 1, 6)])
def test_numbers_that_cannot_be_are_refused(samples: int, passed: int, k: int) -> None:
    with pytest.raises(ValueError, match="cannot"):
        pass_at_k(samples, passed, k)
