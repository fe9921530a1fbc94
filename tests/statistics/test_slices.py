"""Slices beside the rest: Fisher, Benjamini and Hochberg, three states, shrunken estimates."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact
from statsmodels.stats.multitest import multipletests

from prefkit.statistics.multiplicity import benjamini_hochberg
from prefkit.statistics.shrinkage import shrunken
from prefkit.statistics.slices import Slice, slices, worst_first


def counted(*parts: tuple[int, int], per_prompt: int = 1) -> tuple[Slice, ...]:
    """Slices of (right, rows) each, no row in two of them."""
    good = np.concatenate([np.arange(rows) < right for right, rows in parts])
    codes = np.repeat(np.arange(len(parts)), [rows for _, rows in parts])
    rows = np.arange(len(good))
    return slices(good, rows, codes, rows // per_prompt, len(parts))


def test_p_is_that_of_fishers_exact_test_against_the_rest() -> None:
    found = counted((36, 47), (41, 52), (128, 141))
    for (right, rows), one in zip([(36, 47), (41, 52), (128, 141)], found, strict=True):
        table = [[right, rows - right], [205 - right, 240 - rows - 205 + right]]
        assert one.p == pytest.approx(fisher_exact(table, "less")[1], abs=1e-9)
        assert one.rate.value == pytest.approx(right / rows)
        assert one.rest == pytest.approx((205 - right) / (240 - rows))


def test_q_is_that_of_statsmodels_and_counts_only_what_was_asked() -> None:
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.9])
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1])
    with_gap = benjamini_hochberg(np.array([0.01, np.nan, 0.04]))
    assert np.isnan(with_gap[1])
    assert with_gap[[0, 2]] == pytest.approx([0.02, 0.04])
    assert len(benjamini_hochberg(np.array([]))) == 0


def test_a_slice_that_would_stand_out_alone_is_only_suspect_among_many() -> None:
    found = counted((36, 47), *[(45, 50)] * 11)
    assert found[0].p is not None
    assert found[0].p < 0.10
    assert found[0].q is not None
    assert found[0].q >= 0.10
    assert found[0].state == "suspect"
    assert {one.state for one in found[1:]} == {"fine"}


def test_a_slice_far_below_the_rest_is_proven_low() -> None:
    found = counted((30, 60), (180, 200), (182, 200))
    assert [one.state for one in found] == ["proven low", "fine", "fine"]


def test_a_small_slice_is_not_covered_and_never_tops_the_list() -> None:
    found = counted((0, 3), (36, 60), (180, 200), (0, 0))
    assert [one.state for one in found] == ["not covered", "proven low", "fine", "not covered"]
    assert found[0].p is None
    assert worst_first(found)[0].code == 1
    assert [one.code for one in worst_first(found)][-2:] == [0, 3]


def test_rows_of_one_prompt_count_once_where_they_all_say_the_same() -> None:
    alone = counted((60, 100), (450, 500))
    together = counted((60, 100), (450, 500), per_prompt=10)
    assert alone[0].state == "proven low"
    assert together[0].state == "not covered", "10 prompts are not 100 rows"
    assert together[0].rate.clusters == 10


def test_a_row_may_be_in_several_slices_or_in_none() -> None:
    good = np.arange(100) < 80
    rows = np.concatenate([np.arange(60), np.arange(40, 90)])
    codes = np.repeat([0, 1], [60, 50])
    one, other = slices(good, rows, codes, np.arange(100), 2)
    assert (one.rate.n, other.rate.n) == (60, 50)
    assert one.rest == pytest.approx(20 / 40)
    assert other.rest == pytest.approx(40 / 50)


def test_one_slice_of_everything_has_nothing_to_be_compared_with() -> None:
    (only,) = counted((40, 50))
    assert (only.state, only.rest, only.q) == ("not covered", None, None)


def test_no_rows_give_slices_that_are_not_covered() -> None:
    nothing = np.array([], dtype=np.int64)
    (only,) = slices(nothing.astype(bool), nothing, nothing, nothing, 1)
    assert (only.state, only.shrunken, only.rate.value) == ("not covered", None, None)


def test_equal_slices_shrink_to_their_common_rate_and_different_ones_keep_theirs() -> None:
    rows = np.full(10, 50.0)
    alike = shrunken(np.full(10, 45.0), rows)
    assert alike == pytest.approx(np.full(10, 0.9))
    differ = shrunken(np.array([20.0] * 5 + [50.0] * 5), rows)
    assert differ[0] == pytest.approx(0.4, abs=0.03)
    pulled = shrunken(np.array([0.0, *[45.0] * 9]), np.array([1.0, *[50.0] * 9]))
    assert pulled[0] > 0.8, "one wrong row of one is no rate of 0"


def test_of_equally_good_slices_few_sets_name_one() -> None:
    rng = np.random.default_rng(8)
    codes = np.repeat(np.arange(12), 40)
    rows = np.arange(len(codes))
    named = sum(
        any(one.state == "proven low" for one in slices(good, rows, codes, rows, 12))
        for good in (rng.random((200, len(codes))) < 0.9)
    )
    assert named <= 27  # at most 10 % of 200 in expectation, and 1.65 standard errors
