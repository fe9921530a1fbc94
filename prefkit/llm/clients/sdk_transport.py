"""Beneath the official SDKs: their requests go out through `Connection`, and nothing else does.

The SDKs never learn the key. Whatever their own environment variables add to a request (headers, an
organisation, another host) ends here, and so does every answer that is not status 200, as a
`Fault`. Imported by `hosted` alone, because `httpx2` comes with the SDKs.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import httpx2

from prefkit.llm.clients.connection import Connection, content_type_of
from prefkit.llm.clients.keys import Address
from prefkit.llm.provider import Fault

if TYPE_CHECKING:
    import aiohttp

__all__ = ["LONG", "Transport"]

LONG = "x-prefkit-long"
"""A header that stays in this process: the answer may be of any length and is read in pieces."""

_PASSED = frozenset(
    {
        "accept",
        "anthropic-beta",
        "anthropic-version",
        "content-length",  # of bodies sent in pieces, which would go without a length
        "content-type",
        "user-agent",
    }
)


class Transport(httpx2.AsyncBaseTransport):
    """What `httpx2` sends through."""

    def __init__(self, connection: Connection, where: Address) -> None:
        self._connection = connection
        self._origin = (where.scheme, where.host, where.port)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it if it goes to our host.

        Raises:
            Fault: there is no answer with status 200.
        """
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        if (url.scheme, url.host, port) != self._origin:
            # a provider's answers may name addresses to fetch; they get no key
            raise Fault("rejected", "not sent: the address belongs to another host")
        headers = {
            name: value
            for name, value in request.headers.items()
            if name in _PASSED or name.startswith("x-stainless-")
        }
        if LONG in request.headers:
            return await self._long(request, headers)
        answer = await self._connection.send(request.method, str(url), _body(request), headers)
        return httpx2.Response(
            200, headers={"content-type": answer.content_type}, content=answer.raw
        )

    async def _long(self, request: httpx2.Request, headers: dict[str, str]) -> httpx2.Response:
        async with AsyncExitStack() as stack:
            response = await stack.enter_async_context(
                self._connection.opened(request.method, str(request.url), _body(request), headers)
            )
            stream = _Pieces(response, stack.pop_all())
        kind = content_type_of(response)
        return httpx2.Response(200, headers={"content-type": kind}, stream=stream)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connection.close()


class _Pieces(httpx2.AsyncByteStream):
    """An answer of any length, piece by piece."""

    def __init__(self, response: aiohttp.ClientResponse, stack: AsyncExitStack) -> None:
        self._response = response
        self._stack = stack

    async def __aiter__(self) -> AsyncIterator[bytes]:
        import aiohttp

        try:
            async for piece in self._response.content.iter_any():
                yield piece
            return
        except (aiohttp.ClientError, OSError):
            pass
        raise Fault("transport", "the answer broke off")

    async def aclose(self) -> None:
        await self._stack.aclose()


def _body(request: httpx2.Request) -> bytes | AsyncIterable[bytes] | None:
    stream = request.stream
    if isinstance(stream, httpx2.ByteStream):
        return request.content or None
    assert isinstance(stream, AsyncIterable)  # noqa: S101, RUF100 - an asynchronous client made it
    return stream
