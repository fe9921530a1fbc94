"""What rows of one prompt cost, against planted clusters and a published formula."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from prefkit.statistics.design_effect import design_effect


def planted(prompts: int, each: int, correlation: float) -> tuple[np.ndarray, np.ndarray]:
    """Normal values with that correlation between any two rows of a prompt."""
    rng = np.random.default_rng(41)
    clusters = np.repeat(np.arange(prompts), each)
    shared = np.sqrt(correlation) * rng.normal(size=prompts)[clusters]
    return shared + np.sqrt(1 - correlation) * rng.normal(size=len(clusters)), clusters


@pytest.mark.parametrize(("each", "correlation"), [(1, 0.0), (4, 0.0), (4, 0.3), (8, 0.5)])
def test_the_design_effect_of_planted_clusters_is_recovered(each: int, correlation: float) -> None:
    values, clusters = planted(4000, each, correlation)
    # Kish: 1 + (rows a prompt - 1) times their correlation; 4,000 prompts leave 3 % or so.
    assert design_effect(values, clusters) == pytest.approx(1 + (each - 1) * correlation, rel=0.07)


def test_it_is_the_variance_of_a_clustered_regression_over_the_plain_one() -> None:
    values, clusters = planted(60, 3, 0.4)
    ones = np.ones((len(values), 1))
    plain = sm.OLS(values, ones).fit()
    clustered = plain.get_robustcov_results("cluster", groups=clusters)
    expected = (clustered.bse[0] / plain.bse[0]) ** 2
    assert design_effect(values, clusters) == pytest.approx(expected, rel=1e-6)


def test_rows_that_repeat_themselves_are_one_row() -> None:
    values = np.repeat(np.arange(200) % 2, 5).astype(float)
    # 5 but for the corrections for 200 prompts and 1,000 rows: (200/199) / (1000/999).
    assert design_effect(values, np.repeat(np.arange(200), 5)) == pytest.approx(
        5 * (200 / 199) / (1000 / 999)
    )


def test_nothing_that_varies_has_no_design_effect() -> None:
    assert design_effect(np.ones(10), np.arange(10)) is None
    assert design_effect(np.array([0.0, 1.0]), np.zeros(2)) is None
    assert design_effect(np.array([]), np.array([])) is None
