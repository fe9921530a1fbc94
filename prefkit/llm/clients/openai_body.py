"""Chat completions as JSON: the body of a request, and the reply in the body of an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import orjson

from prefkit.llm.clients.wire import fault_within, malformed
from prefkit.llm.provider import Fault
from prefkit.llm.records import Reply, Request, Score, Token, Usage
from prefkit.schema.records import Message

__all__ = [
    "ANSWER",
    "chat_body",
    "chat_reply",
    "choice_schema",
    "chosen",
    "count_of",
    "extra_into",
    "part_of",
    "readable",
    "text_or_none",
    "token_of",
]

AnswerT = TypeVar("AnswerT", Reply, Score)

ANSWER = "answer"
"""Name of the schema, and of the tool that a forced call has to use."""
_CHOICE = "one_of_the_choices"
"""The field around a choice where only objects can be asked for; no own schema has it alone."""

_OWN = frozenset({"model", "messages", "input", "max_tokens", "stream", "n"})
_FINISH = {"tool_calls": "tool", "function_call": "tool"}


def chat_body(request: Request, model: str, *, hosted: bool) -> dict[str, Any]:
    """The body for OpenAI itself (`hosted`), or for servers that speak its language.

    Raises:
        Fault: `rejected`: `extra` holds what only the request may say.
    """
    body: dict[str, Any] = {
        "model": model,
        "messages": [_turn(turn) for turn in request.messages],
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


def _turn(turn: Message) -> dict[str, Any]:
    said: dict[str, Any] = {"role": turn.role, "content": turn.content}
    if turn.extra is not None:
        more = orjson.loads(turn.extra)
        if not isinstance(more, dict):
            raise Fault("rejected", "not sent: what comes with a turn is no JSON object")
        said = {**more, **said}
    return said


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
        named = {"name": ANSWER, "strict": True, "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": named}


def choice_schema(choices: Sequence[str]) -> dict[str, Any]:
    """An object around one of the choices, for providers that only take object schemas."""
    return {
        "type": "object",
        "properties": {_CHOICE: {"type": "string", "enum": list(choices)}},
        "required": [_CHOICE],
        "additionalProperties": False,
    }


def chosen(text: str) -> str:
    """The choice within the object that `choice_schema` asks for; any other text as it is."""
    if _CHOICE not in text:
        return text
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    if isinstance(value, dict) and len(value) == 1 and isinstance(value.get(_CHOICE), str):
        word: str = value[_CHOICE]
        return word
    return text


def extra_into(body: dict[str, Any], request: Request) -> dict[str, Any]:
    """The body with the request's further fields.

    Raises:
        Fault: `rejected`: they change what the request itself says or how the answer comes.
    """
    if not request.extra:
        return body
    if wrong := sorted(_OWN & request.extra.keys()):
        raise Fault("rejected", f"not sent: extra may not hold {', '.join(wrong)}")
    return {**body, **request.extra}


def readable(read: Callable[[dict[str, Any]], AnswerT], body: dict[str, Any]) -> AnswerT:
    """What `read` makes of an answer's body.

    Raises:
        Fault: `malformed`: it is not of the documented shape.
    """
    try:
        return read(body)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"[:120]
    raise malformed(f"the answer has not the documented shape ({why})")


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
    message = choice["message"]
    finish = text_or_none(choice.get("finish_reason"))
    text = _text(message.get("content"))
    if isinstance(refusal := message.get("refusal"), str) and refusal:
        text, finish = text or refusal, "refusal"
    elif not text and (calls := message.get("tool_calls")):
        text, finish = calls[0]["function"]["arguments"], "tool"
        if not isinstance(text, str):
            raise TypeError("the arguments of a tool call are no text")
    if text is None:
        if finish in (None, "stop"):
            raise ValueError("neither content nor refusal")
        text = ""  # all tokens went into reasoning, or a filter took it: paid, and said by `finish`
    details = part_of(choice, "logprobs")
    return Reply(
        text=chosen(text),
        finish=_FINISH.get(finish or "", finish),
        tokens=_tokens(details.get("content")),
        usage=_usage(body.get("usage")),
        model=text_or_none(body.get("model")),
        revision=text_or_none(body.get("system_fingerprint")),
    )


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


def count_of(value: Any) -> int | None:
    """A number of tokens; null for what is none."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_count else None


def part_of(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object within an object; empty for what is none, which loses no paid answer."""
    part = value.get(name)
    return part if isinstance(part, dict) else {}


def text_or_none(value: Any) -> str | None:
    """A text; null for what is none."""
    return value if isinstance(value, str) else None
