"""Two responses and a tie: the likelihood of votes on pairs, and where it is highest.

With d = log-strength of the first less that of the second; see `bradley_terry` for the sources.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from prefkit.statistics.aggregation.newton import STEPS, Slope, highest
from prefkit.statistics.logistic import sigmoid
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats

__all__ = ["Table", "fitted", "tie_of"]

_WEAK = 1e-6  # the precision of a prior on the tie parameter, for votes that are all ties


class Table(NamedTuple):
    """Votes by pair of responses: wins of the first, ties, wins of the second."""

    first: Ints
    second: Ints
    counts: Floats


class _Curve(NamedTuple):
    """Log-likelihood of pairs, its slopes by d and by the tie parameter, its bends (negated)."""

    value: Floats
    by_d: Floats
    by_tie: Floats
    bend_d: Floats
    bend_both: Floats
    bend_tie: Floats


def fitted(
    table: Table,
    responses: int,
    ties: str,
    ridge: float,
    again: tuple[Floats, int] | None = None,
) -> tuple[Floats, int, bool]:
    """Strengths with the log of the tie parameter behind them, steps, whether they converged.

    Without a tie in the votes all three readings are one, and there is no tie parameter. `again`:
    where to start, and how many steps to take at most.
    """
    curve = _curve_of(ties, table)
    start = np.zeros(responses + 1)
    start[-1] = 0.0 if curve is _half else 1.0
    start, most = again or (start, STEPS)

    def at(place: Floats) -> Slope:
        return _slope(table, curve, place, ridge)

    return highest(at, start, most)


def _curve_of(ties: str, table: Table) -> Callable[[Floats, Floats, float], _Curve]:
    if ties == "half" or not table.counts[1].any():
        return _half
    return _davidson if ties == "davidson" else _rao_kupper


def tie_of(table: Table, ties: str, place: Floats) -> float:
    """The tie parameter in the units of its source, of what `fitted` found."""
    if _curve_of(ties, table) is _half:
        return 1.0 if ties == "rao_kupper" else 0.0
    return math.exp(float(place[-1]))


def _slope(
    table: Table, curve: Callable[[Floats, Floats, float], _Curve], place: Floats, ridge: float
) -> Slope:
    """The likelihood and its derivatives by strengths and the tie parameter, priors included."""
    strengths, tie = place[:-1], float(place[-1])
    first, second, size = table.first, table.second, len(strengths)
    found = curve(table.counts, strengths[first] - strengths[second], tie)
    precision = np.full(len(place), ridge)
    precision[-1] = 1.0 if curve is _half else _WEAK

    def spread(values: Floats) -> Floats:
        won = np.bincount(first, values, size).astype(float)
        found: Floats = won - np.bincount(second, values, size)
        return found

    def bend(along: Floats) -> Floats:
        d, last = along[first] - along[second], along[-1]
        parts = spread(found.bend_d * d + found.bend_both * last)
        end = (found.bend_both * d).sum() + found.bend_tie.sum() * last
        return np.append(parts, end) + precision * along

    each = np.bincount(first, found.bend_d, size) + np.bincount(second, found.bend_d, size)
    prior = float((precision * place**2).sum()) / 2
    return Slope(
        float(found.value.sum()) - prior,
        np.append(spread(found.by_d), found.by_tie.sum()) - precision * place,
        bend,
        np.append(each, found.bend_tie.sum()) + precision,
    )


def _half(counts: Floats, d: Floats, tie: float) -> _Curve:
    del tie
    one, other = counts[0] + counts[1] / 2, counts[2] + counts[1] / 2
    chance, both, none = sigmoid(d), one + other, np.zeros(len(d))
    value = -one * np.logaddexp(0, -d) - other * np.logaddexp(0, d)
    bend = both * chance * (1 - chance)
    return _Curve(value, one - both * chance, none, bend, none, none)


def _davidson(counts: Floats, d: Floats, tie: float) -> _Curve:
    logs = np.stack([d / 2, np.full_like(d, tie), -d / 2])
    most = logs.max(axis=0)
    total = np.log(np.exp(logs - most).sum(axis=0)) + most
    one, tied, other = np.exp(logs - total)
    votes, lead = counts.sum(axis=0), one - other
    return _Curve(
        (counts * (logs - total)).sum(axis=0),
        (counts[0] - counts[2] - votes * lead) / 2,
        counts[1] - votes * tied,
        votes * (one + other - lead**2) / 4,
        -votes * tied * lead / 2,
        votes * tied * (1 - tied),
    )


def _rao_kupper(counts: Floats, d: Floats, tie: float) -> _Curve:
    """With P(tie) = P(first) P(second) (theta^2 - 1), `tie` the log of theta, above 0."""
    if tie <= 0:  # no such model: a step that comes here is halved
        none = np.zeros(len(d))
        return _Curve(np.full(len(d), -np.inf), none, none, none, none, none)
    won, lost = counts[0] + counts[1], counts[2] + counts[1]
    one, other = sigmoid(d - tie), sigmoid(-d - tie)
    less = math.exp(-2 * tie)
    value = -won * np.logaddexp(0, tie - d) - lost * np.logaddexp(0, tie + d)
    up, down = won * (1 - one), lost * (1 - other)
    return _Curve(
        value + counts[1] * (2 * tie + math.log1p(-less)),
        up - down,
        counts[1] * 2 / (1 - less) - up - down,
        up * one + down * other,
        down * other - up * one,
        up * one + down * other + counts[1] * 4 * less / (1 - less) ** 2,
    )
