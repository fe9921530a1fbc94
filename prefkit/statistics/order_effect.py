"""What a judge prefers once the order of the two sides is taken out, and how much the order adds.

The model is logit P(verdict for the fixed side) = theta + b * order, order 1 where that side is
shown first and -1 where second. It has as many parameters as there are orders, so its fit is
exact: with P1 and P2 the mean verdicts for the fixed side in the two orders,

    theta = (logit P1 + logit P2) / 2        b = (logit P1 - logit P2) / 2

and sigmoid(theta) is the order-free preference. The plain mean of P1 and P2 is not: adding a large
b on the logit draws it towards one half. Keeping only the pairs that agree overstates it.

theta is that of the whole set (a marginal model). Where pairs differ it is close to the mean
preference of the pairs and not equal to it: planted judges put it at most 0.02 too far from one
half with b up to 2.5, 0.05 with b of 4 (the average of verdicts errs by 0.18 and 0.3 there). With
probabilities in both orders `order_free_logit` is exact, a pair each. A single pair's order effect
is larger than b; `within_pairs` is that effect. Intervals are the cluster bootstrap of the house.

Where a verdict never fails in one order there is no estimate: the data then only say that theta is
between the two logits, and `shown_first` and `shown_second` are the two shares.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.logistic import sigmoid
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import NO_NUMBER, Coded, unmeasured
from prefkit.statistics.sums import Draws, sum_estimates, withheld

__all__ = [
    "LEAST",
    "InferredOrder",
    "infer_order",
    "logit",
    "order_effect",
    "order_free_logit",
    "within_pairs",
]

LEAST = 1e-6
"""A probability nearer to 0 or 1 counts as that near: beyond, log-odds are a server's rounding."""

_NEEDS_BOTH = ("theta", "preference", "order")


