"""Posteriors for shares: arrays in, numbers out."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["beta_mean"]


def beta_mean(wins: np.ndarray[Any, Any], trials: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Posterior mean of a share under Jeffreys' prior: (k + 1/2) / (n + 1).

    Source: Beta(1/2, 1/2) prior, binomial likelihood; Brown, Cai and DasGupta (2001), section 4.3.
    """
    return (np.asarray(wins, dtype=float) + 0.5) / (np.asarray(trials, dtype=float) + 1.0)
