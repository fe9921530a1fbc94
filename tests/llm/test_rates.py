"""Requests and tokens per minute: evenly, never above the limit, and never for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_time import simulate

from prefkit.llm.limits.gate import Gate, Ticket
from prefkit.llm.limits.rates import Bucket
from prefkit.llm.settings import Settings


async def sent(gate: Gate, tokens: list[int], used: int | None = None) -> list[float]:
    """When each of these requests was sent, all of them waiting from the start."""
    loop = asyncio.get_running_loop()
    times = [0.0] * len(tokens)

    async def one(number: int) -> None:
        ticket = await gate.enter(tokens[number])
        times[number] = loop.time()
        await asyncio.sleep(0.5)
        gate.leave(ticket, tokens=used)

    await asyncio.gather(*(one(number) for number in range(len(tokens))))
    return times


def times_of(tokens: list[int], used: int | None = None, **settings: Any) -> list[float]:
    return simulate(sent(Gate(Settings(**settings)), tokens, used))


def test_requests_per_minute_are_spread_over_the_minute() -> None:
    times = times_of([0] * 121, requests_per_minute=60)
    # One at once, one a second: 60 in the first minute and not 120.
    assert times == pytest.approx([float(second) for second in range(121)])


def test_a_high_limit_goes_out_in_slices_of_a_tenth_of_a_second() -> None:
    times = times_of([0] * 2000, requests_per_minute=60_000, concurrency=1000)
    # 1,000 a second: a bucket of 100 at once, then one every millisecond.
    assert times[99] == 0.0
    assert times[100] == pytest.approx(0.001)
    assert sum(time < 1.0 for time in times) <= 1100
    assert times[-1] == pytest.approx(1.9)


def test_tokens_per_minute_make_a_request_wait_for_those_before_it() -> None:
    # 10 tokens a second; each goes when the 50 before it are paid.
    times = times_of([50, 50, 50], tokens_per_minute=600)
    assert times == pytest.approx([0.0, 5.0, 10.0])


def test_a_request_larger_than_a_whole_minute_still_goes() -> None:
    times = times_of([6000, 10], tokens_per_minute=600)
    assert times == pytest.approx([0.0, 600.0])


def test_both_limits_hold_together() -> None:
    times = times_of([1, 50, 1, 1], requests_per_minute=60, tokens_per_minute=600)
    # By requests 0, 1, 2, 3; the third must wait for the 50 tokens of the second as well.
    assert times == pytest.approx([0.0, 1.0, 6.0, 7.0])


def test_what_an_answer_did_not_use_is_given_to_the_next() -> None:
    # 100 each by the estimate would be 10 s apart. After half a second 80 of them come back, and
    # the debt of 99 is 99 - 5 - 80 = 14 and a full bucket of 1 is due: 1.5 s more.
    times = times_of([100, 100], used=20, tokens_per_minute=600)
    assert times == pytest.approx([0.0, 2.0])


def test_what_an_answer_used_beyond_its_estimate_is_waited_for() -> None:
    times = times_of([10, 10], used=50, tokens_per_minute=600)
    assert times == pytest.approx([0.0, 5.0])


def test_nothing_given_back_makes_a_bucket_overflow() -> None:
    # All of the estimate comes back; the bucket still holds a tenth of a second's worth.
    async def work() -> list[float]:
        gate = Gate(Settings(tokens_per_minute=600))
        await sent(gate, [100], used=0)
        await asyncio.sleep(60)
        return [time - 60.5 for time in await sent(gate, [5, 5])]

    assert simulate(work()) == pytest.approx([0.0, 0.5])


def test_a_request_that_waits_for_the_rate_holds_no_slot() -> None:
    async def work() -> list[int]:
        gate, seen = Gate(Settings(requests_per_minute=6, concurrency=4)), []
        task = asyncio.get_running_loop().create_task(sent(gate, [0] * 4))
        for _ in range(4):
            await asyncio.sleep(5)
            seen.append(gate.in_flight)
        await task
        return seen

    # One every 10 s that takes half a second: at 5, 10, 15 and 20 s nobody is in flight, but for
    # those that go at 10 and 20 s sharp.
    assert simulate(work()) == [0, 1, 0, 1]


def test_time_waited_is_counted_by_the_clock_and_not_by_the_request() -> None:
    async def work() -> float:
        gate = Gate(Settings(requests_per_minute=60, concurrency=100))
        await sent(gate, [0] * 31)
        return gate.waited_s

    assert simulate(work()) == pytest.approx(30.0)


def test_time_without_a_free_slot_is_not_time_waited_for_the_rate() -> None:
    async def work() -> float:
        gate = Gate(Settings(requests_per_minute=6000, concurrency=1))
        await sent(gate, [0] * 20)
        return gate.waited_s

    assert simulate(work()) == 0.0


def test_one_that_gave_up_in_the_turn_of_its_admission_used_nothing() -> None:
    async def work() -> float:
        gate, loop = Gate(Settings(tokens_per_minute=600, concurrency=1)), asyncio.get_event_loop()
        first: Ticket = await gate.enter(0)
        second = loop.create_task(gate.enter(600))
        await asyncio.sleep(0)
        gate.leave(first)
        second.cancel()
        await gate.enter(600)
        return loop.time()

    assert simulate(work()) == 0.0


@given(
    per_minute=st.floats(1.0, 1e6),
    least=st.floats(1.0, 100.0),
    steps=st.lists(
        st.tuples(st.floats(0.0, 5.0), st.floats(0.0, 3000.0), st.floats(0.0, 1.0)), max_size=50
    ),
)
def test_a_bucket_never_admits_more_than_rate_times_time_and_one_burst(
    per_minute: float, least: float, steps: list[tuple[float, float, float]]
) -> None:
    bucket = Bucket(per_minute, least, 0.0)
    now, admitted = 0.0, [(0.0, 0.0)]
    for idle, amount, share_back in steps:
        now += idle
        now += bucket.wait_s(amount, now)
        assert bucket.wait_s(amount, now) <= 1e-6 * bucket.size / bucket.rate + 1e-9
        bucket.take(amount, now)
        bucket.take(-amount * share_back, now)  # given back at once: never sent
        admitted.append((now, amount * (1.0 - share_back)))
    # The last one of a span may be larger than the bucket: then it is the burst.
    for first in range(len(admitted)):
        total = 0.0
        for at, amount in admitted[first:]:
            before = total
            total += amount
            allowed = bucket.rate * (at - admitted[first][0]) + bucket.size
            assert before <= allowed * (1 + 1e-6) + 1e-6
            assert total <= (allowed + max(0.0, amount - bucket.size)) * (1 + 1e-6) + 1e-6