def logit(share_of: Floats) -> Floats:
    """Log-odds; infinite at 0 and 1, NaN beyond."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.log(share_of) - np.log1p(-share_of)
    return found


def order_effect(
    verdicts: Floats, order: Ints, clusters: np.ndarray[Any, Any], *, seed: int = 0
) -> dict[str, Estimate]:
    """The order-free preference for the fixed side and the effect of the order, by prompt clusters.

    `theta` (log-odds), `preference` (its probability), `order` (b: log-odds that being shown first
    adds, and being shown second takes away), `shown_first`, `shown_second` (mean verdicts) and
    `averaged` (their plain mean, for comparison only).

    Args:
        verdicts: a row each, for the fixed side: 1 or 0, one half for a tie, or a probability.
        order: 1 where the fixed side was shown first, -1 where second; leave unknown rows out.
        clusters: the prompt cluster of each row; both rows of a pair are in one.
        seed: another seed gives other draws.

    Raises:
        ValueError: a verdict is not from 0 to 1, or an order is neither 1 nor -1.
    """
    if not ((verdicts >= 0) & (verdicts <= 1)).all():
        raise ValueError("verdicts go from 0 to 1 for the fixed side; leave null rows out")
    if not np.isin(order, (1, -1)).all():
        raise ValueError("an order is 1 (shown first) or -1 (shown second); leave unknown rows out")
    first = order == 1
    parts = np.column_stack([first, first * verdicts, ~first, ~first * verdicts])
    found = withheld(sum_estimates(parts, clusters, _of_orders, draws=Draws(seed)))
    reason = _no_theta(verdicts, order)
    if reason is None:
        return found
    return {**found, **dict.fromkeys(_NEEDS_BOTH, unmeasured(reason, clusters))}


def _no_theta(verdicts: Floats, order: Ints) -> str | None:
    for place, name in ((1, "first"), (-1, "second")):
        seen = verdicts[order == place]
        if not len(seen):
            return f"the fixed side is never shown {name}: order and side cannot be told apart"
        if seen.min() == seen.max() and seen[0] in (0, 1):
            what = "wins" if seen[0] else "loses"
            return f"the fixed side always {what} where it is shown {name}: no finite order effect"
    return None


def _of_orders(sums: Floats) -> dict[str, Floats]:
    first, for_first, second, for_second = sums.T
    shares = for_first / first, for_second / second
    # Two infinite logits have no midpoint, one has none that data support.
    one, other = (np.where(np.isfinite(ends := logit(share)), ends, NO_NUMBER) for share in shares)
    theta = (one + other) / 2
    return {
        "theta": theta,
        "preference": sigmoid(theta),
        "order": (one - other) / 2,
        "shown_first": shares[0],
        "shown_second": shares[1],
        "averaged": (shares[0] + shares[1]) / 2,
    }


def within_pairs(
    a_first: Coded, b_first: Coded, clusters: np.ndarray[Any, Any], *, seed: int = 0
) -> Estimate:
    """The order effect inside a pair, whatever the pairs' own preferences: half a log-odds ratio.

    Conditional logistic regression with a pair as its stratum: only pairs locked to a slot tell,
    and b is half the log of locked-first over locked-second (in the unit of `order` above). A pair
    with a tie or an unreadable verdict says nothing here.
    """
    both = a_first.known & b_first.known
    one, other = a_first.codes[both], b_first.codes[both]
    parts = np.column_stack([(one == 1) & (other == -1), (one == -1) & (other == 1)])
    found = withheld(sum_estimates(parts, clusters[both], _within, draws=Draws(seed)))["within"]
    locked = parts.sum(axis=0).tolist()
    if found.value is None and min(locked) == 0 and found.reason:
        reason = f"{locked[0]} pairs are locked to the first slot and {locked[1]} to the second"
        return found._replace(reason=f"{reason}: no finite order effect")
    return found


def _within(sums: Floats) -> dict[str, Floats]:
    odds = np.log(sums[:, 0] / sums[:, 1]) / 2
    return {"within": np.where(np.isfinite(odds), odds, NO_NUMBER)}


def order_free_logit(a_first: Floats, b_first: Floats, *, least: float = LEAST) -> Floats:
    """The log-odds for A of each pair, free of the order: the middle of its two logits.

    Both are probabilities for A, NaN is null. A probability nearer to 0 or 1 than `least` counts as
    that near: beyond it log-odds are what a server rounds to, not what a judge believes. Null where
    either order is, as one order alone holds the order effect.

    Raises:
        ValueError: a probability is not from 0 to 1.
    """
    given = np.stack([a_first, b_first])
    if ((given < 0) | (given > 1)).any():
        raise ValueError("probabilities go from 0 to 1")
    found: Floats = logit(np.clip(given, least, 1 - least)).mean(axis=0)
    return found


class InferredOrder(NamedTuple):
    """Which side was shown first, row by row, and why the rest is not known."""

    order: Coded
    """1 where the fixed side was shown first, -1 where second."""

    either_fits: int
    """Rows that say the same in both orders: a verdict of about one half, or a tie."""

    neither_fits: int
    """Rows whose two probabilities cannot be of one verdict: a fault of the source, report it."""

    null: int


def infer_order(for_side: Floats, for_first: Floats, *, tolerance: float = 1e-3) -> InferredOrder:
    """Infer the order where a verdict is told twice: once for a side, once for a slot.

    Some sources store the probability of the fixed side and the probability (or the choice) of the
    label that stood first, but not which side that label was. If the two are equal the fixed side
    stood first, if they sum to one it stood second. Choices are probabilities 0 and 1, NaN is null.

    Nothing else tells an order. Never is it inferred from how large a probability is, nor from
    which of two verdicts favours a side: that takes the order effect for granted which it should
    measure. Rows near one half stay unknown, so what is measured on the others is of clear verdicts
    and slightly too large where many are unclear. Whether a source's orders were random is another
    question: see `swaps.order_fault`.

    Args:
        for_side: the probability of the fixed side.
        for_first: that of the label shown first, of the two labels' mass.
        tolerance: how far two equal probabilities may be apart, by rounding. A row is known only
            where the order that does not fit is off by more than twice that.

    Raises:
        ValueError: a probability is not from 0 to 1.
    """
    known = ~(np.isnan(for_side) | np.isnan(for_first))
    one, other = for_side[known], for_first[known]
    if len(one) and (min(one.min(), other.min()) < 0 or max(one.max(), other.max()) > 1):
        raise ValueError("probabilities go from 0 to 1")
    off_first, off_second = np.abs(one - other), np.abs(one - (1 - other))
    first = (off_first <= tolerance) & (off_second > 2 * tolerance)
    second = (off_second <= tolerance) & (off_first > 2 * tolerance)
    neither = (off_first > tolerance) & (off_second > tolerance)
    codes = np.zeros(len(known), dtype=np.int64)
    codes[known] = first.astype(int) - second
    return InferredOrder(
        Coded(codes, codes != 0),
        either_fits=int((~(first | second | neither)).sum()),
        neither_fits=int(neither.sum()),
        null=int((~known).sum()),
    )
