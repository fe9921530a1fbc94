"""Several workers side by side; items come back in their order."""

from __future__ import annotations

import itertools
import os
import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from prefkit.sandbox.worker import Worker

__all__ = ["in_sandboxes"]

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

_AHEAD = 4  # items a worker that wait


def in_sandboxes(
    work: Callable[[Worker, ItemT], ResultT],
    items: Iterable[ItemT],
    worker: Callable[[int], Worker],
    workers: int | None = None,
) -> Iterator[ResultT]:
    """Each item with a worker of its own for the time; threads, as all the work is elsewhere.

    `worker` makes worker number n: `functools.partial(Worker, level, limits)`. One worker a core
    unless `workers` says how many.

    Raises:
        SandboxError: no sandbox could be started; whatever `work` raises.
    """
    count = workers or os.cpu_count() or 1
    free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
    held = [worker(number) for number in range(count)]
    for one in held:
        free.put(one)

    def run(item: ItemT) -> ResultT:
        mine = free.get()
        try:
            return work(mine, item)
        finally:
            free.put(mine)

    def stop() -> None:
        for one in held:
            one.retire()

    try:
        yield from _in_order(run, items, count, stop)
    finally:
        for one in held:
            one.burn()


def _in_order(
    run: Callable[[ItemT], ResultT], items: Iterable[ItemT], count: int, stop: Callable[[], None]
) -> Iterator[ResultT]:
    source = iter(items)
    waiting: deque[Future[ResultT]] = deque()
    threads = ThreadPoolExecutor(count, thread_name_prefix="sandbox")
    try:
        for item in itertools.islice(source, count * _AHEAD):
            waiting.append(threads.submit(run, item))
        while waiting:
            yield waiting.popleft().result()
            for item in itertools.islice(source, 1):
                waiting.append(threads.submit(run, item))
    except BaseException:  # an interrupt, or nobody wants the rest: what runs is not waited for
        stop()
        raise
    finally:
        threads.shutdown(cancel_futures=True)
