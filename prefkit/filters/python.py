"""A check that the user wrote."""

from __future__ import annotations

import importlib
import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import Field

from prefkit.errors import ConfigError, PrefkitError
from prefkit.schema.arrow import PAIRS
from prefkit.step import Filter, Measurement

__all__ = ["Python"]


class Python(Filter):
    """Drop pairs for which a Python function gives a reason; needs --allow-code.

    The function is named `module:function`, is called with one pair as a dictionary, and returns
    null to keep it or a text, the reason to drop it (or a pair of number and text or null, to
    record a value). An exception stops the run: it is never a verdict.
    """

    runs_code: ClassVar[bool] = True

    function: str = Field(pattern=r"^[\w.]+:\w+$", description="module:function")

    reads: ClassVar[tuple[str, ...]] = tuple(PAIRS.names)

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """Call the function for every row; a Python loop, since only Python can run it."""
        call = _imported(self.function)
        values: list[float | None] = []
        reasons: list[str | None] = []
        for row in table.to_pylist():
            value, reason = self._verdict(call, row)
            values.append(value)
            reasons.append(reason)
        # A colon would end the check's name in `dropped`.
        check = f"python.{self.function.replace(':', '.')}"
        return [Measurement(check, pa.array(values, pa.float64()), pa.array(reasons, pa.string()))]

    def _verdict(
        self, call: Callable[[Mapping[str, Any]], Any], row: Mapping[str, Any]
    ) -> tuple[float | None, str | None]:
        try:
            verdict = call(row)
        except Exception as error:
            raise PrefkitError(
                f"{self.function} failed on pair {row['id']}: {type(error).__name__}: {error}"
            ) from error
        value, reason = (
            verdict if isinstance(verdict, tuple) and len(verdict) == 2 else (None, verdict)
        )
        if not (_is_value(value) and _is_reason(reason)):
            raise PrefkitError(
                f"{self.function} returned {verdict!r} for pair {row['id']}",
                hint="return None to keep, a text to drop, or (finite number, None or text)",
            )
        return None if value is None else float(value), reason


def _is_value(value: Any) -> bool:
    return value is None or (isinstance(value, numbers.Real) and math.isfinite(value))


def _is_reason(reason: Any) -> bool:
    return reason is None or (isinstance(reason, str) and bool(reason.strip()))


@cache
def _imported(name: str) -> Callable[[Mapping[str, Any]], Any]:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # the module is the user's: importing it can raise anything
        raise ConfigError(f"cannot import {name}: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise ConfigError(f"{name} is no function")
    return found  # type: ignore[no-any-return]
