"""Answers in the order asked, while many are under way: one bounded window over the requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Generic, TypeVar

__all__ = ["Window"]

AskedT = TypeVar("AskedT")
AnswerT = TypeVar("AnswerT")

_TICK_S = 0.2  # between two looks at the clock while nothing arrives


class Window(Generic[AskedT, AnswerT]):
    """What is between the requests that came in and the answers that went out.

    `look` gives a known answer or null; `start` begins unknown ones, each as soon as it came in,
    and fills their futures; `tick` is called a few times a second while waiting. At most `most`
    requests are held, answered ones included, so that one slow answer at the head stops neither
    the others nor memory's bound.
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

    def answers(self, asked: Iterable[AskedT]) -> Iterator[AnswerT]:
        """One answer for each request, in order.

        Raises:
            BaseException: what an answer's future raises; those after it are left to the caller.
        """
        for one in asked:
            self._take(one)
            while self._held and (len(self._held) > self._most or _is_there(self._held[0])):
                yield self._first()
        while self._held:
            yield self._first()

    def _take(self, one: AskedT) -> None:
        known = self._look(one)
        if known is not None:
            self._held.append(known)
            return
        future: Future[AnswerT] = Future()
        future.set_running_or_notify_cancel()
        self._held.append(future)
        self._start([(one, future)])

    def _first(self) -> AnswerT:
        head = self._held[0]
        if isinstance(head, Future):
            head = self._wait(head)
        self._held.popleft()
        return head

    def _wait(self, future: Future[AnswerT]) -> AnswerT:
        while not future.done():
            try:
                future.exception(_TICK_S)
            except TimeoutError:
                self._tick()
        return future.result()


def _is_there(held: object) -> bool:
    return not isinstance(held, Future) or held.done()
