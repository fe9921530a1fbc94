"""The tasks of one run: no more of them under way than limits can use."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from prefkit.errors import ConfigError
from prefkit.llm.dispatch import Dispatcher
from prefkit.llm.errands import Errand
from prefkit.llm.loop import loop, post
from prefkit.llm.records import Reply, Score

__all__ = ["Crew"]

AnswerT = TypeVar("AnswerT", Reply, Score)

_PER_SLOT = 3  # tasks for one that may be in flight: the others wait for the disk or a throttle
_RESTING = 64
"""Failed requests that wait for their next attempt make room for others, at least so many of them.
When more fail it is the provider that fails, and others would only use up their attempts too."""


class Crew(Generic[AnswerT]):
    """Takes errands in the order given and fills their futures.

    What waits here holds no claim, so that another process may ask it meanwhile. `take` and `leave`
    are called from any thread, the rest in the loop.
    """

    def __init__(self, dispatcher: Dispatcher, concurrency: int) -> None:
        self._dispatcher = dispatcher
        self._most = _PER_SLOT * concurrency
        self._most_resting = max(_RESTING, self._most)
        self._waiting: deque[tuple[Errand[AnswerT], Future[AnswerT]]] = deque()
        self._is_called = False
        self._tasks: dict[asyncio.Task[None], Future[AnswerT]] = {}
        self._out: set[asyncio.Task[Any] | None] = set()
        """Those whose request was sent: their answers are being paid for, waited for or kept."""
        self._resting = 0
        self._error: BaseException | None = None
        self.is_ending = False
        """Nothing more is sent."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._tasks and not self._waiting

    def take(self, pairs: list[tuple[Errand[AnswerT], Future[AnswerT]]]) -> None:
        """Begin errands."""
        self._waiting.extend(pairs)
        # Else the loop is about to look, or will when a task ends: no need to wake it for each.
        if not self._is_called and self._room() > 0:
            self._is_called = True
            loop().call_soon_threadsafe(self._look)

    def leave(self) -> None:
        """Stop what is under way, soon; waits for nothing."""
        post(self._stop)

    async def dismiss(self) -> None:
        """Stop what is under way; slots, claims and files are left in order."""
        self._stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def drain(self) -> None:
        """Send nothing more, and wait until what was sent is answered and kept."""
        self._send_nothing_more()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def sent(self) -> None:
        """The errand of this task is on its way."""
        self._out.add(asyncio.current_task())

    def came_back(self) -> None:
        """It is no longer, and brought nothing."""
        self._out.discard(asyncio.current_task())

    async def rest(self, seconds: float) -> None:
        """Wait for the next attempt at the errand of this task, and let others begin meanwhile."""
        self._resting += 1
        self._start()
        try:
            await self._dispatcher.limits.sleep(seconds)
        finally:
            self._resting -= 1

    def _look(self) -> None:
        self._is_called = False
        self._start()

    def _end(self) -> None:
        self.is_ending = True
        while self._waiting:
            self._give_up(self._waiting.popleft()[1])

    def _send_nothing_more(self) -> None:
        """What was sent is still waited for; the caller's own task ends by itself."""
        self._end()
        for task in self._tasks.keys() - self._out - {asyncio.current_task()}:
            task.cancel()
        self._dispatcher.limits.wake()  # bad answers that wait for a second attempt

    def _stop(self) -> None:
        self._end()
        for task in self._tasks:
            task.cancel()

    def _room(self) -> int:
        """How many tasks more may begin now."""
        return self._most + min(self._resting, self._most_resting) - len(self._tasks)

    def _start(self) -> None:
        if self.is_ending:
            self._end()
        while self._waiting and self._room() > 0:
            errand, future = self._waiting.popleft()
            task = asyncio.ensure_future(self._fill(errand, future))
            self._tasks[task] = future
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        future = self._tasks.pop(task)
        self._out.discard(task)
        if self.is_ending and not future.done():  # cancelled; perhaps before it could begin
            self._give_up(future)
        self._start()

    async def _fill(self, errand: Errand[AnswerT], future: Future[AnswerT]) -> None:
        try:
            future.set_result(await self._dispatcher.answer(errand, self))
        except asyncio.CancelledError:
            raise  # `_done` tells the future, also of a task that could not begin
        except BaseException as error:  # noqa: BLE001 - whoever waits for the answer gets it
            future.set_exception(error)
            # At once, and not when the run comes to this answer: what is sent meanwhile is paid
            # for, and perhaps cannot be kept either.
            self._error = self._error or error
            self._send_nothing_more()

    def _give_up(self, future: Future[AnswerT]) -> None:
        closed = ConfigError("the client was closed before it had this answer")
        future.set_exception(self._error or closed)
