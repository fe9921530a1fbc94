"""One line of a journal: an entry that proves itself whole, and where such lines lie in a file.

`{"prefkit":1,"key":K,"length":N,"crc":C,"reply":{...},"request":{...},"sum":S}`: JSON for people
and their tools. Here nothing of it is parsed: the reply is the N bytes after the head, and S is a
digest of all bytes before it, so that a line with any byte changed, lost or added is no entry. C is
a quick sum of key and reply for who reads only these, after S was checked once.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from prefkit.errors import DataError

__all__ = ["MOST_BYTES", "Entry", "Index", "decode", "encode", "foreign", "is_begun"]

MOST_BYTES = 1 << 27
"""Longest line with its line feed; only reading one that long takes memory for it."""

_BEGIN = b'{"prefkit":1,"key":"'
_HEAD = re.compile(
    re.escape(_BEGIN) + rb'([^"]+)","length":(\d{1,9}),"crc":"([0-9a-f]{8})","reply":'
)
_REQUEST = b',"request":'
_SUM = b',"sum":"%s"}'
_SUM_DIGITS = 32  # 128 bits: damage is not an attacker, and half the text of a whole SHA-256
_SUM_BYTES = len(_SUM) - 2 + _SUM_DIGITS
_KEY = re.compile(r"[!#-\[\]-~]{1,200}")  # printable ASCII without blank, quote and backslash
_CONTROL = bytes(range(32))
_CHUNK = 1 << 17
_GLANCE = 4096  # most replies end within so many bytes of their line
_LENGTH_BITS = MOST_BYTES.bit_length()


class Entry(NamedTuple):
    """What was put: both payloads are compact JSON."""

    key: str
    reply: bytes
    request: bytes


def encode(key: str, reply: bytes, request: bytes) -> bytes:
    """The line of an entry, with its line feed.

    Raises:
        ValueError: the key is not plain printable ASCII of at most 200 characters, or a payload
            is empty or holds a control character, as compact JSON never does.
        DataError: it is longer than a journal can hold.
    """
    if not _KEY.fullmatch(key):
        raise ValueError(f"a key must be 1 to 200 plain printable characters, not {key[:220]!r}")
    for payload in (reply, request):
        if not payload or len(payload.translate(None, _CONTROL)) != len(payload):
            raise ValueError(f"a payload of {key} is no compact JSON: {payload[:40]!r}")
    crc = _crc(key.encode(), reply)
    head = b'%s%s","length":%d,"crc":"%s","reply":' % (_BEGIN, key.encode(), len(reply), crc)
    body = b"".join((head, reply, _REQUEST, request))
    if len(body) + _SUM_BYTES >= MOST_BYTES:
        raise DataError(f"the answer and request of {key} are too long to keep: {len(body)} bytes")
    return b"%s%s\n" % (body, _SUM % _sum(body))


def decode(line: bytes) -> Entry | None:
    """The entry of a line (without its line feed); null if the line is not whole."""
    head = _head(line)
    if head is None:
        return None
    start = head.end()
    end = start + int(head[2])
    return Entry(head[1].decode(), line[start:end], line[end + len(_REQUEST) : -_SUM_BYTES])


def _head(line: bytes) -> re.Match[bytes] | None:
    head = _HEAD.match(line)
    if head is None or line[-_SUM_BYTES:] != _SUM % _sum(line[:-_SUM_BYTES]):
        return None
    return head


def _sum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:_SUM_DIGITS].encode()


def _crc(key: bytes, reply: bytes) -> bytes:
    return b"%08x" % zlib.crc32(reply, zlib.crc32(key))


def is_begun(handle: int) -> bool:
    """Whether an undamaged file is empty or begins as a journal does."""
    begin = os.pread(handle, len(_BEGIN) + 1, 0).lstrip(b"\n")
    return not begin or begin.startswith(_BEGIN[: len(begin)])


def foreign(path: Path) -> DataError:
    """The error of a file that is something else."""
    return DataError(
        f"{path} is no journal of replies; nothing was changed in it",
        hint=f"mv {shlex.quote(str(path))} {shlex.quote(f'{path}.other')}",
    )


class Index:
    """Where the whole entries of one file lie, as far as it was read; about 150 bytes an entry."""

    def __init__(self) -> None:
        self.position = 0
        """Up to here the file was read; always the beginning of a line."""
        self.damaged = 0
        """Finished lines that hold something and are no whole entry."""
        self._places: dict[bytes, int] = {}
        self._is_familiar = False
        self._is_strange = False

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: str) -> bool:
        return _digest(key) in self._places

    def read_on(self, handle: int) -> None:
        """Take in the finished lines behind `position`; of two entries of a key the later wins."""
        for start, stop, line in _lines(handle, self.position):
            self.position = stop
            head = None if line is None else _head(line)
            if head is not None:
                self.add(head[1].decode(), start, stop - start - 1)
            elif line != b"":
                self.damaged += 1
                self._judge(line)

    def add(self, key: str, start: int, length: int) -> None:
        """Say where an entry lies."""
        self._places[_digest(key)] = start << _LENGTH_BITS | length

    def read(self, handle: int, key: str) -> bytes | None:
        """The reply of a key, checked again; one that no longer holds is forgotten and counted."""
        digest = _digest(key)
        place = self._places.get(digest)
        if place is None:
            return None
        reply = _read_reply(handle, place, key.encode())
        if reply is None:
            del self._places[digest]
            self.damaged += 1
        return reply

    def entries(self, handle: int) -> Iterator[Entry]:
        """All entries that still hold, in the order of the file."""
        for place in sorted(self._places.values()):
            entry = _read(handle, place)
            if entry is not None:
                yield entry

    def is_foreign(self, handle: int) -> bool:
        """Whether the file, read to its end, holds things and none of them looks like a journal."""
        self._judge(os.pread(handle, _CHUNK, self.position))
        return self._is_strange and not (self._is_familiar or self._places)

    def _judge(self, text: bytes | None) -> None:
        """Zeros are what a power cut leaves; the beginning of a line is what a kill leaves."""
        if text is None:
            self._is_strange = True
        elif _BEGIN in text:
            self._is_familiar = True
        elif not _BEGIN.startswith(text.strip(b"\0")):
            self._is_strange = True


def _read(handle: int, place: int) -> Entry | None:
    length = place & (1 << _LENGTH_BITS) - 1
    return decode(os.pread(handle, length, place >> _LENGTH_BITS))


def _read_reply(handle: int, place: int, key: bytes) -> bytes | None:
    """The reply alone, held against its quick sum: the request behind it is not looked at."""
    length, start = place & (1 << _LENGTH_BITS) - 1, place >> _LENGTH_BITS
    line = os.pread(handle, min(length, _GLANCE), start)
    head = _HEAD.match(line)
    if head is None or head[1] != key:
        return None
    end = head.end() + int(head[2])
    if end > len(line):
        line += os.pread(handle, min(end, length) - len(line), start + len(line))
    reply = line[head.end() : end]
    return reply if head[3] == _crc(key, reply) else None


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=16).digest()


def _lines(handle: int, position: int) -> Iterator[tuple[int, int, bytes | None]]:
    """Start, stop and text of every finished line; null for a long one that can be no entry."""
    size = _CHUNK
    while True:
        block = os.pread(handle, size, position)
        *whole, _ = block.split(b"\n")
        if whole:
            for line in whole:
                stop = position + len(line) + 1
                yield position, stop, line
                position = stop
        elif len(block) < size:
            return
        elif size < MOST_BYTES and block.startswith(_BEGIN):
            size *= 2
            continue
        else:
            stop = _next_line(handle, position)
            if not stop:
                return
            yield position, stop, None
            position = stop
        size = _CHUNK


def _next_line(handle: int, position: int) -> int:
    """Where the line after this one begins; 0 if this one has no end yet."""
    while block := os.pread(handle, _CHUNK, position):
        end = block.find(b"\n")
        if end >= 0:
            return position + end + 1
        position += len(block)
    return 0
