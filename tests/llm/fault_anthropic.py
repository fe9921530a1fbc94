"""Anthropic's side of the fault server: messages, prompt caching, counting, errors.

Field names and shapes are those of the `anthropic` package's types and of the API reference; the
rules for unknown fields are read from that package, so that they cannot drift.
"""

from __future__ import annotations

import datetime
import functools
import itertools
import json
from typing import Any

import fault_answers
from fault_answers import Said
from fault_openai import text_of
from fault_wire import Answer

_ids = itertools.count(1)
_ERRORS = {
    400: ("invalid_request_error", "Invalid request."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "There is a problem with your billing details."),
    403: ("permission_error", "Your API key does not have permission to use this resource."),
    404: ("not_found_error", "model: not found"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: (
        "rate_limit_error",
        "This request would exceed your organization's rate limit of 50 requests per minute.",
    ),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "The request timed out while processing."),
    529: ("overloaded_error", "Overloaded"),
}
_CREDIT = (
    "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing."
)
_SAMPLING = frozenset({"temperature", "top_p", "top_k"})
SAMPLED = "2023-06-01"
"""The API version that takes sampling options; the one of today's SDK refuses them."""
CACHE_MINIMUM = 1024
"""Fewer tokens than this are never cached, as the provider documents for most models."""


def error(status: int, message: str = "", code: str | None = None, key: str = "") -> Answer:
    """An error as Anthropic words it; a spent balance (`insufficient_quota`) is a 400 there."""
    kind, text = _ERRORS.get(status, ("api_error", "Something went wrong."))
    if code == "insufficient_quota":
        status, kind, text = 400, "invalid_request_error", _CREDIT
    said = {"type": "error", "error": {"type": kind, "message": message or text}}
    return Answer.of(said | {"request_id": f"req_{next(_ids):024x}"}, status)


def rate_headers(limit: int | None, left: int, reset_s: float) -> dict[str, str]:
    when = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=reset_s)
    stamp = when.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "request-id": f"req_{next(_ids):024x}",
        "anthropic-organization-id": "00000000-0000-0000-0000-000000000000",
        "anthropic-ratelimit-requests-limit": str(limit or 4000),
        "anthropic-ratelimit-requests-remaining": str(left),
        "anthropic-ratelimit-requests-reset": stamp,
        "anthropic-ratelimit-tokens-limit": "2000000",
        "anthropic-ratelimit-tokens-remaining": "1999000",
        "anthropic-ratelimit-tokens-reset": stamp,
    }


@functools.cache
def _known() -> frozenset[str]:
    from anthropic.types.message_create_params import MessageCreateParamsBase

    return frozenset(MessageCreateParamsBase.__annotations__) | {"stream"}


def refused(
    body: dict[str, Any], *, version: str = SAMPLED, counting: bool = False
) -> Answer | None:
    """The 400 that Anthropic gives for a wrong body; null if it is fine."""
    for field in ("model", "messages") if counting else ("model", "messages", "max_tokens"):
        if not body.get(field):
            return error(400, f"{field}: Field required")
    unknown = sorted(set(body) - _known() - (_SAMPLING if version == SAMPLED else set()))
    if unknown:
        return error(400, f"{unknown[0]}: Extra inputs are not permitted")
    for place, turn in enumerate(body["messages"]):
        if turn["role"] not in {"user", "assistant"}:
            return error(400, f'messages.{place}: role "{turn["role"]}" is not one of the roles')
        if not text_of(turn["content"]) and isinstance(turn["content"], str):
            return error(400, f"messages.{place}: all messages must have non-empty content")
    return _refused_option(body)


def _refused_option(body: dict[str, Any]) -> Answer | None:
    if not 0 <= (body.get("temperature") or 0) <= 1:
        return error(400, "temperature: range: 0..1")
    if any(not mark.strip() for mark in body.get("stop_sequences") or ()):
        return error(400, "stop_sequences: each stop sequence must contain non-whitespace")
    marks = json.dumps([body.get("system"), body["messages"], body.get("tools")])
    if marks.count('"cache_control": {') > 4:
        return error(400, "A maximum of 4 blocks with cache_control may be provided.")
    schema = _schema(body)
    if schema is not None:
        wrong = fault_answers.open_objects(schema, all_required=False)
        if wrong:
            return error(400, f"output_config.format.schema: {wrong}")
    return None


