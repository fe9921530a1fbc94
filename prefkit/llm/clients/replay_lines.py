"""An answer written by hand: one JSON line, checked word by word."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any

import orjson

from prefkit.errors import ConfigError, DataError
from prefkit.llm.clients.bodies import count_of
from prefkit.llm.records import Reply, Request, Score, ScoreRequest, Usage, messages
from prefkit.registry import nearest

__all__ = ["Handwritten", "handwritten"]

_OPTIONS = {field.name for field in fields(Request)} - {"messages", "name", "cache_prefix"}
_REPLY = {"text", "finish", "usage", "model"}
_SCORE = {"value", "logprobs", "model"}
_SEVERAL = ("stop", "choices")  # tuples in a request, arrays in JSON


@dataclass(frozen=True, slots=True)
class Handwritten:
    """One line: what it names of a request, and a reply or a score."""

    facts: dict[str, Any]
    request: Request | None
    names: frozenset[str]
    """Options that the line names; others do not matter."""
    reply: Reply | None
    score: Score | None

    def answers(self, request: Request) -> bool:
        """Whether a request with the same messages agrees with every option that is named."""
        return all(getattr(self.request, n) == getattr(request, n) for n in self.names)


def handwritten(line: bytes, where: str) -> Handwritten:
    """One line by hand; `where` says in an error which.

    Raises:
        DataError: it is no answer as `prefkit.llm.clients.replay` describes it.
    """
    value = _object(_json(line, where), {"request", "reply"}, where)
    request, reply = value.get("request"), value.get("reply")
    if not isinstance(request, dict) or reply is None:
        raise DataError(f"{where}: an answer needs a request (an object) and a reply")
    try:
        if isinstance(reply, int | float) or (isinstance(reply, dict) and "value" in reply):
            asked = _score_request(request, where)
            return Handwritten(
                _as_json(asked.facts()), None, frozenset(), None, _score(reply, where)
            )
        question = _request(request, where)
        names = frozenset(request) - {"messages"}
        facts = _as_json(question.facts())
        return Handwritten(facts, question, names, _reply(reply, where), None)
    except ConfigError as error:
        raise DataError(f"{where}: {error}") from error
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise DataError(f"{where}: {type(error).__name__}: {error}") from error


def _request(value: Mapping[str, Any], where: str) -> Request:
    given = dict(_object(value, {"messages", *_OPTIONS}, where))
    turns = messages(given.pop("messages"))
    options: dict[str, Any] = {
        name: tuple(part) if name in _SEVERAL and isinstance(part, list) else part
        for name, part in given.items()
    }
    return Request(messages=turns, **options)


def _score_request(value: Mapping[str, Any], where: str) -> ScoreRequest:
    given = _object(value, {"messages", "prompt", "completion"}, where)
    if "messages" in given:
        return ScoreRequest(messages=messages(given["messages"]))
    prompt, completion = given["prompt"], given["completion"]
    if isinstance(prompt, str):
        return ScoreRequest(prompt=prompt, completion=str(completion))
    return ScoreRequest(prompt=tuple(prompt), completion=tuple(completion))


def _reply(value: Any, where: str) -> Reply:
    if isinstance(value, str):
        return Reply(text=value, finish="stop")
    given = _object(value, _REPLY, where)
    used = _object(given.get("usage") or {}, {"input", "output"}, where)
    for name, count in used.items():
        if count is not None and count_of(count) is None:
            raise DataError(f"{where}: usage.{name} is {count!r}, which is no number of tokens")
    usage = Usage(**used)
    return Reply(
        text=str(given["text"]),
        finish=given.get("finish", "stop"),
        usage=usage,
        model=given.get("model"),
    )


def _score(value: Any, where: str) -> Score:
    if isinstance(value, int | float):
        return Score(value=float(value))
    given = _object(value, _SCORE, where)
    logprobs = given.get("logprobs")
    return Score(
        value=float(given["value"]),
        logprobs=None if logprobs is None else tuple(map(float, logprobs)),
        model=given.get("model"),
    )


def _json(line: bytes, where: str) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise DataError(
            f"{where}: no JSON ({error})", hint='one line: {"request": {...}, "reply": {...}}'
        ) from error


def _object(value: Any, known: Collection[str], where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(f"{where}: an object is needed, not {type(value).__name__}")
    for name in value:
        if name not in known:
            raise DataError(f"{where}: no field {name!r} here{nearest(name, sorted(known))}")
    return value


def _as_json(facts: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(orjson.dumps(facts))
    return value
