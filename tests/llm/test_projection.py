from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence

import pytest
from scipy import stats

from prefkit.llm.money.estimate import Projection
from prefkit.llm.money.intervals import Moments, t_quantile
from prefkit.llm.money.prices import Price
from prefkit.llm.records import Usage

PRICE = Price(input=1.0, output=2.0)


def paid(projection: Projection, outputs: Sequence[int]) -> Projection:
    for output in outputs:
        projection.note(Usage(0, output))
    return projection


def test_there_is_no_projection_before_twenty_paid_answers() -> None:
    projection = paid(Projection(PRICE), [10] * 19)
    projection.note(Usage())  # one without usage tells nothing
    assert projection.usd(100) is None
    assert paid(projection, [10]).usd(100) is not None


def test_equal_answers_project_a_certain_sum() -> None:
    found = paid(Projection(PRICE, 0.5), [300] * 20).usd(1_000)
    assert found == pytest.approx((0.3, 0.3, 0.3))  # 300 tokens at 2 per million, half price


def test_nothing_remaining_costs_nothing() -> None:
    assert paid(Projection(PRICE), [1, 2] * 10).usd(0) == (0.0, 0.0, 0.0)


def test_without_skewness_the_interval_is_the_textbook_one() -> None:
    outputs = [100, 200] * 15
    found = paid(Projection(PRICE), outputs).usd(70)
    spread = statistics.stdev(outputs) * 2e-6
    half = 70 * stats.t.ppf(0.975, 29) * spread * math.sqrt(1 / 30 + 1 / 70)
    middle = 70 * 150 * 2e-6
    assert found == pytest.approx((middle - half, middle, middle + half), rel=1e-4)


def test_a_long_tail_moves_the_interval_towards_it() -> None:
    found = paid(Projection(PRICE), [10] * 19 + [400]).usd(1_000)
    assert found is not None
    low, expected, high = found
    assert high - expected > 3 * (expected - low)
    assert low >= 0


SHAPES: dict[str, tuple[Callable[[random.Random], float], float, float]] = {
    # a draw, the least share covered with 20 answers known and with 200
    "even": (lambda chance: chance.uniform(50, 150), 0.93, 0.93),
    "exponential": (lambda chance: chance.expovariate(1 / 100), 0.92, 0.92),
    "lognormal, sigma 1": (lambda chance: chance.lognormvariate(4, 1), 0.90, 0.92),
    "lognormal, sigma 1.5, cut at max_tokens": (
        lambda chance: min(chance.lognormvariate(4, 1.5), 1_100.0),
        0.91,
        0.93,
    ),
    "one in five long": (
        lambda chance: 1_000.0 if chance.random() < 0.2 else chance.gauss(50, 10),
        0.93,
        0.93,
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("known", [20, 200])
def test_a_projection_holds_about_what_it_says_for_skewed_answers(shape: str, known: int) -> None:
    draw, few, many = SHAPES[shape]
    covered, rounds = 0, 400
    for seed in range(rounds):
        chance = random.Random(f"{shape} {seed}")
        moments = Moments()
        for _ in range(known):
            moments.add(draw(chance))
        low, high = moments.of_more(500)
        covered += low <= sum(draw(chance) for _ in range(500)) <= high
    assert covered / rounds >= (few if known == 20 else many)


def test_moments_are_those_of_the_values() -> None:
    chance = random.Random(2)
    values = [1e6 + chance.expovariate(1) for _ in range(500)]
    moments = Moments()
    for value in values:
        moments.add(value)
    mean, spread = statistics.fmean(values), statistics.stdev(values)
    assert (moments.n, moments.mean) == (500, pytest.approx(mean, rel=1e-12))
    skewness = stats.skew(values, bias=False)
    low, high = moments.of_more(300)
    reach = stats.t.ppf(0.975, 499) / math.sqrt(500)

    def undone(w: float) -> float:
        """Hall's cubic, which the interval inverts."""
        return w + skewness * w**2 / 3 + skewness**2 * w**3 / 27 + skewness / (6 * 500)

    scale = 300 * spread * math.sqrt(1 + 500 / 300)
    assert undone((300 * mean - low) / scale) == pytest.approx(reach, rel=1e-3)
    assert undone((300 * mean - high) / scale) == pytest.approx(-reach, rel=1e-3)


@pytest.mark.parametrize("degrees", [*range(1, 40), 100, 1_000, 10**6])
def test_the_quantile_is_that_of_students_t(degrees: int) -> None:
    assert t_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), abs=2e-4)


def test_no_degrees_of_freedom_have_no_quantile() -> None:
    with pytest.raises(ValueError, match="no degrees"):
        t_quantile(0)
