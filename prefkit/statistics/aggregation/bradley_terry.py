"""Bradley and Terry (1952) with ties, and with judges of unequal ability.

With d = log-strength of the first less that of the second:

- `half`: P(first) = 1 / (1 + exp(-d)); a tie counts half a win for either.
- `davidson` (1970): P(first), P(tie), P(second) are as exp(d / 2), nu, exp(-d / 2).
- `rao_kupper` (1967): P(first) = 1 / (1 + theta exp(-d)), P(second) likewise, a tie is the rest.

Abilities are those of Chen and others (2013), "Crowd-BT": a judge sees the sides the right way
round with probability eta, else the other way round; a tie is a tie either way.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from prefkit.statistics.aggregation.duels import RIDGE, Duels, Strengths, centred, groups_of
from prefkit.statistics.aggregation.tie_models import Table, fitted, tie_of
from prefkit.statistics.logistic import sigmoid
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats

__all__ = ["TIES", "bradley_terry", "chances"]

TIES = ("davidson", "rao_kupper", "half")

_GOOD, _BAD = 4.0, 1.0
"""Votes seen rightly and wrongly that each judge starts with: eta is about 0.8 before any vote."""

_FEWEST = 10  # votes a response
_ROUNDS = 200
_SETTLED = 1e-4  # of eta, between two rounds


def bradley_terry(
    duels: Duels, *, ties: str = "davidson", abilities: bool = False, ridge: float = RIDGE
) -> Strengths:
    """The strengths of largest posterior probability.

    Args:
        duels: votes on two responses each.
        ties: one of `TIES`.
        abilities: whether to learn how often each judge sees the sides the right way round; then of
            two mirrored solutions the one counts in which the median judge does so mostly.
        ridge: the precision of the prior on each strength, above 0.

    Raises:
        ValueError: a number is outside its range, a response stands against itself.
    """
    _checked(duels, ties, ridge)
    groups = groups_of(duels.first, duels.second, duels.responses)
    if abilities:
        return _with_abilities(duels, groups, ties, ridge)
    table = _pairs(duels).table(np.ones(len(duels.first)))
    place, steps, converged = fitted(table, duels.responses, ties, ridge)
    values = centred(place[:-1], groups)
    return Strengths(values, groups, ties, tie_of(table, ties, place), None, steps, converged)


def chances(strengths: Strengths, first: Ints, second: Ints) -> Floats:
    """P(first is better), P(tie), P(second is better) by the model, a line a pair."""
    d = strengths.values[first] - strengths.values[second]
    if strengths.ties == "davidson":
        weights = np.stack([np.exp(d / 2), np.full_like(d, strengths.tie), np.exp(-d / 2)], axis=1)
        found: Floats = weights / weights.sum(axis=1, keepdims=True)
        return found
    shift = math.log(strengths.tie) if strengths.ties == "rao_kupper" else 0.0
    one, other = sigmoid(d - shift), sigmoid(-d - shift)
    return np.stack([one, np.maximum(1 - one - other, 0.0), other], axis=1)


def _checked(duels: Duels, ties: str, ridge: float) -> None:
    if ties not in TIES:
        raise ValueError(f"no reading of ties {ties!r}: one of {', '.join(TIES)}")
    if ridge <= 0:
        raise ValueError(f"a ridge of {ridge}: above 0, or an unbeaten response has no strength")
    for name, column in (("first", duels.first), ("second", duels.second)):
        if len(column) and (column.min() < 0 or column.max() >= duels.responses):
            span = f"{column.min()} to {column.max()}"
            raise ValueError(f"{name} responses are {span}, not 0 to {duels.responses - 1}")
    if (duels.first == duels.second).any():
        raise ValueError("a response stands against itself")
    if not np.isin(duels.credits, (0.0, 0.5, 1.0)).all():
        raise ValueError("a credit is 1 for the first response, 0.5 for a tie, 0 for the second")


class _Pairs(NamedTuple):
    """Which pair of responses each vote is about, the smaller number first."""

    first: Ints
    second: Ints
    pair: Ints
    won: Floats
    """The credit of the pair's first response."""

    def table(self, rightly: Floats) -> Table:
        """Votes by pair, each divided by the chance that its judge saw the sides rightly."""
        tied, size = self.won == 0.5, len(self.first)
        one = np.where(self.won == 1, rightly, 1 - rightly)
        counts = (np.where(tied, 0.0, one), np.where(tied, 1.0, 0.0), np.where(tied, 0.0, 1 - one))
        parts = [np.bincount(self.pair, weights, size) for weights in counts]
        return Table(self.first, self.second, np.stack(parts).astype(float))


