"""Dollars as whole numbers, so that sums do not depend on their order."""

from __future__ import annotations

import math

__all__ = ["dollars", "units"]

_UNIT = 10**12  # trillionths of a dollar


def units(usd: float) -> int:
    """Dollars in whole units; the same sum always gives the same number.

    Raises:
        ValueError: the sum is negative or no finite number.
    """
    if not 0 <= usd < math.inf:
        raise ValueError(f"{usd} dollars")
    return round(usd * _UNIT)


def dollars(whole: int) -> float:
    """Units as dollars."""
    return whole / _UNIT
