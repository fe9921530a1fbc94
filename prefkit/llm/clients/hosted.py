"""What the hosted providers share: an address, a key for it, and the official SDK over both."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from prefkit.errors import ConfigError, MissingExtra
from prefkit.llm.clients.bodies import count_of, wrong_extra
from prefkit.llm.clients.connection import Connection
from prefkit.llm.clients.keys import HIDDEN, Address, Key, address, key_for
from prefkit.llm.clients.wire import (
    StatusFault,
    bare,
    encoded,
    malformed,
    parsed,
    quiet,
    without_key,
)
from prefkit.llm.provider import Fault, Remote
from prefkit.llm.records import Reply, Request, Score, ScoreRequest
from prefkit.llm.settings import Settings

if TYPE_CHECKING:
    import httpx2

__all__ = ["Hosted"]

ResultT = TypeVar("ResultT")


class Hosted(Remote):
    """A provider asked through its SDK, without the SDK's retries, environment or parsing.

    Bodies are sent and read by us through the SDK's documented way to any endpoint (`post` with
    its HTTP response as the type): exactly what the request says, bounded, half the processor time.
    """

    client: ClassVar[str]
    """The client's registered name."""
    home: ClassVar[str]
    """Base URL of the provider, as its SDK takes it."""
    variable: ClassVar[str]
    """The environment variable with the provider's key, read for the host of `home` alone."""
    path: ClassVar[str]
    """Where requests go, below the base URL."""

    def __init__(self, rest: str, settings: Settings) -> None:
        if not rest.strip():
            raise ConfigError(f"{self.client}: the model is missing", hint=f"{self.client}:MODEL")
        self.model = rest
        self._settings = settings
        self._where: Address = address(settings.base_url or self.home)
        self._key: Key | None = key_for(
            self._where,
            settings,
            own_host=address(self.home).host,
            own_variable=self.variable,
        )
        self.is_free = self._key is None
        self._connection = Connection(self._where, self._key, self._headers(), settings)
        self._connected: Any = None
        try:
            self._errors = self._loaded()
        except ImportError as error:
            raise MissingExtra(f"asking {self.client}", "llm") from error
        quiet()  # after the import: an SDK may set up logging of its own

    def identity(self) -> dict[str, Any]:
        """Client, address and model; the revision where one was given."""
        who = {"client": self.client, "address": self._where.url, "model": self.model}
        revision = self._settings.revision
        return who if revision is None else {**who, "revision": revision}

    def body(self, request: Request) -> dict[str, Any]:
        """The exact JSON body that `ask` sends for a request.

        Raises:
            Fault: `rejected`: this API has no way to say it.
        """
        raise NotImplementedError

    def reply(self, body: dict[str, Any]) -> Reply:
        """The reply in the body of an answer, as `ask` gives it.

        Raises:
            Fault: the body is an error, or not of the documented shape.
        """
        raise NotImplementedError

    def refuses(self, request: Request) -> str | None:
        """Why a request is not to be sent; see `Provider.refuses`."""
        return wrong_extra(request)

    async def ask(self, request: Request) -> Reply:
        """Send it once; see `Remote.ask`."""
        answer = await self._post(self.path, self.body(request), self._extra_headers(request))
        return without_key(self.reply(answer), self._key)

    async def score(self, request: ScoreRequest) -> Score:
        """No hosted provider gives log-probs of a given text.

        Raises:
            Fault: `unsupported`, always.
        """
        raise Fault("unsupported", f"{self.client} gives no log-probs of a given text")

    async def close(self) -> None:
        """Close connections; runs in the loop that asked."""
        connected, self._connected = self._connected, None
        if connected is not None:
            await connected.close()

    async def _post(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        """Send a body through the SDK and give the answer's.

        Raises:
            Fault: there is no whole answer.
        """
        import httpx2

        response: httpx2.Response = await self._called(
            self._sdk().post(
                path,
                cast_to=httpx2.Response,
                content=encoded(body),
                options={"headers": headers} if headers else {},
            )
        )
        return parsed(response.content, self._key, response.headers.get("content-type", ""))

    async def _called(self, call: Awaitable[ResultT]) -> ResultT:
        """The result of a call of the SDK; whatever goes wrong beneath it stays a `Fault`.

        Raises:
            Fault: there is no answer with status 200, or the SDK cannot read it.
        """
        try:
            return await call
        except Fault as error:
            fault = bare(error)
        except self._errors as error:
            fault = malformed(f"the SDK failed ({type(error).__name__})")
        raise fault

    async def _counted(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> int | None:
        """Input tokens by a free endpoint; null where the host has none.

        Raises:
            Fault: it did not answer.
        """
        try:
            answer = await self._post(path, body, headers)
        except StatusFault as fault:
            if fault.is_missing:
                return None
            raise
        return count_of(answer.get("input_tokens"))

    def _sdk(self) -> Any:
        """The SDK's client. Everything it sends raises `Fault` unless it is answered with 200."""
        if self._connected is None:
            import httpx2

            from prefkit.llm.clients.sdk_transport import Transport

            http = httpx2.AsyncClient(
                transport=Transport(self._connection, self._where),
                follow_redirects=False,
                trust_env=False,
                timeout=None,
            )
            self._connected = self._made(http)
        return self._connected

    def _extra_headers(self, request: Request) -> dict[str, str]:
        """Headers that this request needs besides the SDK's."""
        return {}

    def _loaded(self) -> tuple[type[Exception], ...]:
        """Import the SDK (up to a second, not within the event loop); the errors it raises."""
        raise NotImplementedError

    def _made(self, http: httpx2.AsyncClient) -> Any:
        """The SDK's client over these connections."""
        raise NotImplementedError

    def _headers(self) -> dict[str, str]:
        """Where the key goes for this provider; `Connection` puts it in for `HIDDEN`."""
        return {} if self._key is None else {"Authorization": f"Bearer {HIDDEN}"}
