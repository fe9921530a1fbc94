"""The gate: slots in order, none lost, and a limit that follows the share of throttles."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_time import Run, Server, simulate

from prefkit.errors import ConfigError
from prefkit.llm.limits.gate import Gate, Ticket
from prefkit.llm.settings import Settings


def gate(concurrency: int = 100, **settings: Any) -> Gate:
    return Gate(Settings(concurrency=concurrency, **settings))


def started(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return asyncio.get_running_loop().create_task(work)


async def turns(many: int = 5) -> None:
    for _ in range(many):
        await asyncio.sleep(0)


# Slots


def test_no_more_requests_are_in_flight_than_there_are_slots() -> None:
    async def work() -> tuple[int, int]:
        slots, most = gate(3), 0

        async def one() -> None:
            nonlocal most
            ticket = await slots.enter(0)
            most = max(most, slots.in_flight)
            await asyncio.sleep(1)
            slots.leave(ticket)

        await asyncio.gather(*(one() for _ in range(20)))
        return most, slots.in_flight

    assert simulate(work()) == (3, 0)


def test_requests_go_in_the_order_in_which_they_came() -> None:
    async def work() -> list[int]:
        slots, order = gate(2), []

        async def one(number: int) -> None:
            ticket = await slots.enter(0)
            order.append(number)
            await asyncio.sleep(0.5)
            slots.leave(ticket)

        await asyncio.gather(*(one(number) for number in range(50)))
        return order

    assert simulate(work()) == list(range(50))


def test_what_is_asked_again_goes_ahead_of_new_requests_and_keeps_its_own_order() -> None:
    async def work() -> list[str]:
        slots, order = gate(1), []

        async def one(name: str, again: bool) -> None:
            ticket = await slots.enter(0, again=again)
            order.append(name)
            slots.leave(ticket)

        first = await slots.enter(0)
        waiting = [started(one(n, again=n.startswith("again"))) for n in ("a", "b", "again 1")]
        await turns()
        waiting.append(started(one("again 2", again=True)))
        await turns()
        slots.leave(first)
        await asyncio.gather(*waiting)
        return order

    assert simulate(work()) == ["again 1", "again 2", "a", "b"]


def test_a_waiter_cancelled_in_the_turn_of_its_admission_passes_the_slot_on() -> None:
    async def work() -> tuple[int, bool]:
        slots = gate(1)
        first = await slots.enter(0)
        second, third = started(slots.enter(0)), started(slots.enter(0))
        await turns()
        slots.leave(first)  # admits the second, which has not run yet
        assert slots.in_flight == 1
        second.cancel()
        await turns()
        assert second.cancelled()
        return slots.in_flight, third.done()

    assert simulate(work()) == (1, True)


def test_a_cancelled_waiter_at_the_head_does_not_hold_up_those_behind_it() -> None:
    async def work() -> float:
        slots = gate(10, requests_per_minute=60)
        await slots.enter(0)
        head, behind = started(slots.enter(0)), started(slots.enter(0))
        await asyncio.sleep(0.5)
        head.cancel()
        await behind
        return asyncio.get_running_loop().time()

    assert simulate(work()) == pytest.approx(1.0)


def test_leaving_twice_gives_one_slot_back() -> None:
    async def work() -> int:
        slots = gate(2)
        first = await slots.enter(0)
        await slots.enter(0)
        slots.leave(first)
        slots.leave(first, throttled=True)
        assert slots.throttles == 0
        return slots.in_flight

    assert simulate(work()) == 1


class Crowd:
    """Requests that wait and are inside, moved by the steps of a property test."""

    def __init__(self, slots: Gate) -> None:
        self.slots = slots
        self.waiting: list[asyncio.Task[Ticket]] = []
        self.inside: list[Ticket] = []

    async def enter(self, number: int) -> None:
        self.waiting.append(started(self.slots.enter(0, again=number % 2 == 1)))

    async def leave(self, number: int) -> None:
        if self.inside:
            self.slots.leave(self.inside.pop(number % len(self.inside)))

    async def cancel(self, number: int) -> None:
        if self.waiting:
            self.waiting[number % len(self.waiting)].cancel()

    async def turn(self, number: int) -> None:
        await turns(1 + number % 2)

    def settle(self) -> None:
        """Those that came in meanwhile are inside, those cancelled are gone."""
        done = [task for task in self.waiting if task.done()]
        self.waiting = [task for task in self.waiting if not task.done()]
        self.inside += [task.result() for task in done if not task.cancelled()]


STEP = st.tuples(st.sampled_from(["enter", "leave", "cancel", "turn"]), st.integers(0, 9))


@given(steps=st.lists(STEP, max_size=60), concurrency=st.integers(1, 4))
def test_slots_are_neither_exceeded_nor_lost_wherever_requests_are_cancelled(
    steps: list[tuple[str, int]], concurrency: int
) -> None:
    async def work() -> None:
        slots = gate(concurrency)
        crowd = Crowd(slots)
        for step, number in steps:
            await getattr(crowd, step)(number)
            crowd.settle()
            assert len(crowd.inside) <= slots.in_flight <= concurrency
        await turns()
        crowd.settle()
        wanted = len(crowd.inside) + len(crowd.waiting)
        assert slots.in_flight == len(crowd.inside) == min(concurrency, wanted)
        for task in crowd.waiting:
            task.cancel()
        await turns()
        for ticket in crowd.inside:
            slots.leave(ticket)
        assert slots.in_flight == 0
        # All slots can be had again, at once.
        await asyncio.gather(*(slots.enter(0) for _ in range(concurrency)))
        assert slots.in_flight == concurrency

    simulate(work())


@pytest.mark.parametrize(
    "settings",
    [
        {"concurrency": 0},
        {"requests_per_minute": 0.0},
        {"tokens_per_minute": -1.0},
        {"tokens_per_minute": float("nan")},
    ],
)
def test_a_limit_that_admits_nothing_is_refused_by_name(settings: dict[str, Any]) -> None:
    (name,) = settings
    with pytest.raises(ConfigError, match=name):
        Gate(Settings(**settings))


# The limit


async def answers(slots: Gate, outcomes: list[bool], **leaving: Any) -> None:
    """One request after the other, with all slots in use while it leaves; true = throttled."""
    tickets = [await slots.enter(0) for _ in range(slots.limit)]
    for throttled in outcomes:
        slots.leave(tickets.pop(), throttled=throttled, **leaving)
        while slots.in_flight < slots.limit:
            tickets.append(await slots.enter(0))


@pytest.mark.parametrize(("concurrency", "left"), [(1, 1), (2, 1), (3, 2), (64, 63), (100, 99)])
def test_a_single_throttle_costs_one_slot_but_never_the_last(concurrency: int, left: int) -> None:
    slots = gate(concurrency)
    simulate(answers(slots, [True]))
    assert (slots.limit, slots.throttles) == (left, 1)


def test_twenty_answers_win_back_what_one_throttle_cost() -> None:
    slots = gate(100)
    simulate(answers(slots, [True] + [False] * 19))
    assert slots.limit == 99
    slots = gate(100)
    simulate(answers(slots, [True] + [False] * 20))
    assert slots.limit == 100


def test_answers_without_throttles_never_raise_the_limit_above_the_setting() -> None:
    slots = gate(7)
    simulate(answers(slots, [False] * 500))
    assert slots.limit == 7


def test_one_burst_of_throttles_takes_no_more_than_half_of_the_slots() -> None:
    async def work() -> int:
        slots = gate(100)
        tickets = [await slots.enter(0) for _ in range(100)]
        for ticket in tickets:  # all sent while the limit was 100
            slots.leave(ticket, throttled=True)
        return slots.limit

    assert simulate(work()) == 50


def test_answers_while_most_slots_are_idle_prove_nothing() -> None:
    async def work() -> int:
        slots = gate(100)
        slots.leave(await slots.enter(0), throttled=True)
        for _ in range(1000):
            slots.leave(await slots.enter(0))
        return slots.limit

    assert simulate(work()) == 99


@given(outcomes=st.lists(st.booleans(), max_size=300), concurrency=st.integers(1, 20))
def test_the_limit_stays_between_one_and_the_setting(
    outcomes: list[bool], concurrency: int
) -> None:
    async def work() -> None:
        slots = gate(concurrency)
        for throttled in outcomes:
            before = slots.limit
            slots.leave(await slots.enter(0), throttled=throttled)
            assert 1 <= slots.limit <= concurrency
            if throttled:
                assert slots.limit == max(1, before - 1)

    simulate(work())


# Against servers, in simulated time


async def raw_loop(server: Server, requests: int, slots: int) -> float:
    """What needs no gate: a semaphore, and a second's wait after a throttle."""
    loop, limit = asyncio.get_running_loop(), asyncio.Semaphore(slots)
    start = loop.time()

    async def one() -> None:
        while True:
            async with limit:
                if await server.answer():
                    return
            await asyncio.sleep(1.0)

    await asyncio.gather(*(one() for _ in range(requests)))
    return loop.time() - start


