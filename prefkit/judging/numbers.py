"""How a number is told: with its interval and its rows, or with why there is none."""

from __future__ import annotations

from typing import Any

from prefkit.statistics.bootstrap import Estimate

__all__ = ["Number", "missing", "number", "rounded"]

Number = dict[str, Any]
"""`value`, `low`, `high`, `n`, `clusters`, `reason`, `method` and `design_effect`.

A null value or end always has a reason; the method is that of the interval."""


def rounded(value: float) -> float:
    """Six digits, so that no machine's last bit shows."""
    return float(f"{value:.6g}")


def number(found: Estimate) -> Number:
    """An estimate, its value and ends rounded."""
    ends = {
        name: None if value is None else rounded(value)
        for name, value in (("value", found.value), ("low", found.low), ("high", found.high))
    }
    effect = None if found.design_effect is None else rounded(found.design_effect)
    made = {"reason": found.reason, "method": found.method, "design_effect": effect}
    return {**ends, "n": found.n, "clusters": found.clusters, **made}


def missing(reason: str, n: int = 0, clusters: int = 0) -> Number:
    """A number that cannot be given, and why."""
    return number(Estimate(None, None, None, n, clusters, reason))
