"""Who is asking which request right now, told to every client and process by locks of the kernel.

A claim is a lock of one byte of one empty file, at a place that the key says. It ends with its
holder, also by kill -9, so nothing has to expire and nobody waits for the dead. Two keys in the
same place (one pair in 2**62) only make one wait for the other.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import struct
import weakref
from collections.abc import Callable
from pathlib import Path

from prefkit.llm.keeping.private import open_private, tighten

__all__ = ["Claims", "lock_by_description", "lock_by_process"]

Lock = Callable[[int, int, int], None]

_FLOCK = "hhqqi0q"
"""`struct flock` with 64-bit offsets: type, whence, start, length, process (0), native padding."""


def lock_by_description(handle: int, place: int, kind: int) -> None:
    """Lock (`F_WRLCK`) or free (`F_UNLCK`) one byte for this opening of the file; never waits.

    Raises:
        OSError: EAGAIN or EACCES if somebody else has it.
    """
    fcntl.fcntl(handle, fcntl.F_OFD_SETLK, struct.pack(_FLOCK, kind, os.SEEK_SET, place, 1, 0))


def lock_by_process(handle: int, place: int, kind: int) -> None:
    """The same for this process, for systems without the other kind.

    What is lost: two clients of one process do not exclude each other, and closing one of them
    gives back the claims of all. At worst a request of theirs is paid twice.

    Raises:
        OSError: EAGAIN or EACCES if another process has it.
    """
    how = fcntl.LOCK_UN if kind == fcntl.F_UNLCK else fcntl.LOCK_EX | fcntl.LOCK_NB
    fcntl.lockf(handle, how, 1, place, os.SEEK_SET)


_BEST: Lock = lock_by_description if hasattr(fcntl, "F_OFD_SETLK") else lock_by_process


class Claims:
    """Claims of one client on the file that its likes share; all methods never wait.

    Whoever gets a claim looks into the journal once more before asking: the one who had it may have
    answered in between.

    Raises:
        DataError: the file cannot be opened as a private regular file.
    """

    def __init__(self, path: Path, *, lock: Lock = _BEST) -> None:
        self._path = path
        self._lock = lock
        self._held: dict[int, str] = {}
        self._handle = self._open()
        _ALIVE.add(self)

    def take(self, key: str) -> bool:
        """Claim a key; false if somebody has it, this client included.

        Raises:
            OSError: the kernel gives no more locks.
        """
        if self._handle < 0:
            self._handle = self._open()
        place = _place(key)
        if place in self._held:
            return False
        try:
            self._lock(self._handle, place, fcntl.F_WRLCK)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            return False
        self._held[place] = key
        return True

    def give_back(self, key: str) -> None:
        """End a claim; nothing happens if this client has none on the key."""
        place = _place(key)
        if self._held.get(place) == key:
            self._lock(self._handle, place, fcntl.F_UNLCK)
            del self._held[place]

    def close(self) -> None:
        """Give back everything."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1
        self._held.clear()

    def _open(self) -> int:
        handle = open_private(self._path)
        tighten(self._path, handle)
        return handle


def _place(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest()) >> 2


_ALIVE: weakref.WeakSet[Claims] = weakref.WeakSet()


def _forget_in_child() -> None:
    """A forked child shares its parent's locks, which would outlive a killed parent with it."""
    for claims in tuple(_ALIVE):
        claims.close()


os.register_at_fork(after_in_child=_forget_in_child)
