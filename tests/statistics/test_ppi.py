"""A mean by few human labels and many verdicts: coverage, width, and the published formula."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from prefkit.statistics.ppi import powered_mean, rogan_gladen


def drawn(
    rng: np.random.Generator, prompts: int, each: int, right: float, prompt_spread: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What humans say (0.6 of a prompt's rows on average), a judge's verdicts, and the prompts."""
    shares = np.clip(0.6 + prompt_spread * rng.uniform(-1, 1, prompts), 0, 1)
    clusters = np.repeat(np.arange(prompts), each)
    human = (rng.random(len(clusters)) < shares[clusters]).astype(float)
    judge = np.where(rng.random(len(clusters)) < right, human, 1 - human)
    return human, judge, clusters


def test_independent_rows_give_the_published_formula() -> None:
    rng = np.random.default_rng(1)
    human, judge, clusters = drawn(rng, 3000, 1, 0.85)
    labelled = np.arange(3000) < 600
    found = powered_mean(human, labelled, judge, clusters)
    y, f, rest = human[labelled], judge[labelled], judge[~labelled]
    n, big = 600, 2400
    trust = np.cov(y, f)[0, 1] / (f.var(ddof=1) * (1 + n / big))
    assert found.trust == pytest.approx(trust, abs=0.01)
    theta = found.trust * rest.mean() + (y - found.trust * f).mean()
    assert found.mean.value == pytest.approx(theta)
    variance = (y - found.trust * f).var() / n + found.trust**2 * rest.var() / big
    width = found.mean.high - found.mean.low  # type: ignore[operator]
    assert width == pytest.approx(2 * 1.96 * np.sqrt(variance), rel=0.01)
    rho = np.corrcoef(y, f)[0, 1]
    assert found.rho == pytest.approx(rho)
    human_width = found.human_only.high - found.human_only.low  # type: ignore[operator]
    assert width / human_width == pytest.approx(np.sqrt(1 - rho**2 * big / (big + n)), abs=0.02)
    assert found.worth == pytest.approx(n * (human_width / width) ** 2, rel=0.02)
    assert found.design_effect == pytest.approx(1, abs=0.01)


def test_the_interval_of_humans_alone_is_that_of_a_clustered_regression() -> None:
    rng = np.random.default_rng(2)
    human, judge, clusters = drawn(rng, 100, 4, 0.8, prompt_spread=0.4)
    labelled = clusters < 60
    found = powered_mean(human, labelled, judge, clusters).human_only
    y = human[labelled]
    fit = sm.OLS(y, np.ones((len(y), 1))).fit(
        cov_type="cluster", cov_kwds={"groups": clusters[labelled]}, use_t=False
    )
    assert found.value == pytest.approx(fit.params[0])
    reach = stats.t.ppf(0.975, 59) * fit.bse[0]
    # statsmodels also multiplies the variance by (n - 1) / (n - 1) = 1 for one column.
    assert (found.high - found.low) / 2 == pytest.approx(reach, rel=1e-3)  # type: ignore[operator]
    assert (found.n, found.clusters) == (240, 60)


@pytest.mark.parametrize(
    ("prompts", "each", "right", "spread"),
    [(400, 1, 0.9, 0.0), (400, 1, 0.6, 0.0), (250, 4, 0.8, 0.35), (150, 4, 0.5, 0.35)],
)
def test_intervals_cover_and_are_hardly_ever_wider_than_those_of_humans_alone(
    prompts: int, each: int, right: float, spread: float
) -> None:
    rng = np.random.default_rng(3)
    covered, wider, widths = 0, [], []
    runs = 600
    for _ in range(runs):
        human, judge, clusters = drawn(rng, prompts, each, right, spread)
        labelled = clusters < 50
        found = powered_mean(human, labelled, judge, clusters)
        covered += found.mean.low <= 0.6 <= found.mean.high  # type: ignore[operator]
        width, alone = (one.high - one.low for one in (found.mean, found.human_only))  # type: ignore[operator]
        wider.append(width / alone)
        widths.append(width)
    # Nominal 95 %: three standard deviations of 600 runs are 2.7 points.
    assert covered / runs == pytest.approx(0.95, abs=0.027)
    # Only the degree of freedom that lambda costs can widen: t of 48 over t of 49 is 1.0005.
    assert max(wider) < 1.001
    if right == 0.9:
        assert np.mean(wider) < 0.75


def test_plain_ppi_with_a_weak_judge_is_wider_than_humans_alone_and_the_tuned_one_is_not() -> None:
    rng = np.random.default_rng(4)
    human, judge, clusters = drawn(rng, 1000, 1, 0.55)
    found = powered_mean(human, np.arange(1000) < 100, judge, clusters)
    tuned, alone, plain = (
        one.high - one.low  # type: ignore[operator]
        for one in (found.mean, found.human_only, found.plain)
    )
    assert plain > 1.2 * alone
    assert tuned <= 1.001 * alone


def test_a_judge_that_is_useless_or_upside_down_is_not_trusted_at_all() -> None:
    rng = np.random.default_rng(5)
    human, judge, clusters = drawn(rng, 500, 1, 0.9)
    found = powered_mean(human, np.arange(500) < 100, 1 - judge, clusters)
    assert found.trust == 0
    assert found.mean == found.human_only
    assert found.rho < -0.6  # type: ignore[operator]
    flat = powered_mean(human, np.arange(500) < 100, np.ones(500), clusters)
    assert (flat.trust, flat.rho) == (0, None)
    assert flat.mean == flat.human_only


