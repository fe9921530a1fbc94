"""Intervals and posteriors for shares: arrays in, numbers out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["beta_mean", "wilson"]


def beta_mean(wins: np.ndarray[Any, Any], trials: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Posterior mean of a share under Jeffreys' prior: (k + 1/2) / (n + 1).

    Source: Beta(1/2, 1/2) prior, binomial likelihood; Brown, Cai and DasGupta (2001), section 4.3.
    """
    return (np.asarray(wins, dtype=float) + 0.5) / (np.asarray(trials, dtype=float) + 1.0)


def wilson(wins: float, trials: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Score interval of a share (95 % by default); for no trials it is (0, 1).

    Source: Wilson (1927).
    """
    if trials == 0:
        return 0.0, 1.0
    share = wins / trials
    centre = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