def _schema(body: dict[str, Any]) -> dict[str, Any] | None:
    asked = (body.get("output_config") or {}).get("format") or {}
    return asked.get("schema") if asked.get("type") == "json_schema" else None


def question(body: dict[str, Any]) -> str:
    turns = reversed(body["messages"])
    return next((text_of(turn["content"]) for turn in turns if turn["role"] == "user"), "")


def _blocks(body: dict[str, Any]) -> list[tuple[str, bool]]:
    """Text and cache mark of everything the model reads, in the order it is cached in."""
    found = [(json.dumps(tool), "cache_control" in tool) for tool in body.get("tools") or ()]
    contents = [body.get("system") or [], *(turn["content"] for turn in body["messages"])]
    for content in contents:
        if isinstance(content, str):
            found.append((content, False))
        else:
            found += [(part.get("text", ""), "cache_control" in part) for part in content]
    schema = _schema(body)
    return [*found, (json.dumps(schema), False)] if schema else found


def _count(pieces: list[str]) -> int:
    return sum(len(fault_answers.tokens_of(piece)) + 3 for piece in pieces)


def input_tokens(body: dict[str, Any]) -> int:
    """Three a block besides its words, and seven of the provider's own."""
    return _count([text for text, _ in _blocks(body)]) + 7


def usage(body: dict[str, Any], output: int, warm: set[str]) -> dict[str, Any]:
    """Tokens as billed: those before the last cache mark are written once, then read."""
    blocks, total = _blocks(body), input_tokens(body)
    marks = [place for place, (_, marked) in enumerate(blocks) if marked]
    prefix = [text for text, _ in blocks[: marks[-1] + 1]] if marks else []
    cached = _count(prefix) if _count(prefix) >= CACHE_MINIMUM else 0
    name = fault_answers.digest_of("\0".join(prefix))
    read = cached if name in warm else 0
    if cached:
        warm.add(name)
    written = cached - read
    return {
        "input_tokens": total - cached,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output,
        "service_tier": "standard",
    }


def _tool(body: dict[str, Any]) -> dict[str, Any] | None:
    choice, tools = body.get("tool_choice") or {}, body.get("tools") or []
    if choice.get("type") == "any":
        return dict(tools[0])
    if choice.get("type") == "tool":
        return next(dict(tool) for tool in tools if tool["name"] == choice["name"])
    return None


def _speech(body: dict[str, Any], wrong: str) -> Said:
    asked, schema, tool = question(body), _schema(body), _tool(body)
    if tool is not None:
        schema = tool["input_schema"]
    text = fault_answers.structured(schema, asked) if schema else fault_answers.answer_to(asked)
    limit = body["max_tokens"]
    if wrong == "wrong_schema":
        text = '{"something_else": [1, 2, 3]}'
    if wrong == "cut_structured":
        limit = max(1, len(fault_answers.tokens_of(text)) // 2)
    return fault_answers.say(text, limit=limit, stop=body.get("stop_sequences") or ())


def message(body: dict[str, Any], wrong: str, warm: set[str]) -> dict[str, Any]:
    said, tool = _speech(body, wrong), _tool(body)
    reason = {"length": "max_tokens", "stop": "end_turn"}[said.finish]
    if said.stopped_at is not None:
        reason = "stop_sequence"
    content: list[dict[str, Any]] = [{"type": "text", "text": said.text}]
    if tool is not None:
        cut = reason == "max_tokens"
        call = {"type": "tool_use", "id": f"toolu_{next(_ids):024x}", "name": tool["name"]}
        content = [call | {"input": {} if cut else json.loads(said.text)}]
        reason = reason if cut else "tool_use"
    if wrong in {"refusal", "filtered"}:
        content, reason = [], "refusal"
    return {
        "id": f"msg_{next(_ids):024x}",
        "type": "message",
        "role": "assistant",
        "model": f"{body['model']}-20260101",
        "content": content,
        "stop_reason": reason,
        "stop_sequence": said.stopped_at,
        "usage": usage(body, len(said.tokens), warm),
    }
