from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefkit.errors import ConfigError
from prefkit.llm.money.ledger import Ledger, Spend
from prefkit.llm.records import Usage

HERE: dict[str, str] = {"stage": "judge", "model": "openai:gpt-x"}
NOTHING = Usage()


async def turns() -> None:
    """Let every task that can go on go on."""
    for _ in range(5):
        await asyncio.sleep(0)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


def taken(ledger: Ledger) -> float:
    return ledger.spent_usd + ledger.doubtful_usd + ledger.reserved_usd


@pytest.mark.parametrize("budget", [-0.01, math.nan, math.inf, -math.inf])
def test_a_budget_that_is_no_sum_of_money_is_refused(budget: float) -> None:
    with pytest.raises(ConfigError, match="cannot be kept") as caught:
        Ledger(budget)
    assert caught.value.hint == "--budget 5.00, or leave --budget out for no limit"


def test_without_a_budget_everything_is_let_in_and_counted() -> None:
    async def work() -> None:
        ledger = Ledger()
        assert await ledger.reserve(1e6)
        assert ledger.reserved_usd == 1e6
        ledger.settle(1e6, 3.5, Usage(10, 2), **HERE)
        assert (ledger.spent_usd, ledger.reserved_usd) == (3.5, 0.0)
        assert not ledger.reached

    run(work())


def test_a_budget_of_nothing_lets_in_what_costs_nothing() -> None:
    async def work() -> None:
        ledger = Ledger(0)
        assert await ledger.reserve(0.0)
        assert not ledger.reached
        assert not await ledger.reserve(0.000001)
        assert ledger.reached
        assert await ledger.reserve(0.0)

    run(work())


@pytest.mark.parametrize("usd", [-1.0, math.nan, math.inf])
def test_a_sum_that_is_none_is_a_fault_of_the_caller(usd: float) -> None:
    async def work() -> None:
        ledger = Ledger(1)
        with pytest.raises(ValueError, match="dollars"):
            await ledger.reserve(usd)
        with pytest.raises(ValueError, match="were not reserved"):
            ledger.release(0.5)

    run(work())


def test_the_whole_budget_can_be_reserved_to_the_last_digit() -> None:
    async def work() -> None:
        for cents in range(1, 400):
            ledger = Ledger(cents / 100)
            assert await ledger.reserve(cents / 100)
            assert not await reserve_at_once(ledger, 1e-9)

    run(work())


async def reserve_at_once(ledger: Ledger, usd: float) -> bool | None:
    """What `reserve` answers without waiting; none if it would wait."""
    task = asyncio.ensure_future(ledger.reserve(usd))
    await turns()
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return None


def test_a_request_waits_while_others_may_give_back_and_is_let_in_then() -> None:
    async def work() -> None:
        ledger = Ledger(1.0)
        assert await ledger.reserve(0.8)
        waiting = asyncio.ensure_future(ledger.reserve(0.5))
        await turns()
        assert not waiting.done()
        ledger.settle(0.8, 0.5, NOTHING, **HERE)
        assert await waiting
        assert ledger.reserved_usd == 0.5
        assert not ledger.reached

    run(work())


def test_a_request_that_cannot_fit_even_then_is_refused_and_all_later_ones_at_once() -> None:
    async def work() -> None:
        ledger = Ledger(1.0)
        assert await ledger.reserve(0.8)
        first = asyncio.ensure_future(ledger.reserve(0.5))
        second = asyncio.ensure_future(ledger.reserve(0.1))
        await turns()
        ledger.settle(0.8, 0.6, NOTHING, **HERE)
        assert (await first, await second) == (False, False)
        assert ledger.reached
        assert ledger.refused_usd == 0.5
        # 0.1 would fit into the 0.4 that are left: rows are not to be chosen by their length
        assert await reserve_at_once(ledger, 0.1) is False

    run(work())


