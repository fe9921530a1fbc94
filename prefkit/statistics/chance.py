"""What chance alone would agree on, and what is left of an agreement beyond it.

Every coefficient of agreement is (observed - expected) / (1 - expected); they differ in what they
expect. Each function takes k draws at once: shares of categories are k rows of q.
"""

from __future__ import annotations

import numpy as np

from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import NO_NUMBER

__all__ = ["beyond", "by_habit", "by_hardness", "over"]

_CERTAIN = 1e-12  # of one: chance that explains everything but for a last bit


def beyond(observed: Floats, expected: Floats) -> Floats:
    """The share of what chance leaves open that was reached; NaN where it leaves nothing open."""
    return over(observed - expected, np.where(1 - expected > _CERTAIN, 1 - expected, 0.0))


def over(above: Floats, below: Floats) -> Floats:
    """A ratio, NaN where nothing is below."""
    there = below > 0
    found: Floats = np.where(there, above / np.where(there, below, 1.0), NO_NUMBER)
    return found


def by_habit(first: Floats, second: Floats, credit: Floats) -> Floats:
    """The credit of two raters who answer by their own shares of categories (Cohen).

    With the pooled shares in both places it is what Fleiss and Scott expect.
    """
    # No `@`: its threads wait for each other on a busy machine, and add up in another order.
    found: Floats = np.einsum("kc,cd,kd->k", first, credit, second)
    return found


def by_hardness(pooled: Floats, credit: Floats) -> Floats:
    """The credit that Gwet (2008) expects: sum(credit) / (q (q - 1)) sum of p (1 - p).

    NaN of a scale with one category.
    """
    size = len(credit)
    if size < 2:
        return np.full(len(pooled), NO_NUMBER)
    hard: Floats = (pooled * (1 - pooled)).sum(axis=1)
    return float(credit.sum()) * hard / (size * (size - 1))
