"""The limit: raw sockets, hand-written HTTP/1.1, a tiny retry; `CASES ANSWERS URL AT_ONCE DIR`.

It has no cache, no journal, no budget and no deadline: what any client of this kind must do and
nothing else. A request that has to wait gives its connection back meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.asking.cases import MODEL, Case, read_cases, write_answers

_BACK_OFF_S = 0.2


class _Connection(asyncio.Protocol):
    """One request at a time; `exchange` gives status, head and body of its answer."""

    def __init__(self) -> None:
        self._received = b""
        self._answer: asyncio.Future[tuple[int, bytes, bytes]]
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def exchange(self, request: bytes) -> asyncio.Future[tuple[int, bytes, bytes]]:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._received[:end].lower()
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(self._received) >= end + 4 + length:
            body, self._received = self._received[end + 4 : end + 4 + length], b""
            self._answer.set_result((int(head[9:12]), head, body))

    def connection_lost(self, error: Exception | None) -> None:
        if not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError("the server hung up"))


def _text(status: int, body: bytes) -> str | None:
    """The answer; null if it has to be asked again."""
    if status != 200:
        return None
    try:
        text: str = json.loads(body)["choices"][0]["message"]["content"]
    except ValueError:
        return None
    return text


def _wait_s(head: bytes) -> float:
    _, found, rest = head.partition(b"\r\nretry-after:")
    return float(rest.split(b"\r\n", 1)[0]) if found else _BACK_OFF_S


def _request(case: Case, host: str) -> bytes:
    turns = [{"role": "user", "content": case.prompt}]
    body = json.dumps({"model": MODEL, "messages": turns, "max_tokens": 256, "temperature": 0.0})
    data = body.encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


async def ask(cases: list[Case], host: str, port: int, at_once: int) -> dict[int, str]:
    """Ask all cases, at most `at_once` at a time, until every one is answered."""
    loop = asyncio.get_running_loop()
    answers: dict[int, str] = {}
    waiting = deque(cases)
    free: deque[_Connection] = deque()
    for _ in range(min(at_once, len(cases))):
        free.append((await loop.create_connection(_Connection, host, port))[1])
    ended = loop.create_future()

    def more() -> None:
        while waiting and free:
            case, connection = waiting.popleft(), free.popleft()
            answer = connection.exchange(_request(case, f"{host}:{port}"))
            answer.add_done_callback(lambda done, c=case, k=connection: received(done, c, k))  # type: ignore[misc]

    def received(
        done: asyncio.Future[tuple[int, bytes, bytes]], case: Case, connection: _Connection
    ) -> None:
        free.append(connection)
        status, head, body = done.result()
        text = _text(status, body)
        if text is None:
            loop.call_later(_wait_s(head), again, case)
        else:
            answers[case.number] = text
            if len(answers) == len(cases):
                ended.set_result(None)
        more()

    def again(case: Case) -> None:
        waiting.append(case)
        more()

    more()
    await ended
    return answers


def main(cases: str, answers: str, url: str, at_once: str, _folder: str) -> None:
    """Ask and write the answers."""
    place = urlsplit(url)
    assert place.hostname is not None
    assert place.port is not None
    found = asyncio.run(ask(read_cases(Path(cases)), place.hostname, place.port, int(at_once)))
    write_answers(Path(answers), found.items())


if __name__ == "__main__":
    main(*sys.argv[1:])
