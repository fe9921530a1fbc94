"""What the bodies of all remote clients share: further fields, choices, and reading with care."""

from __future__ import annotations

import re
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
    "ended",
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
_SHAPES = frozenset(
    {
        "ebnf",
        "grammar",
        "guided_choice",
        "guided_grammar",
        "guided_json",
        "guided_regex",
        "json_schema",
        "output_format",
        "regex",
        "response_format",
        "structured_outputs",
    }
)
"""Fields of various servers that say what form an answer has, as `schema` and `choices` do."""
_AROUND_SHAPES = ("output_config", "text")
"""Objects in which a field `format` says so; their other fields may be given."""
_CALLS = frozenset({"function_call", "functions", "tool_choice", "tools"})
_MOST_TOKENS = 1 << 30
"""No model reads or writes as many for one answer; sums of such counts stay in 64 bits."""
_BROKEN = re.compile(r"abort|cancel|error|fail|insufficient|pause|time_?out")
"""In the word for why an answer ended: it ended before it was whole."""


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
    if wrong := sorted(_other_form(request, extra)):
        asked = "choices" if request.choices else "schema"
        return f"extra may not hold {', '.join(wrong)}: the request's own {asked} says the form"
    return None


def _other_form(request: Request, extra: Mapping[str, Any]) -> list[str]:
    """Further fields that would take the place of the form that the request asks for."""
    if request.schema is None and not request.choices:
        return []
    taken = _SHAPES | _CALLS if request.by_tool else _SHAPES
    found = [name for name in extra if name.lower() in taken]
    for name in _AROUND_SHAPES:
        around = extra.get(name, {})
        if not isinstance(around, dict):
            found.append(name)
        elif "format" in around:
            found.append(f"{name}.format")
    return found


def extra_into(body: dict[str, Any], request: Request) -> dict[str, Any]:
    """The body with the request's further fields; an object in both has the fields of both.

    Raises:
        Fault: `rejected`: they change what the request itself says, its price, or how the answer
            comes.
    """
    if not request.extra:
        return body
    if why := wrong_extra(request):
        raise Fault("rejected", f"not sent: {why}")
    both = {**body, **request.extra}
    for name, said in body.items():
        if isinstance(said, dict) and isinstance(more := both[name], dict):
            both[name] = {**said, **more}
    return both


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
    """A number of tokens; null for what is none, or more than can be."""
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return value if is_count and 0 <= value <= _MOST_TOKENS else None


def ended(word: Any, names: Mapping[str, str]) -> tuple[str | None, bool]:
    """Why an answer ended, in the word for all providers, and whether it may be empty.

    Older servers and gateways say nothing, or words of their own: text makes theirs a whole answer.

    Args:
        word: The provider's word; null = not said.
        names: Words of whole answers, in lower case, with the house's words for them.

    Raises:
        Fault: `server`: it ended before it was whole, and may have been billed.
    """
    said = text_or_none(word)
    if not said:
        return None, False
    if (name := names.get(said.lower())) is not None:
        return name, True
    if _BROKEN.search(said.lower()):
        raise Fault(
            "server", f"the answer is not whole: it ended by {said[:40]!r}", maybe_billed=True
        )
    return said, False


def part_of(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object within an object; empty for what is none, which loses no paid answer."""
    part = value.get(name)
    return part if isinstance(part, dict) else {}


def text_or_none(value: Any) -> str | None:
    """A text; null for what is none."""
    return value if isinstance(value, str) else None
