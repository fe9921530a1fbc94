"""Attempt after attempt at one request, within slots, rates, deadline and budget."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from prefkit.llm.desk import Desk
from prefkit.llm.errands import Errand
from prefkit.llm.limits.breaker import Breaker
from prefkit.llm.limits.gate import Gate
from prefkit.llm.limits.retry import Retry
from prefkit.llm.provider import Fault
from prefkit.llm.records import Failure, FailureKind, Reply, Score, Usage

__all__ = ["PAID_FAILURES", "Course", "Limits"]

AnswerT = TypeVar("AnswerT", Reply, Score)

PAID_FAILURES: tuple[FailureKind, ...] = ("invalid", "cut")
"""Whole answers that break what was asked for: paid, kept, and worth another attempt."""


@dataclass(slots=True)
class Limits:
    """What all requests of one client share."""

    gate: Gate
    breaker: Breaker
    retry: Retry
    retried: int = 0


class Course(Generic[AnswerT]):
    """The attempts at one request, until there is an answer or a reason why there is none."""

    def __init__(self, desk: Desk, limits: Limits, errand: Errand[AnswerT]) -> None:
        self._desk = desk
        self._limits = limits
        self._errand: Errand[AnswerT] = errand
        self._most_usd = errand.most_usd
        self._tokens = errand.tokens
        self._started: float | None = None
        """When it was first let in: waiting in the queue does not use up the deadline."""
        self._attempts = self._throttles = self._failures = 0
        self._paid: list[AnswerT] = []

    async def run(self) -> AnswerT:
        """The answer; the last paid one, if none is what was asked for."""
        while True:
            outcome = await self._attempt()
            if isinstance(outcome, Failure):
                return self._ended(outcome)
            if isinstance(outcome, Fault):
                wait_s = self._wait_s(outcome)
                if wait_s is None:
                    return self._ended(self._given_up(outcome))
                self._limits.retried += 1
                await asyncio.sleep(wait_s)
                continue
            answer = self._errand.judge(outcome)
            self._paid.append(answer)
            failure = answer.failure
            if failure is None or failure.kind not in PAID_FAILURES or self._is_enough():
                return self._booked(answer)
            self._limits.retried += 1

    def _is_enough(self) -> bool:
        settings = self._desk.settings
        return (
            len(self._paid) >= settings.invalid_attempts
            or self._elapsed_s() >= settings.deadline_s
            or self._limits.breaker.error is not None
        )

    def _ended(self, failure: Failure) -> AnswerT:
        """Without a good answer: a bad one that was paid for is evidence, and is kept."""
        return self._booked(self._paid[-1]) if self._paid else self._errand.failed(failure)

    def _booked(self, answer: AnswerT) -> AnswerT:
        costs = [paid.cost_usd for paid in self._paid]
        known = [cost for cost in costs if cost is not None]
        return replace(
            answer,
            usage=_sum([paid.usage for paid in self._paid]),
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
        times = "" if self._attempts == 1 else f" ({self._attempts} attempts)"
        return Failure(fault.kind, f"{fault.message}{times}")

    async def _attempt(self) -> AnswerT | Fault | Failure:
        """One attempt; `Failure` means that it was not sent."""
        gate = self._limits.gate
        ticket = await gate.enter(self._tokens, again=self._attempts > 0)
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
        self._started = self._started if self._started is not None else time.monotonic()
        halted = self._limits.breaker.error
        if halted is not None:
            return Failure("down", f"not asked: {halted}")
        if self._elapsed_s() >= self._desk.settings.deadline_s:
            return Failure("timeout", f"no answer within {self._desk.settings.deadline_s:g} s")
        if not await self._desk.ledger.reserve(self._most_usd):
            return Failure("budget", "not asked: the budget does not admit it")
        return None

    async def _sent(self) -> AnswerT | Fault:
        """Send once, and settle what was reserved for it whatever happens."""
        desk, ledger = self._desk, self._desk.ledger
        label = {"stage": self._errand.stage, "model": desk.who}
        limit_s = min(desk.settings.timeout_s, desk.settings.deadline_s - self._elapsed_s())
        self._attempts += 1
        try:
            async with asyncio.timeout(max(limit_s, 0.0)):
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
        self._limits.breaker.failed(fault, in_flight=self._limits.gate.in_flight - 1)
        return fault


def _sum(parts: list[Usage]) -> Usage:
    """Tokens of all paid attempts; null where one did not say."""
    if len(parts) == 1:
        return parts[0]

    def plus(values: list[int | None]) -> int | None:
        known = [value for value in values if value is not None]
        return sum(known) if len(known) == len(values) else None

    return Usage(
        plus([part.input for part in parts]),
        plus([part.output for part in parts]),
        sum(part.cache_read for part in parts),
        sum(part.cache_write for part in parts),
    )
