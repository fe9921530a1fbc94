"""What the bodies of all remote clients share: further fields, choices, and reading with care."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import orjson

from prefkit.llm.clients.wire import malformed
from prefkit.llm.provider import Fault
from prefkit.llm.records import Reply, Request, Score

__all__ = [
    "ANSWER",
    "choice_schema",
    "chosen",
    "count_of",
    "extra_into",
    "part_of",
    "readable",
    "text_or_none",
    "wrong_extra",
]

AnswerT = TypeVar("AnswerT", Reply, Score)

ANSWER = "answer"
"""Name of the schema, and of the tool that a forced call has to use."""
_CHOICE = "one_of_the_choices"
"""The field around a choice where only objects can be asked for; no own schema has it alone."""

_SAID = frozenset({"model", "messages", "input", "prompt", "system", "instructions"})
"""What the request itself says."""
_LENGTHS = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens"})
"""The most that an answer may cost is reserved by `Request.max_tokens`."""
_FORM = frozenset(
    {
        "background",
        "best_of",
        "conversation",
        "echo",
        "n",
        "num_return_sequences",
        "previous_response_id",
        "store",
        "stream",
        "stream_options",
        "use_beam_search",
    }
)
"""They change how an answer comes, how many come, or what a provider keeps."""
_PRICED = frozenset(
    {
        "audio",
        "cache_control",
        "container",
        "context_management",
        "fallbacks",
        "inference_geo",
        "mcp_servers",
        "modalities",
        "models",
        "plugins",
        "service_tier",
        "speed",
        "web_search_options",
    }
)
"""They change the price: another model or tier, or tools that the provider runs and bills."""
_OWN = _SAID | _LENGTHS | _FORM | _PRICED
_OUR_TOOLS = frozenset({None, "function", "custom"})
"""Tools that the provider only names and never runs; Anthropic's have no type, or `custom`."""


def wrong_extra(request: Request) -> str | None:
    """Why a request's further fields may not be sent; null if they may."""
    extra = request.extra or {}
    if wrong := sorted(name for name in extra if name.lower() in _OWN):
        return (
            f"extra may not hold {', '.join(wrong)}: it changes what the request itself says, "
            "how the answer comes, or its price"
        )
    tools = extra.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind not in _OUR_TOOLS:
            return f"extra may not hold tools of type {kind!r}, which the provider runs and bills"
    return None


def extra_into(body: dict[str, Any], request: Request) -> dict[str, Any]:
    """The body with the request's further fields.

    Raises:
        Fault: `rejected`: they change what the request itself says, its price, or how the answer
            comes.
    """
    if not request.extra:
        return body
    if why := wrong_extra(request):
        raise Fault("rejected", f"not sent: {why}")
    return {**body, **request.extra}


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
