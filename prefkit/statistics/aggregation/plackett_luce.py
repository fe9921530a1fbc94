"""Plackett (1975) and Luce (1959): a ranking is a choice of the best, then of the best of the rest.

P(ranking) = product over places of strength / sum of the strengths of those not yet placed.

Tied responses stand in every order equally: the log-likelihood of a ranking with ties is its mean
over the orders of the tied (all orders of two or three; of more, all rotations of one order and of
its reverse). Two tied responses are then half a win for either, as in `bradley_terry`.

With abilities a judge places a response by its strength with probability eta, else by chance.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from prefkit.statistics.aggregation.duels import RIDGE, Strengths, centred, groups_of
from prefkit.statistics.aggregation.newton import STEPS, Slope, highest
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats

__all__ = ["Rankings", "plackett_luce"]

_GOOD, _BAD = 4.0, 1.0  # places chosen by strength and by chance that each judge starts with
_ROUNDS = 200
_SETTLED = 1e-4


class Rankings(NamedTuple):
    """Rankings in long form, a line for each response in each ranking."""

    rankings: Ints
    """The number of the ranking, from 0 up."""

    responses: Ints
    ranks: Floats
    """The smaller, the better; equal ranks are ties."""

    judges: Ints
    """Numbers from 0 up, the same on every line of a ranking; read only for abilities."""

    response_count: int


class _Choices(NamedTuple):
    """Choices of one response from those that were left, each with a weight."""

    starts: Ints
    """Where the members of each choice begin."""

    members: Ints
    choice: Ints
    """The choice of each member."""

    winners: Ints
    judges: Ints
    weights: Floats


def plackett_luce(
    rankings: Rankings, *, abilities: bool = False, ridge: float = RIDGE
) -> Strengths:
    """The strengths of largest posterior probability.

    Time and memory grow with the square of the length of a ranking, and with the cube of the
    number of tied responses.

    Args:
        rankings: who ranked what how; a ranking of one response says nothing.
        abilities: whether to learn how often each judge goes by strength.
        ridge: the precision of the prior on each strength, above 0.

    Raises:
        ValueError: a number is outside its range, a response stands in a ranking twice.
    """
    _checked(rankings, ridge)
    choices = _choices(rankings)
    size = rankings.response_count
    head = choices.winners[choices.choice]
    groups = groups_of(head, choices.members, size)
    values, steps, converged = _fitted(choices, choices.weights, ridge, np.zeros(size))
    eta = None
    if abilities:
        count = int(rankings.judges.max()) + 1 if len(rankings.judges) else 0
        values, eta, steps, converged = _in_turn(choices, values, ridge, count)
    return Strengths(centred(values, groups), groups, "half", 0.0, eta, steps, converged)


def _checked(rankings: Rankings, ridge: float) -> None:
    if ridge <= 0:
        raise ValueError(f"a ridge of {ridge}: above 0, or an unbeaten response has no strength")
    found, size = rankings.responses, rankings.response_count
    if len(found) and (found.min() < 0 or found.max() >= size):
        raise ValueError(f"responses are {found.min()} to {found.max()}, not 0 to {size - 1}")
    if not np.isfinite(rankings.ranks).all():
        raise ValueError("a rank is not finite")
    lines = rankings.rankings.astype(np.int64) * max(size, 1) + found
    if len(np.unique(lines)) < len(lines):
        raise ValueError("a response stands in one ranking twice")


def _choices(rankings: Rankings) -> _Choices:
    """Every choice of a response among those not yet placed, ties taken in several orders.

    A Python loop over the shapes of rankings (which places are tied), not over rankings: those of
    one shape are laid out together.
    """
    order = np.lexsort((rankings.responses, rankings.ranks, rankings.rankings))
    number = np.unique(rankings.rankings[order], return_inverse=True)[1].reshape(-1)
    ranks, responses, who = (
        column[order] for column in (rankings.ranks, rankings.responses, rankings.judges)
    )
    length = np.bincount(number) if len(number) else np.zeros(0, dtype=np.int64)
    begin = np.concatenate([[0], np.cumsum(length)[:-1]]).astype(np.int64)
    tied = np.zeros(len(number), dtype=bool)
    tied[1:] = (number[1:] == number[:-1]) & (ranks[1:] == ranks[:-1])
    parts = []
    for size in np.unique(length[length > 1]).tolist():
        these = begin[length == size]
        lines = these[:, None] + np.arange(size)
        shapes, shape = np.unique(tied[lines], axis=0, return_inverse=True)
        for place, pattern in enumerate(shapes):
            chosen = lines[shape.reshape(-1) == place]
            parts += [
                (responses[chosen[:, list(members)]], who[chosen[:, 0]], weight)
                for members, weight in _stages(pattern.tolist())
            ]
    return _joined(parts)


def _stages(tied: list[bool]) -> list[tuple[tuple[int, ...], float]]:
    """For one shape of ranking: the places not yet taken, the winner first, and a weight."""
    heads = [place for place, same in enumerate(tied) if not same] + [len(tied)]
    found: dict[tuple[int, ...], float] = {}
    for start, end in pairwise(heads):
        group, rest = list(range(start, end)), tuple(range(end, len(tied)))
        orders = [
            turned[shift:] + turned[:shift]
            for turned in (group, group[::-1])
            for shift in range(len(group))
        ]
        for order in orders:
            for taken, winner in enumerate(order):
                left = (winner, *sorted(order[taken + 1 :]), *rest)
                if len(left) > 1:
                    found[left] = found.get(left, 0.0) + 1 / len(orders)
    return list(found.items())


def _joined(parts: list[tuple[Ints, Ints, float]]) -> _Choices:
    none = np.zeros(0, dtype=np.int64)
    sizes = np.concatenate([none, *(np.full(len(m), m.shape[1]) for m, _, _ in parts)])
    members = np.concatenate([none, *(m.reshape(-1) for m, _, _ in parts)])
    starts = np.cumsum(sizes) - sizes
    return _Choices(
        starts,
        members,
        np.repeat(np.arange(len(sizes)), sizes),
        members[starts] if len(starts) else none,
        np.concatenate([none, *(judges for _, judges, _ in parts)]),
        np.concatenate([none.astype(float), *(np.full(len(m), w) for m, _, w in parts)]),
    )


def _shares(choices: _Choices, values: Floats) -> tuple[Floats, Floats]:
    """The chance of each member to be chosen, and the log of that of each winner."""
    if not len(choices.starts):
        return np.zeros(0), np.zeros(0)
    each = values[choices.members]
    most = np.maximum.reduceat(each, choices.starts)
    weight = np.exp(each - most[choices.choice])
    total = np.add.reduceat(weight, choices.starts)
    return weight / total[choices.choice], values[choices.winners] - most - np.log(total)


def _fitted(
    choices: _Choices, weights: Floats, ridge: float, start: Floats, most: int = STEPS
) -> tuple[Floats, int, bool]:
    size = len(start)
    won = np.bincount(choices.winners, weights, size)

    def at(values: Floats) -> Slope:
        share, told = _shares(choices, values)
        heavy = share * weights[choices.choice]
        expected = np.bincount(choices.members, heavy, size).astype(float)
        squared = np.bincount(choices.members, heavy * share, size).astype(float)

        def bend(along: Floats) -> Floats:
            moved = along[choices.members]
            if not len(choices.starts):
                return ridge * along
            mean = np.add.reduceat(share * moved, choices.starts)[choices.choice]
            found = np.bincount(choices.members, heavy * (moved - mean), size).astype(float)
            return found + ridge * along

        value = float((weights * told).sum()) - ridge * float((values**2).sum()) / 2
        slope = won - expected - ridge * values
        return Slope(value, slope, bend, expected - squared + ridge)

    return highest(at, start, most)


def _in_turn(
    choices: _Choices, values: Floats, ridge: float, count: int
) -> tuple[Floats, Floats, int, bool]:
    """Which choices went by strength, then strengths and abilities, until abilities settle."""
    who = choices.judges
    number = np.bincount(choices.choice, minlength=len(who))
    cast = np.bincount(who, choices.weights, count)
    eta, done, settled = np.full(count, _GOOD / (_GOOD + _BAD)), 0, False
    while not settled and done < _ROUNDS:
        done += 1
        strong = eta[who] * np.exp(_shares(choices, values)[1])
        chance = (1 - eta[who]) / np.maximum(number, 1)
        weights = choices.weights * strong / (strong + chance)
        before = eta
        eta = (np.bincount(who, weights, count) + _GOOD) / (cast + _GOOD + _BAD)
        values, _, _ = _fitted(choices, weights, ridge, values, 1)
        settled = bool(np.abs(eta - before).max(initial=0.0) <= _SETTLED)
    return values, np.where(cast > 0, eta, np.nan), done, settled
