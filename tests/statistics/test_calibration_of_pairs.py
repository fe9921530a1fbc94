"""Curves of pairs, which can be told from either side: scikit-learn's, told twice."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss

from prefkit.statistics.calibration import calibrate_pairs
from prefkit.statistics.curves import Isotonic, Platt, fit_both_ways
from prefkit.statistics.logistic import sigmoid
from prefkit.statistics.prediction import folds_of


def chosen(rows: int, seed: int, slope: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    """Margins for the side that a judge prefers, all above zero, and whether gold agrees."""
    rng = np.random.default_rng(seed)
    margins = np.abs(rng.normal(0, 3, rows))
    return margins, (rng.random(rows) < sigmoid(slope * margins)).astype(float)


def sides(margins: np.ndarray, outcomes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([margins, -margins]), np.concatenate([outcomes, 1 - outcomes])


def slope_of_scikit_learn(margins: np.ndarray, outcomes: np.ndarray) -> float:
    """Logistic regression on Platt's targets: each row twice, weighted by its target."""
    both, right = sides(margins, outcomes)
    n = len(margins)  # of each class, as every row is one of both
    targets = np.where(right == 1, (n + 1) / (n + 2), 1 / (n + 2))
    rows = np.concatenate([both, both])[:, None]
    labels = np.concatenate([np.ones(2 * n), np.zeros(2 * n)])
    weights = np.concatenate([targets, 1 - targets])
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    model.fit(rows, labels, sample_weight=weights)
    assert model.intercept_[0] == pytest.approx(0, abs=1e-6)
    return float(model.coef_[0, 0])


def test_the_sigmoid_is_that_of_scikit_learn_on_rows_told_from_both_sides() -> None:
    margins, outcomes = chosen(400, 1)
    found = fit_both_ways("platt", margins, outcomes)
    assert isinstance(found, Platt)
    assert found.slope == pytest.approx(slope_of_scikit_learn(margins, outcomes), abs=1e-5)
    assert (found.intercept, found.n) == (0, 400)
    assert (found.low, found.high) == (-margins.max(), margins.max())


def test_the_isotonic_curve_is_that_of_scikit_learn_inside_its_ends() -> None:
    rng = np.random.default_rng(2)
    margins = rng.integers(1, 25, 800) / 4
    outcomes = (rng.random(800) < sigmoid(0.5 * margins)).astype(float)
    found = fit_both_ways("isotonic", margins, outcomes)
    assert isinstance(found, Isotonic)
    other = IsotonicRegression().fit(*sides(margins, outcomes))
    places = np.unique(np.abs(margins))
    expected = other.predict(places)
    inside = expected < other.predict([margins.max()])[0]
    assert inside.sum() > 5
    assert found.probabilities(places[inside]) == pytest.approx(expected[inside])
    mirrored = found.probabilities(-places)
    assert mirrored == pytest.approx(1 - found.probabilities(places))
    assert found.probabilities(np.zeros(1)) == pytest.approx([0.5])


def test_k_right_of_n_equal_margins_are_k_plus_one_of_n_plus_two() -> None:
    # By hand: sigmoid(slope) = (k (n + 1) + (n - k)) / (n (n + 2)) = (k + 1) / (n + 2).
    for right, rows in ((45, 60), (60, 60), (30, 60)):
        outcomes = np.arange(rows) < right
        found = fit_both_ways("platt", np.ones(rows), outcomes.astype(float))
        assert found.probabilities(np.ones(1)) == pytest.approx([(right + 1) / (rows + 2)])
    # The end of 60 rows of which none was lost stays half a row in 61 from certainty.
    found = fit_both_ways("isotonic", np.ones(60), np.ones(60))
    assert found.probabilities(np.ones(1)) == pytest.approx([1 - 0.5 / 61])


@pytest.mark.parametrize("kind", ["platt", "isotonic"])
def test_a_source_that_errs_more_the_surer_it_is_gets_one_half_and_never_less(kind: str) -> None:
    margins, outcomes = chosen(400, 3, slope=-0.4)
    found = calibrate_pairs(margins, outcomes, np.arange(400), kind=kind)
    assert found.reason is None
    assert found.curve is not None
    places = np.linspace(-5, 5, 11)
    assert found.curve.probabilities(places) == pytest.approx(np.full(11, 0.5))


def test_what_it_is_worth_is_measured_once_a_row_by_curves_that_did_not_see_it() -> None:
    margins, outcomes = chosen(300, 4)
    clusters = np.arange(300) // 3
    found = calibrate_pairs(margins, outcomes, clusters, given=sigmoid(margins))
    folds = folds_of(clusters)
    after = np.zeros(300)
    for fold in range(5):
        out = folds == fold
        slope = slope_of_scikit_learn(margins[~out], outcomes[~out])
        after[out] = sigmoid(slope * np.minimum(margins[out], margins[~out].max()))
    assert found.after["brier"].value == pytest.approx(brier_score_loss(outcomes, after), abs=1e-5)
    assert found.after["log_loss"].value == pytest.approx(log_loss(outcomes, after), abs=1e-5)
    assert found.before["brier"].value == pytest.approx(
        brier_score_loss(outcomes, sigmoid(margins))
    )
    assert (found.after["ece"].n, found.after["ece"].clusters) == (300, 100)


def test_too_little_gold_is_refused_with_its_reason() -> None:
    margins, outcomes = chosen(49, 5)
    reasons = [
        calibrate_pairs(margins, outcomes, np.arange(49)).reason,
        calibrate_pairs(np.ones(60), np.ones(60), np.arange(60) // 4).reason,
        calibrate_pairs(np.zeros(60), np.ones(60), np.arange(60)).reason,
        calibrate_pairs(np.ones(199), np.ones(199), np.arange(199), kind="isotonic").reason,
    ]
    assert reasons == [
        "49 gold rows, platt needs 50",
        "15 prompt clusters, an interval needs 20",
        "all margins are zero: they tell nothing apart",
        "199 gold rows, isotonic needs 200",
    ]
    with pytest.raises(ValueError, match="not finite"):
        calibrate_pairs(np.array([np.nan]), np.ones(1), np.arange(1))
