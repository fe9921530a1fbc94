"""Student's t held against scipy."""

from __future__ import annotations

import pytest
from scipy import stats

from prefkit.statistics.student import student


@pytest.mark.parametrize("degrees", [7, 9, 9.5, 15, 28, 60, 1000])
def test_the_point_of_students_t_is_that_of_scipy(degrees: float) -> None:
    assert student(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), abs=1e-4)
