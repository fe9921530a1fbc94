"""Which of several kinds to take how often from whom, so that the kinds come in wanted shares."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Allotment", "allotted"]

_Counts = np.ndarray[Any, Any]


class Allotment(NamedTuple):
    """How many of each kind (columns) are taken from each group (rows).

    `most`: how many of each kind could be taken, if it were the only one.
    """

    counts: _Counts
    most: tuple[int, ...]


def allotted(available: _Counts, cap: int, shares: Sequence[float], draws: _Counts) -> Allotment:
    """Take as many as there are, at most `cap` from a group, in shares as near as can be.

    A kind without a share is never taken. The number comes before the shares: where a kind is
    short, the others fill its part. Of all ways to take that many, the totals X are those with the
    least sum of (X - wanted)^2 / wanted; a kind is spread over the groups by chance.

    Args:
        available: whole numbers, a row for each group and a column for each kind.
        cap: the most that a group gives.
        shares: of each kind; only their proportions count.
        draws: numbers from 0 to 1, a row for each group and `cap` columns: they decide the rest.

    Cost: about 20 µs for each one taken.

    Source: the totals that can be met are the bases of a polymatroid, where taking the best next
    one is optimal (Federgruen and Groenevelt, 1986).
    """
    wanted = np.asarray(shares, dtype=float)
    limits = np.where(wanted > 0, np.minimum(available, cap), 0).astype(np.int64)
    sizes = np.minimum(limits.sum(axis=1), cap)
    kinds = [kind for kind in range(len(wanted)) if wanted[kind] > 0]
    ranks = {
        group: int(np.minimum(limits[:, list(group)].sum(axis=1), sizes).sum())
        for count in range(1, len(kinds) + 1)
        for group in combinations(kinds, count)
    }
    totals = _totals(int(sizes.sum()), wanted / (wanted.sum() or 1.0), ranks)
    slack = {group: rank - sum(totals[kind] for kind in group) for group, rank in ranks.items()}
    counts = np.zeros_like(limits)
    # A Python loop over groups: what one gets depends on what is left for the others.
    for row, size in enumerate(sizes.tolist()):
        if size:
            chances = draws[row].tolist()[:size]
            counts[row] = _of_group(limits[row].tolist(), totals, slack, chances)
    return Allotment(counts, tuple(ranks.get((kind,), 0) for kind in range(len(wanted))))


def _totals(size: int, wanted: _Counts, ranks: dict[tuple[int, ...], int]) -> list[int]:
    """How many of each kind over all groups: one after the other, where it helps most."""
    totals = [0] * len(wanted)
    left = dict(ranks)
    parts = [size * float(share) for share in wanted]
    still = [kind for kind in range(len(wanted)) if wanted[kind] > 0]
    for _ in range(size):
        still = [
            kind for kind in still if all(rest for group, rest in left.items() if kind in group)
        ]
        best = min(still, key=lambda kind: (2 * (totals[kind] - parts[kind]) + 1) / parts[kind])
        totals[best] += 1
        for group in left:
            left[group] -= best in group
    return totals


def _of_group(
    limits: list[int],
    totals: list[int],
    slack: dict[tuple[int, ...], int],
    chances: list[float],
) -> list[int]:
    """What one group gives, kind by kind in proportion to what is still to be taken.

    `slack`: of every set of kinds, what the groups left can give beyond what is to be taken of it;
    it must not fall below zero, or the rest could not be met. It and `totals` are brought forward.
    """
    taken, rest = [0] * len(limits), list(limits)
    for done, chance in enumerate(chances):
        free = len(chances) - done
        # Sets of kinds that could fill all that the group still gives: another kind costs them one.
        full = [group for group in slack if sum(rest[kind] for kind in group) >= free]
        tight = [group for group in full if slack[group] == 0]
        open_kinds = [
            kind
            for kind in range(len(limits))
            if rest[kind] and totals[kind] and all(kind in group for group in tight)
        ]
        kind = _drawn(open_kinds, totals, chance)
        taken[kind] += 1
        rest[kind] -= 1
        totals[kind] -= 1
        for group in full:
            slack[group] -= kind not in group
    return taken


def _drawn(kinds: list[int], weights: list[int], chance: float) -> int:
    point = chance * sum(weights[kind] for kind in kinds)
    for kind in kinds:
        point -= weights[kind]
        if point < 0:
            return kind
    return kinds[-1]
