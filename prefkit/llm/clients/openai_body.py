"""Chat completions as JSON: the body of a request, and the reply in the body of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

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
from prefkit.llm.clients.schema_forms import is_strict
from prefkit.llm.clients.wire import fault_within
from prefkit.llm.provider import Fault
from prefkit.llm.records import Reply, Request, Token, Usage
from prefkit.schema.records import Message

__all__ = ["chat_body", "chat_reply", "token_of", "turn_body"]

_FINISH = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool",
    "function_call": "tool",
    "tool_use": "tool",
    "content_filter": "content_filter",
    "refusal": "refusal",
}
"""OpenAI's words, and those of other servers."""
_UNFINISHED = ("length", "content_filter")


def chat_body(request: Request, model: str, *, hosted: bool) -> dict[str, Any]:
    """The body for OpenAI itself (`hosted`), or for servers that speak its language.

    Raises:
        Fault: `rejected`: `extra` holds what only the request may say.
    """
    body: dict[str, Any] = {
        "model": model,
        "messages": [turn_body(turn) for turn in request.messages],
        "max_completion_tokens" if hosted else "max_tokens": request.max_tokens,
    }
    for name in ("temperature", "top_p", "top_k", "seed"):
        if (value := getattr(request, name)) is not None:
            body[name] = value
    if request.stop:
        body["stop"] = list(request.stop)
    if request.logprobs is not None:
        body["logprobs"] = True
        if request.logprobs:
            body["top_logprobs"] = request.logprobs
    _shape(body, request, hosted=hosted)
    return extra_into(body, request)


def turn_body(turn: Message) -> dict[str, Any]:
    """A message as servers read it.

    Raises:
        Fault: `rejected`: its `extra` is no JSON object.
    """
    said: dict[str, Any] = {"role": turn.role, "content": turn.content}
    if turn.extra is not None:
        said = {**_more(turn.extra), **said}
    return said


def _more(text: str) -> dict[str, Any]:
    try:
        more = orjson.loads(text)
    except orjson.JSONDecodeError:
        more = None
    if isinstance(more, dict):
        return more
    raise Fault("rejected", "not sent: what comes with a turn is no JSON object")


def _shape(body: dict[str, Any], request: Request, *, hosted: bool) -> None:
    """What form the answer must have."""
    schema = request.schema
    if request.choices:
        if not hosted and not request.by_tool:
            body["structured_outputs"] = {"choice": list(request.choices)}
            return
        schema = choice_schema(request.choices)
    if schema is None:
        return
    if request.by_tool:
        tool = {"name": ANSWER, "description": "Give the answer.", "parameters": schema}
        body["tools"] = [{"type": "function", "function": tool}]
        body["tool_choice"] = {"type": "function", "function": {"name": ANSWER}}
    else:
        named = {"name": ANSWER, "strict": is_strict(schema), "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": named}


def chat_reply(body: dict[str, Any]) -> Reply:
    """The reply in a chat completion.

    Raises:
        Fault: the body is an error, or not of the documented shape.
    """
    if body.get("error"):
        raise fault_within(body["error"], None)
    return readable(_reply, body)


def _reply(body: dict[str, Any]) -> Reply:
    choice = body["choices"][0]
    _check_whole(choice)
    message = choice["message"]
    finish, may_be_empty = ended(choice.get("finish_reason"), _FINISH)
    text = _text(message.get("content"))
    if isinstance(refusal := message.get("refusal"), str) and refusal:
        text, finish = text or refusal, "refusal"
    elif calls := message.get("tool_calls"):
        # a forced call is the answer; words around it are not
        text, finish = (
            calls[0]["function"]["arguments"],
            finish if finish in _UNFINISHED else "tool",
        )
        if not isinstance(text, str):
            raise TypeError("the arguments of a tool call are no text")
    if not text:
        if not may_be_empty:
            raise ValueError("neither content nor refusal nor why it ended")
        text = ""  # all tokens went into reasoning, or a filter took it: whole, and paid
    details = part_of(choice, "logprobs")
    return Reply(
        text=chosen(text),
        finish=finish,
        tokens=_tokens(details.get("content")),
        usage=_usage(body.get("usage")),
        model=text_or_none(body.get("model")),
        revision=text_or_none(body.get("system_fingerprint")),
    )


def _check_whole(choice: Mapping[str, Any]) -> None:
    """Raises the fault that gateways put beside the half of an answer."""
    if error := choice.get("error"):
        fault = fault_within(error, None)
        fault.maybe_billed = True
        raise fault


def _text(content: Any) -> str | None:
    if content is None or isinstance(content, str):
        return content
    # some servers answer in parts; what is no text (reasoning) is left out
    return "".join(part["text"] for part in content if part.get("type") == "text")


def _tokens(content: Any) -> tuple[Token, ...] | None:
    return None if content is None else tuple(map(token_of, content))


def token_of(entry: Mapping[str, Any]) -> Token:
    """One token with its alternatives, likeliest first."""
    top = [(one["token"], float(one["logprob"])) for one in entry.get("top_logprobs") or ()]
    top.sort(key=lambda pair: -pair[1])
    return Token(entry["token"], float(entry["logprob"]), tuple(top))


def _usage(usage: Any) -> Usage:
    if not isinstance(usage, dict):
        return Usage()
    details = part_of(usage, "prompt_tokens_details")
    return Usage(
        input=count_of(usage.get("prompt_tokens")),
        output=count_of(usage.get("completion_tokens")),
        cache_read=count_of(details.get("cached_tokens")) or 0,
        cache_write=count_of(details.get("cache_write_tokens")) or 0,
    )
