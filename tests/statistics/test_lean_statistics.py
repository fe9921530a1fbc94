"""Length and self-preference beside humans and other judges: planted tastes, rows by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefkit.statistics.lean import longer_lean, own_lean
from prefkit.statistics.shares import Coded


def verdicts(codes: np.ndarray) -> Coded:
    return Coded(np.asarray(codes, dtype=np.int64), np.ones(len(codes), dtype=bool))


def chosen(rng: np.random.Generator, right: np.ndarray | float, truth: np.ndarray) -> Coded:
    """Verdicts that are the truth with that probability, else the other side."""
    return verdicts(np.where(rng.random(len(truth)) < right, truth, -truth))


def test_rates_on_the_same_rows_worked_out_by_hand() -> None:
    # The fixed side is longer, longer, shorter, shorter, equal; twenty times each.
    longer = np.tile([1, 1, -1, -1, 0], 20)
    judge, human = (verdicts(np.tile(codes, 20)) for codes in ([1, 1, -1, 0, 1], [1, -1, 1, -1, 1]))
    found = longer_lean(judge, human, longer, np.arange(100))
    # Judge: longer, longer, longer, tie; human: longer, shorter, shorter, longer.
    assert found["judge"].value == pytest.approx(3.5 / 4)
    assert found["human"].value == pytest.approx(0.5)
    assert found["difference"].value == pytest.approx(0.375)
    # Where the human chose the longer the judge agrees in 1.5 of 2, elsewhere in none.
    assert found["agreement_gap"].value == pytest.approx(0.75)
    assert found["judge"].n == 80


def test_longer_answers_that_are_better_are_no_lean() -> None:
    rng = np.random.default_rng(1)
    longer = rng.choice([-1, 1], 3000)
    better = np.where(rng.random(3000) < 0.7, longer, -longer)
    human, judge = (chosen(rng, 0.85, better) for _ in range(2))
    found = longer_lean(judge, human, longer, np.arange(3000) // 3)
    assert found["judge"].low > 0.55, "it prefers the longer side"  # type: ignore[operator]
    assert found["difference"].low < 0 < found["difference"].high  # type: ignore[operator]


def test_a_planted_taste_for_length_is_seen_through_what_humans_choose() -> None:
    rng = np.random.default_rng(2)
    longer = rng.choice([-1, 1], 3000)
    better = np.where(rng.random(3000) < 0.6, longer, -longer)
    human = chosen(rng, 0.85, better)
    judge = verdicts(np.where(rng.random(3000) < 0.3, longer, chosen(rng, 0.85, better).codes))
    found = longer_lean(judge, human, longer, np.arange(3000))
    # An honest rate of 0.7 * 0.6 + ... = 0.57: three tenths of the rest go to the longer side.
    assert found["difference"].value == pytest.approx(0.3 * 0.43, abs=0.03)
    assert found["difference"].low > 0  # type: ignore[operator]
    assert found["agreement_gap"].low > 0.2  # type: ignore[operator]


def test_the_difference_is_of_the_same_rows_and_narrower_than_two_apart() -> None:
    rng = np.random.default_rng(3)
    longer = rng.choice([-1, 1], 1000)
    human = verdicts(rng.choice([-1, 1], 1000))
    judge = chosen(rng, 0.95, human.codes)
    found = longer_lean(judge, human, longer, np.arange(1000))
    wide, narrow = (found[name].high - found[name].low for name in ("judge", "difference"))  # type: ignore[operator]
    # Var of the difference: 0.05 of rows differ by 1: sqrt(0.05) against sqrt(0.25).
    assert narrow / wide == pytest.approx(np.sqrt(0.05 / 0.25), rel=0.15)


def test_own_rates_worked_out_by_hand() -> None:
    # Human prefers the other in the first four, the judge's own in the next two, ties in the last.
    human = verdicts(np.tile([-1, -1, -1, -1, 1, 1, 0], 20))
    judge = verdicts(np.tile([1, 1, 0, -1, 1, 1, 1], 20))
    others = [
        verdicts(np.tile([1, -1, -1, -1, -1, 1, -1], 20)),
        verdicts(np.tile([-1, -1, 0, -1, 1, 0, -1], 20)),
    ]
    found = own_lean(judge, others, human, np.arange(140))
    assert found["own"].value == pytest.approx(2.5 / 4)
    assert found["baseline"].value == pytest.approx((0.5 + 0 + 0.25 + 0) / 4)
    assert found["excess"].value == pytest.approx(2.5 / 4 - 0.75 / 4)
    assert found["other_way"].value == pytest.approx(0)
    assert found["other_way_baseline"].value == pytest.approx((0.5 + 0.25) / 2)
    assert found["beyond_quality"].value == pytest.approx(1.75 / 4 + 0.375)
    assert found["own"].n == 120


def test_a_worse_judge_is_not_one_that_favours_itself() -> None:
    rng, covered, values = np.random.default_rng(4), 0, []
    for seed in range(60):
        human = verdicts(rng.choice([-1, 1], 1000))
        judge = chosen(rng, 0.65, human.codes)
        others = [chosen(rng, 0.85, human.codes) for _ in range(2)]
        found = own_lean(judge, others, human, np.arange(1000) // 2, seed=seed)
        assert found["excess"].low > 0.05, "it errs more for its own side"  # type: ignore[operator]
        covered += found["beyond_quality"].low < 0 < found["beyond_quality"].high  # type: ignore[operator]
        values.append(found["beyond_quality"].value)
    # 57 of 60 expected, three standard deviations are 5.1; the mean's own deviation is 0.0044.
    assert covered >= 52
    assert np.mean(values) == pytest.approx(0, abs=0.014)


def test_planted_self_preference_is_found_beyond_quality() -> None:
    rng = np.random.default_rng(5)
    human = verdicts(rng.choice([-1, 1], 4000))
    fair = chosen(rng, 0.8, human.codes)
    judge = verdicts(np.where(rng.random(4000) < 0.2, 1, fair.codes))
    others = [chosen(rng, 0.8, human.codes) for _ in range(3)]
    found = own_lean(judge, others, human, np.arange(4000))
    # Own: 0.2 + 0.8 * 0.2 = 0.36 against 0.2; the other way 0.16 against 0.2: 0.16 + 0.04.
    assert found["excess"].value == pytest.approx(0.16, abs=0.03)
    assert found["beyond_quality"].low < 0.20 < found["beyond_quality"].high  # type: ignore[operator]


def test_rows_that_any_of_them_left_unread_do_not_count() -> None:
    human = verdicts(np.tile([-1, -1], 30))
    judge = Coded(np.ones(60, dtype=np.int64), np.tile([True, False], 30))
    other = Coded(-np.ones(60, dtype=np.int64), np.arange(60) < 50)
    found = own_lean(judge, [other], human, np.arange(60))
    assert found["own"].n == 25
    assert longer_lean(judge, human, np.ones(60, dtype=np.int64), np.arange(60))["judge"].n == 30


def test_without_another_judge_there_is_no_baseline() -> None:
    human = verdicts(np.ones(30))
    with pytest.raises(ValueError, match="at least one other judge"):
        own_lean(human, [], human, np.arange(30))


codes = st.lists(st.tuples(*[st.sampled_from([-1, 0, 1])] * 3), min_size=25, max_size=60)


@given(codes)
def test_which_side_is_the_fixed_one_does_not_matter_to_length(
    rows: list[tuple[int, int, int]],
) -> None:
    judge, human, longer = (np.array(column) for column in zip(*rows, strict=True))
    clusters = np.arange(len(rows))
    one = longer_lean(verdicts(judge), verdicts(human), longer, clusters)
    other = longer_lean(verdicts(-judge), verdicts(-human), -longer, clusters)
    assert one == other
    for name in ("judge", "human"):
        assert one[name].value is None or 0 <= one[name].value <= 1
