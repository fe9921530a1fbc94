"""Limits of a control chart for shares: what chance alone keeps within three standard errors."""

from __future__ import annotations

import math

__all__ = ["SIGMAS", "control_limits", "outside"]

SIGMAS = 3.0
_LAST_BIT = 1e-12


def control_limits(centre: float, rows: int) -> tuple[float, float]:
    """Both limits for the share of so many rows where the true share is `centre` (Shewhart, 1931).

    Raises:
        ValueError: no rows, or a centre outside 0 to 1.
    """
    if not (rows > 0 and 0 <= centre <= 1):
        raise ValueError(f"a centre of {centre} and {rows} rows")
    reach = SIGMAS * math.sqrt(centre * (1 - centre) / rows)
    return max(0.0, centre - reach), min(1.0, centre + reach)


def outside(share: float, limits: tuple[float, float]) -> bool:
    """Whether a share lies beyond its limits, not merely on one."""
    return share < limits[0] - _LAST_BIT or share > limits[1] + _LAST_BIT
