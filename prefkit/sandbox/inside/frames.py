"""Messages over a stream socket: four bytes of length, then JSON."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

__all__ = ["ENDED", "HEAD", "packed", "receive", "send", "unpacked"]

HEAD = struct.Struct(">I")
ENDED = struct.Struct("=idq")
"""How a candidate ended, as its runner tells: status of `waitpid`, CPU seconds, peak kilobytes."""

_written = json.JSONEncoder(separators=(",", ":")).encode
_read = json.JSONDecoder().decode
_PART = 1 << 16


def packed(message: Any) -> bytes:
    """A message as it is sent."""
    body = _written(message).encode("ascii")
    return HEAD.pack(len(body)) + body


def unpacked(body: bytes) -> Any:
    """What a message holds, without its length.

    Raises:
        ValueError: it is no JSON, or not written in ASCII.
    """
    return _read(body.decode("ascii"))


def send(channel: socket.socket, message: Any) -> None:
    """Send one message, waiting as long as it takes."""
    channel.sendall(packed(message))


def receive(channel: socket.socket) -> Any:
    """The next message, waiting for it; null once the other side has closed.

    For the inside, which trusts the parent: it sends no message before the last one was answered.
    The parent itself reads with limits of its own.
    """
    whole = bytearray()
    missing = HEAD.size
    while missing > 0:
        part = channel.recv(_PART)
        if not part:
            return None
        whole += part
        if len(whole) >= HEAD.size:
            missing = HEAD.size + HEAD.unpack_from(whole)[0] - len(whole)
    return unpacked(bytes(whole[HEAD.size :]))
