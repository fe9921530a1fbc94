"""OpenAI's side of the fault server: chat completions, responses, counting, errors; vLLM's extras.

Field names and shapes are those of the `openai` package's types and of the API reference; the
rules for unknown fields are read from that package, so that they cannot drift.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
import time
from typing import Any

import fault_answers
from fault_answers import Said
from fault_wire import Answer

_ids = itertools.count(1)
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ERRORS = {
    400: ("invalid_request_error", None, "Invalid request."),
    401: (
        "invalid_request_error",
        "invalid_api_key",
        "Incorrect API key provided: {key}. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
    ),
    402: ("insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
    403: (
        "request_forbidden",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    404: (
        "invalid_request_error",
        "model_not_found",
        "The model does not exist or you do not have access to it.",
    ),
    408: ("server_error", None, "Request timed out."),
    413: ("invalid_request_error", None, "Request body too large."),
    429: (
        "requests",
        "rate_limit_exceeded",
        "Rate limit reached for requests per min (RPM). Please try again in 1s.",
    ),
    500: (
        "server_error",
        None,
        "The server had an error while processing your request. Sorry about that!",
    ),
    503: ("server_error", None, "The engine is currently overloaded, please try again later."),
}
_QUOTA = "You exceeded your current quota, please check your plan and billing details."


def error(status: int, message: str = "", code: str | None = None, key: str = "") -> Answer:
    """An error as OpenAI words it; `insufficient_quota` is a 429 with its own code."""
    kind, usual, text = _ERRORS.get(status, ("server_error", None, "Something went wrong."))
    if code == "insufficient_quota":
        kind, text = code, _QUOTA
    masked = f"{key[:8]}{'*' * 12}{key[-4:]}" if key else "''"
    said = {
        "message": message or text.format(key=masked),
        "type": kind,
        "param": None,
        "code": code or usual,
    }
    return Answer.of({"error": said}, status)


def rate_headers(limit: int | None, left: int, reset_s: float) -> dict[str, str]:
    return {
        "x-request-id": f"req_{next(_ids):032x}",
        "openai-processing-ms": "3",
        "openai-version": "2020-10-01",
        "x-ratelimit-limit-requests": str(limit or 10_000),
        "x-ratelimit-remaining-requests": str(left),
        "x-ratelimit-reset-requests": f"{reset_s:.3f}s",
        "x-ratelimit-limit-tokens": "2000000",
        "x-ratelimit-remaining-tokens": "1999000",
        "x-ratelimit-reset-tokens": "30ms",
    }


@functools.cache
def _known(endpoint: str) -> frozenset[str]:
    """Fields of a request body as the official package declares them."""
    if endpoint == "chat":
        from openai.types.chat.completion_create_params import CompletionCreateParamsBase as Base
    else:
        from openai.types.responses.response_create_params import ResponseCreateParamsBase as Base
    return frozenset(Base.__annotations__) | {"stream"}


def refused(body: dict[str, Any], endpoint: str) -> Answer | None:
    """The 400 that OpenAI gives for a wrong body; null if it is fine."""
    for field in ("model", "messages" if endpoint == "chat" else "input"):
        if not body.get(field):
            return error(
                400, f"Missing required parameter: '{field}'.", "missing_required_parameter"
            )
    unknown = sorted(set(body) - _known(endpoint))
    if unknown:
        return error(400, f"Unknown parameter: '{unknown[0]}'.", "unknown_parameter")
    return _refused_option(body) or _refused_schema(body)


def _refused_option(body: dict[str, Any]) -> Answer | None:
    reasoning = re.match(r"(o\d|gpt-5)", body["model"])
    if reasoning and "max_tokens" in body:
        message = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead."
        )
        return error(400, message, "unsupported_parameter")
    if body.get("top_logprobs") is not None and not 0 <= body["top_logprobs"] <= 20:
        return error(400, "Invalid value for 'top_logprobs'.", "invalid_value")
    if body.get("top_logprobs") is not None and "messages" in body and not body.get("logprobs"):
        return error(400, "'logprobs' must be true to use 'top_logprobs'.", "invalid_value")
    stop = body.get("stop") or []
    if len([stop] if isinstance(stop, str) else stop) > 4:
        return error(400, "Invalid 'stop': at most 4 sequences.", "array_above_max_length")
    if not 0 <= (body.get("temperature") or 0) <= 2:
        return error(400, "Invalid 'temperature'.", "decimal_above_max_value")
    return None


def _asked_schema(body: dict[str, Any]) -> dict[str, Any] | None:
    """Name, schema and strict of a structured request, wherever it stands; null if plain."""
    if "messages" in body:
        asked = body.get("response_format") or {}
        return asked.get("json_schema") if asked.get("type") == "json_schema" else None
    asked = (body.get("text") or {}).get("format") or {}
    return asked if asked.get("type") == "json_schema" else None


def _refused_schema(body: dict[str, Any]) -> Answer | None:
    asked = _asked_schema(body)
    if asked is None:
        return None
    if not _NAME.fullmatch(asked.get("name", "")):
        return error(400, "Invalid 'response_format.json_schema.name'.", "invalid_value")
    if not asked.get("strict"):
        return None
    wrong = fault_answers.open_objects(asked["schema"], all_required=True)
    if asked["schema"].get("type") != "object":
        wrong = "schema must be a JSON Schema of 'type: \"object\"'."
    if wrong:
        message = f"Invalid schema for response_format '{asked['name']}': In context=(), {wrong}"
        return error(400, message, "invalid_json_schema")
    return None


def text_of(content: Any) -> str:
    """Text of a turn: a string, or parts."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or ())


