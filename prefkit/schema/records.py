"""The records as Python values: what a reader yields and a person can construct by hand."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from prefkit.errors import SchemaError

__all__ = [
    "KINDS",
    "OUTCOMES",
    "Comparison",
    "Message",
    "Response",
    "Source",
    "Vote",
    "to_json",
]

KINDS = ("human", "judge", "reward", "execution", "rule", "label")
OUTCOMES = ("scored", "tie", "both_good", "both_bad", "skip", "failed", "infra")


class Message(NamedTuple):
    """One turn; `content` null is a turn without text (a bare tool call), `extra` is JSON."""

    role: str
    content: str | None
    extra: str | None = None


class Response(NamedTuple):
    """One answer. `sampling` and `extra` are JSON or null; `model` null = not recorded."""

    messages: tuple[Message, ...]
    model: str | None = None
    sampling: str | None = None
    extra: str | None = None


class Source(NamedTuple):
    """Where a vote was read: file or run, record inside it, licence, address."""

    name: str
    record: str
    license: str | None = None
    url: str | None = None


class Vote(NamedTuple):
    """One judgement by one judge; see docs/design.md, section 3, for every field.

    `scores`, `labels` and `trials` stand in the order of `Comparison.responses` as given; `order`
    holds positions into it (null = unknown), which become response ids when the record is stored.
    """

    kind: str
    outcome: str
    scores: tuple[float | None, ...]
    scale: str
    source: Source
    by: str | None = None
    labels: tuple[str | None, ...] | None = None
    trials: tuple[int | None, ...] | None = None
    draw: int | None = None
    criterion: str | None = None
    order: tuple[int, ...] | None = None
    rationale: str | None = None
    rubric: str | None = None
    seconds: float | None = None
    cost_usd: float | None = None
    at: str | None = None
    raw: str | None = None


class Comparison(NamedTuple):
    """One prompt, one or more responses, every vote cast on them."""

    prompt: tuple[Message, ...]
    responses: tuple[Response, ...]
    votes: tuple[Vote, ...]
    tools: str | None = None
    template_kwargs: str | None = None
    reference: str | None = None
    extra: str | None = None
    tags: tuple[tuple[str, str], ...] = ()


def to_json(value: Any) -> str:
    """Compact JSON in the order given: the stored form of every part of variable shape.

    Raises:
        SchemaError: the value has no JSON form; integers beyond 64 bits have one, NaN has not.
    """
    try:
        text = orjson.dumps(value)
    except TypeError:
        return _exact_json(value)
    # orjson writes NaN as null: a null that was none must not pass for one.
    return _exact_json(value) if b"null" in text else text.decode()


def _exact_json(value: Any) -> str:
    """The same text by the standard library: integers beyond 64 bits are exact, NaN is refused."""
    import json

    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        text.encode()
        return text
    except UnicodeEncodeError as error:
        raise SchemaError("a text holds half a character (a surrogate alone)") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise SchemaError(f"a value has no JSON form: {error}") from error
