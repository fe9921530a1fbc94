"""Dawid and Skene (1979): a table of confusions for every judge.

P(vote = l | truth = k, judge j) = confusion[j, k, l], votes independent given the truth.
"""

from __future__ import annotations

import numpy as np

from prefkit.statistics.aggregation.em import (
    Learnt,
    Limits,
    Votes,
    by_judge,
    class_shares,
    log_of,
    moved,
    sorted_votes,
)
from prefkit.statistics.aggregation.guard import Guarded, anchored_by, guarded
from prefkit.statistics.aggregation.labels import NO_PRIOR, Aggregated, Labels, Prior, checked
from prefkit.statistics.ranks import Floats

__all__ = ["SMOOTHING", "aggregated", "dawid_skene"]

SMOOTHING = 4.0
"""Votes of the average judge that are added to every row of a judge's table."""


def dawid_skene(
    labels: Labels,
    prior: Prior = NO_PRIOR,
    *,
    smoothing: float = SMOOTHING,
    limits: Limits = Limits(),  # noqa: B008  a value without a life
) -> Aggregated:
    """The posterior of every item and the confusions of every judge, by EM from the majority.

    Args:
        labels: the votes.
        prior: gold, and what tells a solution from its mirror image.
        smoothing: how many votes of the average judge each row of a table starts with, so that a
            judge of three votes is neither perfect nor hopeless; 0 is the plain maximum likelihood.
        limits: when the iterations end.

    Raises:
        ValueError: see `checked`; or the smoothing is negative.
    """
    checked(labels, prior)
    if smoothing < 0:
        raise ValueError(f"a smoothing of {smoothing} votes: 0 or more")
    votes = sorted_votes(labels, prior)
    cells = votes.judges * votes.classes + votes.codes
    # Filled anew by each step, which is all that reads it: to be given memory takes longer.
    told = np.empty((votes.classes, len(cells)))

    def learn(posterior: Floats, before: Learnt | None) -> Learnt:
        del before
        table = _confusions(votes, posterior, smoothing, prior.symmetric)
        shares = class_shares(votes, posterior, prior.symmetric)
        logs = log_of(table)
        for code in range(votes.classes):
            np.take(logs[:, code].reshape(-1), cells, out=told[code], mode="clip")
        right = table[:, np.arange(votes.classes), np.arange(votes.classes)]
        found = {"accuracy": (right * shares).sum(axis=1), "confusion": table}
        return Learnt(told, log_of(shares), found)

    return aggregated(votes, prior, guarded(votes, prior, learn, limits))


def _confusions(votes: Votes, posterior: Floats, smoothing: float, symmetric: bool) -> Floats:
    counts = moved(votes, posterior)
    if symmetric:
        counts = counts + counts[:, ::-1, ::-1]
        smoothing = 2 * smoothing  # every vote now stands in two places
    pooled = counts.sum(axis=0) + 1 / votes.classes
    pooled /= pooled.sum(axis=1, keepdims=True)
    rows = counts.sum(axis=2, keepdims=True)
    # A row that a judge had no occasion to fill is that of the average judge.
    weight = np.where(rows > 0, smoothing, 1.0)
    weight = np.where(rows + weight > 0, weight, 1.0)
    found: Floats = (counts + weight * pooled) / (rows + weight)
    return found


def aggregated(votes: Votes, prior: Prior, chosen: Guarded) -> Aggregated:
    """The result of a fit; what it learnt of a judge without votes is NaN."""
    run = chosen.run
    cast = by_judge(votes)
    judges = {"votes": cast}
    for name, values in run.learnt.found.items():
        told = values.copy()
        told[cast == 0] = np.nan
        judges[name] = told
    shares = np.exp(run.learnt.frequent)
    return Aggregated(
        np.ascontiguousarray(run.posterior.T),
        judges,
        run.iterations,
        run.converged,
        chosen.turned,
        anchored_by(votes, prior),
        chosen.notes,
        shares / shares.sum(),
    )
