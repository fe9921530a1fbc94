"""Whether an answer is what was asked for, whatever the server promised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson

from prefkit.errors import ConfigError, MissingExtra
from prefkit.llm.records import Failure, FailureKind, Reply, Request

__all__ = ["check_schema", "checked"]

_SHOWN = 120  # characters of an answer in a message


def checked(request: Request, reply: Reply) -> Reply:
    """The reply with its validated `data`, or with the failure that says what is wrong with it.

    An answer that breaks the schema or the choices is kept as text: it was paid for, and it is
    evidence.
    """
    if request.choices:
        return _choice(request, reply)
    if request.schema is None:
        return reply
    if reply.finish == "length":
        return _failed(reply, "cut", f"cut off after {request.max_tokens} tokens")
    if reply.finish in ("refusal", "content_filter"):
        return _failed(reply, "invalid", f"the model refused ({reply.finish})")
    try:
        data = orjson.loads(reply.text or "")
    except orjson.JSONDecodeError:
        return _failed(reply, "invalid", f"no JSON: {_shown(reply.text)}")
    problem = next(check_schema(request.schema).iter_errors(data), None)
    if problem is not None:
        where = "/".join(map(str, problem.absolute_path)) or "the answer"
        return _failed(reply, "invalid", f"breaks the schema at {where}: {_shown(problem.message)}")
    return replace(reply, data=data)


def _choice(request: Request, reply: Reply) -> Reply:
    word = (reply.text or "").strip()
    if word in request.choices:
        return replace(reply, text=word, data=word)
    if reply.finish == "length":
        return _failed(reply, "cut", f"cut off after {request.max_tokens} tokens")
    return _failed(reply, "invalid", f"not one of the choices: {_shown(reply.text)}")


def _failed(reply: Reply, kind: FailureKind, message: str) -> Reply:
    return replace(reply, failure=Failure(kind, message))


def _shown(text: str | None) -> str:
    line = " ".join((text or "").split())
    return repr(line if len(line) <= _SHOWN else line[:_SHOWN] + "…")


def check_schema(schema: Mapping[str, Any]) -> Any:
    """The compiled validator of a JSON Schema.

    Raises:
        ConfigError: it is no valid JSON Schema.
        MissingExtra: `jsonschema` is not installed.
    """
    return _validator(orjson.dumps(schema, option=orjson.OPT_SORT_KEYS))


@lru_cache(maxsize=64)
def _validator(schema: bytes) -> Any:
    try:
        import jsonschema
    except ImportError as error:
        raise MissingExtra("checking structured answers", "llm") from error
    value = orjson.loads(schema)
    kind = jsonschema.validators.validator_for(value, jsonschema.Draft202012Validator)
    try:
        kind.check_schema(value)
    except jsonschema.SchemaError as error:
        raise ConfigError(f"the schema of the answer is wrong: {error.message}") from error
    return kind(value)
