"""What several judges are worth together: published values, planted panels, hand-made votes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from prefkit.statistics.panels import effective_size, leave_one_out, majority, panel_errors


def test_the_majority_of_independent_judges_is_the_published_one() -> None:
    published = {3: 0.784, 5: 0.837, 7: 0.874}
    for judges, right in published.items():
        assert majority(0.7, judges) == pytest.approx(right, abs=5e-4)
        exact = stats.binom.sf(judges // 2, judges, 0.7)
        assert majority(0.7, judges) == pytest.approx(exact)


def test_an_even_panel_that_splits_is_half_right_and_so_no_better_than_one_judge_fewer() -> None:
    assert majority(0.7, 2) == pytest.approx(0.7)
    assert majority(0.7, 4) == pytest.approx(majority(0.7, 3))
    with pytest.raises(ValueError, match="0 judges"):
        majority(0.7, 0)


def test_the_effective_size_by_hand() -> None:
    # 5 / (1 + 4 * 0.5) and its ends: all alike, all independent.
    assert effective_size(5, 0.5) == pytest.approx(5 / 3)
    assert effective_size(5, 1.0) == pytest.approx(1)
    assert effective_size(5, 0.0) == pytest.approx(5)
    assert np.isnan(effective_size(5, -0.25))


def panel(rng: np.random.Generator, rows: int, judges: int, shared: float) -> np.ndarray:
    """Errors with probability 0.3; a share of the rows is decided by one error for all."""
    own = rng.random((rows, judges)) < 0.3
    one = np.repeat(rng.random((rows, 1)) < 0.3, judges, axis=1)
    return np.where(rng.random((rows, 1)) < shared, one, own).astype(float)


def test_a_planted_panel_is_worth_what_its_shared_errors_leave() -> None:
    rng = np.random.default_rng(1)
    wrong = panel(rng, 4000, 5, shared=0.4)
    known = rng.random(wrong.shape) < 0.9
    found = panel_errors(wrong, known, np.arange(4000))
    # Errors of equal rate that are one in 40 % of the rows correlate by 0.4: 5 / 2.6.
    assert found["correlation"].value == pytest.approx(0.4, abs=0.03)
    assert found["effective_size"].low < 5 / 2.6 < found["effective_size"].high  # type: ignore[operator]
    assert found["accuracy"].value == pytest.approx(0.7, abs=0.02)
    # 40 % of the rows by one judge, 60 % by five independent ones.
    expected = 0.4 * 0.7 + 0.6 * majority(0.7, 5)
    assert found["majority"].low < expected < found["majority"].high  # type: ignore[operator]
    assert found["majority"].high < majority(0.7, 5)  # type: ignore[operator]


def test_independent_judges_reach_the_textbook_majority() -> None:
    wrong = panel(np.random.default_rng(2), 4000, 3, shared=0.0)
    found = panel_errors(wrong, np.ones(wrong.shape, dtype=bool), np.arange(4000))
    assert found["majority"].value == pytest.approx(0.784, abs=0.02)
    assert found["correlation"].low < 0 < found["correlation"].high  # type: ignore[operator]


def test_a_judge_who_never_errs_has_no_correlation_and_ties_are_half_right() -> None:
    wrong = np.tile([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.5, 0.5]], (20, 1))
    found = panel_errors(wrong, np.ones(wrong.shape, dtype=bool), np.arange(60))
    # Only the pair of the second and third judge varies, and they take turns.
    assert found["correlation"].value == pytest.approx(-1.0)
    assert found["effective_size"].value is None
    assert found["accuracy"].value == pytest.approx((1 + 0.5 + 0.5) / 3)
    split = np.tile([[0.0, 1.0]], (40, 1))
    voted = panel_errors(split, np.ones(split.shape, dtype=bool), np.arange(40))["majority"]
    assert (voted.value, voted.low) == (0.5, None)
    with pytest.raises(ValueError, match="at least two judges"):
        panel_errors(split[:, :1], np.ones((40, 1), dtype=bool), np.arange(40))


def test_rows_that_a_judge_left_out_are_no_rows_of_the_panel() -> None:
    # All three judge the first 40 rows; there the majority is right on 30. Elsewhere two do.
    wrong = np.zeros((100, 3))
    wrong[:10] = 1.0
    wrong[10:20, 2] = 1.0
    wrong[40:, :2] = 1.0
    known = np.ones((100, 3), dtype=bool)
    known[40:, 2] = False
    found = panel_errors(wrong, known, np.arange(100))
    assert {(one.n, one.clusters) for one in found.values()} == {(40, 40)}
    assert found["majority"].value == pytest.approx(0.75)
    assert found["accuracy"].value == pytest.approx((30 + 30 + 20) / 120)
    # Of one row in common there is nothing to say, whatever the other rows hold.
    known[1:, 2] = False
    for one in panel_errors(wrong, known, np.arange(100)).values():
        assert (one.value, one.n) == (None, 1)
        assert one.reason == "1 prompt clusters, an interval needs 20"


def test_agreement_with_the_others_is_counted_where_they_agree_on_something() -> None:
    # Judges say: 0 0 0 | 0 0 1 | 0 1 null | 2 2 1, twenty times each.
    rows = [[0, 0, 0], [0, 0, 1], [0, 1, -5], [2, 2, 1]]
    codes = np.repeat(rows, 20, axis=0)
    found = leave_one_out(codes, codes >= 0, np.arange(80))
    # First: others say 0 | split | 1 | split: agrees in the first row of two that count.
    assert [(one.n, one.value) for one in found] == [
        (40, 0.5),
        (40, 0.5),
        (60, pytest.approx(1 / 3)),
    ]


def test_a_category_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="categories go from 0 up"):
        leave_one_out(np.array([[-1, 1]]), np.ones((1, 2), dtype=bool), np.zeros(1))


@settings(max_examples=12)
@given(st.integers(0, 1000), st.permutations(range(4)))
def test_neither_the_order_of_judges_nor_that_of_rows_matters(seed: int, order: list[int]) -> None:
    rng = np.random.default_rng(seed)
    codes, known = rng.integers(0, 3, (60, 4)), rng.random((60, 4)) < 0.8
    clusters = np.arange(60) // 2
    found = [one.value for one in leave_one_out(codes, known, clusters)]
    places = rng.permutation(60)
    again = leave_one_out(codes[places][:, order], known[places][:, order], clusters[places])
    assert [one.value for one in again] == pytest.approx([found[judge] for judge in order])
    wrong = (codes > 0).astype(float)
    one, other = (
        panel_errors(wrong[:, judges], known[:, judges], clusters)["correlation"].value
        for judges in (list(range(4)), order)
    )
    assert one == pytest.approx(other)