def test_the_judge_alone_is_not_what_humans_say() -> None:
    rng = np.random.default_rng(6)
    human, _, clusters = drawn(rng, 4000, 1, 0.9)
    # A judge that turns a third of the losses into wins.
    judge = np.maximum(human, rng.random(4000) < 1 / 3)
    found = powered_mean(human, np.arange(4000) < 800, judge, clusters)
    assert found.judge_only == pytest.approx(0.6 + 0.4 / 3, abs=0.03)
    assert found.mean.low < 0.6 < found.mean.high  # type: ignore[operator]
    assert found.mean.high < found.judge_only  # type: ignore[operator]


def test_rows_of_a_prompt_that_go_together_cost_labels() -> None:
    rng = np.random.default_rng(7)
    human = np.repeat(rng.random(100) < 0.6, 5).astype(float)
    found = powered_mean(human, np.ones(500, dtype=bool), human, np.repeat(np.arange(100), 5))
    # Five rows that say the same are one label.
    assert found.design_effect == pytest.approx(5, rel=0.03)
    assert found.judged == 0
    assert found.plain.reason == ("0 prompt clusters without a label, a judge helps from 30 on")
    assert found.mean == found.human_only


def test_a_judge_who_saw_hardly_more_rows_than_the_humans_is_left_out() -> None:
    human, judge, clusters = drawn(np.random.default_rng(11), 100, 1, 0.95)
    found = powered_mean(human, clusters < 99, judge, clusters)
    assert (found.trust, found.judged) == (0, 1)
    assert found.mean == found.human_only


def test_tiny_slices_are_refused() -> None:
    rng = np.random.default_rng(8)
    human, judge, clusters = drawn(rng, 300, 1, 0.9)
    found = powered_mean(human, clusters < 29, judge, clusters)
    assert found.mean.reason == "29 labelled prompt clusters, an interval needs 30"
    assert found.mean.value is None
    nearly = np.where(clusters < 4, 0.0, 1.0)
    found = powered_mean(nearly, clusters < 60, judge, clusters)
    assert found.mean.reason == "only 4 labels differ from all others, an interval needs 5"
    same = powered_mean(np.full(300, 0.5), clusters < 60, judge, clusters)
    assert "all labels are equal" in str(same.mean.reason)
    none = powered_mean(human, np.zeros(300, dtype=bool), judge, clusters)
    assert none.mean.value is None
    assert none.judge_only == pytest.approx(judge.mean())


def test_labels_of_which_hardly_one_differs_have_no_interval_whatever_their_unit() -> None:
    # 59 of 60 responses are good to all their people, one to two of three.
    for common, rare in ((1.0, 2 / 3), (0.5, 1.0), (4.0, 5.0)):
        human = np.append(np.full(59, common), [rare, *np.full(60, common)])
        found = powered_mean(human, np.arange(120) < 60, human, np.arange(120))
        assert found.mean.reason == "only 1 labels differ from all others, an interval needs 5"


def test_prompts_whose_labels_balance_out_have_no_interval_of_no_width() -> None:
    # Every prompt has a win and a loss: the share is one half, and no prompt differs from another.
    human, clusters = np.tile([1.0, 0.0], 100), np.repeat(np.arange(100), 2)
    judge = np.random.default_rng(10).random(200)
    found = powered_mean(human, clusters < 60, judge, clusters)
    assert found.mean.value is None
    assert "balance out" in str(found.mean.reason)


def test_values_that_are_not_finite_are_refused() -> None:
    human, judge, clusters = drawn(np.random.default_rng(9), 60, 1, 0.9)
    with pytest.raises(ValueError, match="not finite"):
        powered_mean(human, np.ones(60, dtype=bool), np.append(judge[:-1], np.nan), clusters)
    nothing = np.where(np.arange(60) < 40, human, np.nan)
    assert powered_mean(nothing, np.arange(60) < 40, judge, clusters).mean.value is not None


@given(st.integers(0, 10_000))
def test_neither_the_order_of_rows_nor_which_side_wins_matters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    human, judge, clusters = drawn(rng, 80, 2, 0.8, prompt_spread=0.2)
    labelled = rng.random(160) < 0.6
    found = powered_mean(human, labelled, judge, clusters)
    places = rng.permutation(160)
    again = powered_mean(human[places], labelled[places], judge[places], clusters[places])
    turned = powered_mean(1 - human, labelled, 1 - judge, clusters)
    for name in ("mean", "human_only", "plain"):
        one, shuffled, other = (getattr(result, name) for result in (found, again, turned))
        assert shuffled[:3] == pytest.approx(one[:3])
        assert [1 - other.value, 1 - other.high, 1 - other.low] == pytest.approx(one[:3])
        assert 0 <= one.low <= one.value <= one.high <= 1


def test_the_correction_of_rogan_and_gladen() -> None:
    # 0.6 truly: a judge with sensitivity 0.9 and specificity 0.8 shows 0.54 + 0.08 = 0.62.
    assert rogan_gladen(0.62, 0.9, 0.8) == pytest.approx(0.6)
    assert rogan_gladen(0.95, 0.9, 0.8) == 1.0
    assert np.isnan(rogan_gladen(0.5, 0.4, 0.6))
