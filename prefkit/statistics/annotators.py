"""What each identified person does: with whom they agree, what they look at, how fast, since when.

None of it says that somebody is wrong. The consensus of the others may be (see `aggregation` for
who can be believed), half of the sides shown first are the better ones where sides were shuffled,
and the longer answer is often better.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.consensus import NO_CONSENSUS, others_say
from prefkit.statistics.drift import Drift, drift
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.raters import NOBODY, Ratings, one_each
from prefkit.statistics.rates import rate
from prefkit.statistics.shares import unmeasured

__all__ = ["UNKNOWN", "Annotator", "Shown", "annotators", "median"]

UNKNOWN = -1

WOODRUFF = "Woodruff over prompts"
"""The method of the interval of a median."""


class Shown(NamedTuple):
    """How each line of ratings came about; `UNKNOWN` or NaN where that is not known."""

    first: Ints
    """1 where the side shown first was chosen, 0 where the other was, `UNKNOWN` of a tie too."""

    longer: Ints
    """1 where the longer side was chosen, 0 where the shorter was; `UNKNOWN` of a tie too."""

    seconds: Floats
    at: Ints
    """When, in any unit that grows with time and has no value below 0."""

    def at_lines(self, lines: Ints) -> Shown:
        """The same of some lines."""
        return Shown(self.first[lines], self.longer[lines], self.seconds[lines], self.at[lines])


class Annotator(NamedTuple):
    """One person. Estimates without a row say why; their intervals are by prompt clusters."""

    rater: int
    n: int
    """Items rated."""

    consensus: Estimate
    """The share that agrees with what most of the others say, of items where they say one thing."""

    first: Estimate
    """The share of choices of the side shown first."""

    longer: Estimate
    """The share of choices of the longer side."""

    seconds: Estimate
    """The median time of an answer."""

    drift: Drift
    """Of the agreement with the consensus."""


def annotators(
    ratings: Ratings, clusters: np.ndarray[Any, Any], shown: Shown, *, seed: int = 0
) -> list[Annotator]:
    """Every identified rater, by number; `clusters` has one prompt cluster an item.

    Raters who are not identified take part in the consensus and get no line.

    Raises:
        ValueError: a rater rated an item twice, `shown` has not one value a line, or `clusters` not
            one an item.
    """
    if any(len(column) != len(ratings.items) for column in shown):
        raise ValueError("each line of ratings has one value of how it was shown")
    ratings.check(int(ratings.codes.max()) + 1 if len(ratings.codes) else 1)
    said, clusters = others_say(ratings), one_each(clusters, ratings)
    order = np.argsort(ratings.raters, kind="stable")
    numbers, starts = np.unique(ratings.raters[order], return_index=True)
    groups = np.split(order, starts[1:]) if len(numbers) else []
    found = []
    for number, lines in zip(numbers.tolist(), groups, strict=True):
        if number == NOBODY:
            continue
        one, own = shown.at_lines(lines), clusters[ratings.items[lines]]
        agrees, held = ratings.codes[lines] == said[lines], said[lines] != NO_CONSENSUS
        timed = held & (one.at > UNKNOWN)
        found.append(
            Annotator(
                rater=number,
                n=len(lines),
                consensus=_share(agrees, held, own, seed, "nobody else rated these items"),
                first=_share(one.first > 0, one.first >= 0, own, seed, "no order is known"),
                longer=_share(one.longer > 0, one.longer >= 0, own, seed, "no length differs"),
                seconds=median(one.seconds, own, seed=seed),
                drift=drift(agrees[timed].astype(float), one.at[timed], own[timed], seed=seed),
            )
        )
    return found


def _share(
    what: Any, among: Any, clusters: np.ndarray[Any, Any], seed: int, otherwise: str
) -> Estimate:
    """The share of `what` among some rows, or that there are none."""
    if not among.any():
        return unmeasured(otherwise, clusters[among])
    return rate(what[among].astype(float), clusters[among], seed=seed)


def median(values: Floats, clusters: np.ndarray[Any, Any], *, seed: int = 0) -> Estimate:
    """The median of what is not NaN, with Woodruff's interval (1952).

    The share of values up to the median has an interval by clusters; as far below and above one
    half as it reaches are the quantiles that end the interval of the median.
    """
    there = ~np.isnan(values)
    known, own = values[there], clusters[there]
    if not len(known):
        return unmeasured("no time is known", own)
    middle = float(np.median(known))
    share = rate((known <= middle).astype(float), own, seed=seed)
    if share.low is None or share.high is None or share.value is None:
        reason = share.reason or "the share of values up to it has no interval"
        return share._replace(value=middle, low=None, high=None, reason=reason)
    reach = np.array([share.low - share.value, share.high - share.value])
    low, high = np.quantile(known, np.clip(0.5 + reach, 0, 1), method="hazen").tolist()
    return share._replace(
        value=middle, low=min(low, middle), high=max(high, middle), method=WOODRUFF
    )
