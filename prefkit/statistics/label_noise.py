"""How often a label is wrong, from pairs that several people voted on.

Two people who err independently, each so often, agree as often as errors allow; the agreement tells
the error of one vote (as in `agreement.implied_error`). What votes for and against leave of a
label's error follows by Bayes' rule with one half before: every vote weighs log((1 - e) / e).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import Bools, unmeasured
from prefkit.statistics.sums import sum_estimates, supported

__all__ = ["FEWEST_PAIRS", "label_errors", "label_noise"]

FEWEST_PAIRS = 50
"""For the interval of `label_error`: of 20 pairs it holds it in 90 %."""

_NEVER = 1e-300
_BELOW = "two people agree less than half of the time: no error of theirs explains it"


def label_noise(
    votes_for: Ints, votes_against: Ints, clusters: np.ndarray[Any, Any]
) -> dict[str, Estimate]:
    """`agreed`, `vote_error` and `label_error` of labels made from people's votes without ties.

    `agreed` is the share of two votes on a pair that say the same, over all twos. `vote_error` is
    one vote's, its ends follow from those of `agreed`. `label_error` is the mean over labels like
    these, single votes included, drawn together with the agreement. `n` and `clusters` count the
    pairs with two votes or more: the others do not tell how far people agree. Both errors assume
    that people err independently and equally likely on every pair: errors that they share are
    invisible, and the truth is then worse.

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
    labels = _of_labels(votes_for - votes_against, several, parts, clusters)
    return {
        "agreed": agreed,
        "vote_error": _implied(agreed),
        "label_error": labels._replace(n=agreed.n, clusters=agreed.clusters),
    }


def _of_labels(
    lead: Ints, several: Bools, pairs: Floats, clusters: np.ndarray[Any, Any]
) -> Estimate:
    """The mean error of all labels, drawn together with the agreement that it follows from."""
    leads, codes = np.unique(lead, return_inverse=True)
    columns = np.zeros((len(lead), 2 + len(leads)))
    columns[several, :2] = pairs
    columns[np.arange(len(lead)), 2 + codes.reshape(-1)] = 1.0

    def of(sums: Floats) -> dict[str, Floats]:
        agreed = sums[:, 0] / sums[:, 1]
        each = label_errors(leads[None, :].astype(float), _vote_errors(agreed)[:, None])
        found = (each * sums[:, 2:]).sum(axis=1) / sums[:, 2:].sum(axis=1)
        return {"label_error": np.where(np.isfinite(agreed), found, np.nan)}

    found = sum_estimates(columns, clusters, of)
    one = supported(found, {"label_error": several}, clusters)["label_error"]
    total = pairs.sum(axis=0)
    count = int(several.sum())
    if one.low is not None and count < FEWEST_PAIRS:
        reason = f"{count} pairs with two votes or more, an interval needs {FEWEST_PAIRS}"
        one = one._replace(low=None, high=None, method=None, reason=reason)
    if total[0] < total[1] / 2:
        return one._replace(value=None, low=None, high=None, reason=_BELOW, design_effect=None)
    return one


def _share(sums: Floats) -> dict[str, Floats]:
    return {"agreed": sums[:, 0] / sums[:, 1]}


def label_errors(lead: Floats, vote_error: float | Floats) -> Floats:
    """The probability that each label is wrong, `lead` votes for it more than against it."""
    # An error of zero leaves a label with a lead no doubt, and one without a lead one half.
    error = np.clip(vote_error, _NEVER, 0.5)
    odds = np.clip(lead * np.log((1 - error) / error), -500.0, 500.0)
    found: Floats = 1 / (1 + np.exp(odds))
    return found


def _vote_errors(agreed: Floats) -> Floats:
    """`implied_error` of many; one half of an agreement below one half, which nothing explains."""
    found: Floats = (1 - np.sqrt(np.clip(2 * agreed - 1, 0.0, 1.0))) / 2
    return found


def _implied(agreed: Estimate) -> Estimate:
    """The error at the agreement and at its ends; more agreement is less error."""
    if agreed.value is None:
        return agreed
    if agreed.value < 0.5:
        return agreed._replace(value=None, low=None, high=None, reason=_BELOW)
    found = agreed._replace(value=float(_vote_errors(np.array(agreed.value))))
    if agreed.low is None or agreed.high is None:
        return found
    low, high = _vote_errors(np.array([agreed.high, agreed.low])).tolist()
    how = f"{agreed.method} of agreement, turned into the error that it implies"
    return found._replace(low=low, high=high, method=how)
