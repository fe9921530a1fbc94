"""One event loop in one background thread, shared by all clients of a process.

So `ask` can be called from a plain script, from a notebook that already runs a loop, and from
several threads, while limits, budgets and single-flight of all clients live in one place.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

__all__ = ["is_running", "loop", "post", "run"]

T = TypeVar("T")

_END_S = 5.0  # at the interpreter's end: what does not stop by then is left as it is


class _Home(NamedTuple):
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread


_HOMES: dict[int, _Home] = {}
"""By process: a forked child has its own, and never touches or frees that of its parent."""
_LOCK = threading.Lock()


def loop() -> asyncio.AbstractEventLoop:
    """The loop of this process, started on first use, whichever threads come first."""
    pid = os.getpid()
    home = _HOMES.get(pid)
    if home is None:
        with _LOCK:
            home = _HOMES.get(pid)
            if home is None:
                home = _HOMES[pid] = _started()
    return home.loop


def _started() -> _Home:
    made = asyncio.new_event_loop()
    # a daemon: an answer that never comes must not keep the process from ending
    thread = threading.Thread(target=made.run_forever, name="prefkit-llm", daemon=True)
    thread.start()
    return _Home(made, thread)


def is_running() -> bool:
    """Whether the loop was started and still answers: it ends before the interpreter does."""
    home = _HOMES.get(os.getpid())
    return home is not None and home.thread.is_alive() and not sys.is_finalizing()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in the loop and wait for it; an interrupt cancels it and waits again.

    A second interrupt ends that wait.

    Raises:
        RuntimeError: the loop has ended with the interpreter, or this is the loop's own thread.
    """
    home = loop()
    if not is_running() or threading.current_thread() is _HOMES[os.getpid()].thread:
        work.close()
        raise RuntimeError("nobody can wait here for the event loop of the model clients")
    done: Future[T] = Future()
    tasks: list[asyncio.Task[T]] = []

    def begin() -> None:
        tasks.append(home.create_task(work))
        tasks[0].add_done_callback(lambda task: _tell(task, done))

    def cancel() -> None:
        if tasks:
            tasks[0].cancel()
        else:
            work.close()
            done.set_exception(asyncio.CancelledError())

    try:
        home.call_soon_threadsafe(begin)
        return done.result()
    except BaseException:
        if not done.done():
            home.call_soon_threadsafe(cancel)
            done.exception()
        raise


def _tell(task: asyncio.Task[T], done: Future[T]) -> None:
    if task.cancelled():
        done.set_exception(asyncio.CancelledError())
    elif (error := task.exception()) is not None:
        done.set_exception(error)
    else:
        done.set_result(task.result())


def post(call: Callable[[], object]) -> None:
    """Have the loop call something soon, if it still runs. Waits for nothing and takes no lock.

    What the garbage collector calls can do no more: it runs in any thread, the loop's own included,
    and whatever locks that thread holds.
    """
    if is_running():
        with suppress(RuntimeError):  # it ended since
            _HOMES[os.getpid()].loop.call_soon_threadsafe(call)


@atexit.register
def _end() -> None:
    """Stop the loop while its thread can still run: afterwards nobody must wait for it."""
    home = _HOMES.get(os.getpid())
    if home is None or not home.thread.is_alive():
        return
    with suppress(TimeoutError):
        asyncio.run_coroutine_threadsafe(_wind_up(), home.loop).result(_END_S)
    home.loop.call_soon_threadsafe(home.loop.stop)
    home.thread.join(_END_S)
    if not home.thread.is_alive():
        home.loop.close()


async def _wind_up() -> None:
    """Cancel every task; a task that ends may begin another."""
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _new_lock() -> None:
    global _LOCK
    _LOCK = threading.Lock()  # a thread that is not there in the child may have held it


os.register_at_fork(after_in_child=_new_lock)
