"""What a job's money becomes when it is taken out of the ledger piece by piece."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefkit.llm.batches.batch_rows import Held, _at_most
from prefkit.llm.money.ledger import Ledger
from prefkit.llm.money.units import Exact, dollars, units
from prefkit.llm.records import Usage

HERE = {"stage": "judge", "model": "openai:gpt-x"}
SUMS = st.floats(0.0, 1e7)


def held_by(ledger: Ledger, usd: float) -> Held:
    asyncio.run(ledger.reserve(usd))
    return Held(ledger, usd)


@given(usd=SUMS, other=SUMS, parts=st.lists(SUMS, max_size=20))
def test_parts_of_any_size_and_the_rest_leave_what_others_hold_and_nothing_else(
    usd: float, other: float, parts: Sequence[float]
) -> None:
    ledger = Ledger()
    asyncio.run(ledger.reserve(other))
    held = held_by(ledger, usd)
    for number, part in enumerate(parts):
        if number % 2:
            ledger.settle(held.take(part), 0.0, Usage(1, 1), **HERE)
        else:
            ledger.doubt(held.take(part), **HERE)
    held.release()
    held.release()  # a second time there is nothing left to give back
    assert ledger.reserved_usd == dollars(units(other))
    ledger.release(other)
    assert ledger.reserved_usd == 0.0


def test_a_million_parts_of_a_great_sum_come_back_to_the_last_digit() -> None:
    usd = 9_999_999.123456789
    draw = random.Random(5)
    ledger = Ledger()
    held = held_by(ledger, usd)
    for _ in range(1_000_000):
        ledger.release(held.take(draw.random() * 1.5e-6 * usd))
    held.release()
    assert ledger.reserved_usd == 0.0


def test_more_than_was_held_is_still_a_fault_of_the_caller() -> None:
    ledger = Ledger()
    held_by(ledger, 5_000.25)
    with pytest.raises(ValueError, match="were not reserved"):
        ledger.release(Exact(units(5_000.25) + 1))
    ledger.release(Exact(units(5_000.25)))
    assert ledger.reserved_usd == 0.0


@given(budget=SUMS, share=st.floats(0.0, 1.0))
def test_a_job_as_large_as_what_is_free_is_admitted(budget: float, share: float) -> None:
    ledger = Ledger(budget)
    asyncio.run(ledger.reserve(budget * share))
    free = ledger.free_units
    assert free is not None
    assert free >= 0
    usd = _at_most(free)
    assert units(usd) <= free
    # Two steps of a float at most, which is far less than a millionth of a cent.
    assert dollars(free) - usd <= 4e-9
    assert asyncio.run(asyncio.wait_for(ledger.reserve(usd), 5))
    assert not ledger.reached