def turns_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    if "messages" in body:
        return list(body["messages"])
    given = body["input"]
    turns = [{"role": "user", "content": given}] if isinstance(given, str) else list(given)
    said = body.get("instructions")
    return [{"role": "system", "content": said}, *turns] if said else turns


def question(body: dict[str, Any]) -> str:
    return next(
        (text_of(t["content"]) for t in reversed(turns_of(body)) if t.get("role") == "user"), ""
    )


def input_tokens(body: dict[str, Any]) -> int:
    """Four a turn besides its words, three for the answer's start, and the schema's words."""
    turns = turns_of(body)
    words = sum(len(fault_answers.tokens_of(text_of(t.get("content")))) + 4 for t in turns)
    extra = [_asked_schema(body), *(body.get("tools") or [])]
    return words + 3 + sum(len(fault_answers.tokens_of(json.dumps(e))) for e in extra if e)


def _forced_tool(body: dict[str, Any]) -> dict[str, Any] | None:
    """The function that must be called; null if the model may answer in words."""
    choice, tools = body.get("tool_choice"), body.get("tools") or []
    functions = [tool.get("function", tool) for tool in tools]
    if choice == "required":
        return dict(functions[0])
    if isinstance(choice, dict):
        name = choice.get("function", choice).get("name")
        return next((dict(f) for f in functions if f["name"] == name), None)
    return None


