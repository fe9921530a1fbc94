"""OpenAI's Responses API through the official SDK; nothing is stored at the provider."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from prefkit.llm.clients.bodies import (
    ANSWER,
    choice_schema,
    chosen,
    count_of,
    ended,
    extra_into,
    part_of,
    readable,
    text_or_none,
)
from prefkit.llm.clients.openai_batches import OpenAIBatches
from prefkit.llm.clients.openai_body import token_of
from prefkit.llm.clients.schema_forms import is_strict
from prefkit.llm.clients.wire import fault_within, malformed
from prefkit.llm.provider import Fault
from prefkit.llm.records import Reply, Request, Usage

if TYPE_CHECKING:
    import httpx2

__all__ = ["OpenAIResponses", "counted_body", "openai_sdk"]

_STATUS = {"completed": "stop", "incomplete": "incomplete"}
_STOPPED = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}
_COUNTED = ("model", "input", "instructions", "text", "tools", "tool_choice", "reasoning")
_NO_KEY = "not-the-key"  # the SDK wants one; `Transport` puts in what the host gets


class OpenAIResponses(OpenAIBatches):
    """OpenAI's Responses API, through its SDK: `openai-responses:MODEL`."""

    client = "openai-responses"
    name = "openai"
    home = "https://api.openai.com/v1"
    variable = "OPENAI_API_KEY"
    path = "/responses"
    can = frozenset({"schema", "by_tool", "choices", "logprobs", "extra"})

    def body(self, request: Request) -> dict[str, Any]:
        """The exact JSON body of a response; see `Hosted.body`."""
        return response_body(request, self.model)

    def reply(self, body: dict[str, Any]) -> Reply:
        """The reply in a response; see `Hosted.reply`."""
        if body.get("error"):
            fault = fault_within(body["error"], None)
            # it began: with the kinds that say it did not, nothing was made
            fault.maybe_billed = body.get("status") == "failed" and fault.kind == "server"
            raise fault
        if body.get("status") in ("queued", "in_progress"):
            raise malformed(f"the response is {body['status']}, without saying why")
        return readable(_reply, body)

    async def count(self, request: Request) -> int | None:
        """Input tokens by the provider's free counter."""
        return await self._counted("/responses/input_tokens", counted_body(request, self.model), {})

    def _loaded(self) -> tuple[type[Exception], ...]:
        from openai import OpenAIError

        return (OpenAIError,)

    def _made(self, http: httpx2.AsyncClient) -> Any:
        return openai_sdk(self._where.url, http)


def openai_sdk(base_url: str, http: httpx2.AsyncClient) -> Any:
    """The SDK over our connections, without its retries, and without the key."""
    from openai import AsyncOpenAI

    return AsyncOpenAI(
        api_key=_NO_KEY, base_url=base_url, http_client=http, max_retries=0, timeout=None
    )


def response_body(request: Request, model: str) -> dict[str, Any]:
    """The body of a response.

    Raises:
        Fault: `rejected`: this API has no way to say it.
    """
    body: dict[str, Any] = {
        "model": model,
        **_turns(request),
        "max_output_tokens": request.max_tokens,
        "store": False,
    }
    for name in ("temperature", "top_p"):
        if (value := getattr(request, name)) is not None:
            body[name] = value
    if request.logprobs is not None:
        body["include"] = ["message.output_text.logprobs"]
        if request.logprobs:
            body["top_logprobs"] = request.logprobs
    return extra_into(_shaped(body, request), request)


def counted_body(request: Request, model: str) -> dict[str, Any]:
    """The part of a response's body that is input."""
    body = response_body(request, model)
    return {name: body[name] for name in _COUNTED if name in body}


def _turns(request: Request) -> dict[str, Any]:
    """A first system turn becomes the instructions; later ones stay where they stand."""
    turns = list(request.messages)
    said: dict[str, Any] = {}
    if turns and turns[0].role == "system" and len(turns) > 1:
        said["instructions"] = turns.pop(0).content or ""
    for turn in turns:
        if turn.extra is not None or turn.role not in ("system", "developer", "user", "assistant"):
            raise Fault("rejected", "not sent: the Responses API takes no tool calls as turns")
    said["input"] = [{"role": turn.role, "content": turn.content or ""} for turn in turns]
    return said


def _shaped(body: dict[str, Any], request: Request) -> dict[str, Any]:
    schema = choice_schema(request.choices) if request.choices else request.schema
    if schema is None:
        return body
    if request.by_tool:
        tool: dict[str, Any] = {"type": "function", "name": ANSWER, "parameters": schema}
        tool["strict"] = is_strict(schema)
        choice = {"type": "function", "name": ANSWER}
        return {**body, "tools": [tool], "tool_choice": choice}
    form = {"type": "json_schema", "name": ANSWER, "strict": is_strict(schema), "schema": schema}
    return {**body, "text": {"format": form}}


def _reply(body: dict[str, Any]) -> Reply:
    parts = list(_parts(body["output"]))
    texts = [text for kind, text, _ in parts if kind == "output_text"]
    refusals = [text for kind, text, _ in parts if kind == "refusal"]
    calls = [text for kind, text, _ in parts if kind == "function_call"]
    tokens = [token_of(entry) for _, _, logprobs in parts for entry in logprobs]
    finish, may_be_empty = _finish(body)
    if refusals:
        finish = "refusal"
    elif calls and finish == "stop":
        finish = "tool"
    # a forced call is the answer; words around it are not
    said = "".join(texts) or "".join(refusals) if refusals or not calls else calls[0]
    if not said and not (may_be_empty and (body["output"] or finish != "stop")):
        raise ValueError("no output")
    return Reply(
        text=chosen(said),
        finish=finish,
        tokens=tuple(tokens) or None,
        usage=_usage(body.get("usage")),
        model=text_or_none(body.get("model")),
    )


def _parts(output: Any) -> Iterator[tuple[str, str, Any]]:
    """Kind, text and log-probs of what the model said; reasoning and the like are left out."""
    for item in output:
        if item["type"] == "function_call":
            yield "function_call", item["arguments"], ()
        for part in item["content"] if item["type"] == "message" else ():
            if part["type"] == "refusal":
                yield "refusal", part["refusal"], ()
            elif part["type"] == "output_text":
                yield "output_text", part["text"], part.get("logprobs") or ()


def _finish(body: dict[str, Any]) -> tuple[str, bool]:
    """Why it ended, and whether it may be empty; a response of no known status is done.

    Raises:
        Fault: `server`: it failed, or is not whole for a reason that no answer can have.
    """
    status, may_be_empty = ended(body.get("status"), _STATUS)
    if status != "incomplete":
        return "stop", may_be_empty
    reason = text_or_none(part_of(body, "incomplete_details").get("reason"))
    if (finish := _STOPPED.get(reason or "")) is not None:
        return finish, True
    why = f"the response is incomplete, by {(reason or 'no reason told')[:40]!r}"
    raise Fault("server", why, maybe_billed=True)


def _usage(usage: Any) -> Usage:
    if not isinstance(usage, dict):
        return Usage()
    details = part_of(usage, "input_tokens_details")
    return Usage(
        input=count_of(usage.get("input_tokens")),
        output=count_of(usage.get("output_tokens")),
        cache_read=count_of(details.get("cached_tokens")) or 0,
        cache_write=count_of(details.get("cache_write_tokens")) or 0,
    )
