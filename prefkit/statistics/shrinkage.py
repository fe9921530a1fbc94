"""Rates of many groups pulled to their common rate, the more the fewer rows a group has."""

from __future__ import annotations

import math

import numpy as np

from prefkit.statistics.ranks import Floats

__all__ = ["concentration", "shrunken"]

_GRID = tuple(2 ** (step / 2) for step in range(2, 29))
"""Prior rows from 2 to 16,384: beyond that groups cannot be told apart from equal ones."""


def concentration(good: Floats, rows: Floats, pool: float) -> float:
    """Prior rows of a beta-binomial with mean `pool` under which the groups are most likely.

    Few where groups differ by more than chance, very many where they do not. The likelihood is
    looked at on a grid, so the answer is one of its points.
    """
    if not 0 < pool < 1 or not len(rows):
        return _GRID[-1]
    return max(_GRID, key=lambda prior: (_likelihood(good, rows, pool * prior, prior), prior))


def _likelihood(good: Floats, rows: Floats, right: float, prior: float) -> float:
    wrong = prior - right
    # A Python loop: NumPy has no logarithm of gamma, and groups are few.
    each = (
        math.lgamma(right + g) + math.lgamma(wrong + n - g) - math.lgamma(prior + n)
        for g, n in zip(good.tolist(), rows.tolist(), strict=True)
    )
    base = math.lgamma(right) + math.lgamma(wrong) - math.lgamma(prior)
    return math.fsum(each) - len(rows) * base


def shrunken(good: Floats, rows: Floats) -> Floats:
    """The posterior mean of each group's rate; the common rate where a group has no row.

    Empirical Bayes: the prior is a beta distribution about the pooled rate, its weight estimated
    from the same groups (Kleinman, 1973, takes moments where this takes the likelihood).
    NaN where there are no rows at all.
    """
    total = float(rows.sum())
    if total == 0:
        return np.full(len(rows), np.nan)
    pool = float(good.sum()) / total
    prior = concentration(good, rows, pool)
    return np.asarray((good + prior * pool) / (rows + prior), dtype=float)
