"""Student's t without a heavy library."""

from __future__ import annotations

__all__ = ["NORMAL", "student"]

NORMAL = 1.959963984540054
"""The 97.5 % point of the normal distribution."""


def student(degrees: float) -> float:
    """The 97.5 % point of Student's t, by its expansion about the normal one.

    Source: Abramowitz and Stegun, 26.7.5; off by less than 0.001 from 7 degrees on, a whole number
    or not.
    """
    z = NORMAL
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return z + float(sum(term / degrees**place for place, term in enumerate(terms, 1)))
