"""What a judge says of the same pair in both orders, and what one order cannot tell.

Five things can happen to a pair that was judged in both orders: the same side wins twice, both are
ties, the side shown first wins twice (locked first), the side shown second does (locked second), or
one is a tie and the other is not. A judge that only guesses locks to either slot equally often; a
judge with a taste for a slot locks to that one. So the two counts are kept apart, and their
difference is the sign of bias, not of noise.

An order effect in log-odds, and a preference that is free of it, are in `order_effect`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.differences import difference, together
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.rates import rate
from prefkit.statistics.shares import Coded, unmeasured
from prefkit.statistics.sums import Draws, sum_estimates, supported, withheld

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


_DECIDED, _FIRST, _SECOND, _SIDES = 2, 4, 5, 6

_FEWEST_LOCKED = 10
"""Prompts with a locked pair, for draws of `lock_bias`: of fewer they hold it in 87 %."""

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
    parts = _of_pairs(a_first.codes[both], b_first.codes[both])
    shares = ("consistency", "locked_first", "locked_second", "ties")
    found = sum_estimates(parts, clusters[both], _of_sums, shares=shares, draws=Draws(seed))
    rows = {"consistency_decided": parts[:, _DECIDED] > 0, "first": parts[:, _SIDES] > 0}
    found["lock_bias"] = _lock_bias(found, parts, clusters[both])
    return supported(withheld(found), rows, clusters[both])


def _lock_bias(
    found: Mapping[str, Estimate], parts: Floats, clusters: np.ndarray[Any, Any]
) -> Estimate:
    """Draws hold enough locks of so many prompts; of fewer the ends are made of both shares'."""
    bias, locked = found["lock_bias"], parts[:, _FIRST] + parts[:, _SECOND] > 0
    if len(np.unique(clusters[locked])) >= _FEWEST_LOCKED and bias.low is not None:
        return bias
    # In a fixed order each lock stands twice: as one of the first slot, and as one of the second.
    what = np.concatenate([parts[:, _FIRST], parts[:, _SECOND]])
    first = np.arange(len(what)) < len(parts)
    both = together(what, first, ~first, np.tile(clusters, 2)) if len(parts) else 0.0
    made = difference(found["locked_first"], found["locked_second"], together=both)
    return bias if made is None else made._replace(design_effect=bias.design_effect)


def _of_pairs(one: Ints, other: Ints) -> Floats:
    """What each pair adds to the sums of `_of_sums`."""
    decided = (one != 0) & (other != 0)
    sides = (one != 0).astype(float) + (other != 0)
    return np.column_stack(
        [
            np.ones(len(one)),
            one == other,
            decided,
            (one == other) & decided,
            (one == 1) & (other == -1),
            (one == -1) & (other == 1),
            sides,
            (one == 1).astype(float) + (other == -1),
        ]
    )


def _of_sums(sums: Floats) -> dict[str, Floats]:
    pairs, same, decided, same_decided, first, second, sides, to_first = sums.T
    return {
        "consistency": same / pairs,
        "consistency_decided": same_decided / decided,
        "locked_first": first / pairs,
        "locked_second": second / pairs,
        "lock_bias": (first - second) / pairs,
        "first": to_first / sides,
        "ties": 1 - sides / (2 * pairs),
    }


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
    won = verdict.codes[rows] == order.codes[rows]
    codes = order.codes[rows]
    one_slot = bool(len(codes)) and bool((codes == codes[0]).all())
    name = "first_or_side" if one_slot else "first"

    found = {name: rate(won.astype(float), clusters[rows], seed=seed)}
    if one_slot:
        reason = "the fixed side always has the same slot: a taste for either looks the same"
        found["first"] = unmeasured(reason, clusters[rows])
    each_once = "each pair was judged in one order only"
    return {**found, **dict.fromkeys(_ONLY_BOTH, unmeasured(each_once, clusters[rows]))}
