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
from prefkit.llm.codec import written
from prefkit.llm.course import PAID_FAILURES, Course, Limits
from prefkit.llm.desk import Desk
from prefkit.llm.errands import Errand
from prefkit.llm.limits.breaker import Breaker
from prefkit.llm.limits.gate import Gate
from prefkit.llm.limits.retry import Retry
from prefkit.llm.records import Reply, Score

__all__ = ["Dispatcher"]

AnswerT = TypeVar("AnswerT", Reply, Score)

_OTHERS_S = 0.05  # between two looks at what another process is asking


class Dispatcher:
    """Sends errands of one client within its limits."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        settings = desk.settings
        self._flying: dict[str, asyncio.Future[Reply | Score]] = {}
        own = "" if settings.base_url else desk.provider.variable
        breaker = Breaker(
            desk.who, key_env=settings.key_env or own or None, deadline_s=settings.deadline_s
        )
        self.limits = Limits(Gate(settings), breaker, Retry(settings, Random()))
        """Slots, rates, retries, and whether the provider still answers."""

    @property
    def halted(self) -> ClientError | None:
        """Why nothing more is asked; null while the provider answers."""
        return self.limits.breaker.error

    async def answer(self, errand: Errand[AnswerT]) -> AnswerT:
        """The answer to one request, asked once however many tasks and processes want it.

        Raises:
            OSError: the answer could not be put on disk.
        """
        flying = self._flying.get(errand.key)
        if flying is not None:
            # another task's future: its cancellation must not be ours, nor ours its
            shared: AnswerT = await asyncio.shield(flying)  # type: ignore[arg-type]
            return replace(shared, cached=True, cost_usd=0.0)
        future: asyncio.Future[Reply | Score] = asyncio.get_running_loop().create_future()
        self._flying[errand.key] = future
        try:
            answer = await self._claimed(errand)
        except BaseException as error:
            future.set_exception(error)
            future.exception()  # nobody may be waiting: that is no unheard error
            raise
        else:
            future.set_result(answer)
            return answer
        finally:
            del self._flying[errand.key]

    async def _claimed(self, errand: Errand[AnswerT]) -> AnswerT:
        while not self.desk.claims.take(errand.key):
            await asyncio.sleep(_OTHERS_S)
            self.desk.journal.refresh()
            if (answer := errand.known()) is not None:
                return answer
        try:
            self.desk.journal.refresh()  # another process may have answered it a moment ago
            answer = errand.known()
            return answer if answer is not None else await self._asked(errand)
        finally:
            self.desk.claims.give_back(errand.key)

    async def _asked(self, errand: Errand[AnswerT]) -> AnswerT:
        answer = await Course(self.desk, self.limits, errand).run()
        failure = answer.failure
        if failure is None or failure.kind in PAID_FAILURES:
            await self.desk.journal.put(errand.key, written(answer), errand.facts)
        return answer
