"""Several judges: how many independent ones they are worth, and who stands apart.

A majority is better than one judge as far as the judges err on different rows. Judges that share a
surface cue err together, so the size that counts is k / (1 + (k - 1) r), r the mean correlation of
their errors.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.consensus import NO_CONSENSUS, others_say
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.raters import Ratings
from prefkit.statistics.rates import rate
from prefkit.statistics.shares import NO_NUMBER, Bools
from prefkit.statistics.sums import Draws, sum_estimates, withheld

__all__ = ["effective_size", "leave_one_out", "majority", "panel_errors"]

_SPLIT = 1e-9
"""Two halves are equal, and a number is none, within the rounding of sums."""


def effective_size(judges: int, correlation: float) -> float:
    """How many independent judges so many are worth, at that mean correlation of their errors.

    More than `judges` where errors avoid each other. NaN where no such panel can be: a mean
    correlation is at least -1 / (judges - 1).
    """
    below = 1 + (judges - 1) * correlation
    return judges / below if below > 0 else NO_NUMBER


def majority(accuracy: float, judges: int) -> float:
    """How often the majority is right of independent judges who are each right so often.

    An even panel that splits counts half. At 0.7: 0.784 of 3, 0.837 of 5, 0.874 of 7.

    Raises:
        ValueError: no judges, or an accuracy that is no share.
    """
    if judges < 1 or not 0 <= accuracy <= 1:
        raise ValueError(f"{judges} judges who are right {accuracy} of the time")
    found = 0.0
    for right in range((judges + 1) // 2, judges + 1):
        ways = math.comb(judges, right) * accuracy**right * (1 - accuracy) ** (judges - right)
        found += ways / 2 if 2 * right == judges else ways
    return found


def panel_errors(
    wrong: Floats, known: Bools, clusters: np.ndarray[Any, Any], *, seed: int = 0
) -> dict[str, Estimate]:
    """What a panel is worth against gold answers, on the rows that all of its judges judged.

    `correlation` is the mean over pairs of judges of the correlation of their errors (judges who
    never or always err have none); `effective_size` of it. `accuracy` is the judges' mean;
    `majority` is that of their vote, a split or a tie half right; compare it with `majority` of
    independent judges. Rows that a judge left out would mix other questions into one number than
    into the next, so they count for none.

    Args:
        wrong: rows by judges: 1 where the judge is wrong, 0 where right, one half for a tie.
        known: where there is a readable verdict.
        clusters: the prompt cluster of each row.
        seed: another seed gives other draws.

    Raises:
        ValueError: fewer than two judges.
    """
    if wrong.shape[1] < 2:
        raise ValueError("a panel has at least two judges")
    every = known.all(axis=1)
    parts = _of_rows(np.asarray(wrong[every], dtype=float))
    found = sum_estimates(
        parts, clusters[every], partial(_worth, wrong.shape[1]),
        shares=("accuracy", "majority"), draws=Draws(seed),
    )  # fmt: skip
    return withheld(found)


def _of_rows(wrong: Floats) -> Floats:
    """What each row adds to the sums of `_worth`: 1, the vote, each judge, each product of two."""
    votes = 0.5 - wrong.mean(axis=1)
    voted = np.where(np.abs(votes) < _SPLIT, 0.5, votes > 0)
    one, other = np.triu_indices(wrong.shape[1])
    return np.column_stack([np.ones(len(wrong)), voted, wrong, wrong[:, one] * wrong[:, other]])


def _worth(judges: int, sums: Floats) -> dict[str, Floats]:
    rows, voted = sums[:, 0], sums[:, 1]
    means = sums[:, 2 : 2 + judges] / rows[:, None]
    one, other = np.triu_indices(judges)
    spread = sums[:, 2 + judges :] / rows[:, None] - means[:, one] * means[:, other]
    own = spread[:, one == other]
    # A judge who never or always errs has no spread but the last bits of it.
    roots = np.sqrt(np.where(own > _SPLIT, own, NO_NUMBER))
    pairs = one != other
    each = spread[:, pairs] / (roots[:, one[pairs]] * roots[:, other[pairs]])
    there = np.isfinite(each)
    mean = np.where(there, each, 0.0).sum(axis=1) / there.sum(axis=1)
    below = 1 + (judges - 1) * mean
    return {
        "correlation": mean,
        "effective_size": np.where(below > _SPLIT, judges / below, NO_NUMBER),
        "accuracy": 1 - means.mean(axis=1),
        "majority": voted / rows,
    }


def leave_one_out(
    codes: Ints, known: Bools, clusters: np.ndarray[Any, Any], *, seed: int = 0
) -> list[Estimate]:
    """How often each judge says what most of the others say, a judge each.

    A row counts for a judge where the others have one most frequent answer; where two are equally
    frequent there is no consensus to agree with.

    Args:
        codes: rows by judges: categories from 0 up.
        known: where there is a readable answer.
        clusters: the prompt cluster of each row.
        seed: another seed gives other draws.

    Raises:
        ValueError: an answer that is not null is below 0.
    """
    items, judges = np.nonzero(known)
    ratings = Ratings(items, judges, codes[known], len(codes))
    said = others_say(ratings)
    agrees = (said == ratings.codes).astype(float)
    found = []
    for judge in range(codes.shape[1]):
        rows = (judges == judge) & (said != NO_CONSENSUS)
        found.append(rate(agrees[rows], clusters[items[rows]], seed=seed))
    return found
