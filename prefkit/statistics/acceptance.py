"""Acceptance sampling: look at n rows, accept if at most c are wrong.

Single sampling by attributes with both risks stated (Dodge and Romig, 1929; ISO 2859 has tables of
such plans). For a dataset of known size the counts are hypergeometric, else binomial.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from prefkit.statistics.tails import binomial_at_most, hypergeometric_at_most

__all__ = ["Acceptance", "Risks", "acceptance_plan", "accepted"]

_MOST_ROWS = 10_000_000


class Risks(NamedTuple):
    """What is good and what is bad, and how often each may be taken for the other."""

    good: float = 0.05
    """A share of wrong rows that should pass."""
    bad: float = 0.15
    """A share of wrong rows that should not."""
    producer: float = 0.05
    """How often a good dataset may be refused."""
    consumer: float = 0.10
    """How often a bad one may be accepted."""


class Acceptance(NamedTuple):
    """Look at `rows`, accept with at most `wrong` errors; the risks that this has in fact."""

    rows: int
    wrong: int
    producer_risk: float
    consumer_risk: float


def accepted(rows: int, wrong: int, share: float, population: int | None = None) -> float:
    """How often a dataset with that share of wrong rows is accepted: the operating curve.

    Of a dataset of known size the share is one of whole rows: it is rounded to the nearest.

    Raises:
        ValueError: more rows than there are, or a share outside 0 to 1.
    """
    if population is None:
        return binomial_at_most(wrong, rows, share)
    return hypergeometric_at_most(wrong, rows, round(share * population), population)


def acceptance_plan(risks: Risks, population: int | None = None) -> Acceptance:
    """The plan with the fewest rows that keeps both risks.

    Raises:
        ValueError: numbers outside 0 to 1, or no row lies between good and bad in so few.
    """
    good, bad, producer, consumer = risks
    if not (0 <= good < bad < 1 and 0 < producer < 1 and 0 < consumer < 1):
        raise ValueError(f"no plan tells {good} from {bad} at risks of {producer} and {consumer}")
    if population is not None and round(good * population) == round(bad * population):
        raise ValueError(f"{good} and {bad} of {population} rows are the same number of rows")
    most = _MOST_ROWS if population is None else population
    wrong = 0
    while True:
        rows = _fewest(_refuses(wrong, bad, consumer, population), wrong, most)
        if rows is None:
            raise ValueError(f"no {most:,} rows keep risks of {producer} and {consumer}")
        refused = 1 - accepted(rows, wrong, good, population)
        if refused <= producer:
            return Acceptance(rows, wrong, refused, accepted(rows, wrong, bad, population))
        wrong += 1


def _refuses(
    wrong: int, bad: float, consumer: float, population: int | None
) -> Callable[[int], bool]:
    return lambda rows: accepted(rows, wrong, bad, population) <= consumer


def _fewest(enough: Callable[[int], bool], low: int, most: int) -> int | None:
    """The fewest rows above `low` that are enough; more are enough too."""
    high = max(1, 2 * low)
    while not enough(min(high, most)):
        if high >= most:
            return None
        low, high = high, 2 * high
    high = min(high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
