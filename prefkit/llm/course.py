"""Attempt after attempt at one request, within slots, rates, deadline and budget."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

from prefkit.llm.desk import Desk
from prefkit.llm.errands import Errand
from prefkit.llm.limits.breaker import Breaker
from prefkit.llm.limits.gate import Gate
from prefkit.llm.limits.retry import Retry
from prefkit.llm.provider import Fault
from prefkit.llm.records import PAID_FAILURES, Failure, Reply, Score, summed

__all__ = ["PAID_FAILURES", "Course", "Host", "Limits", "judged"]

AnswerT = TypeVar("AnswerT", Reply, Score)

_LOG = logging.getLogger("prefkit.llm")


@dataclass(slots=True)
class Limits:
    """What all requests of one client share."""

    gate: Gate
    breaker: Breaker
    retry: Retry
    retried: int = 0
    _asleep: set[asyncio.Future[None]] = field(default_factory=set)

    def failed(self, fault: Fault, *, in_flight: int = 0) -> None:
        """Tell the breaker, and everybody who waits if that opened it."""
        was_open = self.breaker.error is not None
        self.breaker.failed(fault, in_flight=in_flight)
        if self.breaker.error is not None and not was_open:
            self.wake()

    def wake(self) -> None:
        """Let everybody who waits look whether there is still something to wait for."""
        self.gate.let_go()
        for future in self._asleep:
            if not future.done():
                future.set_result(None)

    async def sleep(self, seconds: float) -> None:
        """Wait, or be woken earlier."""
        future = asyncio.get_running_loop().create_future()
        self._asleep.add(future)
        try:
            await asyncio.wait([future], timeout=seconds)
        finally:
            self._asleep.discard(future)


class Host(Protocol):
    """The run that a request is part of, as the request's own task sees it."""

    is_ending: bool
    """Nothing more is sent; what was sent is waited for."""

    def sent(self) -> None:
        """It is on its way: from now on it may be paid for."""

    def came_back(self) -> None:
        """It is no longer, and brought nothing."""

    async def rest(self, seconds: float) -> None:
        """Wait for the next attempt; woken earlier by `Limits.wake`, at once while ending."""


def judged(judge: Callable[[AnswerT], AnswerT], answer: AnswerT) -> tuple[AnswerT, bool]:
    """The answer as `judge` finds it, and whether asking again may bring a better one.

    What breaks while judging loses no answer that was paid for: it is kept, as invalid.
    """
    try:
        found = judge(answer)
    except Exception as error:  # noqa: BLE001 - it is told on the answer and in the log
        _LOG.warning("an answer was kept that could not be judged", exc_info=True)
        message = f"it could not be judged: {type(error).__name__}: {error}"
        return replace(answer, failure=Failure("invalid", message)), False
    return found, found.failure is not None and found.failure.kind == "invalid"


_ENDS = Failure("cancelled", "not asked: the run ends")
_NO_MONEY = Failure("budget", "not asked: the budget does not admit it")


