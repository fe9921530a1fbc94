"""Whether an aggregation beats the majority on answers that it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.aggregation.labels import (
    NO_PRIOR,
    UNKNOWN,
    Aggregated,
    Labels,
    Prior,
    checked,
)
from prefkit.statistics.aggregation.majority import majority
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.prediction import FOLDS, Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.rates import rate, ratio

__all__ = ["Gain", "Method", "gain_over_majority"]

Method = Callable[[Labels, Prior], Aggregated]

_EVEN = 1e-9


class Gain(NamedTuple):
    """How much more often a method is right than the majority, in shares (0.02 is two points)."""

    gain: Estimate
    over_equal: Estimate
    """Over the same method with all judges as one: what comes of telling judges apart."""

    method: Estimate
    majority: Estimate
    held_out: str
    """What it was right about: `gold` answers, or `votes` of others on the same item."""

    claimed: bool
    """Whether a gain may be claimed: both gains have an interval above 0."""

    line: str

    def facts(self) -> dict[str, Any]:
        """The gain for a manifest."""
        return {
            "held_out": self.held_out,
            "claimed": self.claimed,
            "gain": self.gain.facts(),
            "over_equal_judges": self.over_equal.facts(),
            "method": self.method.facts(),
            "majority": self.majority.facts(),
        }


def gain_over_majority(
    labels: Labels,
    clusters: np.ndarray[Any, Any],
    method: Method,
    prior: Prior = NO_PRIOR,
    *,
    seed: int = 0,
) -> Gain:
    """Fit on some answers and count who is right on the others; each is held out once.

    With gold, gold answers are held out and every vote is read. Without, the votes of an item are
    dealt to folds, and a vote is right to predict if it is what the rest of its item says; then a
    mistake that all judges share counts as right. Where classes are equally likely each of them has
    its part. The method is fitted ten times, half of them with all judges as one.

    Args:
        labels: the votes.
        clusters: the prompt cluster of each item.
        method: from votes and prior to answers.
        prior: see `Prior`; its gold decides what is held out.
        seed: another seed deals and draws otherwise.

    Raises:
        ValueError: see `checked`, or there is not one cluster an item.
    """
    checked(labels, prior)
    if len(clusters) != labels.item_count:
        raise ValueError(f"{len(clusters)} clusters of {labels.item_count} items")
    gold = prior.known is not None and bool((prior.known != UNKNOWN).any())
    held = _of_gold(labels, prior, method, seed) if gold else _of_votes(labels, prior, method, seed)
    groups = np.asarray(clusters)[held.items]
    ones = np.ones(len(held.items))
    gain, equal = (
        _of_fits(ratio(held.own - other, ones, groups, seed=seed))
        for other in (held.most, held.equal)
    )
    own, most = _of_fits(rate(held.own, groups, seed=seed)), rate(held.most, groups, seed=seed)
    claimed = all(one.low is not None and one.low > 0 for one in (gain, equal))
    told = "gold" if gold else "votes"
    return Gain(gain, equal, own, most, told, claimed, _line(gain, equal, told, claimed))


def _of_fits(one: Estimate) -> Estimate:
    """The interval is of what these fits are worth: fits to other votes differ from them."""
    return one if one.method is None else one._replace(method=f"{one.method}, of these fits")


class _Held(NamedTuple):
    """Answers that were held out: their item, and how right each way of guessing them was."""

    items: Ints
    own: Floats
    equal: Floats
    most: Floats


def _of_gold(labels: Labels, prior: Prior, method: Method, seed: int) -> _Held:
    known = prior.known
    assert known is not None
    voted = np.bincount(labels.items, minlength=labels.item_count) > 0
    items = np.flatnonzero((known != UNKNOWN) & voted)
    fold = np.random.default_rng(seed).permutation(len(items)) % FOLDS
    own, equal = np.zeros(len(items)), np.zeros(len(items))
    for place in range(FOLDS):
        out = fold == place
        if not out.any():
            continue
        hidden = known.copy()
        hidden[items[out]] = UNKNOWN
        for found, votes in ((own, labels), (equal, _as_one(labels))):
            answers = method(votes, prior._replace(known=hidden)).posterior
            found[out] = _credit(answers, items[out], known[items[out]])
    most = _credit(majority(labels).posterior, items, known[items])
    return _Held(items, own, equal, most)


def _of_votes(labels: Labels, prior: Prior, method: Method, seed: int) -> _Held:
    fold = _dealt(labels, seed)
    several = np.bincount(labels.items, minlength=labels.item_count)[labels.items] > 1
    own, equal, most = (np.zeros(len(fold)) for _ in range(3))
    for place in range(FOLDS):
        out = (fold == place) & several
        if not out.any():
            continue
        rest = fold != place
        seen = labels._replace(
            items=labels.items[rest], judges=labels.judges[rest], codes=labels.codes[rest]
        )
        here = labels.items[out], labels.codes[out]
        own[out] = _credit(method(seen, prior).posterior, *here)
        equal[out] = _credit(method(_as_one(seen), prior).posterior, *here)
        most[out] = _credit(majority(seen).posterior, *here)
    return _Held(labels.items[several], own[several], equal[several], most[several])


def _dealt(labels: Labels, seed: int) -> Ints:
    """The fold of each vote; the votes of an item go to folds that follow each other."""
    order = np.lexsort((labels.codes, labels.judges, labels.items))
    shuffled = order[np.random.default_rng(seed).permutation(len(order))]
    by_item = shuffled[np.argsort(labels.items[shuffled], kind="stable")]
    fold = np.empty(len(order), dtype=np.int64)
    fold[by_item] = np.arange(len(order)) % FOLDS
    return fold


def _as_one(labels: Labels) -> Labels:
    """The same votes, all by one judge."""
    return labels._replace(judges=np.zeros_like(labels.judges), judge_count=1)


def _credit(posterior: Floats, items: Ints, codes: Ints) -> Floats:
    """1 where the likeliest class is the answer, its part where several are equally likely."""
    rows = posterior[items]
    top = rows >= rows.max(axis=1, keepdims=True) - _EVEN
    found: Floats = top[np.arange(len(codes)), codes] / top.sum(axis=1)
    return found


def _line(gain: Estimate, equal: Estimate, held_out: str, claimed: bool) -> str:
    if gain.value is None:
        return f"gain over the majority not measured: {gain.reason}"
    if gain.low is None or gain.high is None:
        return f"{100 * gain.value:+.1f} points over the majority, no interval: {gain.reason}"
    told = (
        f"{100 * gain.value:+.1f} points over the majority on held-out {held_out} "
        f"({100 * gain.low:+.1f} to {100 * gain.high:+.1f}, {gain.clusters} prompts)"
    )
    if claimed:
        return told
    if gain.low > 0:
        what = "none" if equal.value is None else f"{100 * equal.value:+.1f} points"
        return f"{told}, but of telling judges apart {what}: no gain is claimed"
    return f"{told}: no gain is claimed"
