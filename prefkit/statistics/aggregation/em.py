"""The way that every model of judges is fitted: guess the answers, learn the judges, guess again.

Columns by class are stored class by class (classes x votes, classes x items), so that each pass is
a plain pass over one column; votes are sorted by item, judge and code, so that the order in which
they came changes no bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from prefkit.statistics.aggregation.labels import UNKNOWN, Labels, Prior
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats

__all__ = [
    "SMALL",
    "Learn",
    "Learnt",
    "Limits",
    "Run",
    "Votes",
    "by_judge",
    "class_shares",
    "log_of",
    "moved",
    "right_shares",
    "run",
    "sorted_votes",
    "vote_shares",
    "with_gold",
]

SMALL = 1e-10
"""What a probability of zero is taken for, so that one vote can forbid no class."""


class Limits(NamedTuple):
    """When fitting ends."""

    iterations: int = 100
    tolerance: float = 1e-6
    """The change of the log-likelihood a vote below which nothing is learnt any more."""


class Votes(NamedTuple):
    """Votes sorted by item, then judge, then code."""

    items: Ints
    judges: Ints
    codes: Ints
    starts: Ints
    """Where each item that has votes begins."""

    voted: Ints
    """The items that have votes, in order."""

    item_count: int
    judge_count: int
    classes: int
    known: Ints | None


class Learnt(NamedTuple):
    """What a model believes of the judges."""

    told: Floats
    """Classes by votes: the log-probability of each vote if that class were true."""

    frequent: Floats
    """The log of the share of each class."""

    found: Mapping[str, Floats]
    """What is known of judges or items, by name."""


Learn = Callable[[Floats, Learnt | None], Learnt]
"""From a posterior (classes x items), and what was learnt before if anything, to what is learnt."""


class Run(NamedTuple):
    """Where the iterations ended."""

    posterior: Floats
    learnt: Learnt
    guessed: Floats
    """How probable each gold answer is by the votes on its item alone, in the order of items."""

    likelihood: float
    iterations: int
    converged: bool


def sorted_votes(labels: Labels, prior: Prior) -> Votes:
    """Votes in the order that the models read them in."""
    size = labels.judge_count * labels.classes
    if labels.item_count * size < np.iinfo(np.int64).max:
        # One number a vote sorts several times faster than three columns.
        one = labels.items.astype(np.int64) * size + labels.judges * labels.classes + labels.codes
        items, rest = np.divmod(np.sort(one), max(size, 1))
        judges, codes = np.divmod(rest, labels.classes)
    else:
        order = np.lexsort((labels.codes, labels.judges, labels.items))
        items, judges, codes = (column[order] for column in labels[:3])
    first = np.ones(len(items), dtype=bool)
    first[1:] = items[1:] != items[:-1]
    starts = np.flatnonzero(first)
    known = prior.known
    if known is not None and not (known != UNKNOWN).any():
        known = None
    return Votes(items, judges, codes, starts, items[starts], *labels[3:], known)


def vote_shares(votes: Votes) -> Floats:
    """Classes by items: the share of the votes that said so, gold as it is; even without votes."""
    size = votes.item_count
    counts = np.stack(
        [
            np.bincount(votes.items[votes.codes == code], minlength=size).astype(float)
            for code in range(votes.classes)
        ]
    )
    total = counts.sum(axis=0)
    shares = np.divide(counts, total, out=np.full_like(counts, 1 / votes.classes), where=total > 0)
    return with_gold(shares, votes)


def run(votes: Votes, learn: Learn, start: Floats, limits: Limits) -> Run:
    """Learn and guess in turn from a posterior, until nothing changes."""
    posterior, learnt, last, converged = start, None, -np.inf, False
    guessed = np.zeros(0)
    close = limits.tolerance * max(len(votes.items), 1)
    done = 0
    while not converged and done < max(limits.iterations, 1):
        done += 1
        learnt = learn(posterior, learnt)
        posterior, guessed, likelihood = _expected(votes, learnt)
        converged = abs(likelihood - last) <= close
        last = likelihood
    assert learnt is not None
    return Run(posterior, learnt, guessed, last, done, converged)


def _expected(votes: Votes, learnt: Learnt) -> tuple[Floats, Floats, float]:
    """The posterior of every item, that of gold answers, the log-likelihood of votes and gold."""
    joint = np.repeat(learnt.frequent[:, None], votes.item_count, axis=1)
    if len(votes.starts):
        for code in range(votes.classes):
            joint[code, votes.voted] += np.add.reduceat(learnt.told[code], votes.starts)
    most = joint.max(axis=0, initial=-np.inf)
    weight = np.exp(joint - most)
    total = weight.sum(axis=0)
    each = np.log(total) + most
    posterior, guessed = weight / total, np.zeros(0)
    if votes.known is not None:
        there = np.flatnonzero(votes.known != UNKNOWN)
        each[there] = joint[votes.known[there], there]
        guessed = posterior[votes.known[there], there]
    return with_gold(posterior, votes), guessed, float(each.sum())


def with_gold(posterior: Floats, votes: Votes) -> Floats:
    """The same array with gold answers as they are."""
    if votes.known is None:
        return posterior
    there = np.flatnonzero(votes.known != UNKNOWN)
    posterior[:, there] = 0.0
    posterior[votes.known[there], there] = 1.0
    return posterior


def class_shares(votes: Votes, posterior: Floats, symmetric: bool) -> Floats:
    """How frequent each class is among items that have a vote or a gold answer."""
    counted = np.zeros(votes.item_count, dtype=bool)
    counted[votes.voted] = True
    if votes.known is not None:
        counted |= votes.known != UNKNOWN
    total = (posterior * counted).sum(axis=1)
    if symmetric:
        total = total + total[::-1]
    if total.sum() <= 0:
        return np.full(votes.classes, 1 / votes.classes)
    found: Floats = total / total.sum()
    return found


def moved(votes: Votes, posterior: Floats) -> Floats:
    """Judges by true class by vote: how many votes of each kind the posterior expects."""
    size = votes.judge_count * votes.classes
    cells = votes.judges * votes.classes + votes.codes
    of_item = np.empty(len(cells))  # one for all classes: to be given memory costs as much as this
    tables = []
    for code in range(votes.classes):
        np.take(posterior[code], votes.items, out=of_item, mode="clip")
        tables.append(np.bincount(cells, of_item, size).reshape(-1, votes.classes))
    return np.stack(tables, axis=1)


def right_shares(votes: Votes, posterior: Floats) -> Floats:
    """How probable it is of each vote that it names the true class."""
    found: Floats = posterior[votes.codes, votes.items]
    return found


def by_judge(votes: Votes, values: Floats | None = None) -> Floats:
    """The sum over each judge's votes, or how many there are."""
    return np.bincount(votes.judges, values, votes.judge_count).astype(float, copy=False)


def log_of(shares: Floats) -> Floats:
    """The logarithm, of zero that of `SMALL`."""
    found: Floats = np.log(np.maximum(shares, SMALL))
    return found
