"""What a judge says of the same pair in both orders, and what one order cannot tell.

Five things can happen to a pair that was judged in both orders: the same side wins twice, both are
ties, the side shown first wins twice (locked first), the side shown second does (locked second), or
one is a tie and the other is not. A judge that only guesses locks to either slot equally often; a
judge with a taste for a slot locks to that one. So the two counts are kept apart, and their
difference is the sign of bias, not of noise.

An order effect in log-odds, and a preference that is free of it, are in `order_effect`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.bootstrap import Columns, Estimate, estimates
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import Coded, bounded, share, unmeasured

__all__ = [
    "Swaps",
    "order_fault",
    "shown_once",
    "swap_counts",
    "swaps",
    "verdicts_of_scores",
]


class Swaps(NamedTuple):
    """How many pairs did what; the first five add up to the pairs with two readable verdicts."""

    same_side: int
    both_tied: int
    locked_first: int
    locked_second: int
    one_tied: int
    one_readable: int
    none_readable: int

    @property
    def pairs(self) -> int:
        """Pairs with two readable verdicts."""
        return sum(self[:5])


_TELLING = 10
"""Rows beyond the first of their prompt: all in one order by chance in 1 of 2 ** 10 datasets."""

_ONLY_BOTH = ("consistency", "consistency_decided", "locked_first", "locked_second", "lock_bias")


def verdicts_of_scores(one: Floats, other: Floats) -> Coded:
    """Verdicts for the first of two sides that were scored apart from each other; NaN is null.

    Equal scores are a tie, whatever stood first: to break them to one side would look like a bias
    for a position that no pointwise judge has seen.
    """
    known = ~(np.isnan(one) | np.isnan(other))
    codes: Ints = np.sign(np.where(known, one - other, 0.0)).astype(np.int64)
    return Coded(codes, known)


def swap_counts(a_first: Coded, b_first: Coded) -> Swaps:
    """Count the pairs of a side A and a side B, a row each, by what both verdicts say.

    Args:
        a_first: the verdict for A (1 it wins, -1 B wins, 0 a tie) where A was shown first.
        b_first: the verdict for A where B was shown first.
    """
    readable = a_first.known.astype(int) + b_first.known
    one, other = (rater.codes[readable == 2] for rater in (a_first, b_first))
    return Swaps(
        same_side=int(((one == other) & (one != 0)).sum()),
        both_tied=int(((one == 0) & (other == 0)).sum()),
        locked_first=int(((one == 1) & (other == -1)).sum()),
        locked_second=int(((one == -1) & (other == 1)).sum()),
        one_tied=int(((one == 0) != (other == 0)).sum()),
        one_readable=int((readable == 1).sum()),
        none_readable=int((readable == 0).sum()),
    )


def swaps(
    a_first: Coded, b_first: Coded, clusters: np.ndarray[Any, Any], *, seed: int = 0
) -> dict[str, Estimate]:
    """Shares of the pairs with two readable verdicts, as `swap_counts` reads them.

    `consistency` (the same answer twice, two ties included), `consistency_decided` (of pairs with
    no tie), `locked_first`, `locked_second`, `lock_bias` (the first minus the second: noise
    alone makes it zero), `first` (of verdicts for a side, those for the one shown first) and `ties`
    (of all verdicts).
    """
    both = a_first.known & b_first.known
    columns = {"one": a_first.codes[both], "other": b_first.codes[both]}
    ones = np.ones(int(both.sum()))
    found = estimates(columns, clusters[both], ones, _of_pairs, seed=seed)
    return bounded(found, ("consistency", "locked_first", "locked_second", "ties"))


def _of_pairs(columns: Columns) -> Callable[[Floats], Mapping[str, float]]:
    one, other = columns["one"], columns["other"]
    same, every = one == other, np.ones(len(one))
    decided = (one != 0) & (other != 0)
    first, second = (one == 1) & (other == -1), (one == -1) & (other == 1)
    sides = (one != 0).astype(float) + (other != 0)
    to_first = (one == 1).astype(float) + (other == -1)
    # Shares of verdicts: a pair gives as many as it has, so its share is weighed by that number.
    share_first = np.divide(to_first, sides, out=np.zeros(len(one)), where=sides > 0)

    def of(weights: Floats) -> dict[str, float]:
        locked = share(first, every, weights), share(second, every, weights)
        return {
            "consistency": share(same, every, weights),
            "consistency_decided": share(same, decided, weights),
            "locked_first": locked[0],
            "locked_second": locked[1],
            "lock_bias": locked[0] - locked[1],
            "first": share(share_first, sides, weights),
            "ties": share(1 - sides / 2, every, weights),
        }

    return of


def order_fault(order: Coded, clusters: np.ndarray[Any, Any]) -> str | None:
    """Why the orders in which pairs were shown are no random ones; null where nothing shows it.

    Give each pair once. An order that is the same for every row of a prompt was made from the
    prompt: an average over prompts is then free of the order, one within a prompt is not.
    """
    codes, groups = order.codes[order.known], clusters[order.known]
    if not len(codes):
        return "no order is known"
    if (codes == codes[0]).all():
        return f"the fixed side is always shown {'first' if codes[0] == 1 else 'second'}"
    places = np.unique(groups, return_inverse=True)[1].reshape(-1)
    sizes = np.bincount(places)
    alike = np.abs(np.bincount(places, codes)) == sizes
    if alike.all() and int((sizes - 1).sum()) >= _TELLING:
        return f"the order is fixed by the prompt in all {int((sizes > 1).sum())} that repeat"
    return None


def shown_once(
    verdict: Coded, order: Coded, clusters: np.ndarray[Any, Any], *, seed: int = 0
) -> dict[str, Estimate]:
    """What verdicts in one order a pair can tell, and for all else why they cannot.

    `order` is 1 where the fixed side was shown first, -1 where second, null where unknown. `first`
    is the share of verdicts for the side shown first: it takes orders that do not go with quality.
    Where the fixed side always has the same slot, the slot and the side are one: the same share is
    then called `first_or_side`, and `first` is not measured. Consistency and locks never are.
    """
    rows = verdict.known & order.known & (verdict.codes != 0)
    columns = {"won": verdict.codes[rows] == order.codes[rows]}
    ones = np.ones(int(rows.sum()))
    codes = order.codes[rows]
    one_slot = bool(len(codes)) and bool((codes == codes[0]).all())
    name = "first_or_side" if one_slot else "first"

    def statistic(given: Columns) -> Callable[[Floats], Mapping[str, float]]:
        return lambda weights: {name: share(given["won"], np.ones(len(weights)), weights)}

    found = bounded(estimates(columns, clusters[rows], ones, statistic, seed=seed), (name,))
    if one_slot:
        reason = "the fixed side always has the same slot: a taste for either looks the same"
        found["first"] = unmeasured(reason, clusters[rows])
    each_once = "each pair was judged in one order only"
    return {**found, **dict.fromkeys(_ONLY_BOTH, unmeasured(each_once, clusters[rows]))}
