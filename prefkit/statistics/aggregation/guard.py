"""Which of several solutions is the right one, where exchanging the classes explains votes as well.

Votes alone cannot tell good judges from judges who mistake every class for another. Either gold
answers or a stated prior tell it: the median judge is better than chance, that is, exchanging
classes would make the accuracy of the median judge worse.
"""

from __future__ import annotations

import math
from itertools import combinations, permutations
from typing import NamedTuple

import numpy as np

from prefkit.statistics.aggregation.em import (
    SMALL,
    Learn,
    Limits,
    Run,
    Votes,
    by_judge,
    moved,
    run,
    vote_shares,
    with_gold,
)
from prefkit.statistics.aggregation.labels import UNKNOWN, Prior
from prefkit.statistics.ranks import Floats

__all__ = ["Guarded", "anchored_by", "gold_confusions", "guarded"]

_ODDS = math.log(1000)
"""What gold must give to a solution in which the median judge is worse than chance."""

_MOST_AN_ITEM = math.log(2)  # of it: judges who err together on one item are no five witnesses

_MOST_CLASSES = 4  # all 24 orders of 4 classes are tried, of more only exchanges of two
_SAME = 1e-9


class Guarded(NamedTuple):
    """The chosen solution and how it was told from the others."""

    run: Run
    turned: bool
    notes: tuple[str, ...]


def anchored_by(votes: Votes, prior: Prior) -> str:
    """What tells a solution from its mirror image."""
    if votes.known is not None:
        return "gold"
    return "prior: median judge better than chance" if prior.better_than_chance else "nothing"


def guarded(votes: Votes, prior: Prior, learn: Learn, limits: Limits) -> Guarded:
    """Fit from the majority, from gold if there is any, and from mirror images where they matter.

    The likeliest solution is taken, one against the prior only if gold speaks for it clearly.
    """
    majority = vote_shares(votes)
    found = [run(votes, learn, majority, limits)]
    if votes.known is not None:
        found.append(run(votes, learn, _from_gold(votes), limits))
    if prior.better_than_chance:
        for one in tuple(found):
            better = _better_order(votes, one.posterior, prior)
            if better is not None:
                found.append(run(votes, learn, one.posterior[list(better)], limits))
    taken, notes = _taken(votes, prior, found)
    return Guarded(taken, _turned(votes, majority, taken), notes)


def _taken(votes: Votes, prior: Prior, found: list[Run]) -> tuple[Run, tuple[str, ...]]:
    """The likeliest solution that the prior allows, or one that it does not, if gold insists."""
    runs: dict[bool, list[Run]] = {False: [], True: []}
    for one in found:
        wrong = prior.better_than_chance and _better_order(votes, one.posterior, prior) is not None
        runs[wrong].append(one)
    best = {
        wrong: max(some, key=lambda one: one.likelihood) for wrong, some in runs.items() if some
    }
    if True not in best:
        return best[False], ()
    against = best[True]
    if False in best:
        allowed = best[False]
        odds = np.log(np.maximum(against.guessed, SMALL) / np.maximum(allowed.guessed, SMALL))
        if float(np.clip(odds, -_MOST_AN_ITEM, _MOST_AN_ITEM).sum()) < _ODDS:
            return allowed, ()
    return against, ("the median judge is worse than chance in this solution",)


def _turned(votes: Votes, majority: Floats, taken: Run) -> bool:
    """Whether most items that have a majority and no gold came out against it."""
    clear = majority.max(axis=0, initial=0.0) > 1 / votes.classes + _SAME
    if votes.known is not None:
        clear &= votes.known == UNKNOWN
    other = majority.argmax(axis=0) != taken.posterior.argmax(axis=0)
    return bool(clear.any()) and float(other[clear].mean()) > 0.5


def gold_confusions(votes: Votes, smoothing: float = 1.0) -> Floats:
    """What each judge said on gold items, so many votes of the average judge added to every row.

    Without any, a row that a judge had no occasion to fill is zero.
    """
    assert votes.known is not None
    gold = np.zeros((votes.classes, votes.item_count))
    there = np.flatnonzero(votes.known != UNKNOWN)
    gold[votes.known[there], there] = 1.0
    counts = moved(votes, gold)
    pooled = counts.sum(axis=0) + 1 / votes.classes
    pooled /= pooled.sum(axis=1, keepdims=True)
    added = counts + smoothing * pooled
    rows = added.sum(axis=2, keepdims=True)
    found: Floats = np.divide(added, rows, out=np.zeros_like(added), where=rows > 0)
    return found


def _from_gold(votes: Votes) -> Floats:
    """A posterior by what the judges did on gold."""
    table = np.log(gold_confusions(votes))
    joint = np.zeros((votes.classes, votes.item_count))
    for code in range(votes.classes):
        told = table[votes.judges, code, votes.codes]
        joint[code, votes.voted] = np.add.reduceat(told, votes.starts) if len(told) else 0.0
    weight = np.exp(joint - joint.max(axis=0))
    return with_gold(weight / weight.sum(axis=0), votes)


def _better_order(votes: Votes, posterior: Floats, prior: Prior) -> tuple[int, ...] | None:
    """The order of classes that makes the median judge most accurate; null if it is as it is."""
    counts, cast = moved(votes, posterior), by_judge(votes)
    there = cast > 0
    if not there.any():
        return None
    counts, cast = counts[there], cast[there]
    codes = np.arange(votes.classes)
    plain = tuple(range(votes.classes))
    best, most = None, float(np.median(counts[:, codes, codes].sum(axis=1) / cast)) + _SAME
    for order in _orders(votes.classes, prior.symmetric):
        accuracy = float(np.median(counts[:, order, codes].sum(axis=1) / cast))
        if order != plain and accuracy > most:
            best, most = order, accuracy
    return best


def _orders(classes: int, symmetric: bool) -> list[tuple[int, ...]]:
    if symmetric:
        return [tuple(range(classes - 1, -1, -1))]
    if classes <= _MOST_CLASSES:
        return list(permutations(range(classes)))
    found = []
    for one, other in combinations(range(classes), 2):
        order = list(range(classes))
        order[one], order[other] = other, one
        found.append(tuple(order))
    return found
