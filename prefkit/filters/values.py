"""What expressions do with values: functions, arithmetic, membership. Null in, null out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prefkit.errors import ConfigError
from prefkit.filters.texts import lengths
from prefkit.schema.batch import message_tuples

__all__ = ["ARITHMETIC", "OF_SIDE", "OF_TEXT", "OF_VALUE", "Value", "broadcast", "is_in", "joined"]

Value = Any  # a pa.Array, or a Python scalar that Arrow broadcasts


def broadcast(value: Value, table: pa.Table) -> pa.Array:
    """The value as one entry a row."""
    return value if isinstance(value, pa.Array) else pa.repeat(pa.scalar(value), len(table))


def joined(join: Callable[[Value, Value], Value], values: list[Value]) -> Value:
    """All values joined from left to right."""
    result = values[0]
    for value in values[1:]:
        result = join(result, value)
    return result


def is_in(values: pa.Array, members: list[str] | list[float], *, inverted: bool) -> pa.Array:
    """Whether each value is a member; null for null.

    Raises:
        ConfigError: texts are looked for among numbers, or numbers among texts.
    """
    kind = values.type
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if not (text if isinstance(members[0], str) else number):
        raise ConfigError(f"{kind} is compared with {members!r}")
    values = values.cast(pa.float64()) if number else values
    found = pc.is_in(values, pa.array(members, values.type))
    found = pc.if_else(pc.is_null(values), None, found)
    return pc.invert(found) if inverted else found


def _texts(messages: pa.ListArray) -> pa.Array:
    """The contents of each side, joined by newlines; null for a missing side."""
    found = [
        None if turns is None else "\n".join(content or "" for _, content, _ in turns)
        for turns in message_tuples(messages)
    ]
    return pa.array(found, pa.large_string())


def _real(value: Value) -> Value:
    if isinstance(value, pa.Array) and pa.types.is_integer(value.type):
        return value.cast(pa.float64())
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _divided(one: Value, other: Value) -> Value:
    """Division by zero gives null, not a number that keeps or drops a row."""
    if isinstance(other, pa.Array):
        other = pc.if_else(pc.equal(other, 0.0), None, other)
    elif other == 0:
        other = None
    return pc.divide(one, other)


def _on_reals(operation: Callable[[Value, Value], Value]) -> Callable[[Value, Value], Value]:
    return lambda one, other: operation(_real(one), _real(other))


ARITHMETIC: dict[str, Callable[[Value, Value], Value]] = {
    "Add": _on_reals(pc.add),
    "Sub": _on_reals(pc.subtract),
    "Mult": _on_reals(pc.multiply),
    "Div": _on_reals(_divided),
}
OF_SIDE: dict[str, Callable[[pa.ListArray], pa.Array]] = {
    "characters": lambda side: lengths(side, "characters"),
    "words": lambda side: lengths(side, "words"),
    "turns": pc.list_value_length,
    "text": _texts,
}
OF_TEXT: dict[str, Callable[[pa.Array, str], pa.Array]] = {
    "contains": pc.match_substring,
    "starts": pc.starts_with,
}
OF_VALUE: dict[str, Callable[[pa.Array], pa.Array]] = {"lower": pc.utf8_lower, "abs": pc.abs}