def _pairs(duels: Duels) -> _Pairs:
    low, high = np.minimum(duels.first, duels.second), np.maximum(duels.first, duels.second)
    keys, pair = np.unique(low * duels.responses + high, return_inverse=True)
    first, second = np.divmod(keys, max(duels.responses, 1))
    won = np.where(duels.first < duels.second, duels.credits, 1 - duels.credits)
    return _Pairs(first, second, pair.reshape(-1), won)


def _with_abilities(duels: Duels, groups: Ints, ties: str, ridge: float) -> Strengths:
    """Fit from able judges; a solution in which the median judge is not is turned and fitted on."""
    pairs = _pairs(duels)
    place, _, _ = fitted(pairs.table(np.ones(len(duels.first))), duels.responses, ties, ridge)
    size = int(duels.judges.max()) + 1 if len(duels.judges) else 0
    start = _Start(groups, ties, ridge, place, np.full(size, _GOOD / (_GOOD + _BAD)))
    found, place = _in_turn(duels, pairs, start)
    if _fair(found):
        return found
    assert found.judges is not None
    place[:-1] *= -1
    mirror = start._replace(place=place, eta=1 - np.nan_to_num(found.judges, nan=0.5))
    turned, _ = _in_turn(duels, pairs, mirror)
    if _fair(turned):
        return turned._replace(turned=True)
    note = "the median judge is worse than chance in this solution"
    return found._replace(notes=(*found.notes, note))


class _Start(NamedTuple):
    """What the iterations begin with."""

    groups: Ints
    ties: str
    ridge: float
    place: Floats
    eta: Floats


def _fair(found: Strengths) -> bool:
    assert found.judges is not None
    there = found.judges[np.isfinite(found.judges)]
    return not len(there) or float(np.median(there)) >= 0.5


def _in_turn(duels: Duels, pairs: _Pairs, start: _Start) -> tuple[Strengths, Floats]:
    """Which votes were seen rightly, then strengths and abilities, until abilities settle."""
    place, eta, size = start.place, start.eta, len(start.eta)
    chose = np.flatnonzero(duels.credits != 0.5)
    who, won = duels.judges[chose], duels.credits[chose] == 1
    cast = np.bincount(who, minlength=size)
    winner = np.where(won, duels.first[chose], duels.second[chose])
    loser = np.where(won, duels.second[chose], duels.first[chose])
    rightly, done, settled = np.ones(len(duels.first)), 0, False
    while not settled and done < _ROUNDS:
        done += 1
        # What is not a tie is a win of either side, with odds of the difference of strengths.
        odds = (np.log(eta) - np.log1p(-eta))[who] + place[winner] - place[loser]
        rightly[chose] = sigmoid(odds)
        before, eta = eta, (np.bincount(who, rightly[chose], size) + _GOOD) / (cast + _GOOD + _BAD)
        # One step uphill a round: the strengths of a round are soon those of another.
        place, _, _ = fitted(
            pairs.table(rightly), duels.responses, start.ties, start.ridge, (place, 1)
        )
        settled = bool(np.abs(eta - before).max(initial=0.0) <= _SETTLED)
    values = centred(place[:-1], start.groups)
    tie = tie_of(pairs.table(rightly), start.ties, place)
    judges = np.where(np.bincount(duels.judges, minlength=size) > 0, eta, np.nan)
    notes = _thin(len(duels.first), len(np.unique(np.concatenate(duels[:2]))))
    found = Strengths(
        values, start.groups, start.ties, tie, judges, done, settled, turned=False, notes=notes
    )
    return found, place


def _thin(votes: int, responses: int) -> tuple[str, ...]:
    """Strengths that are hardly known bend to any judge, who then looks able."""
    each = 2 * votes / max(responses, 1)
    if each >= _FEWEST:
        return ()
    return (f"{each:.1f} votes a response: abilities need {_FEWEST}, dawid_skene needs fewer",)
