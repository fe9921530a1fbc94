"""Both orders of a pair, and what one order cannot tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefkit.statistics.shares import Coded
from prefkit.statistics.swaps import (
    Swaps,
    order_fault,
    shown_once,
    swap_counts,
    swaps,
    verdicts_of_scores,
)


def coded(*codes: int | None) -> Coded:
    return Coded(
        np.array([0 if code is None else code for code in codes], dtype=np.int64),
        np.array([code is not None for code in codes]),
    )


def times(codes: list[int], count: int) -> Coded:
    return coded(*(codes * count))


def test_every_pair_is_counted_once_by_what_its_two_verdicts_say() -> None:
    a_first = coded(1, -1, 0, 1, -1, 0, None, None)
    b_first = coded(1, -1, 0, -1, 1, 1, 1, None)
    found = swap_counts(a_first, b_first)
    assert found == Swaps(
        same_side=2, both_tied=1, locked_first=1, locked_second=1, one_tied=1,
        one_readable=1, none_readable=1,
    )  # fmt: skip
    assert found.pairs == 6


def test_shares_worked_out_by_hand() -> None:
    # A wins twice, B wins twice, locked first, tie against A, two ties; twenty times each.
    a_first, b_first = times([1, -1, 1, 0, 0], 20), times([1, -1, -1, 1, 0], 20)
    found = swaps(a_first, b_first, np.arange(100))
    assert {name: one.value for name, one in found.items()} == {
        "consistency": pytest.approx(3 / 5),
        "consistency_decided": pytest.approx(2 / 3),
        "locked_first": pytest.approx(1 / 5),
        "locked_second": pytest.approx(0),
        "lock_bias": pytest.approx(1 / 5),
        # Of seven verdicts for a side four are for the one shown first: see the rows above.
        "first": pytest.approx(4 / 7),
        "ties": pytest.approx(3 / 10),
    }
    # None of 100: up to 1 - 0.025 ** (1 / 100) = 3.6 %, not exactly zero.
    assert found["locked_second"].high == pytest.approx(0.0362, abs=5e-5)


def test_a_judge_that_only_guesses_is_noisy_and_not_biased() -> None:
    rng = np.random.default_rng(1)
    a_first, b_first = (Coded(rng.choice([-1, 1], 800), np.ones(800, dtype=bool)) for _ in range(2))
    found = swaps(a_first, b_first, np.arange(800) // 2)
    assert found["consistency"].value == pytest.approx(0.5, abs=0.06)
    assert found["lock_bias"].low < 0 < found["lock_bias"].high  # type: ignore[operator]


def test_a_taste_for_the_second_slot_shows_in_the_difference_of_the_locks() -> None:
    rng = np.random.default_rng(2)
    known = np.ones(800, dtype=bool)
    a_first = Coded(np.where(rng.random(800) < 0.35, 1, -1), known)
    b_first = Coded(np.where(rng.random(800) < 0.65, 1, -1), known)
    found = swaps(a_first, b_first, np.arange(800))
    # 0.65 squared minus 0.35 squared is 0.3.
    assert found["lock_bias"].value == pytest.approx(-0.3, abs=0.06)
    assert found["lock_bias"].high < 0  # type: ignore[operator]
    assert found["first"].value == pytest.approx(0.35, abs=0.04)


def test_equal_pointwise_scores_are_ties_and_never_positions() -> None:
    one, other = np.array([3.0, 4.0, 2.0, np.nan]), np.array([3.0, 1.0, 5.0, 2.0])
    verdicts = verdicts_of_scores(one, other)
    assert verdicts.codes[:3].tolist() == [0, 1, -1]
    assert verdicts.known.tolist() == [True, True, True, False]
    # The same scores in both orders: nothing is locked, whatever was equal.
    back = verdicts_of_scores(other, one).swapped()
    found = swap_counts(verdicts, back)
    assert (found.locked_first, found.locked_second, found.both_tied) == (0, 0, 1)


def test_one_order_a_pair_tells_the_slot_only_where_slots_vary() -> None:
    rng = np.random.default_rng(3)
    order = Coded(rng.choice([-1, 1], 400), np.ones(400, dtype=bool))
    # Always the one shown first.
    found = shown_once(order, order, np.arange(400))
    assert found["first"].value == 1.0
    assert found["first"].low == pytest.approx(0.0250 ** (1 / 400), abs=1e-6)
    assert found["consistency"].reason == "each pair was judged in one order only"
    assert found["lock_bias"].value is None


def test_a_fixed_slot_is_order_or_side_and_is_called_so() -> None:
    verdict = times([1, 1, 1, -1], 25)
    found = shown_once(verdict, times([1], 100), np.arange(100))
    assert found["first_or_side"].value == pytest.approx(0.75)
    assert found["first"].value is None
    assert "a taste for either looks the same" in str(found["first"].reason)
    assert order_fault(times([1], 100), np.arange(100)) == "the fixed side is always shown first"


def test_an_order_that_the_prompt_fixes_is_found() -> None:
    rng = np.random.default_rng(4)
    prompts = np.repeat(np.arange(30), 4)
    fixed = Coded(rng.choice([-1, 1], 30)[prompts], np.ones(120, dtype=bool))
    assert order_fault(fixed, prompts) == "the order is fixed by the prompt in all 30 that repeat"
    free = Coded(rng.choice([-1, 1], 120), np.ones(120, dtype=bool))
    assert order_fault(free, prompts) is None
    assert order_fault(fixed, np.arange(120)) is None, "no prompt repeats: nothing can show it"
    assert order_fault(coded(None, None), np.arange(2)) == "no order is known"


verdict = st.sampled_from([1, 0, -1, None])


@given(st.lists(st.tuples(verdict, verdict), max_size=60))
def test_counts_add_up_and_exchanging_the_sides_changes_none(
    rows: list[tuple[int | None, int | None]],
) -> None:
    a_first, b_first = (coded(*column) for column in zip(*rows, strict=True)) if rows else (
        coded(), coded()
    )  # fmt: skip
    found = swap_counts(a_first, b_first)
    assert sum(found) == len(rows)
    # With B as the fixed side, what was A first is B second.
    assert swap_counts(b_first.swapped(), a_first.swapped()) == found
