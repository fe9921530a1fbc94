"""Dollars as whole numbers, so that sums do not depend on their order."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["Exact", "dollars", "units"]

_UNIT = 10**12  # trillionths of a dollar


class Exact(NamedTuple):
    """A sum that never was a float: above some $4,000, floats of dollars lie units apart."""

    units: int


def units(usd: float | Exact) -> int:
    """Dollars in whole units; the same sum always gives the same number.

    Raises:
        ValueError: the sum is negative or no finite number.
    """
    if isinstance(usd, Exact):
        return usd.units
    if not 0 <= usd < math.inf:
        raise ValueError(f"{usd} dollars")
    return round(usd * _UNIT)


def dollars(whole: int) -> float:
    """Units as the nearest float; `units` need not find them again in it."""
    return whole / _UNIT
