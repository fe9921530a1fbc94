"""Lines are written at once; many tasks that wait for the disk share one sync."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from prefkit.llm.keeping.appender import Spot

__all__ = ["GroupCommit", "Line"]


_GATHER_S = 0.005
"""How long a group gathers before it is synced: at 500 answers a second a sync for each would cost
twice the processor time, and who waits for the disk waits for longer than that anyway."""


class Line(NamedTuple):
    """A line to write, and the key that it is found by."""

    key: str
    text: bytes


class _Written(NamedTuple):
    spot: Spot
    line: Line
    on_disk: asyncio.Future[None]


class GroupCommit:
    """Writes each line at once; a group of them then shares one sync, which runs in a thread.

    `write` says where a line went: after it a kill loses nothing, after `sync` a power cut neither.
    `written` hears of each line in the thread of the event loop, before its task goes on.
    """

    def __init__(
        self,
        write: Callable[[list[bytes]], Spot],
        sync: Callable[[], None],
        written: Callable[[Spot, list[Line]], None],
    ) -> None:
        self._write = write
        self._sync = sync
        self._written = written
        self._gathering: list[_Written] = []
        self._in_flight: list[_Written] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    async def put(self, line: Line) -> None:
        """Return when the line is on disk. If the task is cancelled it is kept all the same.

        Raises:
            OSError: what `write` raised for this line, or `sync` for its group.
        """
        loop = asyncio.get_running_loop()
        on_disk = loop.create_future()
        self._gathering.append(_Written(self._write([line.text]), line, on_disk))
        if self._loop is not loop:  # idle, or left by a loop that ended
            self._loop = loop
            loop.call_later(_GATHER_S, self._start, loop)
        await on_disk

    def finish(self) -> None:
        """Sync what still waits, in this thread: the loop's own, or any once the loop has ended.

        Raises:
            OSError: what `sync` raised.
        """
        waiting = [*self._in_flight, *self._gathering]
        if waiting:
            self._sync()
            _settle(waiting, None)
        self._gathering = []

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        # A callback and no task, for a loop that ends cancels its tasks.
        self._in_flight, self._gathering = self._gathering, []
        try:
            done = loop.run_in_executor(None, self._sync)
        except RuntimeError:
            # The interpreter ends and starts no threads any more, but waits for one that asks.
            self._finished(loop, self._in_flight, _outcome(self._sync))
            return
        done.add_done_callback(partial(self._synced, loop, self._in_flight))

    def _synced(
        self,
        loop: asyncio.AbstractEventLoop,
        group: list[_Written],
        done: asyncio.Future[None],
    ) -> None:
        self._finished(loop, group, _outcome(done.result))

    def _finished(
        self,
        loop: asyncio.AbstractEventLoop,
        group: list[_Written],
        error: BaseException | None,
    ) -> None:
        if error is None:
            error = _outcome(partial(self._take_in, group))
        self._in_flight = []
        _settle(group, error)
        if self._gathering:
            loop.call_later(_GATHER_S, self._start, loop)
        else:
            self._loop = None

    def _take_in(self, group: list[_Written]) -> None:
        for one in group:
            self._written(one.spot, [one.line])


def _outcome(call: Callable[[], None]) -> BaseException | None:
    """What a call raises. Whoever waits for a group hears it; a callback has nobody to raise to."""
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - it is raised in every task that waits
        return error
    return None


def _settle(group: list[_Written], error: BaseException | None) -> None:
    for on_disk in (one.on_disk for one in group):
        if on_disk.done() or on_disk.get_loop().is_closed():
            continue  # its task was cancelled, or ended with its loop
        if error is None:
            on_disk.set_result(None)
        else:
            on_disk.set_exception(_own(error))


def _own(error: BaseException) -> BaseException:
    """An error for one task: raised in many, one object would gather the tracebacks of all."""
    if isinstance(error, OSError):
        return OSError(error.errno, error.strerror, error.filename)
    return error