def test_a_request_above_the_whole_budget_is_refused_while_others_are_under_way() -> None:
    async def work() -> None:
        ledger = Ledger(1.0)
        assert await ledger.reserve(0.2)
        assert await reserve_at_once(ledger, 1.01) is False
        ledger.release(0.2)
        assert taken(ledger) == 0.0

    run(work())


def test_requests_are_let_in_by_turns() -> None:
    async def work() -> None:
        ledger = Ledger(1.0)
        assert await ledger.reserve(0.6)
        large = asyncio.ensure_future(ledger.reserve(0.5))
        await turns()
        small = asyncio.ensure_future(ledger.reserve(0.1))  # would fit now
        await turns()
        assert not large.done()
        assert not small.done()
        ledger.settle(0.6, 0.4, NOTHING, **HERE)
        assert await large
        assert await small

    run(work())


def test_who_stops_waiting_leaves_the_place_to_the_next() -> None:
    async def work() -> None:
        ledger = Ledger(1.0)
        assert await ledger.reserve(0.6)
        large = asyncio.ensure_future(ledger.reserve(0.5))
        await turns()
        small = asyncio.ensure_future(ledger.reserve(0.1))
        await turns()
        large.cancel()
        assert await small
        assert ledger.reserved_usd == pytest.approx(0.7)

    run(work())


def test_who_is_cancelled_when_just_let_in_gives_it_back() -> None:
    async def work() -> None:
        ledger = Ledger(1.0)
        assert await ledger.reserve(0.6)
        waiting = asyncio.ensure_future(ledger.reserve(0.9))
        await turns()
        ledger.release(0.6)  # lets it in, but its task has not run yet
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled()
        assert ledger.reserved_usd == 0.0
        assert await ledger.reserve(1.0)

    run(work())


def test_what_may_have_been_billed_counts_against_the_budget() -> None:
    async def work() -> None:
        ledger = Ledger(1.0)
        assert await ledger.reserve(0.7)
        ledger.doubt(0.7, **HERE)
        assert (ledger.spent_usd, ledger.doubtful_usd, ledger.reserved_usd) == (0.0, 0.7, 0.0)
        assert await reserve_at_once(ledger, 0.4) is False

    run(work())


def test_an_answer_of_known_price_without_usage_may_have_cost_its_most() -> None:
    async def work() -> None:
        ledger = Ledger(1.0)
        assert await ledger.reserve(0.7)
        ledger.settle(0.7, None, NOTHING, **HERE)
        assert (ledger.spent_usd, ledger.doubtful_usd) == (0.0, 0.7)
        assert ledger.by_stage() == [
            Spend(**HERE, **spent(requests=1, unpriced=1), doubtful_usd=0.7)
        ]

    run(work())


def spent(**other: float) -> dict[str, Any]:
    nothing = {"requests": 0, "input": 0, "output": 0, "usd": 0.0, "unpriced": 0, "doubtful": 0}
    return nothing | other


def test_a_bill_above_its_bound_is_counted_truly_and_noted() -> None:
    async def work() -> None:
        ledger = Ledger(1.0)
        assert await ledger.reserve(0.5)
        ledger.settle(0.5, 1.25, Usage(9, 9), **HERE)
        assert (ledger.spent_usd, ledger.overruns) == (1.25, 1)
        assert await reserve_at_once(ledger, 0.000001) is False

    run(work())


def test_spend_is_told_by_stage_and_model() -> None:
    async def work() -> None:
        ledger = Ledger(10.0)
        for _ in range(3):
            assert await ledger.reserve(1.0)
        ledger.settle(1.0, 0.25, Usage(100, 20), **HERE)
        ledger.settle(1.0, 0.5, Usage(200, 30), **HERE)
        ledger.doubt(1.0, **HERE)
        ledger.settle(0.0, None, Usage(7, None), stage="sample", model="http://host#m")
        one = Spend("judge", "openai:gpt-x", 2, 300, 50, 0.75, 0, 1, 1.0)
        other = Spend("sample", "http://host#m", 1, 7, 0, 0.0, 1, 0, 0.0)
        assert ledger.by_stage() == [one, other]

    run(work())


