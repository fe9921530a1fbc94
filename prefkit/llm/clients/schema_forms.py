"""Schemas as providers take them: what OpenAI's strict mode holds, and Anthropic's own form.

Both reject a schema beyond their subset with status 400, request by request. Whatever is sent, the
answer is validated here against the schema that was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

__all__ = ["closed", "is_strict"]

_PLACES = ("properties", "$defs", "definitions")
"""Keywords with a schema behind every name."""
_STRICT = frozenset(
    {
        *_PLACES,
        "$ref",
        "additionalProperties",
        "anyOf",
        "const",
        "description",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "items",
        "maxItems",
        "maximum",
        "minItems",
        "minimum",
        "multipleOf",
        "pattern",
        "required",
        "title",
        "type",
    }
)
_FORMATS = frozenset(
    {"date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid"}
)
_SHAPES = frozenset({"$ref", "anyOf", "const", "enum", "type"})

_CLOSED = frozenset(
    {
        *_PLACES,
        "$ref",
        "allOf",
        "anyOf",
        "const",
        "default",
        "description",
        "enum",
        "items",
        "required",
        "title",
        "type",
    }
)
_BEYOND = frozenset(
    {
        "contains",
        "dependentRequired",
        "dependentSchemas",
        "else",
        "if",
        "not",
        "patternProperties",
        "prefixItems",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
"""What has no place in Anthropic's form, not even as words."""


def is_strict(schema: Mapping[str, Any]) -> bool:
    """Whether OpenAI's strict mode holds a schema: closed objects, every property required."""
    return schema.get("type") == "object" and "anyOf" not in schema and _holds(schema)


def _holds(schema: Any) -> bool:
    if not isinstance(schema, Mapping) or not (
        schema.keys() <= _STRICT and schema.keys() & _SHAPES
    ):
        return False
    if not str(schema.get("$ref", "#")).startswith("#") or not _known_format(schema):
        return False
    if _is_object(schema):
        properties = schema.get("properties")
        if schema.get("additionalProperties") is not False or not isinstance(properties, Mapping):
            return False
        required = schema.get("required")
        if not isinstance(required, list) or set(map(str, required)) != set(properties):
            return False
    elif "array" in _types(schema) and "items" not in schema:
        return False
    return all(map(_holds, _within(schema)))


def _known_format(schema: Mapping[str, Any]) -> bool:
    return "format" not in schema or schema["format"] in _FORMATS


def _types(schema: Mapping[str, Any]) -> list[Any]:
    kind = schema.get("type")
    return kind if isinstance(kind, list) else [kind]


def _is_object(schema: Mapping[str, Any]) -> bool:
    return "object" in _types(schema) or "properties" in schema


def _within(schema: Mapping[str, Any]) -> list[Any]:
    """The schemas directly within one."""
    found: list[Any] = []
    for name in _PLACES:
        if isinstance(part := schema.get(name), Mapping):
            found += part.values()
    if "items" in schema:
        found.append(schema["items"])
    for name in ("anyOf", "allOf", "oneOf"):
        if isinstance(several := schema.get(name), list):
            found += several
    return found


def closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema in Anthropic's form: objects closed, limits that it does not hold as words.

    Raises:
        ValueError: it has no such form, and why.
    """
    if wrong := sorted(_BEYOND & schema.keys()):
        raise ValueError(f"it holds no {wrong[0]!r}")
    if not str(schema.get("$ref", "#/$defs/")).startswith(("#/$defs/", "#/definitions/")):
        raise ValueError("every $ref has to name one of the schema's own $defs")
    named = {"anyOf" if name == "oneOf" else name: part for name, part in schema.items()}
    made = {name: _part(name, part) for name, part in named.items() if _kept(name, part)}
    left = {
        name: part
        for name, part in named.items()
        if name not in made and name not in ("$schema", "$id", "$comment", "additionalProperties")
    }
    if _is_object(schema):
        if isinstance(schema.get("additionalProperties"), Mapping):
            raise ValueError("its objects have named properties only")
        made["additionalProperties"] = False
    if left:
        limits = ", ".join(f"{name}: {_json(part)}" for name, part in left.items())
        made["description"] = " ".join(filter(None, (made.get("description"), f"({limits})")))
    return made


def _kept(name: str, part: Any) -> bool:
    if name == "format":
        return part in _FORMATS or part == "uri"
    if name == "minItems":
        return part in (0, 1)
    return name in _CLOSED


def _part(name: str, part: Any) -> Any:
    if name in _PLACES and isinstance(part, Mapping):
        return {key: _one(one) for key, one in part.items()}
    if name in ("anyOf", "allOf") and isinstance(part, list):
        return [_one(one) for one in part]
    return _one(part) if name == "items" else part


def _one(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, Mapping):
        raise ValueError("true and false stand for no schema there")
    return closed(schema)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
