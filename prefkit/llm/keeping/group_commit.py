"""Lines are written at once if the file is free; tasks that wait for the disk share a sync."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from prefkit.llm.keeping.appender import Appender, Spot

__all__ = ["GroupCommit", "Line"]


_GATHER_S = 0.005
"""How long a group gathers before it is synced: at 500 answers a second a sync for each would cost
twice the processor time, and who waits for the disk waits for longer than that anyway."""

_CLOSE_S = 3.0  # that closing waits for whoever has the journal's lock


class Line(NamedTuple):
    """A line to write, and the key that it is found by."""

    key: str
    text: bytes


@dataclass(slots=True)
class _Written:
    spot: Spot | None
    """Null = late: the file was not free at once."""
    line: Line
    on_disk: asyncio.Future[None]


class GroupCommit:
    """Writes each line at once; a group of them then shares one sync, which runs in a thread.

    Once a line is written a kill no longer loses it, and after the sync a power cut neither. While
    somebody else has the file, lines wait for it in their order, in the thread: the event loop
    waits for nobody. `written` hears of each line in the loop, before its task goes on.
    """

    def __init__(
        self,
        appender: Appender,
        written: Callable[[Spot, list[Line]], None],
    ) -> None:
        self._appender = appender
        self._written = written
        self._writing = threading.Lock()
        """Around late lines: closing may want to write them while the thread still tries."""
        self._gathering: list[_Written] = []
        self._in_flight: list[_Written] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    async def put(self, line: Line) -> None:
        """Return when the line is on disk. If the task is cancelled it is kept all the same.

        Raises:
            OSError: the line could not be written, or a late one or the sync of its group failed.
        """
        loop = asyncio.get_running_loop()
        on_disk = loop.create_future()
        is_late = any(one.spot is None for one in (*self._in_flight[-1:], *self._gathering[-1:]))
        spot = None if is_late else self._appender.try_write([line.text])
        self._gathering.append(_Written(spot, line, on_disk))
        if self._loop is not loop:  # idle, or left by a loop that ended
            self._loop = loop
            loop.call_later(_GATHER_S, self._start, loop)
        await on_disk

    def finish(self) -> None:
        """Sync what still waits, in this thread: the loop's own, or any once the loop has ended.

        Waits a few seconds at most for whoever has the file.

        Raises:
            OSError: it could not be written or synced; says how many answers were not.
        """
        waiting = [*self._in_flight, *self._gathering]
        self._appender.hurry(_CLOSE_S)
        self._gathering = []
        if not waiting:
            return
        try:
            self._commit(waiting)
        except OSError as error:
            late = sum(one.spot is None for one in waiting)
            if not late:
                raise
            why = f"{error.strerror}; {late:,} paid answers could not be written"
            raise OSError(error.errno, why, error.filename) from error
        _settle(waiting, None)

    def _commit(self, group: Sequence[_Written]) -> None:
        """Write what is late and sync the group; in a thread, or while closing."""
        with self._writing:  # not for long: `hurry` also ends the wait of who has it
            for one in group:
                if one.spot is None:
                    one.spot = self._appender.write_when_free([one.line.text])
        self._appender.sync()

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        # A callback and no task, for a loop that ends cancels its tasks.
        self._in_flight, self._gathering = self._gathering, []
        commit = partial(self._commit, self._in_flight)
        try:
            done = loop.run_in_executor(None, commit)
        except RuntimeError:
            # The interpreter ends and starts no threads any more, but waits for one that asks.
            self._appender.hurry(_CLOSE_S)
            self._finished(loop, self._in_flight, _outcome(commit))
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
            if one.spot is not None:
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
