"""Curves from margins to probabilities: scikit-learn's, planted judges, and honest refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, log_loss

from prefkit.statistics.calibration import calibrate, calibration_error, equal_bins
from prefkit.statistics.curves import fit_isotonic, fit_platt
from prefkit.statistics.logistic import sigmoid
from prefkit.statistics.order_effect import logit
from prefkit.statistics.prediction import folds_of


def judged(
    rows: int, seed: int, slope: float = 0.4, intercept: float = 0.3
) -> tuple[np.ndarray, np.ndarray]:
    """Margins in log-odds of a judge that is too sure of itself, and what gold says."""
    rng = np.random.default_rng(seed)
    margins = rng.normal(0.5, 3, rows)
    return margins, (rng.random(rows) < sigmoid(slope * margins + intercept)).astype(float)


def test_the_sigmoid_is_that_of_scikit_learn() -> None:
    margins, outcomes = judged(500, 1)
    other = _SigmoidCalibration().fit(margins, outcomes)
    found = fit_platt(margins, outcomes)
    assert found.probabilities(margins) == pytest.approx(other.predict(margins), abs=1e-4)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e5])
def test_the_unit_of_the_margin_does_not_matter(scale: float) -> None:
    margins, outcomes = judged(300, 2)
    one = fit_platt(margins, outcomes).probabilities(margins)
    other = fit_platt(margins * scale, outcomes).probabilities(margins * scale)
    assert other == pytest.approx(one, abs=1e-6)


def test_the_isotonic_curve_is_that_of_scikit_learn_kept_from_its_ends() -> None:
    rng = np.random.default_rng(3)
    margins = rng.integers(-20, 20, 600) / 4
    outcomes = (rng.random(600) < sigmoid(margins)).astype(float)
    other = IsotonicRegression(out_of_bounds="clip").fit(margins, outcomes).predict(margins)
    found = fit_isotonic(margins, outcomes)
    lowest, highest = (other == other.min()).sum(), (other == other.max()).sum()
    expected = np.clip(other, 0.5 / (lowest + 1), 1 - 0.5 / (highest + 1))
    assert found.probabilities(margins) == pytest.approx(expected)


def test_pooling_worked_out_by_hand() -> None:
    # 0 and 0 stay; 1, 0, 0 fall and pool to 1/3; 1 stays. Ends: 0.5 / 3 of two rows, 1 - 0.5 / 2.
    found = fit_isotonic(np.arange(6.0), np.array([0, 0, 1, 0, 0, 1.0]))
    assert found.probabilities(np.arange(6.0)) == pytest.approx(
        [1 / 6, 1 / 6, 1 / 3, 1 / 3, 1 / 3, 3 / 4]
    )
    assert found.probabilities(np.array([1.5])) == pytest.approx([0.25])


@pytest.mark.parametrize("kind", ["platt", "isotonic"])
def test_a_planted_overconfidence_is_found_and_taken_away(kind: str) -> None:
    margins, outcomes = judged(4000, 4)
    found = calibrate(margins, outcomes, np.arange(4000) // 2, kind=kind, given=sigmoid(margins))
    assert found.reason is None
    # The truth: the mean over margins of |sigmoid(0.4 d + 0.3) - sigmoid(d)|, 0.139 by drawing.
    grid = np.random.default_rng(5).normal(0.5, 3, 400_000)
    truth = np.abs(sigmoid(0.4 * grid + 0.3) - sigmoid(grid)).mean()
    assert found.before["ece"].value == pytest.approx(truth, abs=0.02)
    assert found.after["ece"].value < 0.03
    for score in ("ece", "brier", "log_loss"):
        assert found.gain[score].high < 0
    assert found.curve is not None
    wanted = sigmoid(0.4 * np.arange(-5.0, 6) + 0.3)
    assert found.curve.probabilities(np.arange(-5.0, 6)) == pytest.approx(wanted, abs=0.08)


def test_scores_before_are_those_of_scikit_learn_and_after_those_of_unseen_rows() -> None:
    margins, outcomes = judged(500, 6)
    clusters = np.arange(500) // 5
    found = calibrate(margins, outcomes, clusters, given=sigmoid(margins))
    before = sigmoid(margins)
    assert found.before["brier"].value == pytest.approx(brier_score_loss(outcomes, before))
    assert found.before["log_loss"].value == pytest.approx(log_loss(outcomes, before))
    folds = folds_of(clusters)
    after = np.zeros(500)
    for fold in range(5):
        out = folds == fold
        after[out] = _SigmoidCalibration().fit(margins[~out], outcomes[~out]).predict(margins[out])
    assert found.after["brier"].value == pytest.approx(brier_score_loss(outcomes, after), abs=1e-4)
    assert found.gain["brier"].value == pytest.approx(
        found.after["brier"].value - found.before["brier"].value  # type: ignore[operator]
    )


def test_a_judge_that_is_calibrated_already_gains_nothing_and_its_error_is_chance() -> None:
    reaches_zero, sizes = 0, []
    for seed in range(60):
        margins, outcomes = judged(600, 100 + seed, slope=1.0, intercept=0.0)
        found = calibrate(margins, outcomes, np.arange(600), given=sigmoid(margins))
        reaches_zero += found.before["ece"].low == 0  # type: ignore[operator]
        sizes.append(found.before["ece"].value / found.ece_by_chance["before"])  # type: ignore[operator]
        assert abs(found.gain["brier"].value) < 0.01  # type: ignore[arg-type]
    # 97.5 % of 60 is 58.5; three standard deviations of that count are 3.6.
    assert reaches_zero >= 55
    assert np.mean(sizes) == pytest.approx(1, abs=0.1)


def test_the_interval_of_the_error_covers_a_planted_one_of_rows_that_go_together() -> None:
    rng, covered = np.random.default_rng(11), 0
    # Two forecasts, 0.6 and 0.9, that come true 0.5 and 0.7 of the time: an error of 0.15.
    for _ in range(60):
        forecast = rng.choice([0.6, 0.9], 150)
        outcomes = (rng.random(150) < np.where(forecast == 0.6, 0.5, 0.7)).astype(float)
        margins = np.repeat(logit(forecast), 4)
        found = calibrate(
            margins, np.repeat(outcomes, 4), np.repeat(np.arange(150), 4), given=sigmoid(margins)
        )
        if found.curve is None:
            continue
        covered += found.before["ece"].low <= 0.15 <= found.before["ece"].high  # type: ignore[operator]
    # 57 of 60 expected; three standard deviations are 5.1.
    assert covered >= 52


def test_the_error_of_perfect_forecasts_is_what_chance_gives() -> None:
    rng = np.random.default_rng(7)
    sizes = []
    for _ in range(200):
        chances = rng.random(500)
        outcomes = (rng.random(500) < chances).astype(float)
        bins = equal_bins(chances)
        sizes.append(calibration_error(chances, outcomes, bins)(np.ones(500)))
    # Ten bins of 50, mean variance 1/6: sqrt(2 / pi) sqrt of it a bin, about 0.0435 on average.
    assert np.mean(sizes) == pytest.approx(0.0435, abs=0.004)


def test_bins_hold_equal_numbers_and_equal_values_stay_together() -> None:
    assert np.bincount(equal_bins(np.arange(400.0))).tolist() == [40] * 10
    assert np.bincount(equal_bins(np.arange(100.0))).tolist() == [20] * 5
    assert np.bincount(equal_bins(np.repeat([0.2, 0.9], [350, 50]))).tolist() == [350, 50]
    assert equal_bins(np.array([0.5])).tolist() == [0]


def test_the_error_by_hand() -> None:
    # Two bins: forecasts 0.3 against 1 of 4, and 0.8 against 4 of 4: (0.2 + 0.8) / 8.
    chances = np.repeat([0.3, 0.8], 4)
    outcomes = np.array([1, 0, 0, 0, 1, 1, 1, 1.0])
    error = calibration_error(chances, outcomes, np.repeat([0, 1], 4))
    assert error(np.ones(8)) == pytest.approx(0.125)
    # Without the second bin only 0.2 / 4 is left.
    assert error(np.repeat([1.0, 0.0], 4)) == pytest.approx(0.05)


def test_margins_beyond_those_seen_keep_the_last_value_and_are_named() -> None:
    margins, outcomes = judged(300, 8)
    for curve in (fit_platt(margins, outcomes), fit_isotonic(margins, outcomes)):
        far = np.array([-100.0, margins.min(), 0.0, margins.max(), 100.0])
        found = curve.probabilities(far)
        assert (found[0], found[4]) == (found[1], found[3])
        assert curve.outside(far).tolist() == [True, False, False, False, True]
        assert curve.facts()["n"] == 300


def refused(margins: np.ndarray, outcomes: np.ndarray, clusters: np.ndarray, kind: str) -> str:
    found = calibrate(margins, outcomes, clusters, kind=kind)
    assert found.curve is None
    assert (found.before, found.after, found.gain) == ({}, {}, {})
    return str(found.reason)


def test_too_little_gold_is_refused_with_its_reason() -> None:
    margins, outcomes = judged(199, 9)
    rows = np.arange(199)
    assert refused(margins, outcomes, rows, "isotonic") == "199 gold rows, isotonic needs 200"
    assert refused(margins[:49], outcomes[:49], rows[:49], "platt") == (
        "49 gold rows, platt needs 50"
    )
    assert refused(margins, outcomes, rows % 19, "platt") == (
        "19 prompt clusters, an interval needs 20"
    )
    assert refused(margins, np.ones(199), rows, "platt") == (
        "gold finds 0 margins wrong, a curve needs 10 of each"
    )
    assert "all margins are equal" in refused(np.ones(199), outcomes, rows, "platt")
    for kind in ("platt", "isotonic"):
        twice = np.tile(margins, 2), 1 - np.tile(margins > 0, 2), np.arange(398)
        assert "a larger margin is not more often right" in refused(*twice, kind)


def test_bad_values_are_refused() -> None:
    margins, outcomes = judged(100, 10)
    rows = np.arange(100)
    with pytest.raises(ValueError, match="a margin is not finite"):
        calibrate(np.append(margins[:-1], np.nan), outcomes, rows)
    with pytest.raises(ValueError, match="leave gold ties out"):
        calibrate(margins, np.full(100, 0.5), rows)
    with pytest.raises(ValueError, match="not from 0 to 1"):
        calibrate(margins, outcomes, rows, given=margins)
    with pytest.raises(ValueError, match="one of platt, isotonic"):
        calibrate(margins, outcomes, rows, kind="spline")


def test_separable_gold_gives_no_certainty() -> None:
    margins = np.repeat([-1.0, 1.0], 40)
    found = fit_platt(margins, (margins > 0).astype(float))
    # Platt's targets for 40 of each: 1 / 42 and 41 / 42.
    assert found.probabilities(np.array([-1.0, 1.0])) == pytest.approx([1 / 42, 41 / 42])


rows = st.tuples(st.integers(-30, 30), st.booleans())


@given(st.lists(rows, min_size=5, max_size=80), st.randoms(use_true_random=False))
def test_curves_never_fall_and_do_not_depend_on_the_order_of_rows(
    given_rows: list[tuple[int, bool]], chance: object
) -> None:
    margins, outcomes = (np.array(column, dtype=float) for column in zip(*given_rows, strict=True))
    grid = np.linspace(-35, 35, 141)
    found = fit_isotonic(margins, outcomes)
    values = found.probabilities(grid)
    assert (np.diff(values) >= -1e-12).all()
    assert values.min() > 0
    assert values.max() < 1
    shuffled = list(given_rows)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    margins, outcomes = (np.array(column, dtype=float) for column in zip(*shuffled, strict=True))
    assert fit_isotonic(margins, outcomes).probabilities(grid) == pytest.approx(values)


@given(st.lists(rows, min_size=20, max_size=80))
def test_exchanging_the_sides_turns_the_isotonic_curve_round(
    given_rows: list[tuple[int, bool]],
) -> None:
    margins, outcomes = (np.array(column, dtype=float) for column in zip(*given_rows, strict=True))
    one, other = fit_isotonic(margins, outcomes), fit_isotonic(-margins, 1 - outcomes)
    assert other.probabilities(-margins) == pytest.approx(1 - one.probabilities(margins))
