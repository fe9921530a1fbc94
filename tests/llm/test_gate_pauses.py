"""The gate waits for a provider that throttles most of what it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from itertools import pairwise
from typing import Any

import pytest
from simulated_time import simulate

from prefkit.llm.limits.gate import Gate
from prefkit.llm.settings import Settings


def gate(concurrency: int = 100, **settings: Any) -> Gate:
    return Gate(Settings(concurrency=concurrency, **settings))


def started(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return asyncio.get_running_loop().create_task(work)


def test_when_most_is_throttled_nobody_sends_before_the_provider_said() -> None:
    async def work() -> tuple[float, float]:
        slots = gate(10)
        for ticket in [await slots.enter(0) for _ in range(10)]:
            slots.leave(ticket, throttled=True, retry_after_s=7.0)
        assert slots.in_flight == 0
        await slots.enter(0)
        return asyncio.get_running_loop().time(), slots.waited_s

    assert simulate(work()) == (pytest.approx(7.0), pytest.approx(7.0))


def test_a_pause_in_progress_counts_in_the_time_waited() -> None:
    async def work() -> float:
        slots = gate(10)
        for ticket in [await slots.enter(0) for _ in range(10)]:
            slots.leave(ticket, throttled=True, retry_after_s=7.0)
        waiting = started(slots.enter(0))
        await asyncio.sleep(3)
        so_far = slots.waited_s
        waiting.cancel()
        await asyncio.sleep(10)
        assert slots.waited_s == so_far  # nobody waits any more
        return so_far

    assert simulate(work()) == pytest.approx(3.0)


def test_a_few_throttles_with_a_long_wait_pause_nobody_else() -> None:
    async def work() -> float:
        slots = gate(10)
        tickets = [await slots.enter(0) for _ in range(10)]
        for ticket in tickets[:3]:
            slots.leave(ticket, throttled=True, retry_after_s=60.0)
        for ticket in tickets[3:]:
            slots.leave(ticket)
        await slots.enter(0)
        return asyncio.get_running_loop().time()

    assert simulate(work()) == 0.0


@pytest.mark.parametrize("absurd", [-5.0, float("nan"), float("inf"), 3.2e8])
def test_an_absurd_wait_pauses_as_if_none_had_been_said(absurd: float) -> None:
    async def work() -> float:
        slots = gate(10)
        for ticket in [await slots.enter(0) for _ in range(10)]:
            slots.leave(ticket, throttled=True, retry_after_s=absurd)
        await slots.enter(0)
        return asyncio.get_running_loop().time()

    assert simulate(work()) == pytest.approx(0.5)


def test_a_wait_beyond_the_deadline_does_not_stop_the_run() -> None:
    async def work() -> float:
        slots = gate(10, deadline_s=900.0)
        for ticket in [await slots.enter(0) for _ in range(10)]:
            slots.leave(ticket, throttled=True, retry_after_s=3600.0)
        await slots.enter(0)
        return asyncio.get_running_loop().time()

    assert simulate(work()) == 0.0


def test_without_a_word_from_the_provider_pauses_double_until_an_answer_comes() -> None:
    async def work() -> list[float]:
        slots, times, loop = gate(1), [], asyncio.get_running_loop()
        for throttled in [True] * 9 + [False, True, True, True, True, True]:
            ticket = await slots.enter(0)
            times.append(loop.time())
            slots.leave(ticket, throttled=throttled)
        return [round(b - a, 6) for a, b in pairwise(times)]

    # More than half of about four answers are throttled from the third on, and again from the
    # twelfth; 3/4 of a share of 0.92 after one answer is still above one half.
    assert simulate(work()) == [0, 0, 0.5, 1, 2, 4, 8, 8, 8, 0, 0.5, 1, 2, 4]
