"""The majority: every vote counts the same."""

from __future__ import annotations

import numpy as np

from prefkit.statistics.aggregation.em import by_judge, right_shares, sorted_votes, vote_shares
from prefkit.statistics.aggregation.labels import NO_PRIOR, Aggregated, Labels, Prior, checked

__all__ = ["majority"]


def majority(labels: Labels, prior: Prior = NO_PRIOR) -> Aggregated:
    """The share of an item's votes for each class; gold answers stay as they are.

    A share is no probability that the class is true: three of three is 1, as three hundred of three
    hundred is. `accuracy` is how often a judge says what the item's votes say, its own vote
    included.

    Raises:
        ValueError: see `checked`.
    """
    checked(labels, prior)
    votes = sorted_votes(labels, prior)
    shares = vote_shares(votes)
    cast = by_judge(votes)
    right = by_judge(votes, right_shares(votes, shares))
    accuracy = np.divide(right, cast, out=np.full(len(cast), np.nan), where=cast > 0)
    judges = {"votes": cast, "accuracy": accuracy}
    return Aggregated(
        np.ascontiguousarray(shares.T), judges, 1, True, False, "the votes are taken at their word"
    )
