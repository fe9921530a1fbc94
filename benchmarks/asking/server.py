"""A server that answers judge requests late and sometimes badly, and keeps count.

`python -m benchmarks.asking.server [--latency-ms 200 50] [--no-faults] [--tell N]` prints its port,
then a line when N cases are answered, and on SIGTERM its tally as one JSON line. It speaks just
enough of HTTP/1.1, of OpenAI's chat completions and of Anthropic's messages, at about 60 us of
processor time a request, so that on two cores it leaves one to the client.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import socket
import sys
import time
from collections import Counter

from benchmarks.asking.cases import MODEL, answer_to, case_number, fate

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD = (
    b"HTTP/1.1 %s\r\ncontent-type: application/json\r\nx-request-id: req_%d\r\n"
    b"content-length: %d\r\n%s\r\n"
)
_MODELS = json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]}).encode()
_BACKLOG = 512


class Tally:
    """What was asked and answered, by case; seconds are those of the machine's monotonic clock."""

    def __init__(self, tell: int | None) -> None:
        self.asked: dict[int, list[float]] = {}
        self.answered: dict[int, float] = {}
        self.failed: dict[int, list[float]] = {}
        self.again = 0  # asked although a whole answer had gone out
        self.kinds: Counter[str] = Counter()
        self.probes = 0
        self.connections = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self._tell = tell

    def ask(self, number: int) -> int:
        """Note a request and give which attempt it is, from 1."""
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.again += number in self.answered
        attempts = self.asked.setdefault(number, [])
        attempts.append(time.monotonic())
        return len(attempts)

    def answer(self, number: int) -> None:
        """Note that a whole answer was handed to the connection."""
        self.answered.setdefault(number, time.monotonic())
        if len(self.answered) == self._tell:
            print("told", flush=True)

    def fail(self, number: int) -> None:
        """Note that a fault was handed to the connection."""
        self.failed.setdefault(number, []).append(time.monotonic())

    def as_json(self) -> str:
        """Everything, as one line."""
        facts = {
            "asked": list(self.asked.items()),
            "answered": list(self.answered.items()),
            "failed": list(self.failed.items()),
            "again": self.again,
            "kinds": self.kinds,
            "probes": self.probes,
            "connections": self.connections,
            "most_in_flight": self.most_in_flight,
            "cpu_s": time.process_time(),
        }
        return json.dumps(facts)


class _Connection(asyncio.Protocol):
    def __init__(self, tally: Tally, latency_ms: tuple[float, float], faults: bool) -> None:
        self._tally = tally
        self._latency_ms = latency_ms
        self._faults = faults
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._tally.connections += 1

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._received[:end]
        found = _LENGTH.search(head)
        whole = end + 4 + (int(found.group(1)) if found else 0)
        if len(self._received) < whole:
            return
        # A client sends its next request after the answer: there is nothing behind this one.
        body, self._received = self._received[end + 4 : whole], b""
        self._handle(head.split(b" ", 2)[1], body)

    def _handle(self, path: bytes, body: bytes) -> None:
        number = case_number(body)
        if number is None:
            self._tally.probes += 1
            known = path.endswith(b"/models")
            self._send(b"200 OK" if known else b"400 Bad Request", 0, _MODELS if known else b"{}")
            return
        attempt = self._tally.ask(number)
        after_s, kind = fate(number, attempt, self._latency_ms, self._faults)
        as_messages = path.endswith(b"/messages")
        if after_s > 0:
            self._loop.call_later(after_s, self._answer, number, kind, as_messages)
        else:
            self._answer(number, kind, as_messages)

    def _answer(self, number: int, kind: str, as_messages: bool) -> None:
        self._tally.in_flight -= 1
        if self._transport.is_closing():  # the client is gone and will never see it
            self._tally.kinds["gone"] += 1
            return
        self._tally.kinds[kind] += 1
        if kind != "answer":
            self._tally.fail(number)
        if kind == "throttled":
            body = _error("Rate limit reached", "rate_limit_error")
            self._send(b"429 Too Many Requests", number, body, b"retry-after: 1\r\n")
        elif kind == "error":
            body = _error("The server had an error", "server_error")
            self._send(b"500 Internal Server Error", number, body)
        else:
            body = _message(number) if as_messages else _completion(number)
            if kind == "truncated":
                self._send(b"200 OK", number, body[: len(body) // 2])
                return
            self._send(b"200 OK", number, body)
            self._tally.answer(number)

    def _send(self, status: bytes, number: int, body: bytes, more: bytes = b"") -> None:
        self._transport.write(_HEAD % (status, number, len(body), more) + body)


def _error(message: str, kind: str) -> bytes:
    # One body for both forms: OpenAI's has no outer type, and nobody minds it.
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()


def _completion(number: int) -> bytes:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": answer_to(number), "refusal": None},
        "logprobs": None,
        "finish_reason": "stop",
    }
    body = {
        "id": f"chatcmpl-{number:024d}",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": MODEL,
        "choices": [choice],
        "usage": {"prompt_tokens": 620, "completion_tokens": 80, "total_tokens": 700},
        "system_fingerprint": "fp_0",
    }
    return json.dumps(body).encode()


def _message(number: int) -> bytes:
    body = {
        "id": f"msg_{number:024d}",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": answer_to(number)}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 620, "output_tokens": 80},
    }
    return json.dumps(body).encode()


async def serve(latency_ms: tuple[float, float], faults: bool, tell: int | None) -> Tally:
    """Answer on a free port of loopback until SIGTERM."""
    tally = Tally(tell)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    server = await loop.create_server(
        lambda: _Connection(tally, latency_ms, faults),
        "127.0.0.1",
        0,
        backlog=_BACKLOG,
        family=socket.AF_INET,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()
    return tally


def main(given: list[str] | None = None) -> int:
    """Serve, then print the tally."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency-ms", type=float, nargs=2, default=(200.0, 50.0))
    parser.add_argument("--no-faults", action="store_true")
    parser.add_argument("--tell", type=int, metavar="N")
    options = parser.parse_args(given)
    middle, spread = options.latency_ms
    tally = asyncio.run(serve((middle, spread), not options.no_faults, options.tell))
    print(tally.as_json(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
