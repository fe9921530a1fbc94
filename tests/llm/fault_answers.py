"""What the fault server's model says: an answer that a test can work out from the question.

Without instructions the answer to a text is `answer_to(text)`. A line `SAY: words` in the last
user turn makes it say those words; a schema is followed; of choices one is taken by the digest.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])|\s+")
_SAY = re.compile(r"^SAY: (.*)$", re.MULTILINE)


class Said(NamedTuple):
    """An answer: its tokens, and why it ended (`stop`, `length`, or the stop text it ran into)."""

    tokens: list[str]
    finish: str
    stopped_at: str | None = None

    @property
    def text(self) -> str:
        return "".join(self.tokens)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def answer_to(text: str) -> str:
    """The plain answer to a user turn: four tokens."""
    said = _SAY.search(text)
    return said.group(1) if said else f"The answer is {digest_of(text)[:12]}"


def tokens_of(text: str) -> list[str]:
    """Words and signs with the space before them; joined they are the text again."""
    return _TOKEN.findall(text)


def logprob_of(token: str) -> float:
    """The log-prob of a token wherever it stands: between -1 and 0."""
    return -int(digest_of(token)[:4], 16) / 0x10000


def alternatives(token: str, count: int) -> list[tuple[str, float]]:
    """The likeliest tokens at a place, the one that was taken first."""
    others = [(f"{token}~{rank}", logprob_of(token) - rank) for rank in range(1, count)]
    return [(token, logprob_of(token)), *others][:count]


def say(text: str, *, limit: int | None = None, stop: Sequence[str] = ()) -> Said:
    """A text under a token limit and stop texts."""
    found = [(text.index(mark), mark) for mark in stop if mark and mark in text]
    at, mark = min(found, default=(len(text), None))
    tokens = tokens_of(text[:at])
    if limit is not None and len(tokens) > limit:
        return Said(tokens[:limit], "length")
    return Said(tokens, "stop", mark)


def chosen(choices: Sequence[str], text: str) -> str:
    """Which of the choices answers a text."""
    return choices[int(digest_of(text)[:8], 16) % len(choices)]


def follow(schema: dict[str, Any], text: str) -> Any:
    """A value that follows a schema, worked out from a text."""
    return _value(schema, schema, text)


def _value(schema: dict[str, Any], root: dict[str, Any], seed: str) -> Any:
    if "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return _value(target, root, seed)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][int(digest_of(seed)[:8], 16) % len(schema["enum"])]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return _value(schema[several][0], root, seed)
    return _by_type(schema, root, seed)


def _by_type(schema: dict[str, Any], root: dict[str, Any], seed: str) -> Any:
    number = int(digest_of(seed)[:8], 16)
    kind = schema.get("type", "object")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "object":
        named = schema.get("properties", {})
        return {name: _value(inner, root, f"{seed}/{name}") for name, inner in named.items()}
    if kind == "array":
        count = max(1, schema.get("minItems", 1))
        items = schema.get("items", {"type": "string"})
        return [_value(items, root, f"{seed}/{place}") for place in range(count)]
    low = schema.get("minimum", 0)
    high = schema.get("maximum", low + 10)
    simple = {
        "string": digest_of(seed)[:12],
        "integer": low + number % int(high - low + 1),
        "number": low + (number % 1000) / 1000 * (high - low),
        "boolean": number % 2 == 0,
        "null": None,
    }
    return simple[kind]


def structured(schema: dict[str, Any], text: str) -> str:
    """The JSON text of the value that follows a schema."""
    return json.dumps(follow(schema, text))


def open_objects(schema: Any, *, all_required: bool) -> str | None:
    """Where a schema breaks the hosted providers' rules for objects; null if it does not."""
    if isinstance(schema, list):
        return next(
            filter(None, (open_objects(v, all_required=all_required) for v in schema)), None
        )
    if not isinstance(schema, dict):
        return None
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            return "'additionalProperties' is required to be supplied and to be false."
        missing = set(schema.get("properties", {})) - set(schema.get("required", []))
        if all_required and missing:
            return (
                "'required' is required to be supplied and to be an array including every key "
                f"in properties. Missing '{min(missing)}'."
            )
    return open_objects(list(schema.values()), all_required=all_required)


KEY = "sk-test-0123456789"
"""What the SDKs are given where the server asks for no certain key."""


def turn(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]
