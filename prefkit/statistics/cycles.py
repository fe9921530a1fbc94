"""Circular triads: a beats b, b beats c, c beats a, which no order of the three can explain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from prefkit.statistics.prediction import Ints

__all__ = ["BY_COIN", "MOST_RESPONSES", "Triads", "circular_triads", "triad_counts"]

BY_COIN = 0.25
"""The share of circular triads among coin flips: 2 of the 8 ways that three duels can end."""

MOST_RESPONSES = 2_000
"""Of one group: its duels are a square of that side, 16 MB."""

_CELLS = 4_000_000  # of all squares at a time


class Triads(NamedTuple):
    """Triads in which every two have been decided, by group."""

    groups: Ints
    """The groups that have any, ascending."""

    decided: Ints
    circular: Ints
    left_out: int
    """Groups with more than `MOST_RESPONSES` responses, which are not counted."""


class _Edges(NamedTuple):
    """Duels with groups and responses numbered from 0 up, the responses in each group."""

    names: Ints
    groups: Ints
    winners: Ints
    losers: Ints
    sizes: Ints


def triad_counts(groups: Ints, winners: Ints, losers: Ints) -> Triads:
    """How many triads of each group are decided, and how many of these are circular.

    By the trace of the cube of the table of wins (Kendall and Babington Smith, 1940, count them by
    wins, which needs that all have met). A triad with a tie or without one of its duels is neither.

    Args:
        groups: what each duel belongs to, as any numbers.
        winners: the better one, as any numbers that are its own in the group.
        losers: the other one.

    Raises:
        ValueError: somebody met themselves, or two met twice in one group.
    """
    edges = _edges(groups, winners, losers)
    decided, circular = (np.zeros(len(edges.sizes), dtype=np.int64) for _ in range(2))
    for size in np.unique(edges.sizes):
        if not 3 <= size <= MOST_RESPONSES:
            continue
        alike = np.flatnonzero(edges.sizes == size)
        for start in range(0, len(alike), step := max(1, _CELLS // int(size) ** 2)):
            some = alike[start : start + step]
            decided[some], circular[some] = _counts(edges, some, int(size))
    there = decided > 0
    return Triads(
        edges.names[there], decided[there], circular[there],
        int((edges.sizes > MOST_RESPONSES).sum()),
    )  # fmt: skip


def _edges(groups: Ints, winners: Ints, losers: Ints) -> _Edges:
    names, codes = np.unique(groups, return_inverse=True)
    both = np.concatenate([codes, codes]), np.concatenate([winners, losers])
    order = np.lexsort((both[1], both[0]))
    group, member = both[0][order], both[1][order]
    opens = np.ones(len(order), dtype=bool)
    opens[1:] = group[1:] != group[:-1]
    fresh = opens.copy()
    fresh[1:] |= member[1:] != member[:-1]
    sizes = np.bincount(group[fresh], minlength=len(names))
    before = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = np.cumsum(fresh) - 1 - before[group]
    won, lost = numbers[: len(codes)], numbers[len(codes) :]
    pair = np.stack([codes, np.minimum(won, lost), np.maximum(won, lost)])
    if (won == lost).any():
        raise ValueError("somebody met themselves")
    if len(codes) and np.unique(pair, axis=1).shape[1] < len(codes):
        raise ValueError("two met twice in one group")
    return _Edges(names, codes.astype(np.int64), won, lost, sizes.astype(np.int64))


def _counts(edges: _Edges, some: Ints, size: int) -> tuple[Ints, Ints]:
    """Decided and circular triads of groups of one size; exact, all entries are small integers."""
    place = np.full(len(edges.sizes), -1)
    place[some] = np.arange(len(some))
    rows = place[edges.groups] >= 0
    won = np.zeros((len(some), size, size), dtype=np.float32)
    won[place[edges.groups[rows]], edges.winners[rows], edges.losers[rows]] = 1
    lost = won.transpose(0, 2, 1)
    met = won + lost
    circular = ((won @ won) * lost).sum(axis=(1, 2), dtype=np.float64) / 3
    decided = ((met @ met) * met).sum(axis=(1, 2), dtype=np.float64) / 6
    return decided.astype(np.int64), circular.astype(np.int64)


def circular_triads(winners: Ints, losers: Ints) -> Iterator[tuple[int, int, int]]:
    """The circular triads of one group: the first beats the second, that the third, that the first.

    The first is the smallest of the three numbers; in ascending order. Time grows with the square
    of the responses for each of them.
    """
    names, codes = np.unique(np.concatenate([winners, losers]), return_inverse=True)
    won = np.zeros((len(names), len(names)), dtype=bool)
    won[codes[: len(winners)], codes[len(winners) :]] = True
    for first in range(len(names)):
        beaten, beating = won[first].copy(), won[:, first].copy()
        beaten[:first], beating[:first] = False, False
        seconds, thirds = np.flatnonzero(beaten), np.flatnonzero(beating)
        for at, last in np.argwhere(won[np.ix_(seconds, thirds)]):
            yield int(names[first]), int(names[seconds[at]]), int(names[thirds[last]])
