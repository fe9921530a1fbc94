"""Any server that speaks OpenAI's language, over aiohttp: `http://HOST[:PORT][/v1]#MODEL`."""

from __future__ import annotations

from typing import Any

from prefkit.errors import ConfigError
from prefkit.llm.clients.bodies import count_of, wrong_extra
from prefkit.llm.clients.connection import Connection
from prefkit.llm.clients.keys import HIDDEN, address, key_for
from prefkit.llm.clients.openai_body import chat_body, chat_reply
from prefkit.llm.clients.server_score import score
from prefkit.llm.clients.wire import StatusFault, encoded, loaded, parsed, quiet, without_key
from prefkit.llm.provider import Fault, Remote
from prefkit.llm.records import Reply, Request, Score, ScoreRequest
from prefkit.llm.settings import Settings

__all__ = ["Server"]

_AT_ROOT = ("/classify", "/tokenize")
_JSON = {"Content-Type": "application/json", "User-Agent": "prefkit"}


class Server(Remote):
    """Any server that speaks OpenAI's language: `http://HOST[:PORT][/v1]#MODEL`."""

    can = frozenset(
        {
            *("top_k", "seed", "stop", "schema", "by_tool", "choices", "logprobs", "extra"),
            *("score", "reward"),
        }
    )

    def __init__(self, rest: str, settings: Settings) -> None:
        base, _, model = rest.partition("#")
        if not model.strip():
            raise ConfigError(
                "the server's model is missing", hint="name it behind a #: http://HOST:PORT#MODEL"
            )
        if settings.base_url is not None:
            raise ConfigError("a server has its address in its name; leave base_url out")
        self.model = model
        where = address(base)
        if not where.path:
            where = where._replace(path="/v1")
        self._where = where
        self._settings = settings
        self._key = key_for(where, settings)
        self.is_free = self._key is None
        headers = dict(_JSON)
        if self._key is not None:
            headers["Authorization"] = f"Bearer {HIDDEN}"
        self._connection = Connection(where, self._key, headers, settings)
        self._ask_url = f"{where.url}/chat/completions"
        quiet()

    def identity(self) -> dict[str, Any]:
        """Client, address and model; the revision where one was given."""
        who = {"client": "server", "address": self._where.url, "model": self.model}
        revision = self._settings.revision
        return who if revision is None else {**who, "revision": revision}

    def refuses(self, request: Request) -> str | None:
        """Why a request's further fields may not be sent; see `Provider.refuses`."""
        return wrong_extra(request)

    async def ask(self, request: Request) -> Reply:
        """Send it once; see `Remote.ask`."""
        body = chat_body(request, self.model, hosted=False)
        answer = await self._connection.post(self._ask_url, encoded(body))
        return without_key(
            chat_reply(parsed(answer.raw, self._key, answer.content_type)), self._key
        )

    async def score(self, request: ScoreRequest) -> Score:
        """Log-probs of a completion, by `/completions`, or a reward; see `Remote.score`.

        Raises:
            Fault: `unsupported` where the server gives none; otherwise there is no score.
        """
        return await score(self._posted, request, self.model)

    async def count(self, request: Request) -> int | None:
        """Input tokens by the server's tokenizer; null if it has no such endpoint."""
        body = chat_body(request, self.model, hosted=False)
        asked = {"model": self.model, "messages": body["messages"], "add_generation_prompt": True}
        for name in ("chat_template_kwargs", "tools"):
            if name in body:
                asked[name] = body[name]
        try:
            answer = await self._posted("/tokenize", asked)
        except StatusFault as fault:
            if fault.is_missing or fault.kind == "rejected":
                return None
            raise
        except Fault as fault:
            if fault.kind == "malformed":
                return None  # another server's endpoint of the same name
            raise
        return count_of(answer.get("count")) if isinstance(answer, dict) else None

    async def close(self) -> None:
        """Close connections; runs in the loop that asked."""
        await self._connection.close()

    async def _posted(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON answer of an endpoint; those outside the API's path stand at the root.

        Raises:
            Fault: there is none.
        """
        root = self._where.url.removesuffix("/v1") if path in _AT_ROOT else self._where.url
        answer = await self._connection.post(root + path, encoded(body))
        return loaded(answer.raw, self._key, answer.content_type)
