"""One host's HTTP connections: the key in their headers, and no other way out.

No proxies, cookies, netrc or redirects: each of them could carry the key elsewhere. TLS is
verified, and there is no switch for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from prefkit.errors import MissingExtra
from prefkit.llm.clients.keys import HIDDEN, Address, Key
from prefkit.llm.clients.wire import bare, fault_of, line, malformed, redact
from prefkit.llm.provider import Fault
from prefkit.llm.settings import Settings

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Answer", "Connection", "content_type_of"]

_CONNECT_S = 30.0
_KEPT_S = 4.0  # servers in Python close idle connections after 5 s: what is older may be dying
_ERROR_BYTES = 1 << 20  # of an error; cut JSON would hide its type and code
_SHOWN = 200  # characters of a library's message, which may quote the server


class Answer(NamedTuple):
    """A whole answer with status 200."""

    content_type: str
    raw: bytes


class Connection:
    """Sends requests to one address; opened by the first, within the event loop that asks."""

    def __init__(
        self, where: Address, key: Key | None, headers: Mapping[str, str], settings: Settings
    ) -> None:
        """`headers`: those of every request; the key goes where they hold `HIDDEN`."""
        self._where = where
        self._key = key
        self._headers = headers
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        try:
            import aiohttp  # noqa: F401, RUF100 - missing is said now, and not after an hour
        except ImportError as error:
            raise MissingExtra("asking over a network", "llm") from error

    async def post(self, url: str, body: bytes) -> Answer:
        """Send JSON and read the whole answer.

        Raises:
            Fault: there is none, it is too long, or its status is not 200.
        """
        return await self.send("POST", url, body, {})

    async def send(
        self,
        method: str,
        url: str,
        body: bytes | AsyncIterable[bytes] | None,
        headers: Mapping[str, str],
    ) -> Answer:
        """Send anything and read the whole answer.

        Raises:
            Fault: there is none, it is too long, or its status is not 200.
        """
        limit = self._settings.max_body_bytes
        try:
            async with self.opened(method, url, body, headers) as response:
                raw = await self._read(response, limit)
                if raw is not None:
                    return Answer(content_type_of(response), raw)
            fault = malformed(f"the answer is longer than {limit:,} bytes")
        except Fault as error:
            fault = bare(error)
        raise fault

    @asynccontextmanager
    async def opened(
        self,
        method: str,
        url: str,
        body: bytes | AsyncIterable[bytes] | None,
        headers: Mapping[str, str],
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer with status 200 whose body is still to be read.

        Raises:
            Fault: the connection broke, or the status is another.
        """
        import aiohttp

        session = self._session or self._opened_session()
        try:
            async with session.request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as response:
                if response.status == 200:
                    yield response
                    return
                shown = await self._read(response, _ERROR_BYTES, cut=True) or b""
                fault: Fault = fault_of(response.status, response.headers, shown, self._key)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            # ValueError: a host or header that the libraries beneath cannot put into bytes
            fault = self._broken(error)
        # outside of `except`, so that no frame of the library, with headers in it, hangs on it
        raise fault

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened_session(self) -> aiohttp.ClientSession:
        import aiohttp

        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=max(self._settings.concurrency, 1),
                ssl=_tls() if self._where.scheme == "https" else True,
                keepalive_timeout=_KEPT_S,
            ),
            headers={
                name: value if self._key is None else value.replace(HIDDEN, self._key.reveal())
                for name, value in self._headers.items()
            },
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
            trust_env=False,
        )
        return self._session

    async def _read(
        self, response: aiohttp.ClientResponse, limit: int, *, cut: bool = False
    ) -> bytes | None:
        """The body; null if it is longer, or its beginning if that will do."""
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            chunks.append(chunk)
            if size > limit:
                response.close()
                return b"".join(chunks)[:limit] if cut else None
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _broken(self, error: Exception) -> Fault:
        import aiohttp

        host = f"{self._where.host}:{self._where.port}"
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return Fault("timeout", f"no connection to {host} within {_CONNECT_S:g} s")
        if isinstance(error, aiohttp.ClientSSLError):
            why = redact(line(str(error.__cause__ or error.os_error)), self._key)
            return Fault("transport", f"{host} is not who it claims to be, or speaks no TLS: {why}")
        if isinstance(error, aiohttp.ClientConnectorError):
            why = line(str(error.os_error.strerror or error.os_error))
            return Fault("transport", f"no connection to {host}: {why}")
        if isinstance(error, aiohttp.ServerDisconnectedError):
            return Fault("transport", f"{host} hung up without an answer", maybe_billed=True)
        if isinstance(error, aiohttp.ClientPayloadError):
            return Fault("transport", f"{host} sent half an answer", maybe_billed=True)
        if isinstance(error, aiohttp.ClientResponseError):
            why = redact(line(error.message), self._key)[:_SHOWN]
            return malformed(f"{host} speaks no proper HTTP: {why}")
        if isinstance(error, ValueError):
            return Fault("rejected", f"not sent: {host} cannot be asked ({type(error).__name__})")
        return Fault(
            "transport",
            f"the connection to {host} broke ({type(error).__name__})",
            maybe_billed=True,
        )


def content_type_of(response: aiohttp.ClientResponse) -> str:
    """What a server says that its answer is, in plain letters."""
    said = response.headers.get("Content-Type", "")
    return line(said).encode("ascii", "backslashreplace").decode()


def _tls() -> Any:
    """A context that trusts what this machine trusts, or the packaged roots where it has none."""
    import ssl

    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if not (paths.cafile or paths.capath) and not context.get_ca_certs():
        try:
            import certifi
        except ImportError:
            return context  # every certificate is refused then, and the error says so
        context.load_verify_locations(certifi.where())
    return context
