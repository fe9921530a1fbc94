"""How a number is told: with its interval and its rows, or with why there is none."""

from __future__ import annotations

from typing import Any

from prefkit.statistics.bootstrap import Estimate

__all__ = ["Number", "missing", "number", "rounded"]

Number = dict[str, Any]
"""`value`, `low`, `high`, `n`, `clusters` and `reason`; a null value always has a reason."""


def rounded(value: float) -> float:
    """Six digits, so that no machine's last bit shows."""
    return float(f"{value:.6g}")


def number(found: Estimate) -> Number:
    """An estimate, its value and ends rounded."""
    ends = {
        name: None if value is None else rounded(value)
        for name, value in (("value", found.value), ("low", found.low), ("high", found.high))
    }
    return {**ends, "n": found.n, "clusters": found.clusters, "reason": found.reason}


def missing(reason: str, n: int = 0, clusters: int = 0) -> Number:
    """A number that cannot be given, and why."""
    return number(Estimate(None, None, None, n, clusters, reason))
