"""The writing side of a journal: whole groups of lines at the end of a file that others share.

A group is written under an exclusive lock of the file, after a look whether the path still names
it. Who replaces the file holds the lock of the old and of the new one, so no group can go to a file
that is no longer there. The kernel frees the locks of a process that dies.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from prefkit.llm.keeping.entries import foreign, is_begun
from prefkit.llm.keeping.private import open_private, sync_folder, tighten

__all__ = ["Appender", "Spot", "identity", "write_whole"]

_LOG = logging.getLogger("prefkit.llm")
_LOOK_S = 0.01  # between two tries for a lock that somebody else has
_TURN_S = 0.02
_TOLD_S = 5.0  # of waiting, after which a person is told what is waited for

_sync = getattr(os, "fdatasync", os.fsync)  # not every system has the cheaper one


class Spot(NamedTuple):
    """Where a group was written: in which file (device and inode), and from which byte on."""

    file: tuple[int, int]
    start: int


class Appender:
    """Appends to a private file; its methods may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = open_private(path)
        self._mutex = threading.Lock()  # locks of the file are shared by the threads of a process
        self._until: float | None = None
        """When waiting ends, by the monotonic clock; null = it waits as long as it takes."""

    def append(self, lines: Sequence[bytes]) -> Spot:
        """Write lines as one group and return when they are on disk.

        Raises:
            OSError: as for `write` and `sync`.
        """
        spot = self.write(lines)
        self.sync()
        return spot

    def write(self, lines: Sequence[bytes]) -> Spot:
        """Write lines, each with its line feed, as one group; a kill no longer loses them.

        The group begins with a line feed of its own, which `start` is before.

        Raises:
            OSError: the disk is full or broken. No half line stays; whole ones that still went in
                do, for an answer on disk is worth having.
        """
        with self._named(), self._mutex, self._locked():
            return self._write(lines)

    def try_write(self, lines: Sequence[bytes]) -> Spot | None:
        """The same, without waiting for other processes; null if the file is not free at once.

        Raises:
            OSError: as for `write`.
        """
        # Threads of this process hold it for microseconds; an answer must not wait for a turn.
        if not self._mutex.acquire(timeout=_TURN_S):
            return None
        try:
            with self._named(), self._locked(fcntl.LOCK_NB):
                return self._write(lines)
        except BlockingIOError:
            return None
        finally:
            self._mutex.release()

    def write_when_free(self, lines: Sequence[bytes]) -> Spot:
        """The same, waiting until the file is free, or until `hurry` ends the wait.

        Raises:
            OSError: as for `write`; EBUSY if the file was not free in time.
        """
        told = time.monotonic() + _TOLD_S
        while (spot := self.try_write(lines)) is None:
            now = time.monotonic()
            if self._until is not None and now >= self._until:
                raise self._held_up()
            if now >= told:
                _LOG.warning("answers wait: somebody else has the lock of %s", self._path)
                told = float("inf")
            time.sleep(_LOOK_S)
        return spot

    def hurry(self, seconds: float) -> None:
        """From now on wait for others so long at most, in all."""
        self._until = time.monotonic() + seconds

    def _write(self, lines: Sequence[bytes]) -> Spot:
        facts = os.fstat(self._handle)
        write_whole(self._handle, b"\n" + b"".join(lines))
        return Spot(identity(facts), facts.st_size)

    def sync(self) -> None:
        """Return when all that was written is on disk: a power cut no longer loses it.

        Raises:
            OSError: the disk is broken.
        """
        with self._named():
            with self._alone():  # not while it syncs: that takes long, and others want to write
                handle = os.dup(self._handle)
            try:
                # Whoever replaced the file since copied what was written and synced the copy.
                _sync(handle)
            finally:
                os.close(handle)

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            error.filename = str(self._path)
            raise

    @contextmanager
    def quiet(self) -> Iterator[bool]:
        """Say whether nobody is writing, and if so keep it that way in the block; never waits."""
        if not self._mutex.acquire(blocking=False):
            yield False
            return
        try:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            try:
                yield True
            finally:
                fcntl.flock(self._handle, fcntl.LOCK_UN)
        finally:
            self._mutex.release()

    @contextmanager
    def replacing(self) -> Iterator[int]:
        """Give the handle of an empty file that takes the old one's place if the block succeeds.

        In the block nobody appends.

        Raises:
            OSError: it cannot be written; the old file stays as it was.
        """
        work = self._path.with_name(f".{self._path.name}.new")
        with self._mutex, self._locked(), _fresh(work) as fresh:
            yield fresh
            os.fsync(fresh)
            work.replace(self._path)
            sync_folder(self._path.parent)

    def close(self) -> None:
        """Close the file; waits for a group that is being written.

        Raises:
            OSError: EBUSY, if `hurry` ended that wait; the file stays open.
        """
        with self._alone():
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep the other threads out, waiting for them as long as `hurry` allows."""
        wait_s = -1.0 if self._until is None else max(0.0, self._until - time.monotonic())
        if not self._mutex.acquire(timeout=wait_s):
            raise self._held_up()
        try:
            yield
        finally:
            self._mutex.release()

    def _held_up(self) -> OSError:
        return OSError(errno.EBUSY, "somebody else has the journal's lock", str(self._path))

    @contextmanager
    def _locked(self, how: int = 0) -> Iterator[None]:
        """Keep everybody else from writing to the file that the path names now.

        Raises:
            BlockingIOError: `how` is `LOCK_NB`, and somebody else has it.
        """
        try:
            self._lock(how)
            yield
        finally:
            fcntl.flock(self._handle, fcntl.LOCK_UN)

    def _lock(self, how: int) -> None:
        """Lock the file that the path names now.

        Raises:
            DataError: another kind of file took the journal's place.
        """
        while True:
            fcntl.flock(self._handle, fcntl.LOCK_EX | how)
            with suppress(FileNotFoundError):
                if identity(os.lstat(self._path)) == identity(os.fstat(self._handle)):
                    return
            current = open_private(self._path)
            os.close(self._handle)
            self._handle = current
            if not is_begun(current):
                raise foreign(self._path)


def identity(facts: os.stat_result) -> tuple[int, int]:
    """What tells a file from every other one while it is open."""
    return facts.st_dev, facts.st_ino


def write_whole(handle: int, data: bytes) -> None:
    """Append lines in one write; after an error none of them is left half.

    The caller holds the file's lock.

    Raises:
        OSError: not everything could be written.
    """
    start = os.fstat(handle).st_size
    done = os.write(handle, data)
    try:
        while done < len(data):  # a disk that fills up takes a part and says why the next time
            done += os.write(handle, memoryview(data)[done:])
    except OSError:
        with suppress(OSError):  # the first error is the one to tell; a half line is no entry
            os.ftruncate(handle, start + data.rfind(b"\n", 0, done) + 1)
        raise


@contextmanager
def _fresh(work: Path) -> Iterator[int]:
    """A new file, locked before it has a name that others know; removed if the block fails.

    The caller's lock of the old file allows one writer at a time, so what lies here is left over
    from one that was killed.
    """
    work.unlink(missing_ok=True)
    handle = open_private(work)
    try:
        tighten(work, handle)
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    except BaseException:
        work.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)