def test_two_in_a_hundred_isolated_throttles_cost_no_throughput() -> None:
    walls, raw, limits = 0.0, 0.0, []
    for seed in range(10):
        many = {"throttled_share": 0.02, "retry_after_s": 1.0}
        run = Run.of(Server(**many, random=Random(seed)), seed, concurrency=100)
        walls += simulate(run.ask(2000))
        raw += simulate(raw_loop(Server(**many, random=Random(seed)), 2000, 100))
        limits += run.limits
        assert run.lost == 0
    assert walls / raw < 1.02
    assert sum(limits) / len(limits) > 98
    assert min(limits) >= 93


@pytest.mark.parametrize("retry_after_s", [None, 1.0])
@pytest.mark.parametrize(("concurrency", "admits"), [(100, 10), (100, 50), (64, 20), (8, 3)])
def test_what_a_server_admits_is_found_kept_and_left_when_it_admits_more(
    concurrency: int, admits: int, retry_after_s: float | None
) -> None:
    server = Server(admits=admits, retry_after_s=retry_after_s)
    run = Run.of(server, concurrency=concurrency)

    async def work() -> None:
        task = started(run.ask(300 * admits + 2000))
        await asyncio.sleep(5)  # 25 times the latency
        # The first burst, half of it again, and so on: less than twice the slots; then one a round.
        assert server.throttled < 2 * concurrency + 50
        assert admits - 1 <= run.gate.limit <= admits + 1
        sent, throttled = server.sent, server.throttled
        await asyncio.sleep(40)
        sent, throttled = server.sent - sent, server.throttled - throttled
        assert throttled / sent < 0.08
        # 40 s of 0.2 s at so many places, all but 5 % of them used.
        assert sent - throttled > 0.95 * admits * 40 / 0.2
        assert admits - 1 <= run.gate.limit <= admits + 2
        server.admits = 1_000_000
        await asyncio.sleep(3)  # 15 times the latency
        assert run.gate.limit == concurrency
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    simulate(work())
    assert run.lost == 0


