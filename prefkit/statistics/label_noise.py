"""How often a label is wrong, from pairs that several people voted on.

Two people who err independently, each so often, agree as often as errors allow; the agreement tells
the error of one vote (`agreement.implied_error`). What votes for and against leave of a label's
error follows by Bayes' rule with one half before: every vote weighs log((1 - e) / e).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from prefkit.statistics.agreement import implied_error
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import unmeasured
from prefkit.statistics.sums import sum_estimates

__all__ = ["label_errors", "label_noise"]

_BELOW = "two people agree less than half of the time: no error of theirs explains it"


def label_noise(
    votes_for: Ints, votes_against: Ints, clusters: np.ndarray[Any, Any]
) -> dict[str, Estimate]:
    """`agreed`, `vote_error` and `label_error` of labels made from people's votes without ties.

    `agreed` is the share of two votes on a pair that say the same, over all twos; it alone has a
    spread, over prompt clusters of the pairs with two votes or more, and `n` and `clusters` count
    these. `vote_error` is one vote's, `label_error` the mean over all these labels, single votes
    included. Both assume errors that are independent and equally likely on every pair: errors that
    people share are invisible, and the truth is then worse.

    Args:
        votes_for: how many votes of a pair are for its chosen side.
        votes_against: how many are for the other one.
        clusters: the prompt cluster of each pair.
    """
    several = votes_for + votes_against >= 2
    if not several.any():
        none = unmeasured("no pair has two people's votes", clusters[several])
        return dict.fromkeys(("agreed", "vote_error", "label_error"), none)
    ahead, behind = votes_for[several].astype(float), votes_against[several].astype(float)
    total = ahead + behind
    same = ahead * (ahead - 1) + behind * (behind - 1)
    parts = np.column_stack([same, total * (total - 1)])
    agreed = sum_estimates(parts, clusters[several], _share, shares=("agreed",))["agreed"]
    lead = (votes_for - votes_against).astype(float)
    return {
        "agreed": agreed,
        "vote_error": _implied(agreed, np.ones(1)),
        "label_error": _implied(agreed, lead),
    }


def _share(sums: Floats) -> dict[str, Floats]:
    return {"agreed": sums[:, 0] / sums[:, 1]}


def label_errors(lead: Floats, vote_error: float) -> Floats:
    """The probability that each label is wrong, `lead` votes for it more than against it."""
    if vote_error <= 0:
        found: Floats = np.where(lead == 0, 0.5, np.where(lead > 0, 0.0, 1.0))
        return found
    odds = np.clip(lead * np.log((1 - vote_error) / vote_error), -500.0, 500.0)
    found = 1 / (1 + np.exp(odds))
    return found


def _implied(agreed: Estimate, lead: Floats) -> Estimate:
    """The mean error at the agreement and at its ends; more agreement is less error."""
    if agreed.value is None:
        return agreed
    if agreed.value < 0.5:
        return agreed._replace(value=None, low=None, high=None, reason=_BELOW)

    def at(share: float) -> float:
        return float(label_errors(lead, implied_error(min(1.0, max(0.5, share)))).mean())

    found = agreed._replace(value=at(agreed.value))
    if agreed.low is None or agreed.high is None:
        return found
    ends = sorted((at(agreed.high), at(agreed.low)))
    how = f"{agreed.method} of agreement, turned into the error that it implies"
    return found._replace(low=ends[0], high=ends[1], method=how)
