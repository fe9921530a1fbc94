"""Answers as bytes and back, and the key under which they are kept."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import orjson

from prefkit.errors import ConfigError
from prefkit.llm.answers import checked_score, kept_data
from prefkit.llm.frozen import Frozen
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
    """What can change the answer as JSON, its names in the order in which they are sent.

    Raises:
        ConfigError: a part of the request has no JSON form.
    """
    facts = request.facts()
    schema = facts.get("schema")
    if isinstance(schema, Frozen):  # written once for all requests that share it
        facts["schema"] = orjson.Fragment(schema.written)
    try:
        return orjson.dumps(facts)
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
    """An answer as compact JSON without what is null; its key stands beside it in the journal.

    What was paid is kept, whatever it is: data that cannot be written and a score that is no number
    become failures here if nobody judged them before.
    """
    names = _REPLY if isinstance(answer, Reply) else _SCORE
    answer = kept_data(answer) if isinstance(answer, Reply) else checked_score(answer)
    value = {name: part for name in names if (part := getattr(answer, name)) is not None}
    usage = answer.usage
    value["usage"] = (usage.input, usage.output, usage.cache_read, usage.cache_write)
    if isinstance(answer, Reply):
        value |= _tokens(answer.tokens)
    elif answer.logprobs is not None:
        value["logprobs"] = [_number(one) for one in answer.logprobs]
    return orjson.dumps(value, default=tuple)  # tokens are named tuples


def _tokens(tokens: tuple[Token, ...] | None) -> dict[str, Any]:
    if tokens is None:
        return {}
    return {
        "tokens": [
            (text, _number(logprob), [(word, _number(one)) for word, one in top])
            for text, logprob, top in tokens
        ]
    }


def _number(value: float) -> float | str:
    """A log-prob of 0 probability is no number of JSON: it is kept as a word."""
    return value if math.isfinite(value) else str(value)


def read_reply(stored: bytes, key: str) -> Reply:
    """A stored reply; it costs nothing now, so its price is 0.

    Raises:
        KeyError, TypeError, ValueError: these bytes are no reply that `written` wrote.
    """
    value = _loaded(stored)
    if (tokens := value.get("tokens")) is not None:
        value["tokens"] = tuple(
            Token(text, _read(logprob), tuple((word, _read(number)) for word, number in top))
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
        value["logprobs"] = tuple(map(_read, logprobs))
    return Score(**_common(value), cached=True, key=key)


def _read(number: float | str | None) -> float:
    """A kept log-prob; a null was minus infinity before there was a word for it."""
    return -math.inf if number is None else float(number)


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
