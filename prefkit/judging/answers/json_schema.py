"""An answer in JSON that keeps to a JSON Schema."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from fractions import Fraction
from functools import lru_cache
from typing import Any, ClassVar, NoReturn

import orjson
from pydantic import Field

from prefkit.errors import ConfigError, MissingExtra
from prefkit.judging.answers.checking import Checked, Checker, Unsure, shown
from prefkit.judging.answers.reasoning import without_reasoning
from prefkit.llm.schemas import check_schema
from prefkit.patterns import compiled

__all__ = ["JsonSchema"]

_FENCE = re.compile(r"^ {0,3}```[ \t]{0,5}([A-Za-z0-9]{0,20})[^\n]{0,80}\n", re.MULTILINE)
_CLOSE = re.compile(r"^ {0,3}```[ \t]*$", re.MULTILINE)
_FEATURE = "a schema with patterns"


class JsonSchema(Checker):
    """Check the JSON that a response is, or that stands in its one fence, against a JSON Schema.

    Wrong is also what is meant as JSON and is none: a text that begins with a brace, or a fence
    named json. No JSON, and several pieces of it, are unsure. Patterns are run by RE2. Without the
    option the reference is the schema. Needs the extra `llm`, patterns `re2`.
    A `format` says nothing, as by the standard.
    """

    shape: dict[str, Any] | None = Field(None, description="The schema; null: the reference is it.")

    needs_reference: ClassVar[bool] = False

    def decide(self, response: str, reference: str) -> Checked:
        """Right if the schema allows it."""
        validator = self._validator(reference)
        text = _json_text(response)
        try:
            value = json.loads(
                text, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite
            )
        except RecursionError as error:
            raise Unsure("the JSON is nested too deep", text[:400]) from error
        except _Twice as error:
            raise Unsure(f"a field is given twice: {error}", text[:400]) from error
        except json.JSONDecodeError as error:
            return Checked("wrong", text[:400], f"no JSON: {error.msg}, line {error.lineno}")
        except ValueError as error:
            raise Unsure(f"the JSON cannot be read: {error}", text[:400]) from error
        return _held_against(validator, value, text[:400], _FEWEST + len(text))

    def _validator(self, reference: str) -> Any:
        if self.shape is not None:
            return _compiled(orjson.dumps(self.shape))
        if not reference.strip():
            raise Unsure("there is no reference")
        try:
            shape: Any = orjson.loads(reference)
            if not isinstance(shape, dict):
                raise Unsure("the reference is no JSON Schema")
            return _compiled(orjson.dumps(shape))
        except MissingExtra:
            raise
        except (ConfigError, orjson.JSONDecodeError) as error:
            raise Unsure(f"the reference is no JSON Schema: {error}") from error


_FEWEST = 5_000
_steps: ContextVar[Iterator[int]] = ContextVar("steps")
"""References that may still be followed: a schema that refers to itself twice doubles the work with
every level of a response."""


class _Endless(Exception):
    """More references than a response of its length has use for."""


class _Twice(ValueError):
    """A name stands twice in an object."""


def _held_against(validator: Any, value: Any, text: str, most: int) -> Checked:
    """`most`: references of the schema that are followed."""
    try:
        _steps.set(iter(range(most)))
        error = next(validator.iter_errors(value), None)
    except RecursionError as too_deep:
        raise Unsure("the JSON is nested too deep", text) from too_deep
    except _Endless as endless:
        raise Unsure("the schema has too much to try on it", text) from endless
    if error is None:
        return Checked("right", text, "the schema allows it")
    place = "/".join(str(part) for part in error.absolute_path)
    rule = f"{error.validator} of the schema"
    return Checked("wrong", text, f"{rule} does not hold at {shown(place) if place else 'the top'}")


def _json_text(response: str) -> str:
    """The one text that is meant as JSON.

    Raises:
        Unsure: there is none, or several.
    """
    if response.lstrip()[:1] not in ("{", "["):  # else its texts may hold such a mark
        response = without_reasoning(response)
    plain = response.strip()
    if plain[:1] in ("{", "["):
        return plain
    fences = list(_fences(response))
    named = [text for name, text in fences if name.lower() in ("json", "jsonc", "json5")]
    meant = named or [text for name, text in fences if not name and text[:1] in ("{", "[")]
    if len(meant) > 1:
        raise Unsure("the response has several pieces of JSON", meant[-1][:400])
    if meant:
        return meant[0]
    try:
        orjson.loads(plain)  # a number, a string, a truth
    except orjson.JSONDecodeError as error:
        raise Unsure("the response has no JSON") from error
    return plain


def _fences(response: str) -> Iterator[tuple[str, str]]:
    """Name and text of every fence; one that is not closed goes to the end."""
    place = 0
    while (opened := _FENCE.search(response, place)) is not None:
        closed = _CLOSE.search(response, opened.end())
        end = closed.start() if closed else len(response)
        yield opened[1], response[opened.end() : end].strip()
        place = closed.end() if closed else len(response)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice(shown(next(name for name, _ in pairs)))
    return found


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{shown(digits)} is too large")
    return value


def _no_number(word: str) -> NoReturn:
    raise json.JSONDecodeError(f"{word} is no number", word, 0)


@lru_cache(maxsize=32)
def _compiled(schema: bytes) -> Any:
    """The validator, with the rules replaced that a hostile text makes slow, or a float wrong."""
    validator = check_schema(orjson.loads(schema))
    from jsonschema import validators  # what is missing was told by then

    rules = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "uniqueItems": _unique_items,
        "multipleOf": _multiple_of,
        **{
            name: _counted(validator.VALIDATORS[name])
            for name in _REFERENCES & validator.VALIDATORS.keys()
        },
    }
    for pattern in _patterns(orjson.loads(schema)):
        compiled(pattern, _FEATURE)  # a wrong one is told before an answer is looked at
    kind = validators.extend(type(validator), rules)  # type: ignore[no-untyped-call]
    return kind(validator.schema, registry=validator._registry)


def _patterns(schema: Any) -> Iterator[str]:
    """Every pattern of a schema, and some strings that only look like one."""
    waiting = [schema]
    while waiting:
        place = waiting.pop()
        if isinstance(place, list):
            waiting.extend(place)
        elif isinstance(place, dict):
            waiting.extend(place.values())
            if isinstance(place.get("pattern"), str):
                yield place["pattern"]
            if isinstance(place.get("patternProperties"), dict):
                yield from place["patternProperties"]


def _pattern(validator: Any, pattern: str, value: Any, _: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if validator.is_type(value, "string") and not compiled(pattern, _FEATURE).search(value):
        yield ValidationError("no match")


def _pattern_properties(validator: Any, rules: Mapping[str, Any], value: Any, _: Any) -> Any:
    if not validator.is_type(value, "object"):
        return
    for pattern, rule in rules.items():
        program = compiled(pattern, _FEATURE)
        for name, inner in value.items():
            if program.search(name):
                yield from validator.descend(inner, rule, path=name, schema_path=pattern)


def _unique_items(validator: Any, unique: bool, value: Any, _: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if unique and validator.is_type(value, "array"):
        seen = {json.dumps(_canonical(item), sort_keys=True) for item in value}
        if len(seen) < len(value):
            yield ValidationError("equal items")


_REFERENCES = {"$ref", "$dynamicRef", "$recursiveRef"}


def _counted(rule: Any) -> Any:
    def follow(validator: Any, reference: Any, value: Any, schema: Any) -> Iterator[Any]:
        if next(_steps.get(), None) is None:
            raise _Endless
        yield from rule(validator, reference, value, schema) or ()

    return follow


def _multiple_of(validator: Any, unit: Any, value: Any, _: Any) -> Iterator[Any]:
    """By the digits as they stand: 0.3 is three times 0.1."""
    from jsonschema import ValidationError

    if validator.is_type(value, "number") and Fraction(str(value)) % Fraction(str(unit)):
        yield ValidationError("no multiple")


def _canonical(value: Any) -> Any:
    """1.0 is 1 in JSON Schema; true is not."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, dict):
        return {name: _canonical(item) for name, item in value.items()}
    return value
