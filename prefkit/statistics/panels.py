"""Several judges: how many independent ones they are worth, and who stands apart.

A majority is better than one judge as far as the judges err on different rows. Judges that share a
surface cue err together, so the size that counts is k / (1 + (k - 1) r), r the mean correlation of
their errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from prefkit.statistics.bootstrap import Columns, Estimate, estimates
from prefkit.statistics.consensus import NO_CONSENSUS, others_say
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats, pearson
from prefkit.statistics.raters import Ratings
from prefkit.statistics.rates import rate
from prefkit.statistics.shares import NO_NUMBER, Bools, bounded, share

__all__ = ["effective_size", "leave_one_out", "majority", "panel_errors"]


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
    columns = {"wrong": np.asarray(wrong[every], dtype=float)}
    return bounded(
        estimates(columns, clusters[every], np.ones(int(every.sum())), _worth, seed=seed)
    )


def _worth(columns: Columns) -> Callable[[Floats], Mapping[str, float]]:
    wrong = columns["wrong"]
    judges, every = wrong.shape[1], np.ones(len(wrong))
    pairs = list(combinations(range(judges), 2))
    votes = 0.5 - wrong.mean(axis=1)
    voted = np.where(np.abs(votes) < 1e-9, 0.5, votes > 0)

    def of(weights: Floats) -> dict[str, float]:
        found = [pearson(wrong[:, one], wrong[:, other], weights) for one, other in pairs]
        there = [value for value in found if math.isfinite(value)]
        mean = sum(there) / len(there) if there else NO_NUMBER
        return {
            "correlation": mean,
            "effective_size": effective_size(judges, mean),
            "accuracy": share(1 - wrong.mean(axis=1), every, weights),
            "majority": share(voted, every, weights),
        }

    return of


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
