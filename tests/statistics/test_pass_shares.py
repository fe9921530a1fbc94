"""How sure counts of passed tests make us that one program passes more often."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special

from prefkit.statistics.pass_shares import passes_more_often

COUNTS = st.integers(0, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("counts", "probability"),
    [
        ((8, 10, 6, 10), 0.835),
        ((9, 10, 3, 10), 0.998),
        ((80, 100, 60, 100), 0.999),
        ((3, 3, 2, 3), 0.846),
    ],
)
def test_the_published_margins(counts: tuple[int, int, int, int], probability: float) -> None:
    assert round(passes_more_often(*counts), 3) == probability


def test_one_trial_against_none_by_hand() -> None:
    # P(X > Y), X ~ Beta(3/2, 1/2), Y ~ Beta(1/2, 1/2): 1/2 + (1/pi^2) / (1/2)
    assert passes_more_often(1, 1, 0, 0) == pytest.approx(0.5 + 2 / math.pi**2, abs=1e-12)


def by_quadrature(passed: int, trials: int, other: int, other_trials: int) -> float:
    """The same by scipy, over the angle whose squared sine is the first share."""
    failed = trials - passed
    scale = 2 / special.beta(passed + 0.5, failed + 0.5)

    def density(angle: float) -> float:
        sine, cosine = math.sin(angle), math.cos(angle)
        below = special.betainc(other + 0.5, other_trials - other + 0.5, sine**2)
        return float(scale * sine ** (2 * passed) * cosine ** (2 * failed) * below)

    return float(integrate.quad(density, 0, math.pi / 2, epsabs=1e-12, limit=400)[0])


@given(COUNTS, COUNTS)
@settings(max_examples=150, deadline=None)
def test_it_is_the_integral(one: tuple[int, int], other: tuple[int, int]) -> None:
    found = passes_more_often(*one, *other)
    assert found == pytest.approx(by_quadrature(*one, *other), abs=1e-9)
    assert found + passes_more_often(*other, *one) == pytest.approx(1, abs=2e-12)


def test_equal_counts_are_one_half_and_extremes_stay_in_range() -> None:
    for passed, trials in ((0, 0), (3, 3), (0, 5), (700, 2_000)):
        assert passes_more_often(passed, trials, passed, trials) == pytest.approx(0.5, abs=1e-12)
    assert passes_more_often(5_000, 5_000, 0, 5_000) == 1.0
    assert passes_more_often(0, 5_000, 5_000, 5_000) == 0.0


def test_rounding_never_speaks_against_one_of_two_equals() -> None:
    assert passes_more_often(1666, 5000, 1666, 5000) == 0.5


def test_more_trials_than_can_be_summed_count_as_fewer_of_the_same_share() -> None:
    most, many = 100_000, 10**12
    assert passes_more_often(many // 2, many, many // 4, many) == pytest.approx(1.0, abs=1e-9)
    one_failed = passes_more_often(most, most, most - 1, most)
    assert passes_more_often(many, many, many - 1, many) == one_failed
    assert passes_more_often(1, many, 0, many) == pytest.approx(one_failed, abs=1e-9)


def test_many_trials_come_near_to_the_normal_approximation() -> None:
    # means 0.5 and 0.495 of 20,000: z = 0.005 / sqrt(2 * 0.25 / 20000) = 1, and Phi(1) = 0.8413
    assert passes_more_often(10_000, 20_000, 9_900, 20_000) == pytest.approx(0.8413, abs=2e-4)


@pytest.mark.parametrize("counts", [(3, 2, 0, 1), (-1, 2, 0, 1), (0, 1, 2, 1), (0, 1, -1, 1)])
def test_impossible_counts_are_refused(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="against"):
        passes_more_often(*counts)
