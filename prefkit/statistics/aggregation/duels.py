"""Responses against each other: what strength models read and give back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats

__all__ = ["RIDGE", "Duels", "Strengths", "centred", "groups_of"]

RIDGE = 0.1
"""The precision of the normal prior around 0 on each log-strength: its spread is about 3.

Without one a response that never lost would be infinitely strong; with one, an unbeaten response of
two votes stays weaker than one of twenty.
"""


class Duels(NamedTuple):
    """Votes on two responses each, a line a vote."""

    first: Ints
    second: Ints
    judges: Ints
    """Numbers from 0 up; read only where abilities are wanted."""

    credits: Floats
    """1 where the first response won, 0 where it lost, 0.5 for a tie."""

    responses: int


class Strengths(NamedTuple):
    """How strong each response is, in natural logarithms.

    exp(a - b) is the odds of winning where ties are left out. Strengths are comparable within a
    group only: no vote, nor a chain of votes, says anything about responses of two groups.
    """

    values: Floats
    groups: Ints
    """The number of the connected group of each response; the mean of each group is 0."""

    ties: str
    tie: float
    """Davidson's nu or Rao and Kupper's theta; 0 and 1 say that there are no ties."""

    judges: Floats | None
    """The ability of each judge, NaN without a vote; null where abilities were not wanted."""

    iterations: int
    converged: bool
    turned: bool = False
    notes: tuple[str, ...] = ()


def groups_of(first: Ints, second: Ints, responses: int) -> Ints:
    """The number of the connected group of each response, from 0 up in the order of responses."""
    group = np.arange(responses)
    while len(first):
        smaller = np.minimum(group[first], group[second])
        fresh = group.copy()
        # The roots are joined too, so that a long chain takes few passes.
        for ends in (first, second):
            np.minimum.at(fresh, group[ends], smaller)
            np.minimum.at(fresh, ends, smaller)
        fresh = fresh[fresh]
        if (fresh == group).all():
            break
        group = fresh
    found: Ints = np.unique(group, return_inverse=True)[1].reshape(-1)
    return found


def centred(values: Floats, groups: Ints) -> Floats:
    """The values less the mean of their group."""
    mean = np.bincount(groups, values) / np.maximum(np.bincount(groups), 1)
    found: Floats = values - mean[groups]
    return found
