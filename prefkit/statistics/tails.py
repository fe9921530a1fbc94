"""Lower tails of counts: drawn with replacement (binomial) and without (hypergeometric)."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["binomial_at_most", "hypergeometric_at_most"]


def binomial_at_most(count: int, trials: int, share: float) -> float:
    """The probability of so many or fewer in independent trials of that share each.

    Raises:
        ValueError: a share outside 0 to 1, or no such number of trials.
    """
    if not (0 <= share <= 1 and trials >= 0):
        raise ValueError(f"{trials} trials at a share of {share}")
    if count >= trials or share == 0:
        return float(count >= 0)
    if count < 0 or share == 1:
        return 0.0
    # In logs: neither the ways to choose nor a power of a share fits a number otherwise.
    step = np.arange(count)
    ways = np.log((trials - step) / (step + 1)) + math.log(share) - math.log1p(-share)
    logs = trials * math.log1p(-share) + np.concatenate([[0.0], np.cumsum(ways)])
    return min(1.0, float(np.exp(logs).sum()))


def hypergeometric_at_most(found: int, drawn: int, marked: int, total: int) -> float:
    """The probability of so many marked ones or fewer, `drawn` of `total` without replacement.

    Raises:
        ValueError: more drawn or marked than there are.
    """
    if not (0 <= drawn <= total and 0 <= marked <= total):
        raise ValueError(f"{drawn} drawn and {marked} marked of {total}")
    low, high = max(0, drawn + marked - total), min(drawn, marked)
    if found < low or found >= high:
        return float(found >= low)
    step = np.arange(low, high, dtype=float)
    above = np.log((marked - step) * (drawn - step))
    below = np.log((step + 1) * (total - marked - drawn + step + 1))
    logs = np.concatenate([[0.0], np.cumsum(above - below)])
    each = np.exp(logs - logs.max())
    return min(1.0, float(each[: found - low + 1].sum() / each.sum()))