def test_a_server_that_admits_one_at_a_time_is_not_hammered() -> None:
    server = Server(admits=1)
    run = Run.of(server, concurrency=100, deadline_s=10_000.0)

    async def work() -> None:
        task = started(run.ask(1000))
        await asyncio.sleep(60)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    simulate(work())
    answered = server.sent - server.throttled
    assert answered > 0.9 * 60 / 0.2
    # The bursts of the first seconds, and then one throttle for every four answers.
    assert server.throttled < 200 + answered / 3


@pytest.mark.parametrize("share", [0.1, 0.2])
def test_throttles_that_no_lower_limit_ends_do_not_bring_everything_to_a_halt(share: float) -> None:
    server = Server(throttled_share=share, retry_after_s=1.0)
    run = Run.of(server, concurrency=100)
    wall = simulate(run.ask(5_000))
    raw = simulate(raw_loop(Server(throttled_share=share), 5_000, 100))
    assert wall / raw < 4.0  # one slot in flight would be 100
    assert run.lost == 0


@pytest.mark.parametrize(("retry_after_s", "wasted"), [(1.0, 200), (20.0, 150), (None, 150)])
def test_a_minute_in_which_all_is_throttled_costs_few_requests_and_loses_none(
    retry_after_s: float | None, wasted: int
) -> None:
    server = Server(latency_s=1.0, retry_after_s=retry_after_s)
    run = Run.of(server, concurrency=64, attempts=6)

    async def work() -> float:
        loop = asyncio.get_running_loop()
        loop.call_later(10, setattr, server, "admits", 0)
        loop.call_later(70, setattr, server, "admits", 1_000_000)
        return await run.ask(6000)

    # 6000 requests of a second at 64 slots, and the minute.
    assert simulate(work()) < 1.25 * (6000 / 64 + 60)
    assert server.throttled < wasted
    assert run.lost == 0