def test_a_million_bills_add_up() -> None:
    ledger = Ledger()
    bill = 1e-7 / 3
    for _ in range(1_000_000):
        ledger.settle(0.0, bill, NOTHING, **HERE)
    # each is rounded to a trillionth: half of one, a million times
    assert abs(ledger.spent_usd - 0.1 / 3) <= 5e-7
    tenths = Ledger()
    for _ in range(1_000):
        tenths.settle(0.0, 0.1, NOTHING, **HERE)
    assert tenths.spent_usd == 100.0
    assert sum([0.1] * 1_000) != 100.0, "floats would not: the test would see nothing"


def test_what_was_reserved_comes_back_to_the_last_digit_in_any_order() -> None:
    async def work() -> None:
        chance = random.Random(3)
        sums = [chance.uniform(0, 0.01) for _ in range(2_000)]
        ledger = Ledger(1e3)
        for usd in sums:
            assert await ledger.reserve(usd)
        chance.shuffle(sums)
        for usd in sums:
            ledger.release(usd)
        assert ledger.reserved_usd == 0.0

    run(work())


STEP = st.tuples(
    st.sampled_from(["reserve", "reserve", "reserve", "settle", "doubt", "release", "cancel"]),
    st.floats(0, 1),
    st.integers(0, 5),
)


class Play:
    """A ledger, who waits for it and who holds a reservation; every look checks the promise."""

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self.ledger = Ledger(budget)
        self.asked: list[tuple[float, asyncio.Task[bool]]] = []
        self.held: list[float] = []
        self.waited = 0

    async def step(self, kind: str, amount: float, which: int) -> None:
        if kind == "reserve":
            self.asked.append((amount, asyncio.ensure_future(self.ledger.reserve(amount))))
        elif kind == "cancel" and self.asked:
            self.asked[which % len(self.asked)][1].cancel()
        elif kind != "cancel" and self.held:
            self.end(kind, amount, self.held.pop(which % len(self.held)))
        await self.look()

    def end(self, kind: str, amount: float, usd: float) -> None:
        if kind == "settle":
            self.ledger.settle(usd, usd * amount, NOTHING, **HERE)
        elif kind == "doubt":
            self.ledger.doubt(usd, **HERE)
        else:
            self.ledger.release(usd)

    async def look(self) -> None:
        await turns()
        for usd, task in [one for one in self.asked if one[1].done()]:
            self.asked.remove((usd, task))
            if not task.cancelled() and task.result():
                self.held.append(usd)
        self.waited += bool(self.asked)
        assert taken(self.ledger) <= self.budget + 1e-12
        assert self.ledger.reserved_usd == pytest.approx(sum(self.held), abs=1e-9)
        assert any(self.held) or not self.asked, "somebody waits though nothing can come back"


@given(st.floats(0, 3), st.lists(STEP, max_size=60))
def test_the_budget_holds_whatever_happens_in_any_order(
    budget: float, steps: list[tuple[str, float, int]]
) -> None:
    async def work() -> None:
        play = Play(budget)
        for kind, amount, which in steps:
            await play.step(kind, amount, which)
        while play.held:
            play.ledger.release(play.held.pop())
            await play.look()
        assert not play.asked

    run(work())


def test_the_budget_holds_in_long_random_plays_in_which_many_wait() -> None:
    async def work() -> None:
        chance = random.Random(4)
        kinds = ["reserve"] * 8 + ["release"] * 6 + ["settle"] * 3 + ["cancel", "doubt"]
        waited = reached = 0
        for _ in range(60):
            play = Play(chance.uniform(1, 12))
            for _ in range(120):
                await play.step(chance.choice(kinds), chance.random(), chance.randrange(50))
            waited += play.waited
            reached += play.ledger.reached
        assert waited > 300, "if nobody waits the test sees nothing"
        assert reached > 0

    run(work())
