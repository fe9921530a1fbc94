"""Replies in one append-only file per client identity, on disk before they count.

Any number of processes may append to one journal at the same time. `put` belongs to the thread of
the event loop; its disk work runs in another, and `get` may be called from any. See
docs/decisions/0009.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prefkit.llm.keeping.appender import Appender, Spot, identity, write_whole
from prefkit.llm.keeping.entries import Entry, Index, encode, foreign
from prefkit.llm.keeping.group_commit import GroupCommit, Line
from prefkit.llm.keeping.private import open_private, tighten

__all__ = ["Journal"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=@-]{0,199}")
_GROUP_BYTES = 8 << 20  # what `put_all` and `rewrite` gather in memory


class Journal:
    """Answers by key. Opening reads the file once; afterwards `refresh` reads what was added.

    Raises:
        ValueError: the name is no plain file name.
        DataError: the file is no journal, or cannot be opened as a private regular file.
    """

    def __init__(self, folder: Path, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of a journal")
        self.path = folder / f"{name}.jsonl"
        self._handle, self._index = _opened(self.path)
        self._appender = Appender(self.path)
        self._commit = GroupCommit(self._appender, self._add)
        self._lock = threading.RLock()
        """Around the index and the file it belongs to, which change together."""
        self._look()

    @property
    def damaged(self) -> int:
        """Lines that were found torn or corrupt so far; their answers are asked again."""
        return self._index.damaged + self._has_torn_end

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, key: str) -> bool:
        """Whether a whole entry of a key was seen; `get` says whether it still is."""
        return key in self._index

    def get(self, key: str) -> bytes | None:
        """The reply of a key, verified now; null if there is none that is whole."""
        with self._lock:
            return self._index.read(self._handle, key)

    def entries(self) -> Iterator[Entry]:
        """Key, reply and request of every answer, in the order in which they were kept."""
        with self._lock:  # the file of this moment, even if it is replaced meanwhile
            handle, index = os.dup(self._handle), self._index
        try:
            yield from index.entries(handle)
        finally:
            os.close(handle)

    def refresh(self) -> None:
        """See what others appended, or that the file was replaced; one `lstat` if nothing was.

        Raises:
            DataError: another kind of file stands in its place.
        """
        with self._lock:
            self._refresh()

    def _refresh(self) -> None:
        try:
            now = os.lstat(self.path)
        except FileNotFoundError:
            self._reopen()
            return
        if identity(now) != self._file or now.st_size < self._index.position:
            self._reopen()
        elif now.st_size != self._bytes:
            self._look()

    async def put(self, key: str, reply: bytes, request: bytes) -> None:
        """Keep an answer; returns when it is on disk. All that wait share one sync.

        If the task is cancelled the answer is kept all the same. After an error it may be there.

        Raises:
            OSError: the disk is full or broken; every entry of the group gets it.
            ValueError: the key or a payload is not what a journal holds.
            DataError: it is too long, or another kind of file took the place of this one.
        """
        await self._commit.put(Line(key, encode(key, reply, request)))

    def put_all(self, entries: Iterable[tuple[str, bytes, bytes]]) -> None:
        """Keep many answers; returns when they are on disk.

        Raises:
            OSError: the disk is full or broken; what was kept before stays.
            ValueError: a key or a payload is not what a journal holds.
            DataError: as for `put`.
        """
        for group in _grouped(entries):
            self._add(self._appender.append([line.text for line in group]), group)

    def rewrite(self, keep: Callable[[str, bytes, bytes], bool]) -> int:
        """Leave only entries of which `keep(key, reply, request)` holds; says how many went.

        The file is replaced by one rename. Who appends waits meanwhile and goes on in the new file;
        no entry is lost. Damaged lines and replaced answers go too.

        Raises:
            OSError: the new file cannot be written; the old one stays.
            DataError: another kind of file took the place of this one.
        """
        with self._appender.replacing() as fresh:
            self.refresh()
            before = len(self)
            for group in _grouped(entry for entry in self.entries() if keep(*entry)):
                write_whole(fresh, b"\n" + b"".join(line.text for line in group))
        with self._lock:
            self._reopen()
        return before - len(self)

    def close(self) -> None:
        """Write what still waits and close the file; waits a few seconds for others at most.

        Raises:
            OSError: what still waited could not be written, or somebody still writes.
        """
        try:
            self._commit.finish()
        finally:
            try:
                self._appender.close()
            finally:
                with self._lock:
                    if self._handle >= 0:
                        os.close(self._handle)
                        self._handle = -1

    def _add(self, spot: Spot, group: list[Line]) -> None:
        """Take in a group that was just written, without reading it back where that is safe."""
        with self._lock:
            self._take_in(spot, group)

    def _take_in(self, spot: Spot, group: list[Line]) -> None:
        if spot != (self._file, self._index.position):
            self._refresh()  # others wrote before it, a torn line is there, or it was seen already
            return
        start = spot.start + 1
        for line in group:
            self._index.add(line.key, start, len(line.text) - 1)
            start += len(line.text)
        self._index.position = self._bytes = start

    def _reopen(self) -> None:
        handle, index = _opened(self.path)
        os.close(self._handle)
        self._handle, self._index = handle, index
        self._look()

    def _look(self) -> None:
        """Read what is new, and see whether the end is torn or only still being written."""
        self._index.read_on(self._handle)
        facts = os.fstat(self._handle)
        self._has_torn_end = False
        if facts.st_size > self._index.position:
            with self._appender.quiet() as is_quiet:
                self._index.read_on(self._handle)
                facts = os.fstat(self._handle)
                self._has_torn_end = is_quiet and facts.st_size > self._index.position
        self._file, self._bytes = identity(facts), facts.st_size


def _opened(path: Path) -> tuple[int, Index]:
    handle = open_private(path)
    try:
        index = Index()
        index.read_on(handle)
        if index.is_foreign(handle):
            raise foreign(path)
        tighten(path, handle)
    except BaseException:
        os.close(handle)
        raise
    return handle, index


def _grouped(entries: Iterable[tuple[str, bytes, bytes]]) -> Iterator[list[Line]]:
    group: list[Line] = []
    held_bytes = 0
    for key, reply, request in entries:
        line = Line(key, encode(key, reply, request))
        group.append(line)
        held_bytes += len(line.text)
        if held_bytes >= _GROUP_BYTES:
            yield group
            group, held_bytes = [], 0
    if group:
        yield group
