"""The difference of two shares, by the ends of both."""

from __future__ import annotations

import math

import numpy as np
import pytest

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.differences import NEWCOMBE, difference, together
from prefkit.statistics.wilson import wilson_share


def test_it_is_the_published_interval() -> None:
    # Newcombe (1998), table II, method 10: 56 of 70 less 48 of 80 is 0.0524 to 0.3339.
    found = difference(wilson_share(56, 70), wilson_share(48, 80), together=0.0)
    assert found is not None
    assert found.value == pytest.approx(0.2)
    assert found.method == NEWCOMBE
    assert found.low == pytest.approx(0.0524, abs=5e-5)
    assert found.high == pytest.approx(0.3339, abs=5e-5)


def test_shares_that_go_together_have_a_shorter_one() -> None:
    one, other = wilson_share(56, 70), wilson_share(48, 70)
    apart, alike = (difference(one, other, together=rho) for rho in (0.0, 0.6))
    assert apart is not None
    assert alike is not None
    assert math.hypot(alike.low, alike.high) < math.hypot(apart.low, apart.high)  # type: ignore[arg-type]
    assert alike.low > apart.low  # type: ignore[operator]


def test_a_share_without_an_interval_leaves_none() -> None:
    bare = Estimate(0.5, None, None, 10, 10, "too few")
    assert difference(bare, wilson_share(1, 10), together=0.0) is None


def test_means_of_the_same_prompts_go_together_and_those_of_others_do_not() -> None:
    what = np.array([1.0, 0.0, 1.0, 0.0] * 2)
    one = np.arange(8) < 4
    assert together(what, one, ~one, np.tile(np.arange(4), 2)) == pytest.approx(1.0)
    assert together(what, one, ~one, np.arange(8)) == 0.0
    assert together(np.ones(8), one, ~one, np.arange(8)) == 0.0
