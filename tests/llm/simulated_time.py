"""An event loop whose time passes at once when nothing is left to do, and a server in it."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from prefkit.llm.limits.gate import Gate
from prefkit.llm.limits.retry import Retry
from prefkit.llm.provider import Fault
from prefkit.llm.settings import Settings

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Instead of waiting for what will not come, it moves the clock to the next timer."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everybody waits and no timer is set")
        if not ready:
            self.now += timeout or 0.0
        return ready


class SimulatedLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.clock = _Selector()
        super().__init__(self.clock)

    def time(self) -> float:
        return self.clock.now


def simulate(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end in simulated time; hours take no longer than their events."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(work)


@dataclass
class Server:
    """Answers after `latency_s`; refuses at once what is beyond `admits`, and a share at random."""

    latency_s: float = 0.2
    admits: int = 1_000_000
    throttled_share: float = 0.0
    retry_after_s: float | None = None
    random: Random = field(default_factory=lambda: Random(0))
    busy: int = 0
    sent: int = 0
    throttled: int = 0

    async def answer(self) -> bool:
        """Whether it answered; if not, it throttled."""
        self.sent += 1
        if self.busy >= self.admits:
            await asyncio.sleep(0)
            self.throttled += 1
            return False
        self.busy += 1
        await asyncio.sleep(self.random.uniform(0.75, 1.25) * self.latency_s)
        self.busy -= 1
        if self.random.random() < self.throttled_share:
            self.throttled += 1
            return False
        return True


@dataclass
class Run:
    """Many requests through one gate and one retry against one server."""

    gate: Gate
    server: Server
    retry: Retry
    lost: int = 0
    limits: list[int] = field(default_factory=list)
    """The gate's limit after every answer."""

    @classmethod
    def of(cls, server: Server, seed: int = 0, **settings: Any) -> Run:
        made = Settings(**settings)
        return cls(Gate(made), server, Retry(made, Random(seed)))

    async def ask(self, requests: int) -> float:
        """Seconds until all are answered."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        await asyncio.gather(*(self._one() for _ in range(requests)))
        return loop.time() - start

    async def _one(self) -> None:
        started = asyncio.get_running_loop().time()
        for attempt in range(1, 10_000):
            ticket = await self.gate.enter(0, again=attempt > 1)
            answered = await self.server.answer()
            wait = self.server.retry_after_s
            self.gate.leave(ticket, throttled=not answered, retry_after_s=wait)
            self.limits.append(self.gate.limit)
            if answered:
                return
            elapsed = asyncio.get_running_loop().time() - started
            fault = Fault("throttled", "429", retry_after_s=wait)
            pause = self.retry.wait_s(fault, attempt, elapsed)
            if pause is None:
                self.lost += 1
                return
            await asyncio.sleep(pause)
