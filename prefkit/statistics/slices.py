"""Which parts of the data are worse than the rest: fine, suspect or proven low.

Twelve slices of equally good data have a worst one too. A slice is *proven low* only if its rate is
below that of the rest by Fisher's exact test with q < 0.10 after Benjamini and Hochberg over all
slices shown; *suspect* if it would stand out (p < 0.10) were it the only one; *not covered* if it
has too few rows to say anything or no rest to be compared with: nothing says that it is fine. See
docs/statistics/slices.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.design_effect import design_effect
from prefkit.statistics.multiplicity import benjamini_hochberg
from prefkit.statistics.prediction import Ints
from prefkit.statistics.rates import rate
from prefkit.statistics.sampling import smallest_drop
from prefkit.statistics.shares import Bools
from prefkit.statistics.shrinkage import shrunken
from prefkit.statistics.tails import hypergeometric_at_most
from prefkit.statistics.wilson import wilson_share

__all__ = ["FEWEST_ROWS", "LEVEL", "STATES", "Slice", "State", "slices", "worst_first"]

LEVEL = 0.10
FEWEST_ROWS = 20
"""Of independent rows: with fewer, a drop of less than 22 points is not seen."""

State = Literal["proven low", "suspect", "fine", "not covered"]
STATES: tuple[State, ...] = ("proven low", "suspect", "fine", "not covered")

_Clusters = np.ndarray[Any, Any]


class Slice(NamedTuple):
    """One part of the rows beside all others.

    `rest` is the rate of the others, `shrunken` its own drawn to that of all (to sort by), `p` of
    Fisher's exact test against the rest, one-sided, `q` that after Benjamini and Hochberg. `drop`
    is the smallest distance below the rest that so many rows prove four times out of five. Null
    where it was not asked or there is no rest.
    """

    code: int
    rate: Estimate
    rest: float | None
    shrunken: float | None
    p: float | None
    q: float | None
    drop: float | None
    state: State


class _Part(NamedTuple):
    """Rows of a slice: right ones and all, as they are and as many independent ones."""

    good: int
    rows: int
    right: int
    worth: int
    rate: Estimate


def slices(
    good: Bools, rows: Ints, codes: Ints, clusters: _Clusters, count: int
) -> tuple[Slice, ...]:
    """One `Slice` for each code from 0 to `count` - 1, in their order.

    Rows that share a prompt count for fewer: a slice and the rest are tested with as many
    rows as they are worth, those that there are over the design effect (Rao and Scott, 1992).

    Args:
        good: a value a row: whether it is as it should be.
        rows: with `codes`, line by line: this row is in this slice. A row may be in several slices
            (a pair with three annotators) or in none.
        codes: the slice of each line.
        clusters: the prompt cluster of each row.
        count: how many slices are shown; one without rows is not covered.
    """
    right = np.asarray(good, dtype=bool)
    parts = list(_parts(right, _members(rows, codes, count), clusters))
    effect = _effect(right, clusters)
    p = np.array([_test(part, right, effect) for part in parts], dtype=float)
    q = benjamini_hochberg(p)
    pulled = shrunken(
        np.array([part.right for part in parts], dtype=float),
        np.array([part.worth for part in parts], dtype=float),
    )
    return tuple(
        _slice(place, part, right, (float(p[place]), float(q[place]), float(pulled[place])))
        for place, part in enumerate(parts)
    )


def worst_first(found: Sequence[Slice]) -> list[Slice]:
    """Proven low, suspect, fine, each by shrunken rate; then what is not covered."""
    return sorted(
        found,
        key=lambda one: (
            STATES.index(one.state), 1.0 if one.shrunken is None else one.shrunken, one.code
        ),
    )  # fmt: skip


def _members(rows: Ints, codes: Ints, count: int) -> Iterator[Ints]:
    """The rows of each slice, each row once."""
    order = np.lexsort((rows, codes))
    ends = np.searchsorted(codes[order], np.arange(count + 1))
    for code in range(count):
        yield np.unique(rows[order[ends[code] : ends[code + 1]]])


def _parts(good: Bools, members: Iterator[Ints], clusters: _Clusters) -> Iterator[_Part]:
    for rows in members:
        mine, prompts = good[rows], clusters[rows]
        right, effect = int(mine.sum()), _effect(mine, prompts)
        worth = int(len(rows) / effect + 1e-9)
        found = (
            wilson_share(right, len(rows))
            if effect == 1
            else rate(mine.astype(np.float64), prompts)
        )
        share = right / len(rows) if len(rows) else 0.0
        yield _Part(right, len(rows), round(share * worth), worth, found)


def _effect(good: Bools, clusters: _Clusters) -> float:
    """The design effect, at least 1; as if a prompt had one answer where it cannot be measured."""
    sizes = np.unique(clusters, return_counts=True)[1]
    if len(sizes) == len(good):
        return 1.0
    found = design_effect(good.astype(np.float64), clusters) if len(sizes) >= FEWEST_ROWS else None
    if found is None:
        return float((sizes.astype(float) ** 2).sum() / sizes.sum())
    return max(1.0, found)


def _test(part: _Part, good: Bools, effect: float) -> float:
    """How likely so few right ones are in a slice that is as good as the rest, both margins fixed.

    NaN where the slice has too few rows or there is no rest.
    """
    others = len(good) - part.rows
    worth = int(others / effect + 1e-9)
    if part.worth < FEWEST_ROWS or worth < 1:
        return float("nan")
    right = round((int(good.sum()) - part.good) / others * worth)
    total = part.worth + worth
    return hypergeometric_at_most(part.right, part.worth, part.right + right, total)


def _slice(code: int, part: _Part, good: Bools, numbers: tuple[float, float, float]) -> Slice:
    p, q, pulled = (None if np.isnan(number) else number for number in numbers)
    others = len(good) - part.rows
    rest = (int(good.sum()) - part.good) / others if others else None
    asked = p is not None and rest is not None
    drop = smallest_drop(part.worth, rest) if asked and rest is not None else None
    return Slice(code, part.rate, rest, pulled, p, q, drop, _state(part, p, q))


def _state(part: _Part, p: float | None, q: float | None) -> State:
    if part.worth < FEWEST_ROWS or p is None or q is None:
        return "not covered"
    if p >= LEVEL:
        return "fine"
    return "proven low" if q < LEVEL else "suspect"
