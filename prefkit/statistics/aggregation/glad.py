"""GLAD (Whitehill and others, 2009): an able judge, an easy item.

P(the vote is right) = 1 / (1 + exp(-ability[j] ease[i])), errors evenly over the other classes;
ability and log ease have normal priors of mean 1 and variance 1, as in the source.
"""

from __future__ import annotations

import math

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
from prefkit.statistics.aggregation.guard import Guarded, guarded
from prefkit.statistics.aggregation.labels import NO_PRIOR, Aggregated, Labels, Prior, checked
from prefkit.statistics.logistic import sigmoid
from prefkit.statistics.ranks import Floats

__all__ = ["glad"]

_MEAN, _PRECISION = 1.0, 1.0
_STEPS = 3  # Newton steps between two guesses: more of them learn from a guess that will change
_LONGEST = 0.5
_EASIEST = 4.0  # log ease: exp(4) is as good as certain


def glad(
    labels: Labels,
    prior: Prior = NO_PRIOR,
    *,
    limits: Limits = Limits(),  # noqa: B008  a value without a life
) -> Aggregated:
    """The posterior of every item, its ease, and the ability of every judge.

    An ability of 0 is a coin, below 0 a judge who errs more often than not. The ease of an item is
    learnt from its own few votes: with one or two of them it stays near its prior.

    Args:
        labels: the votes.
        prior: gold, and what tells a solution from its mirror image.
        limits: when the iterations end.

    Raises:
        ValueError: see `checked`.
    """
    checked(labels, prior)
    votes = sorted_votes(labels, prior)

    def learn(posterior: Floats, before: Learnt | None) -> Learnt:
        ability, ease = np.full(votes.judge_count, _MEAN), np.full(votes.item_count, _MEAN)
        if before is not None:
            ability, ease = before.found["ability"], before.found["ease"]
        right = right_shares(votes, posterior)
        for _ in range(_STEPS):
            ability = _abler(votes, right, ability, ease)
            ease = _easier(votes, right, ability, ease)
        odds = ability[votes.judges] * np.exp(ease)[votes.items]
        same, other = -np.logaddexp(0, -odds), -np.logaddexp(0, odds)
        other = other - math.log(votes.classes - 1)
        told = np.stack(
            [np.where(votes.codes == code, same, other) for code in range(votes.classes)]
        )
        shares = class_shares(votes, posterior, prior.symmetric)
        # What the posterior says of the votes: the model's own chances lean to its priors.
        accuracy = by_judge(votes, right) / np.maximum(by_judge(votes), 1)
        found = {"accuracy": accuracy, "ability": ability, "ease": ease}
        return Learnt(told, log_of(shares), found)

    chosen = guarded(votes, prior, learn, limits)
    return aggregated(votes, prior, _of_judges(chosen))


def _of_judges(chosen: Guarded) -> Guarded:
    """What was found of judges only: ease is of items."""
    learnt = chosen.run.learnt
    found = {name: values for name, values in learnt.found.items() if name != "ease"}
    return chosen._replace(run=chosen.run._replace(learnt=learnt._replace(found=found)))


def _abler(votes: Votes, right: Floats, ability: Floats, ease: Floats) -> Floats:
    """A Newton step for every judge by itself; its part of the likelihood is concave."""
    easy = np.exp(ease)[votes.items]
    chance = sigmoid(ability[votes.judges] * easy)
    slope = by_judge(votes, easy * (right - chance)) - _PRECISION * (ability - _MEAN)
    bend = by_judge(votes, easy**2 * chance * (1 - chance)) + _PRECISION
    found: Floats = ability + np.clip(slope / bend, -_LONGEST, _LONGEST)
    return found


def _easier(votes: Votes, right: Floats, ability: Floats, ease: Floats) -> Floats:
    """A step of Fisher's scoring for every item by itself."""
    odds = ability[votes.judges] * np.exp(ease)[votes.items]
    chance = sigmoid(odds)
    slope, bend = (
        np.bincount(votes.items, values, votes.item_count)
        for values in (odds * (right - chance), odds**2 * chance * (1 - chance))
    )
    step = (slope - _PRECISION * (ease - _MEAN)) / (bend + _PRECISION)
    found: Floats = np.clip(ease + np.clip(step, -_LONGEST, _LONGEST), -_EASIEST, _EASIEST)
    return found
