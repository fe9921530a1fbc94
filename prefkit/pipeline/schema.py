"""The JSON schema of a pipeline file, made from the verbs' models, for editors."""

from __future__ import annotations

from typing import Any

from prefkit.pipeline.file import CONSENT, INPUTS, MANAGED, verbs
from prefkit.registry import load, names
from prefkit.verbs.entries import role_of
from prefkit.verbs.verb import Verb

__all__ = ["file_schema"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def file_schema() -> dict[str, Any]:
    """The schema; steps, filters, policies and readers with all their options."""
    definitions: dict[str, Any] = {}
    steps = {name: _verb(load("verb", name), definitions) for name in verbs()}
    return {
        "$schema": _DIALECT,
        "title": "prefkit pipeline",
        "type": "object",
        "required": ["steps"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "pattern": r"^\w[\w .-]*$"},
            "description": {"type": "string"},
            "steps": {"type": "array", "minItems": 1, "items": _named(steps)},
        },
        "$defs": definitions,
    }


def _verb(kind: type[Verb], definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _model(kind, definitions)
    hidden = (*kind.consent, *CONSENT, *MANAGED)
    schema["properties"] = {
        name: _with_names(kind, name, part, definitions)
        for name, part in schema["properties"].items()
        if name not in hidden
    }
    schema["required"] = [
        name for name in schema.get("required", []) if name not in (*hidden, *INPUTS)
    ]
    return schema


def _with_names(
    kind: type[Verb], field: str, part: dict[str, Any], definitions: dict[str, Any]
) -> dict[str, Any]:
    """The schema of one option, with the names of its registry and their options."""
    role = role_of(kind, field)
    if part.get("type") == "array":
        items = part["items"] if role is None else _entries(role, definitions)
        return {**_described(part), "anyOf": [{**part, "items": items}, items]}
    if role is None:
        return part
    if field == "format":
        return {**part, "enum": [*([part["default"]] if "default" in part else []), *names(role)]}
    if part.get("type") == "object":
        models = {name: _model(load(role, name), definitions) for name in names(role)}
        return {**_described(part), **_mapping(models)}
    return {**_described(part), **_entries(role, definitions)}


def _described(part: dict[str, Any]) -> dict[str, Any]:
    return {key: part[key] for key in ("description", "default") if key in part}


def _entries(role: str, definitions: dict[str, Any]) -> dict[str, Any]:
    return _named({name: _model(load(role, name), definitions) for name in names(role)})


def _named(models: dict[str, Any]) -> dict[str, Any]:
    """A name alone, or one name with its options."""
    return {
        "anyOf": [
            {"enum": list(models)},
            {**_mapping(models), "minProperties": 1, "maxProperties": 1},
        ]
    }


def _mapping(models: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": models}


def _model(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of an options model; a name without options is null in YAML."""
    schema: dict[str, Any] = kind.model_json_schema()
    definitions |= schema.pop("$defs", {})
    schema.pop("title", None)
    return {**schema, "type": ["object", "null"]}
