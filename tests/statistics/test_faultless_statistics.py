"""Two raters who never differed: what as many prompts leave open, and nothing where they differ."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from prefkit.statistics.agreement import VERDICTS, agreement, credits_of
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.faultless import coefficients_without_fault, difference_without_fault
from prefkit.statistics.shares import Coded


def class_reading(one: list[int], other: list[int]) -> dict[str, Estimate]:
    raters = [Coded(np.array(codes), np.ones(len(codes), dtype=bool)) for codes in (one, other)]
    found = agreement(*raters, np.arange(len(one)), VERDICTS)["class"]
    return coefficients_without_fault(found, np.array(one), credits_of(3))


def test_a_coefficient_of_raters_who_never_differed_has_the_end_that_their_share_leaves() -> None:
    codes = [0] * 50 + [2] * 150
    found = class_reading(codes, codes)
    least = stats.binomtest(200, 200).proportion_ci(method="exact").low
    assert found["percent"].low == pytest.approx(least)
    # By chance 0.25 ** 2 + 0.75 ** 2; Gwet: (0.25 * 0.75 + 0.75 * 0.25) / 2.
    assert found["kappa"][:3] == pytest.approx((1.0, (least - 0.625) / 0.375, 1.0))
    assert found["ac"][:3] == pytest.approx((1.0, (least - 0.1875) / 0.8125, 1.0))
    assert (found["kappa"].reason, found["ac"].reason) == (None, None)


def test_the_end_is_below_what_the_misses_that_it_allows_for_would_give() -> None:
    """As many misses as the bound leaves open, on either side alike."""
    codes = [0] * 300 + [2] * 300
    found = class_reading(codes, codes)
    misses = int(600 * (1 - (found["percent"].low or 0)))
    assert misses == 3
    other = [2] * 2 + [0] * 298 + [0] + [2] * 299
    assert (found["kappa"].low or 0) <= cohen_kappa_score(codes, other)


def test_where_only_one_answer_was_given_kappa_stays_unknown() -> None:
    found = class_reading([2] * 100, [2] * 100)
    assert found["kappa"][:3] == (None, None, None)
    assert found["ac"].low == pytest.approx(found["percent"].low)


def test_raters_who_differ_keep_their_intervals() -> None:
    one = [0, 2] * 60
    other = [2, 2, *one[2:]]
    raters = [Coded(np.array(codes), np.ones(120, dtype=bool)) for codes in (one, other)]
    found = agreement(*raters, np.arange(120), VERDICTS)["class"]
    assert class_reading(one, other) == found


def test_too_few_prompts_stay_without_an_interval() -> None:
    found = class_reading([0, 2] * 5, [0, 2] * 5)
    assert all(one.low is None and one.value is None for one in found.values())


def test_a_difference_that_is_zero_everywhere_has_an_end_on_either_side() -> None:
    none = Estimate(0.0, None, None, 150, 100, "all rows say the same: no draw differs")
    found = difference_without_fault(none)
    most = stats.binomtest(0, 100).proportion_ci(method="exact").high
    assert found[:5] == pytest.approx((0.0, -most, most, 150, 100))
    assert found.reason is None
    for other in (
        Estimate(0.3, None, None, 150, 100, "all rows say the same: no draw differs"),
        Estimate(0.0, -0.1, 0.1, 150, 100),
        Estimate(None, None, None, 5, 5, "5 prompt clusters, an interval needs 20"),
    ):
        assert difference_without_fault(other) == other
