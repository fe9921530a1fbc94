from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from prefkit.statistics.detection import detected, detection_area, detection_limit, found_at


def test_the_area_is_that_of_scikit_learn_with_ties() -> None:
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 6, 300).astype(float)
    planted = rng.random(300) < 0.2
    found = detected(scores, planted, np.arange(300))["auc"]
    assert found.value == pytest.approx(roc_auc_score(planted, scores))
    assert found.low is not None
    assert found.high is not None
    assert found.low < float(found.value or 0) < found.high


def test_equal_scores_are_found_in_any_order() -> None:
    # Two hits at the top beside two others, one hit at the end: of the first three rows three
    # quarters of the first score are looked at.
    hits, others = np.array([2.0, 0.0, 1.0]), np.array([2.0, 5.0, 0.0])
    assert found_at(hits, others) == pytest.approx((2 * 3 / 4) / 3)
    # 14 of the 21 comparisons of a hit with another are won by the first two, 2 * 2 half.
    assert detection_area(hits, others) == pytest.approx((2 * 5 + 2 * 2 / 2) / 21)


def test_nothing_planted_is_nothing_found() -> None:
    found = detected(np.arange(40.0), np.zeros(40, dtype=bool), np.arange(40))
    assert {one.value for one in found.values()} == {None}
    assert all(one.reason for one in found.values())


@pytest.mark.parametrize(
    ("accuracy", "noise", "area"), [(1, 0.2, 0.8), (0.8, 0, 0.8), (0.8, 0.1, 0.74)]
)
def test_natural_noise_lowers_what_can_be_found(accuracy: float, noise: float, area: float) -> None:
    assert detection_limit(accuracy, noise, 0.05).auc == pytest.approx(area)


def test_who_knows_the_truth_also_finds_what_was_wrong_before() -> None:
    # Of 1,000 labels 50 are turned and 20 % were wrong: 40 + 190 are called wrong, 40 rightly.
    assert detection_limit(1, 0.2, 0.05).precision == pytest.approx(40 / 230)
    # Without noise all that is turned is found, and nothing else.
    assert detection_limit(1, 0, 0.05) == (1, 1)


def test_the_limit_is_what_such_a_detector_reaches() -> None:
    rng = np.random.default_rng(3)
    count = 200_000
    truth_wrong = rng.random(count) < 0.15
    planted = rng.random(count) < 0.05
    calls = (truth_wrong ^ planted) ^ (rng.random(count) >= 0.9)
    limit = detection_limit(0.9, 0.15, 0.05)
    found = detected(calls.astype(float), planted, np.arange(count))
    assert found["auc"].value == pytest.approx(limit.auc, abs=0.005)
    assert found["precision"].value == pytest.approx(limit.precision, abs=0.005)


def test_a_number_that_is_no_share_is_refused() -> None:
    for wrong in ((1.2, 0.1, 0.05), (0.9, -0.1, 0.05), (0.9, 0.1, 0.0)):
        with pytest.raises(ValueError, match="accuracy"):
            detection_limit(*wrong)


@pytest.mark.slow
@pytest.mark.parametrize("rows_a_prompt", [1, 4])
def test_the_intervals_hold_what_they_promise(rows_a_prompt: int) -> None:
    # 200 runs: the Monte Carlo error of a coverage of 0.95 is 0.015.
    rng = np.random.default_rng(1)
    count, runs = 400, 200
    limit = detection_limit(0.8, 0.1, 0.05)
    clusters = np.arange(count) // rows_a_prompt
    held = {"auc": 0, "precision": 0}
    for _run in range(runs):
        planted = np.zeros(count, dtype=bool)
        planted[rng.permutation(count)[:20]] = True
        # Half of the detector's errors are shared by the rows of a prompt.
        shared = rng.random(count)[clusters] < 0.2
        errs = np.where(rng.random(count) < 0.5, shared, rng.random(count) < 0.2)
        calls = (rng.random(count) < 0.1) ^ planted ^ errs
        for name, one in detected(calls.astype(float), planted, clusters).items():
            assert one.low is not None
            assert one.high is not None
            held[name] += one.low <= getattr(limit, name) <= one.high
    assert all(0.91 <= count / runs <= 0.985 for count in held.values()), held
