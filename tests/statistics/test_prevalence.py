"""Intervals of coefficients need that another answer than the commonest was seen."""

from __future__ import annotations

import numpy as np
import pytest

from prefkit.statistics.agreement import Scale, agreement
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.prevalence import with_others
from prefkit.statistics.shares import Coded

SURE = Estimate(0.4, 0.1, 0.7, 30, 30, None, "m", 1.0)


def counts_with(others: int) -> np.ndarray:
    return np.array([[3.0, 1.0]] * (30 - others) + [[1.0, 3.0]] * others)


@pytest.mark.parametrize(("others", "given"), [(0, False), (2, False), (3, True)])
def test_three_prompts_with_another_answer_are_needed(others: int, given: bool) -> None:
    found = with_others({"kappa": SURE, "ac": SURE}, ("kappa",), counts_with(others), np.arange(30))
    assert found["ac"] == SURE
    assert (found["kappa"].low is not None) == given
    assert found["kappa"].value == 0.4
    assert given or f"in {others} prompts another answer" in str(found["kappa"].reason)


def test_rows_of_one_prompt_are_one_and_split_items_none() -> None:
    same = np.r_[np.arange(25), [25] * 5]
    assert with_others({"kappa": SURE}, ("kappa",), counts_with(5), same)["kappa"].low is None
    split = np.vstack([counts_with(2), [[2.0, 2.0]] * 4])
    assert with_others({"kappa": SURE}, ("kappa",), split, np.arange(34))["kappa"].low is None


def test_kappa_of_raters_who_share_one_answer_says_why_it_has_no_interval() -> None:
    one = np.zeros(40, dtype=np.int64)
    other = one.copy()
    one[:4], other[4:8] = 1, 1
    known = np.ones(40, dtype=bool)
    found = agreement(Coded(one, known), Coded(other, known), np.arange(40), Scale(2))["class"]
    assert found["kappa"].value is not None
    assert "another answer than the commonest" in str(found["kappa"].reason)
    assert found["percent"].low is not None
