"""Plain values as tagged JSON: what crosses the wall of a sandbox, in either direction.

null, true, false and texts stand for themselves; all else is an object of one key:

    {"i": "-ff"}       int, hexadecimal       {"l": [...]}  list        {"s": [...]}  set
    {"f": "0x1.8p+1"}  float                  {"t": [...]}  tuple       {"z": [...]}  frozenset
    {"c": [RE, IM]}    complex, as floats     {"b": "00ff"} bytes       {"d": [[KEY, VALUE], ...]}
    {"q": [NUM, DEN]}  Fraction or a finite Decimal, which compare alike; both in hexadecimal
    {"o": "NAME"}      anything else: opaque, equal to nothing

Integers and floats travel in hexadecimal, so that they are exact and no decimal parsing can be made
slow. Never pickle: reading it would run code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

__all__ = ["DEEPEST", "Opaque", "ProtocolError", "decode", "encode"]

DEEPEST = 200
"""Containers inside each other; what is deeper is opaque on its way out, refused on its way in."""

_MOST_ALIKE = 100
"""Members of a set, or keys, that may have one hash: integers can be chosen so that all have it."""

_MOST_DIGITS = 1000
"""Hexadecimal digits of each half of a fraction: to bring it to lowest terms takes their square."""

_LISTS: dict[str, type] = {"l": list, "t": tuple, "s": set, "z": frozenset}


class ProtocolError(ValueError):
    """What came is not in this form."""


class Opaque:
    """A value that could not be sent: equal to nothing, itself included."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<{self.kind}>"


def encode(value: Any, depth: int = DEEPEST) -> Any:
    """A value as JSON values; subclasses become what they are made of, foreign things opaque."""
    if value is None or value is True or value is False:
        return value
    for base, write in _WRITERS:
        if isinstance(value, base):
            return write(value, depth)
    item = getattr(value, "item", None)
    if type(value).__module__ == "numpy" and callable(item) and not getattr(value, "shape", None):
        return encode(item(), depth - 1) if depth > 0 else _opaque(value)
    return _opaque(value)


def _text(value: str, _: int) -> Any:
    return str.__str__(value)


def _whole(value: int, _: int) -> Any:
    return {"i": f"{int.__int__(value):x}"}


def _float(value: float, _: int) -> Any:
    return {"f": float.hex(value)}


def _complex(value: complex, _: int) -> Any:
    return {"c": [value.real.hex(), value.imag.hex()]}


def _bytes(value: bytes | bytearray, _: int) -> Any:
    return {"b": bytes(value).hex()}


def _fraction(value: Fraction | Decimal, _: int) -> Any:
    # Written out, an exponent of a million is a million digits
    if isinstance(value, Decimal) and (
        not value.is_finite() or abs(value.adjusted()) > _MOST_DIGITS
    ):
        return _opaque(value)
    parts = [f"{int(part):x}" for part in value.as_integer_ratio()]
    return _opaque(value) if max(map(len, parts)) > _MOST_DIGITS else {"q": parts}


def _view(value: Any, depth: int) -> Any:
    """Keys and items of a dict compare as sets do, as long as they have hashes."""
    try:
        return encode(set(value), depth)
    except TypeError:
        return _opaque(value)


def _dict(value: dict[Any, Any], depth: int) -> Any:
    if depth <= 0:
        return _opaque(value)
    pairs = dict.items(value)
    return {"d": [[encode(key, depth - 1), encode(one, depth - 1)] for key, one in pairs]}


def _listed(tag: str, base: Any) -> Any:
    def write(value: Any, depth: int) -> Any:
        if depth <= 0:
            return _opaque(value)
        return {tag: [encode(one, depth - 1) for one in base.__iter__(value)]}

    return write


def _opaque(value: Any) -> Any:
    return {"o": str(type(value).__name__)[:80]}


_WRITERS: tuple[tuple[type, Any], ...] = (
    (str, _text),
    (int, _whole),
    (float, _float),
    (complex, _complex),
    *((base, _listed(tag, base)) for tag, base in _LISTS.items()),
    (dict, _dict),
    (bytes, _bytes),
    (bytearray, _bytes),
    (Fraction, _fraction),
    (Decimal, _fraction),
    (type({}.keys()), _view),
    (type({}.items()), _view),
)


def decode(data: Any, depth: int = DEEPEST) -> Any:
    """The plain value that JSON values stand for, made of builtins only.

    Raises:
        ProtocolError: they are in no such form, or too deep.
    """
    if data is None or isinstance(data, bool | str):
        return data
    if not isinstance(data, dict) or len(data) != 1 or depth < 0:
        raise ProtocolError("not a tagged value, or too deep")
    ((tag, content),) = data.items()
    if tag in _LISTS:
        return _sequence(tag, content, depth)
    if tag == "d":
        return _mapping(content, depth)
    if tag in ("c", "q"):
        parts = content if isinstance(content, list) else []
        if len(parts) != 2:
            raise ProtocolError("a number of two parts has another count of them")
        return complex(*map(_real, parts)) if tag == "c" else _ratio(*parts)
    return _scalar(tag, content)


def _ratio(over: Any, under: Any) -> Fraction:
    halves = [_scalar("i", half) for half in (over, under)]
    if max(len(over), len(under)) > _MOST_DIGITS + 1 or halves[1] <= 0:
        raise ProtocolError("not a fraction")
    return Fraction(*halves)


def _scalar(tag: str, content: Any) -> Any:
    if not isinstance(content, str):
        raise ProtocolError("a number is not written as text")
    try:
        if tag == "i":
            return int(content, 16)
        if tag == "b":
            return bytes.fromhex(content)
    except ValueError as error:
        raise ProtocolError("not a number") from error
    if tag == "f":
        return _real(content)
    if tag == "o":
        return Opaque(content[:80])
    raise ProtocolError("an unknown tag")


def _real(content: Any) -> float:
    try:
        return float.fromhex(content)
    except (TypeError, ValueError, OverflowError) as error:
        raise ProtocolError("not a number") from error


def _sequence(tag: str, content: Any, depth: int) -> Any:
    if not isinstance(content, list):
        raise ProtocolError("a list is not written as one")
    values = [decode(one, depth - 1) for one in content]
    try:
        if tag in ("s", "z"):
            _check_hashes(values)
        return values if tag == "l" else _LISTS[tag](values)
    except TypeError as error:
        raise ProtocolError("a set of what has no hash") from error


def _mapping(content: Any, depth: int) -> dict[Any, Any]:
    if not isinstance(content, list) or not all(
        isinstance(pair, list) and len(pair) == 2 for pair in content
    ):
        raise ProtocolError("a dict is not written as pairs")
    pairs = [(decode(key, depth - 1), decode(value, depth - 1)) for key, value in content]
    try:
        _check_hashes([key for key, _ in pairs])
        return dict(pairs)
    except TypeError as error:
        raise ProtocolError("a key that has no hash") from error


def _check_hashes(values: Iterable[Any]) -> None:
    """Refuse what would make a set of it, and every comparison, take the square of its size."""
    counted = Counter(map(hash, values))
    if counted and max(counted.values()) > _MOST_ALIKE:
        raise ProtocolError("too many members have one hash")
