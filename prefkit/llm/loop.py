"""One event loop in one background thread, shared by all clients of a process.

So `ask` can be called from a plain script, from a notebook that already runs a loop, and from
several threads, while limits, budgets and single-flight of all clients live in one place.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

__all__ = ["loop", "run"]

T = TypeVar("T")


def loop() -> asyncio.AbstractEventLoop:
    """The loop of this process, started on first use; a forked child gets its own."""
    return _started(os.getpid())


@cache
def _started(_pid: int) -> asyncio.AbstractEventLoop:
    made = asyncio.new_event_loop()
    # a daemon: an answer that never comes must not keep the process from ending
    threading.Thread(target=made.run_forever, name="prefkit-llm", daemon=True).start()
    return made


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in the loop and wait for it; an interrupt cancels it and waits again."""
    future = asyncio.run_coroutine_threadsafe(work, loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise
