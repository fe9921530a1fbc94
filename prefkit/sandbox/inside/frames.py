"""Messages over a stream socket: four bytes of length, then JSON."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

__all__ = ["HEAD", "packed", "receive", "send"]

HEAD = struct.Struct(">I")


def packed(message: Any) -> bytes:
    """A message as it is sent."""
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    return HEAD.pack(len(body)) + body


def send(channel: socket.socket, message: Any) -> None:
    """Send one message, waiting as long as it takes."""
    channel.sendall(packed(message))


def receive(channel: socket.socket) -> Any:
    """The next message, waiting for it; null once the other side has closed.

    For the inside, which trusts the parent; the parent reads with limits of its own.
    """
    head = _exactly(channel, HEAD.size)
    if head is None:
        return None
    body = _exactly(channel, HEAD.unpack(head)[0])
    return None if body is None else json.loads(body)


def _exactly(channel: socket.socket, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = channel.recv(min(1 << 20, count - len(parts)))
        if not part:
            return None
        parts += part
    return bytes(parts)
