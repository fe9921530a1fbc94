"""One coin a judge: how often it is right, its errors evenly over the other classes."""

from __future__ import annotations

import numpy as np

from prefkit.statistics.aggregation.dawid_skene import SMOOTHING, aggregated
from prefkit.statistics.aggregation.em import (
    Learnt,
    Limits,
    by_judge,
    class_shares,
    log_of,
    right_shares,
    sorted_votes,
)
from prefkit.statistics.aggregation.guard import guarded
from prefkit.statistics.aggregation.labels import NO_PRIOR, Aggregated, Labels, Prior, checked
from prefkit.statistics.ranks import Floats

__all__ = ["one_coin"]


def one_coin(
    labels: Labels,
    prior: Prior = NO_PRIOR,
    *,
    smoothing: float = SMOOTHING,
    limits: Limits = Limits(),  # noqa: B008  a value without a life
) -> Aggregated:
    """The posterior of every item and the accuracy of every judge, by EM from the majority.

    One number a judge can be learnt from far fewer votes than a table of confusions; habits, such
    as never saying tie, it cannot see.

    Args:
        labels: the votes.
        prior: gold, and what tells a solution from its mirror image.
        smoothing: how many votes of the average judge are added to each judge's own.
        limits: when the iterations end.

    Raises:
        ValueError: see `checked`; or the smoothing is negative.
    """
    checked(labels, prior)
    if smoothing < 0:
        raise ValueError(f"a smoothing of {smoothing} votes: 0 or more")
    votes = sorted_votes(labels, prior)
    cast = by_judge(votes)

    def learn(posterior: Floats, before: Learnt | None) -> Learnt:
        del before
        right = by_judge(votes, right_shares(votes, posterior))
        pooled = (right.sum() + 0.5) / (cast.sum() + 1)
        weight = np.where(cast + smoothing > 0, smoothing, 1.0)
        accuracy = (right + weight * pooled) / (cast + weight)
        shares = class_shares(votes, posterior, prior.symmetric)
        other = log_of((1 - accuracy) / (votes.classes - 1))[votes.judges]
        same = log_of(accuracy)[votes.judges]
        told = np.stack(
            [np.where(votes.codes == code, same, other) for code in range(votes.classes)]
        )
        return Learnt(told, log_of(shares), {"accuracy": accuracy})

    return aggregated(votes, prior, guarded(votes, prior, learn, limits))
