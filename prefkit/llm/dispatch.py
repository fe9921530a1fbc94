"""The way of one request: journal, claim, then attempts; each is asked once by all who want it.

Everything here runs in the one event loop. What is not sent costs nothing; what is answered is on
disk before anybody hears of it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from typing import TypeVar

from prefkit.errors import ClientError
from prefkit.llm.batches.jobs import Watch
from prefkit.llm.codec import written
from prefkit.llm.course import PAID_FAILURES, Course, Host, Limits
from prefkit.llm.desk import Desk
from prefkit.llm.errands import Errand
from prefkit.llm.limits.breaker import Breaker
from prefkit.llm.limits.gate import Gate
from prefkit.llm.limits.retry import Retry
from prefkit.llm.provider import Batches
from prefkit.llm.records import Failure, Reply, Score

__all__ = ["Dispatcher", "for_an_equal"]

AnswerT = TypeVar("AnswerT", Reply, Score)

_OTHERS_S = 0.05  # between two looks at what another process is asking


class Dispatcher:
    """Sends errands of one client within its limits."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        settings = desk.settings
        self._flying: dict[str, asyncio.Future[Reply | Score]] = {}
        self.limits = Limits(Gate(settings), self._breaker(), Retry(settings, Random()))
        """Slots, rates, retries, and whether the provider still answers."""
        is_batched = isinstance(desk.provider, Batches)
        self._batches = Watch(desk.folder, desk.name) if is_batched else None
        desk.ledger.listeners.append(self.limits.wake)

    def renew(self) -> None:
        """Forget what failed: a run begins, and nothing is under way."""
        self.limits.breaker = self._breaker()

    def _breaker(self) -> Breaker:
        desk, settings = self.desk, self.desk.settings
        own = "" if settings.base_url else desk.provider.variable
        return Breaker(
            desk.who, key_env=settings.key_env or own or None, deadline_s=settings.deadline_s
        )

    @property
    def halted(self) -> ClientError | None:
        """Why nothing more is asked; null while the provider answers."""
        return self.limits.breaker.error

    async def answer(self, errand: Errand[AnswerT], host: Host) -> AnswerT:
        """The answer to one request, asked once however many tasks and processes want it.

        Raises:
            OSError: the answer could not be put on disk.
        """
        while (flying := self._flying.get(errand.key)) is not None:
            await asyncio.wait([flying])  # another task's: if it is cancelled, one of us asks
            if not flying.cancelled():
                shared: AnswerT = flying.result()  # type: ignore[assignment]
                return for_an_equal(shared)
        future: asyncio.Future[Reply | Score] = asyncio.get_running_loop().create_future()
        self._flying[errand.key] = future
        try:
            answer = await self._claimed(errand, host)
        except asyncio.CancelledError:
            future.cancel()
            raise
        except BaseException as error:
            future.set_exception(error)
            future.exception()  # nobody may be waiting: that is no unheard error
            raise
        else:
            future.set_result(answer)
            return answer
        finally:
            del self._flying[errand.key]

    async def _claimed(self, errand: Errand[AnswerT], host: Host) -> AnswerT:
        while not self.desk.claims.take(errand.key):
            await asyncio.sleep(_OTHERS_S)
            self.desk.journal.refresh()
            if (answer := errand.known()) is not None:
                return answer
            if self.halted is not None:
                return errand.failed(Failure("down", f"not asked: {self.halted}"))
        try:
            self.desk.journal.refresh()  # another process may have answered it a moment ago
            answer = errand.known()
            if answer is not None:
                return answer
            if self._batches is not None:  # it may have been submitted just now
                self._batches.refuse(errand.key, self.desk.who)
            return await self._asked(errand, host)
        finally:
            self.desk.claims.give_back(errand.key)

    async def _asked(self, errand: Errand[AnswerT], host: Host) -> AnswerT:
        answer = await Course(self.desk, self.limits, errand, host).run()
        failure = answer.failure
        if failure is None or failure.kind in PAID_FAILURES:
            await self.desk.journal.put(errand.key, written(answer), errand.facts)
        return answer


def for_an_equal(answer: AnswerT) -> AnswerT:
    """The answer of one request as that of an equal one: paid once, and kept if it was paid."""
    if answer.failure is None or answer.failure.kind in PAID_FAILURES:
        return replace(answer, cached=True, cost_usd=0.0)
    return replace(answer, cost_usd=None if answer.cost_usd is None else 0.0)
