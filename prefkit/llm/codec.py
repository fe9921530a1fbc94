"""Answers as bytes and back, and the key under which they are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import orjson

from prefkit.errors import ConfigError
from prefkit.llm.records import Failure, Reply, Request, Score, ScoreRequest, Token, Usage

__all__ = [
    "KEY_LENGTH",
    "digest_of",
    "facts_bytes",
    "key_of",
    "read_reply",
    "read_score",
    "written",
]

_BESIDE = ("key", "cached")  # what stands elsewhere, or is only known later
_REPLY = tuple(one.name for one in fields(Reply) if one.name not in _BESIDE)
_SCORE = tuple(one.name for one in fields(Score) if one.name not in _BESIDE)
KEY_LENGTH = 40
"""Hexadecimal digits of a key: 160 bits, short enough for the ids of provider batches."""


def facts_bytes(request: Request | ScoreRequest) -> bytes:
    """What can change the answer as JSON in one canonical order.

    Raises:
        ConfigError: a part of the request has no JSON form.
    """
    try:
        return orjson.dumps(request.facts(), option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        where = f" of {request.name}" if request.name else ""
        raise ConfigError(f"the request{where} has no JSON form: {error}") from error


def key_of(who: bytes, facts: bytes) -> str:
    """The key of an answer, from a digest of who is asked (`digest_of`) and the request's facts."""
    return hashlib.sha256(who + facts).hexdigest()[:KEY_LENGTH]


def digest_of(identity: bytes) -> bytes:
    """Who is asked (`identity()` as canonical JSON), in 32 bytes."""
    return hashlib.sha256(identity).digest()


def written(answer: Reply | Score) -> bytes:
    """An answer as compact JSON without what is null; its key stands beside it in the journal."""
    names = _REPLY if isinstance(answer, Reply) else _SCORE
    value = {name: part for name in names if (part := getattr(answer, name)) is not None}
    usage = answer.usage
    value["usage"] = (usage.input, usage.output, usage.cache_read, usage.cache_write)
    return orjson.dumps(value, default=tuple)  # tokens are named tuples


def read_reply(stored: bytes, key: str) -> Reply:
    """A stored reply; it costs nothing now, so its price is 0.

    Raises:
        KeyError, TypeError, ValueError: these bytes are no reply that `written` wrote.
    """
    value = _loaded(stored)
    if (tokens := value.get("tokens")) is not None:
        value["tokens"] = tuple(
            Token(text, logprob, tuple((word, number) for word, number in top))
            for text, logprob, top in tokens
        )
    return Reply(**_common(value), cached=True, key=key)


def read_score(stored: bytes, key: str) -> Score:
    """A stored score; it costs nothing now.

    Raises:
        KeyError, TypeError, ValueError: these bytes are no score that `written` wrote.
    """
    value = _loaded(stored)
    if (logprobs := value.get("logprobs")) is not None:
        value["logprobs"] = tuple(logprobs)
    return Score(**_common(value), cached=True, key=key)


def _loaded(stored: bytes) -> dict[str, Any]:
    value = orjson.loads(stored)
    if not isinstance(value, dict):
        raise TypeError("a stored answer is no object")
    return value


def _common(value: dict[str, Any]) -> dict[str, Any]:
    value["usage"] = Usage(*value["usage"])
    value["cost_usd"] = 0.0
    failure: Mapping[str, Any] | None = value.get("failure")
    if failure is not None:
        value["failure"] = Failure(**failure)
    return value