def _speech(body: dict[str, Any], wrong: str, number: int = 0) -> Said:
    """What the model says to a request."""
    asked = question(body) + (f" #{number}" if number else "")
    schema, tool = _asked_schema(body), _forced_tool(body)
    choices = (body.get("structured_outputs") or {}).get("choice")
    own = (body.get("structured_outputs") or {}).get("json")
    if tool is not None:
        text = fault_answers.structured(tool.get("parameters", {}), asked)
    elif schema is not None or own is not None:
        text = fault_answers.structured(own or schema["schema"], asked)
    elif choices:
        text = fault_answers.chosen(choices, asked)
    else:
        text = fault_answers.answer_to(asked)
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    limit = limit or body.get("max_output_tokens")
    if wrong == "wrong_schema":
        text = '{"something_else": [1, 2, 3]}'
    if wrong == "cut_structured":
        limit = max(1, len(fault_answers.tokens_of(text)) // 2)
    stop = body.get("stop") or ()
    return fault_answers.say(text, limit=limit, stop=[stop] if isinstance(stop, str) else stop)


def _logprobs(said: Said, count: int) -> list[dict[str, Any]]:
    def one(token: str, value: float) -> dict[str, Any]:
        return {"token": token, "bytes": list(token.encode()), "logprob": value}

    return [
        one(token, fault_answers.logprob_of(token))
        | {"top_logprobs": [one(t, v) for t, v in fault_answers.alternatives(token, count)]}
        for token in said.tokens
    ]


def _choice(body: dict[str, Any], wrong: str, number: int) -> tuple[dict[str, Any], int]:
    said, tool = _speech(body, wrong, number), _forced_tool(body)
    message: dict[str, Any] = {"role": "assistant", "content": said.text, "refusal": None}
    message["annotations"] = []
    finish = said.finish
    if tool is not None:
        call = {"name": tool["name"], "arguments": said.text}
        message["content"] = None
        message["tool_calls"] = [
            {"id": f"call_{next(_ids):024x}", "type": "function", "function": call}
        ]
    if wrong == "refusal":
        message |= {"content": None, "refusal": "I'm sorry, I can't help with that."}
    if wrong == "filtered":
        message["content"], finish = "", "content_filter"
    logprobs = None
    if body.get("logprobs"):
        logprobs = {"content": _logprobs(said, body.get("top_logprobs") or 0), "refusal": None}
    choice = {"index": number, "message": message, "logprobs": logprobs, "finish_reason": finish}
    return choice, len(said.tokens)


def chat(body: dict[str, Any], wrong: str = "") -> dict[str, Any]:
    made = [_choice(body, wrong, number) for number in range(body.get("n") or 1)]
    asked, said = input_tokens(body), sum(count for _, count in made)
    return {
        "id": f"chatcmpl-{next(_ids):024x}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": f"{body['model']}-2026-01-01",
        "choices": [choice for choice, _ in made],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": said,
            "total_tokens": asked + said,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
        "service_tier": "default",
        "system_fingerprint": "fp_fault_server",
    }


def responses(body: dict[str, Any], wrong: str = "") -> dict[str, Any]:
    said, tool = _speech(body, wrong), _forced_tool(body)
    cut = said.finish == "length"
    status = "incomplete" if cut or wrong == "filtered" else "completed"
    part: dict[str, Any] = {"type": "output_text", "text": said.text, "annotations": []}
    if "message.output_text.logprobs" in (body.get("include") or ()):
        part["logprobs"] = _logprobs(said, body.get("top_logprobs") or 0)
    if wrong == "refusal":
        part = {"type": "refusal", "refusal": "I'm sorry, I can't help with that."}
    item: dict[str, Any] = {"type": "message", "id": f"msg_{next(_ids):024x}", "role": "assistant"}
    item |= {"status": status, "content": [part]}
    if tool is not None:
        item = {"type": "function_call", "id": f"fc_{next(_ids):024x}", "status": status}
        item |= {"call_id": f"call_{next(_ids):024x}", "name": tool["name"], "arguments": said.text}
    reason = "max_output_tokens" if cut else "content_filter"
    asked, count = input_tokens(body), len(said.tokens)
    return {
        "id": f"resp_{next(_ids):024x}",
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "error": None,
        "incomplete_details": {"reason": reason} if status == "incomplete" else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "metadata": body.get("metadata") or {},
        "model": f"{body['model']}-2026-01-01",
        "output": [item],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools") or [],
        "top_logprobs": body.get("top_logprobs") or 0,
        "top_p": body.get("top_p", 1.0),
        "truncation": "disabled",
        "usage": {
            "input_tokens": asked,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": count,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": asked + count,
        },
        "user": None,
    }


def tokenize(body: dict[str, Any]) -> dict[str, Any]:
    """vLLM's `/tokenize`: of a prompt, or of turns under a chat template."""
    if "prompt" in body:
        pieces = fault_answers.tokens_of(body["prompt"])
    else:
        pieces = ["?"] * input_tokens({"messages": body["messages"]})
    ids = [int(fault_answers.digest_of(piece)[:6], 16) for piece in pieces]
    shown = pieces if body.get("return_token_strs") else None
    return {"count": len(ids), "max_model_len": 4096, "tokens": ids, "token_strs": shown}
