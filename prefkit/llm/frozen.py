"""JSON objects as they were when somebody gave them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any

import orjson

__all__ = ["Frozen", "frozen", "shared"]


class Frozen(dict[str, Any]):
    """A copy that nobody changes, so that its forms are worked out once."""

    @cached_property
    def written(self) -> bytes:
        """As JSON in the order given: models write the parts of an answer in a schema's order."""
        return orjson.dumps(self)

    @cached_property
    def indented(self) -> int:
        """Characters of it as ASCII JSON, each part on a line of its own."""
        return len(json.dumps(self, indent=4))


def frozen(value: Mapping[str, Any]) -> Frozen:
    """A copy of its own.

    Raises:
        TypeError: it has no JSON form.
    """
    return value if isinstance(value, Frozen) else Frozen(orjson.loads(_written(value)))


def shared(value: Mapping[str, Any]) -> Frozen:
    """One copy for all who give the same names and values in the same order.

    Raises:
        TypeError: it has no JSON form.
    """
    return value if isinstance(value, Frozen) else _made(_written(value))


def _written(value: Mapping[str, Any]) -> bytes:
    written = orjson.dumps(dict(value))
    if b"null" in written:  # a null may stand for what is no number
        try:
            json.dumps(dict(value), allow_nan=False, default=str)
        except ValueError as error:
            raise TypeError("a number that JSON does not have") from error
    return written


@lru_cache(maxsize=64)
def _made(written: bytes) -> Frozen:
    return Frozen(orjson.loads(written))
