"""What the batch APIs of hosted providers share: looks at jobs, and results read line by line."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Mapping
from itertools import pairwise
from typing import IO, Any

from prefkit.llm.clients.hosted import Hosted
from prefkit.llm.clients.wire import malformed, parsed, without_key
from prefkit.llm.provider import Batches, Fault
from prefkit.llm.records import Reply

__all__ = ["SKEW_S", "HostedBatches", "is_older", "uncertain"]

_LOG = logging.getLogger("prefkit.llm")
SKEW_S = 900.0
"""Clocks may differ by so much: jobs that a provider dates that much earlier are looked at too."""
_PIECE = 1 << 18  # bytes
_UNSURE = frozenset({"server", "timeout", "malformed"})


class HostedBatches(Hosted, Batches):
    """A hosted provider with jobs of many requests."""

    async def _seen(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The JSON object at a path.

        Raises:
            Fault: there is none.
        """
        import httpx2

        response: httpx2.Response = await self._called(
            self._sdk().get(path, cast_to=httpx2.Response, options={"params": dict(query or {})})
        )
        return parsed(response.content, self._key, response.headers.get("content-type", ""))

    async def _sent(self, path: str, file: IO[bytes], headers: Mapping[str, str]) -> dict[str, Any]:
        """Send a file as the body of a request, piece by piece, and give the answer's.

        Raises:
            Fault: there is no whole answer.
        """
        import httpx2

        size = file.seek(0, os.SEEK_END)
        response: httpx2.Response = await self._called(
            self._sdk().post(
                path,
                cast_to=httpx2.Response,
                content=_pieces(file),
                options={"headers": {**headers, "Content-Length": str(size)}},
            )
        )
        return parsed(response.content, self._key, response.headers.get("content-type", ""))

    async def _rows(self, opened: Any) -> AsyncIterator[dict[str, Any]]:
        """The lines of a file of results, which is never held as a whole.

        A whole line that is no JSON object is left out: the request in it counts as not answered.

        Args:
            opened: the SDK's context of a response that is read in pieces.

        Raises:
            Fault: the file cannot be read to its end, or ends within a line.
        """
        response = await self._called(opened.__aenter__())
        try:
            async for line in _lines(response.iter_bytes(), self._settings.max_body_bytes):
                try:
                    row = parsed(line, self._key)
                except Fault:
                    row = None
                if row is not None:
                    yield row
                elif not line.endswith(b"\n"):
                    raise malformed("the results end in the middle of a line")
                else:
                    _LOG.warning("%s: a line of a batch's results is no JSON", self.client)
        finally:
            await opened.__aexit__(None, None, None)

    def _read_body(self, body: Any) -> Reply | Fault:
        """The reply in the body of one result."""
        if not isinstance(body, dict):
            return malformed("a result without a body")
        try:
            return without_key(self.reply(body), self._key)
        except Fault as fault:
            return fault


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    file.seek(0)
    while piece := await asyncio.to_thread(file.read, _PIECE):
        yield piece


async def _lines(chunks: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """Lines with their ends; the last one may have none."""
    begun: list[bytes] = []
    size = 0
    async for chunk in chunks:
        for piece in chunk.splitlines(keepends=True) if b"\r" not in chunk else _split(chunk):
            begun.append(piece)
            size += len(piece)
            if size > limit:
                raise malformed(f"a line of the results is longer than {limit:,} bytes")
            if piece.endswith(b"\n"):
                line, begun, size = b"".join(begun), [], 0
                if line.strip():
                    yield line
    if begun:
        yield b"".join(begun)


def _split(chunk: bytes) -> list[bytes]:
    """At line feeds alone: a carriage return ends no line of JSON."""
    pieces = [piece + b"\n" for piece in chunk.split(b"\n")]
    pieces[-1] = pieces[-1][:-1]
    return [piece for piece in pieces if piece]


def uncertain(fault: Fault) -> Fault:
    """The same fault of a submit, saying whether the provider may have accepted it."""
    fault.maybe_billed = fault.maybe_billed or fault.kind in _UNSURE
    return fault


def is_older(times: list[float], since: float) -> bool:
    """Whether a page of jobs, newest first, ends before the time that matters."""
    newest_first = all(one >= other for one, other in pairwise(times))
    return bool(times) and newest_first and times[-1] < since - SKEW_S
