"""This machine: batches in order, all cores, bounded memory."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

__all__ = ["in_processes", "in_threads", "worker_count"]

_ALONE = 2
_LOOK_S = 0.5
Item = TypeVar("Item")
Result = TypeVar("Result")


def worker_count(workers: int | None = None) -> int:
    """The given number, or how many processors this process may use."""
    return (
        workers or len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1
    )


def in_processes(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int | None = None
) -> Iterator[Result]:
    """Results in order; from the third item on they are computed in other processes.

    `function` and items must pickle. At most two items a worker are under way, so memory stays
    bounded. For work that holds the interpreter lock (decoding JSON); starting the workers takes
    about a second.
    """
    source = iter(items)
    yield from map(function, islice(source, _ALONE))
    rest = list(islice(source, 1))
    if not rest or worker_count(workers) == 1:
        yield from map(function, _chain(rest, source))
        return
    import loky

    pool = loky.get_reusable_executor(
        max_workers=worker_count(workers),
        timeout=60,
        initializer=_end_with_parent,
        initargs=(os.getpid(),),
    )
    try:
        with _interrupts_held():
            pool.submit(int)
        yield from _ordered(pool.submit, function, _chain(rest, source), 2 * worker_count(workers))
    finally:
        pool.shutdown(wait=True, kill_workers=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Tell Ctrl-C only at the end: a pool that is half started can not be shut down."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted
        return
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        for number in held[:1]:
            signal.raise_signal(number)


def _end_with_parent(parent: int) -> None:
    """End this worker when its parent is gone, and only then: one killed with -9 leaves workers.

    Ctrl-C reaches the whole group of processes; the parent alone answers it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int | None = None
) -> Iterator[Result]:
    """Results in order, computed in threads: for work that Arrow and Polars do without the lock."""
    count = worker_count(workers)
    with ThreadPoolExecutor(count) as pool:
        yield from _ordered(pool.submit, function, items, count + 1)


def _chain(first: list[Item], rest: Iterator[Item]) -> Iterator[Item]:
    yield from first
    yield from rest


def _ordered(
    submit: Callable[..., Future[Any]],
    function: Callable[[Item], Result],
    items: Iterable[Item],
    most: int,
) -> Iterator[Result]:
    waiting: deque[Future[Any]] = deque()
    try:
        for item in items:
            waiting.append(submit(function, item))
            if len(waiting) >= most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
