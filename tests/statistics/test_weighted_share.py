"""Weighted shares and control limits, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from prefkit.statistics.control import control_limits, outside
from prefkit.statistics.weighted import WEIGHTED, weighted_share
from prefkit.statistics.wilson import wilson_ends, wilson_share


def test_a_row_counts_for_what_it_stands_for() -> None:
    good = np.array([True] * 20 + [False] * 20)
    found = weighted_share(good, np.array([3.0] * 20 + [1.0] * 20))
    assert found.value == 0.75
    # (20 x 3 + 20) ** 2 / (20 x 9 + 20) = 6400 / 200 rows of one weight say as much.
    assert (found.low, found.high) == pytest.approx(wilson_ends(0.75, 32))
    assert (found.n, found.method, found.design_effect) == (40, WEIGHTED, 1.25)


def test_equal_weights_are_plain_wilson() -> None:
    good = np.array([True] * 9 + [False])
    assert weighted_share(good, np.full(10, 4.0)) == wilson_share(9, 10)


def test_no_row_has_no_share_and_a_weight_of_nothing_is_refused() -> None:
    none = np.zeros(0)
    assert weighted_share(none.astype(bool), none).reason == "no row was looked at"
    with pytest.raises(ValueError, match="weight above 0"):
        weighted_share(np.array([True]), np.array([0.0]))


def test_limits_are_three_standard_errors_and_stay_shares() -> None:
    # 3 x sqrt(0.9 x 0.1 / 36) = 0.15 about 0.9.
    assert control_limits(0.9, 36) == pytest.approx((0.75, 1.0))
    assert control_limits(1.0, 5) == (1.0, 1.0)
    with pytest.raises(ValueError, match="0 rows"):
        control_limits(0.9, 0)


def test_a_share_on_its_limit_is_not_outside() -> None:
    assert not outside(0.75, control_limits(0.9, 36))
    assert outside(0.74, control_limits(0.9, 36))
