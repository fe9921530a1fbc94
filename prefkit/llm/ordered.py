"""Answers in the order asked, while many are under way: one bounded window over the requests."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Generic, TypeVar

__all__ = ["Window"]

AskedT = TypeVar("AskedT")
AnswerT = TypeVar("AnswerT")

_TOGETHER = 32  # requests handed to the loop in one wake-up
_LATEST_S = 0.01  # a slow source of requests must not hold back the ones it gave
_TICK_S = 0.2  # between two looks at the clock while nothing arrives


class Window(Generic[AskedT, AnswerT]):
    """What is between the requests that came in and the answers that went out.

    `look` gives a known answer or null; `start` begins unknown ones and fills their futures;
    `tick` is called a few times a second while waiting. At most `most` requests are held, answered
    ones included, so that one slow answer at the head stops neither the others nor memory's bound.
    """

    def __init__(
        self,
        look: Callable[[AskedT], AnswerT | None],
        start: Callable[[list[tuple[AskedT, Future[AnswerT]]]], None],
        tick: Callable[[], None],
        most: int,
    ) -> None:
        self._look = look
        self._start = start
        self._tick = tick
        self._most = most
        self._held: deque[AnswerT | Future[AnswerT]] = deque()
        self._waiting: list[tuple[AskedT, Future[AnswerT]]] = []
        self._handed_over = time.monotonic()

    def answers(self, asked: Iterable[AskedT]) -> Iterator[AnswerT]:
        """One answer for each request, in order.

        Raises:
            BaseException: what an answer's future raises; those after it are left to the caller.
        """
        for one in asked:
            self._take(one)
            while self._held and (len(self._held) > self._most or _is_there(self._held[0])):
                yield self._first()
        self._hand_over()
        while self._held:
            yield self._first()

    def rest(self) -> Iterator[AnswerT]:
        """Wait for what was started; nothing new is begun."""
        self._waiting.clear()
        for future in list(self._held):
            if isinstance(future, Future) and future.running():
                yield self._wait(future)

    def _take(self, one: AskedT) -> None:
        known = self._look(one)
        if known is not None:
            self._held.append(known)
            return
        future: Future[AnswerT] = Future()
        self._held.append(future)
        self._waiting.append((one, future))
        late = time.monotonic() - self._handed_over > _LATEST_S
        if len(self._waiting) >= _TOGETHER or late:
            self._hand_over()

    def _hand_over(self) -> None:
        if self._waiting:
            for _, future in self._waiting:
                future.set_running_or_notify_cancel()
            self._start(self._waiting)
            self._waiting = []
        self._handed_over = time.monotonic()

    def _first(self) -> AnswerT:
        head = self._held[0]
        if isinstance(head, Future):
            if not head.running() and not head.done():
                self._hand_over()
            head = self._wait(head)
        self._held.popleft()
        return head

    def _wait(self, future: Future[AnswerT]) -> AnswerT:
        while True:
            try:
                answer = future.result(_TICK_S)
            except TimeoutError:
                if future.done():
                    raise  # the answer itself is that it took too long
                self._tick()
            else:
                self._tick()
                return answer


def _is_there(held: object) -> bool:
    return not isinstance(held, Future) or held.done()
