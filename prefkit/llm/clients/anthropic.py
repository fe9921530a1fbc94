"""Anthropic's messages through the official SDK."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import orjson

from prefkit.llm.clients.anthropic_batches import AnthropicBatches
from prefkit.llm.clients.bodies import (
    ANSWER,
    choice_schema,
    chosen,
    count_of,
    ended,
    extra_into,
    readable,
    text_or_none,
)
from prefkit.llm.clients.keys import HIDDEN
from prefkit.llm.clients.schema_forms import closed
from prefkit.llm.clients.wire import bare, fault_within
from prefkit.llm.provider import Fault
from prefkit.llm.records import Reply, Request, Usage
from prefkit.schema.records import Message

if TYPE_CHECKING:
    import httpx2

__all__ = ["Anthropic", "version_headers"]

_SAMPLING = ("temperature", "top_p", "top_k")
_SAMPLED = {"anthropic-version": "2023-06-01"}
"""The last API version with sampling options. Later ones, and the models since Opus 4.7 in any
version, reject a request that sets one: ask those with `temperature=None`."""
_COUNTED = ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config")
_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool",
    "refusal": "refusal",
}
_CACHED = {"cache_control": {"type": "ephemeral"}}
_NO_FORM = "the schema has no form among Anthropic's structured outputs"
_NO_KEY = "not-the-key"  # the SDK wants one; `Transport` puts in what the host gets


class Anthropic(AnthropicBatches):
    """Anthropic's messages, through its SDK: `anthropic:MODEL`."""

    client = "anthropic"
    name = "anthropic"
    home = "https://api.anthropic.com"
    variable = "ANTHROPIC_API_KEY"
    path = "/v1/messages"
    can = frozenset({"top_k", "stop", "schema", "by_tool", "choices", "extra"})

    def body(self, request: Request) -> dict[str, Any]:
        """The exact JSON body of a message; it goes with `version_headers`. See `Hosted.body`."""
        system, turns = _turns(request)
        body: dict[str, Any] = {
            "model": self.model,
            "max_tokens": request.max_tokens,
            "messages": turns,
        }
        if system:
            body["system"] = system
        for name in _SAMPLING:
            if (value := getattr(request, name)) is not None:
                body[name] = value
        if request.stop:
            body["stop_sequences"] = list(request.stop)
        return extra_into(_shaped(body, request), request)

    def refuses(self, request: Request) -> str | None:
        """Why a request's fields or schema may not be sent; see `Provider.refuses`."""
        if request.schema is not None and not request.by_tool:
            try:
                closed(request.schema)
            except ValueError as error:
                return f"{_NO_FORM}: {error}; ask by tool instead"
        return super().refuses(request)

    def reply(self, body: dict[str, Any]) -> Reply:
        """The reply in a message; see `Hosted.reply`."""
        if body.get("type") == "error" or body.get("error"):
            raise fault_within(body.get("error") or body, None)
        return readable(_reply, body)

    async def count(self, request: Request) -> int | None:
        """Input tokens by the provider's free counter."""
        body = self.body(request)
        asked = {name: body[name] for name in _COUNTED if name in body}
        return await self._counted("/v1/messages/count_tokens", asked, {})

    def _extra_headers(self, request: Request) -> dict[str, str]:
        return version_headers(request)

    def _headers(self) -> dict[str, str]:
        # the SDK's way since version 2, and the older one, which gateways still look for
        return {
            **super()._headers(),
            **({} if self._key is None else {"X-Api-Key": HIDDEN}),
        }

    def _loaded(self) -> tuple[type[Exception], ...]:
        from anthropic import AnthropicError

        return (AnthropicError,)

    def _made(self, http: httpx2.AsyncClient) -> Any:
        return _sdk_class()(
            api_key=_NO_KEY,
            base_url=self._where.url,
            http_client=http,
            max_retries=0,
            # not null: without a time of its own the SDK refuses long answers that do not stream
            timeout=self._settings.timeout_s,
            open_telemetry=False,
        )


@cache
def _sdk_class() -> Any:
    """The SDK's client, letting through the `Fault` that it would wrap as an error of its own."""
    from anthropic import AnthropicError, AsyncAnthropic

    class Client(AsyncAnthropic):
        async def request(self, *arguments: Any, **options: Any) -> Any:
            try:
                return await super().request(*arguments, **options)
            except AnthropicError as error:
                if not isinstance(error.__cause__, Fault):
                    raise
                fault = error.__cause__
            raise bare(fault)

    return Client


def version_headers(request: Request) -> dict[str, str]:
    """The API version that a request needs, for all of a batch if one of its requests does."""
    asks = any(getattr(request, name) is not None for name in _SAMPLING)
    return dict(_SAMPLED) if asks else {}


def _turns(request: Request) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Leading system turns, and the others; the end of the shared prefix is marked for caching."""
    system: list[dict[str, Any]] = []
    turns: list[dict[str, Any]] = []
    for place, turn in enumerate(request.messages, 1):
        block = {"type": "text", "text": _said(turn)}
        marked = place == request.cache_prefix and block["text"] != ""
        if turn.role in ("system", "developer") and not turns:
            system.append({**block, **_CACHED} if marked else block)
            continue
        role = "system" if turn.role == "developer" else turn.role
        content = [{**block, **_CACHED}] if marked else block["text"]
        turns.append({"role": role, "content": content})
    return system, turns


def _said(turn: Message) -> str:
    if turn.content is None or turn.extra is not None or turn.role in ("tool", "function"):
        raise Fault("rejected", "not sent: tool calls as turns have no form here yet")
    return turn.content


def _shaped(body: dict[str, Any], request: Request) -> dict[str, Any]:
    schema = choice_schema(request.choices) if request.choices else request.schema
    if schema is None:
        return body
    if request.by_tool:
        tool = {"name": ANSWER, "description": "Give the answer.", "input_schema": schema}
        choice = {"type": "tool", "name": ANSWER, "disable_parallel_tool_use": True}
        return {**body, "tools": [tool], "tool_choice": choice}
    try:
        form = {"type": "json_schema", "schema": closed(schema)}
    except ValueError as error:
        why = str(error)
    else:
        return {**body, "output_config": {"format": form}}
    raise Fault("rejected", f"not sent: {_NO_FORM}: {why}")


def _reply(body: dict[str, Any]) -> Reply:
    texts: list[str] = []
    calls: list[str] = []
    for block in body["content"]:
        if block["type"] == "text":
            texts.append(block["text"])
        elif block["type"] == "tool_use":
            calls.append(orjson.dumps(block["input"]).decode())
    finish, may_be_empty = ended(body.get("stop_reason"), _FINISH)
    # a forced call is the answer; words around it are not
    text = calls[0] if calls else "".join(texts)
    if not text and not may_be_empty:
        raise ValueError("neither text nor a call nor why it ended")
    return Reply(
        text=chosen(text),
        finish=finish,
        usage=_usage(body.get("usage")),
        model=text_or_none(body.get("model")),
    )


def _usage(usage: Any) -> Usage:
    """Anthropic counts the tokens of its cache apart from the other input; `Usage` does not."""
    if not isinstance(usage, dict):
        return Usage()
    plain = count_of(usage.get("input_tokens"))
    read = count_of(usage.get("cache_read_input_tokens")) or 0
    write = count_of(usage.get("cache_creation_input_tokens")) or 0
    return Usage(
        input=None if plain is None else plain + read + write,
        output=count_of(usage.get("output_tokens")),
        cache_read=read,
        cache_write=write,
    )
