"""JSON Schemas of answers: compiled once, with every reference inside them and none outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson

from prefkit.errors import ConfigError, MissingExtra
from prefkit.llm.frozen import Frozen

__all__ = ["check_schema"]

_HERE = ("$ref", "$dynamicRef")
_LISTS = ("allOf", "anyOf", "oneOf")
_ONES = ("not", "if", "then", "else")
_NAMED = ("dependentSchemas", "dependencies")
_HINT = "put what it refers to into the schema itself, under $defs"


def check_schema(schema: Mapping[str, Any]) -> Any:
    """The compiled validator of a JSON Schema.

    It never reads anything from a network or a disk: a reference leads to a place within the
    schema or to a published meta-schema.

    Raises:
        ConfigError: it is no valid JSON Schema, or a reference leads nowhere or in a circle.
        MissingExtra: `jsonschema` is not installed.
    """
    if isinstance(schema, Frozen):
        return _validator(schema.written)
    return _validator(orjson.dumps(schema))


@lru_cache(maxsize=64)
def _validator(schema: bytes) -> Any:
    try:
        import jsonschema
        from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
        from referencing.jsonschema import UnknownDialect
    except ImportError as error:
        raise MissingExtra("checking structured answers", "llm") from error
    value = orjson.loads(schema)
    kind = jsonschema.validators.validator_for(value, jsonschema.Draft202012Validator)
    try:
        kind.check_schema(value)
        _check_references(value, kind, REGISTRY)
    except jsonschema.SchemaError as error:
        raise ConfigError(f"the schema of the answer is wrong: {error.message}") from error
    except RecursionError as error:
        raise ConfigError("the schema of the answer is nested too deep") from error
    except UnknownDialect as error:
        raise ConfigError(
            f"the schema of the answer has a part in an unknown dialect: {error.uri}"
        ) from error
    return kind(value, registry=REGISTRY)


def _check_references(schema: Any, kind: Any, registry: Any) -> None:
    """Follow every reference, whatever answer may lead there.

    Raises:
        ConfigError: one leads nowhere, to what is no schema, or back to itself without a step
            into the answer, so that no check would ever end.
    """
    from referencing.jsonschema import specification_with

    specification = specification_with(kind.ID_OF(kind.META_SCHEMA))
    root = specification.create_resource(schema)
    waiting = [(schema, registry.resolver_with_root(root))]
    places: dict[int, Any] = {}
    steps: dict[int, list[int]] = {}
    while waiting:
        place, resolver = waiting.pop()
        if id(place) in places or not isinstance(place, dict):
            continue
        places[id(place)] = place
        targets = [_target(resolver, place[name]) for name in _HERE if name in place]
        steps[id(place)] = [id(to.contents) for to in targets] + list(map(id, _applied(place)))
        waiting += [(to.contents, to.resolver) for to in targets]
        for inner in specification.create_resource(place).subresources():
            waiting.append((inner.contents, resolver.in_subresource(inner)))
    _check_circles(steps)


def _target(resolver: Any, reference: str) -> Any:
    from referencing.exceptions import Unresolvable

    said = f"the schema of the answer refers to {reference!r}"
    try:
        found = resolver.lookup(reference)
    except (Unresolvable, ValueError) as error:  # not there, or no address at all
        raise ConfigError(f"{said}, which is not in it", hint=_HINT) from error
    if not isinstance(found.contents, dict | bool):
        raise ConfigError(f"{said}, which is no schema", hint=_HINT)
    return found


def _applied(place: Mapping[str, Any]) -> Iterator[Any]:
    """Schemas that hold for the same part of an answer as the one they stand in."""
    for name in _LISTS:
        yield from place.get(name, ())
    for name in _ONES:
        if name in place:
            yield place[name]
    for name in _NAMED:
        yield from place.get(name, {}).values()


def _check_circles(steps: Mapping[int, list[int]]) -> None:
    """Leave out what leads nowhere further until nothing is left but circles."""
    before: dict[int, list[int]] = {}
    ahead: dict[int, int] = {}
    for place, targets in steps.items():
        inner = [target for target in targets if target in steps]
        ahead[place] = len(inner)
        for target in inner:
            before.setdefault(target, []).append(place)
    ends = [place for place, count in ahead.items() if count == 0]
    done = 0
    while ends:
        done += 1
        for place in before.get(ends.pop(), ()):
            ahead[place] -= 1
            if ahead[place] == 0:
                ends.append(place)
    if done < len(steps):
        raise ConfigError("the schema of the answer refers to itself in a circle without end")