class Course(Generic[AnswerT]):
    """The attempts at one request, until there is an answer or a reason why there is none."""

    def __init__(self, desk: Desk, limits: Limits, errand: Errand[AnswerT], host: Host) -> None:
        self._desk = desk
        self._limits = limits
        self._errand: Errand[AnswerT] = errand
        self._host = host
        self._most_usd = errand.most_usd
        self._tokens = errand.tokens
        self._started: float | None = None
        """When it was first sent: waiting for slots and money does not use up the deadline."""
        self._attempts = self._throttles = self._failures = 0
        self._last: Fault | None = None
        """How the attempt before this one failed."""
        self._paid: list[AnswerT] = []

    async def run(self) -> AnswerT:
        """The answer; the last paid one, if none is what was asked for."""
        while True:
            outcome = await self._attempt()
            if isinstance(outcome, Failure):
                if outcome is _ENDS and not self._paid:
                    raise asyncio.CancelledError  # others who want it ask it themselves
                return self._ended(outcome)
            if isinstance(outcome, Fault):
                wait_s = self._wait_s(outcome)
                if wait_s is None:
                    return self._ended(self._given_up(outcome))
                self._last = outcome
                self._limits.retried += 1
                await self._rest(wait_s, is_throttled=outcome.kind == "throttled")
                continue
            answer, is_worth_more = judged(self._errand.judge, outcome)
            self._paid.append(answer)
            if not is_worth_more or self._is_enough():
                return self._booked(answer)
            self._limits.retried += 1

    async def _rest(self, seconds: float, *, is_throttled: bool) -> None:
        """Wait for the next attempt, as long as there will be one.

        Who is throttled makes no room for others: they would be throttled too.
        """
        rest = self._limits.sleep if is_throttled else self._host.rest
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and self._halt() is None:
            await rest(left)

    def _is_enough(self) -> bool:
        settings = self._desk.settings
        return (
            len(self._paid) >= settings.invalid_attempts
            or self._elapsed_s() >= settings.deadline_s
            or self._limits.breaker.error is not None
            or self._host.is_ending
        )

    def _ended(self, failure: Failure) -> AnswerT:
        """Without a good answer: a bad one that was paid for is evidence, and is kept."""
        if self._paid:
            return self._booked(self._paid[-1])
        return replace(
            self._errand.failed(failure),
            seconds=round(self._elapsed_s(), 3),
            attempts=self._attempts,
        )

    def _booked(self, answer: AnswerT) -> AnswerT:
        costs = [paid.cost_usd for paid in self._paid]
        known = [cost for cost in costs if cost is not None]
        return replace(
            answer,
            usage=summed([paid.usage for paid in self._paid]),
            cost_usd=sum(known) if len(known) == len(costs) else None,
            seconds=round(self._elapsed_s(), 3),
            attempts=self._attempts,
            key=self._errand.key,
        )

    def _elapsed_s(self) -> float:
        return 0.0 if self._started is None else time.monotonic() - self._started

    def _wait_s(self, fault: Fault) -> float | None:
        """Throttles are counted apart: a busy provider is no failing one."""
        if fault.kind == "throttled":
            self._throttles += 1
            return self._limits.retry.wait_s(fault, self._throttles, self._elapsed_s())
        self._failures += 1
        return self._limits.retry.wait_s(fault, self._failures, self._elapsed_s())

    def _given_up(self, fault: Fault) -> Failure:
        if fault.kind == "timeout" and self._is_late():
            return self._late(fault.message)
        return self._told(fault)

    def _is_late(self) -> bool:
        return self._elapsed_s() >= self._desk.settings.deadline_s

    def _late(self, message: str) -> Failure:
        """The deadline has passed; who was throttled until then did not wait for a slow answer."""
        if self._last is not None and self._last.kind == "throttled":
            return self._told(self._last)
        return self._told(Fault("timeout", message))

    def _told(self, fault: Fault) -> Failure:
        times = "" if self._attempts == 1 else f" ({self._attempts} attempts)"
        return Failure(fault.kind, f"{fault.message}{times}")

    async def _attempt(self) -> AnswerT | Fault | Failure:
        """One attempt; `Failure` means that it was not sent."""
        gate = self._limits.gate
        while True:
            halt = self._halt()
            if halt is not None:
                return halt
            ticket = await gate.enter(self._tokens, again=self._attempts > 0)
            if not ticket.left:
                break
        fault: Fault | None = None
        used: int | None = 0
        try:
            refusal = await self._refusal()
            if refusal is not None:
                return refusal
            used = None
            outcome = await self._sent()
            if isinstance(outcome, Fault):
                fault = outcome
            else:
                used = (outcome.usage.input or 0) + (outcome.usage.output or 0) or None
            return outcome
        finally:
            gate.leave(
                ticket,
                throttled=fault is not None and fault.kind == "throttled",
                retry_after_s=fault.retry_after_s if fault else None,
                tokens=used,
            )

    async def _refusal(self) -> Failure | None:
        """Why it may not be sent; null once money is reserved for it."""
        halt = self._halt()
        if halt is not None:
            return halt
        if not await self._desk.ledger.reserve(self._most_usd):
            return _NO_MONEY
        halt = self._halt()  # others may have been told while it waited for the money
        if halt is not None:
            self._desk.ledger.release(self._most_usd)
        elif self._started is None:
            self._started = time.monotonic()
        return halt

    def _halt(self) -> Failure | None:
        """Why it is of no use to send it now, or to wait until it may be."""
        halted = self._limits.breaker.error
        if halted is not None:
            return Failure("down", f"not asked: {halted}")
        if self._is_late():
            return self._late(f"no answer within {self._desk.settings.deadline_s:g} s")
        if self._desk.ledger.refuses(self._most_usd):
            return _NO_MONEY
        return _ENDS if self._host.is_ending else None

    async def _sent(self) -> AnswerT | Fault:
        """Send once, and settle what was reserved for it whatever happens."""
        desk, ledger = self._desk, self._desk.ledger
        label = {"stage": self._errand.stage, "model": desk.who}
        limit_s = min(desk.settings.timeout_s, desk.settings.deadline_s - self._elapsed_s())
        self._attempts += 1
        self._host.sent()
        try:
            async with asyncio.timeout(limit_s):
                answer = await self._errand.send()
        except Fault as fault:
            if fault.maybe_billed:
                ledger.doubt(self._most_usd, **label)
            else:
                ledger.release(self._most_usd)
            return self._noted(fault)
        except TimeoutError:
            ledger.doubt(self._most_usd, **label)
            message = f"no whole answer within {limit_s:g} s"
            return self._noted(Fault("timeout", message, maybe_billed=True))
        except BaseException:
            ledger.doubt(self._most_usd, **label)
            raise
        usd = desk.bill(answer.usage)
        ledger.settle(self._most_usd, usd, answer.usage, **label)
        self._limits.breaker.ok()
        priced: AnswerT = replace(answer, cost_usd=usd)
        return priced

    def _noted(self, fault: Fault) -> Fault:
        self._host.came_back()
        self._limits.failed(fault, in_flight=self._limits.gate.in_flight - 1)
        return fault
