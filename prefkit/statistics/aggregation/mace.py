"""MACE (Hovy and others, 2013): a judge either tells the true class or spams by habit.

P(vote = l | truth = k, judge j) = trust[j] [l = k] + (1 - trust[j]) habit[j, l].
"""

from __future__ import annotations

import numpy as np

from prefkit.statistics.aggregation.dawid_skene import aggregated
from prefkit.statistics.aggregation.em import (
    Learnt,
    Limits,
    Votes,
    by_judge,
    class_shares,
    log_of,
    right_shares,
    sorted_votes,
)
from prefkit.statistics.aggregation.guard import guarded
from prefkit.statistics.aggregation.labels import NO_PRIOR, Aggregated, Labels, Prior, checked
from prefkit.statistics.ranks import Floats

__all__ = ["mace"]

_SPAM = 0.5
"""Votes added to each side of trust and spread over a habit: Beta(1/2, 1/2), as its authors do."""


def mace(
    labels: Labels,
    prior: Prior = NO_PRIOR,
    *,
    smoothing: float = _SPAM,
    limits: Limits = Limits(),  # noqa: B008  a value without a life
) -> Aggregated:
    """The posterior of every item, and the trust and habit of every judge, by EM from the majority.

    A judge cannot be worse than its habit here: one that mistakes the first side for the second is
    a spammer at worst. Classes are taken to be equally frequent, as in the source.

    Args:
        labels: the votes.
        prior: gold, and what tells a solution from its mirror image.
        smoothing: votes added for a trusted and for a spammed vote of each judge.
        limits: when the iterations end.

    Raises:
        ValueError: see `checked`; or the smoothing is not above 0.
    """
    checked(labels, prior)
    if smoothing <= 0:
        raise ValueError(f"a smoothing of {smoothing} votes: above 0")
    votes = sorted_votes(labels, prior)
    even = np.full(votes.classes, 1 / votes.classes)

    def learn(posterior: Floats, before: Learnt | None) -> Learnt:
        trust, habit = _learnt(votes, posterior, before, smoothing)
        if prior.symmetric:
            habit = (habit + habit[:, ::-1]) / 2
        spammed = (1 - trust)[votes.judges] * habit[votes.judges, votes.codes]
        trusted = log_of(trust[votes.judges] + spammed)
        other = log_of(spammed)
        told = np.stack(
            [np.where(votes.codes == code, trusted, other) for code in range(votes.classes)]
        )
        shares = class_shares(votes, posterior, prior.symmetric)
        accuracy = trust + (1 - trust) * (habit * shares).sum(axis=1)
        found = {"accuracy": accuracy, "trust": trust, "habit": habit}
        return Learnt(told, log_of(even), found)

    return aggregated(votes, prior, guarded(votes, prior, learn, limits))


def _learnt(
    votes: Votes, posterior: Floats, before: Learnt | None, smoothing: float
) -> tuple[Floats, Floats]:
    """Trust and habit: a vote that names the true class may still be spam that met it."""
    right = right_shares(votes, posterior)
    if before is None:
        trusted = right / 2  # nothing known: a right vote is as likely met as meant
    else:
        trust, habit = before.found["trust"], before.found["habit"]
        mine = trust[votes.judges]
        met = (1 - mine) * habit[votes.judges, votes.codes]
        trusted = right * mine / np.maximum(mine + met, 1e-300)
    cast, meant = by_judge(votes), by_judge(votes, trusted)
    size = votes.judge_count * votes.classes
    cells = votes.judges * votes.classes + votes.codes
    spam = np.bincount(cells, 1 - trusted, size).astype(float).reshape(-1, votes.classes)
    trust = (meant + smoothing) / (cast + 2 * smoothing)
    spam = spam + smoothing / votes.classes
    return trust, spam / spam.sum(axis=1, keepdims=True)
