"""The tasks of one run: no more of them under way than limits can use."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future
from typing import Generic, TypeVar

from prefkit.llm.dispatch import Dispatcher
from prefkit.llm.errands import Errand
from prefkit.llm.loop import loop
from prefkit.llm.records import Reply, Score

__all__ = ["Crew"]

AnswerT = TypeVar("AnswerT", Reply, Score)

_PER_SLOT = 3  # tasks for one that may be in flight: the others wait for a retry or for the disk


class Crew(Generic[AnswerT]):
    """Takes errands in the order given and fills their futures.

    What waits here holds no claim, so that another process may ask it meanwhile.
    """

    def __init__(self, dispatcher: Dispatcher, concurrency: int) -> None:
        self._dispatcher = dispatcher
        self._most = _PER_SLOT * concurrency
        self._waiting: deque[tuple[Errand[AnswerT], Future[AnswerT]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, pairs: list[tuple[Errand[AnswerT], Future[AnswerT]]]) -> None:
        """Begin errands; called from any thread."""
        loop().call_soon_threadsafe(self._add, pairs)

    async def dismiss(self) -> None:
        """Stop what is under way; slots, claims and files are left in order."""
        self._waiting.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _add(self, pairs: list[tuple[Errand[AnswerT], Future[AnswerT]]]) -> None:
        self._waiting.extend(pairs)
        self._start()

    def _start(self) -> None:
        while self._waiting and len(self._tasks) < self._most:
            task = asyncio.ensure_future(self._fill(*self._waiting.popleft()))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._start()

    async def _fill(self, errand: Errand[AnswerT], future: Future[AnswerT]) -> None:
        try:
            future.set_result(await self._dispatcher.answer(errand))
        except asyncio.CancelledError as error:
            future.set_exception(error)
            raise
        except BaseException as error:  # noqa: BLE001 - whoever waits for the answer gets it
            future.set_exception(error)
