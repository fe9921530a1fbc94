"""How far two raters agree, beyond chance and under three readings of a tie.

Every coefficient is a function of a square table of weights: how often the first rater said the
row's category while the second said the column's; or of less, the credit of its cells and each
rater's own counts, which is what a bootstrap adds up. A category that nobody used still counts, as
it should: AC1 and AC2 depend on how many there are. `fleiss` has more than two raters.

Cohen's kappa takes each rater's own habits for chance. Where nearly all answers are one category it
falls to zero however well two raters agree; Gwet's coefficient does not. Neither is read alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.chance import beyond, by_habit, by_hardness, over
from prefkit.statistics.prediction import Ints
from prefkit.statistics.prevalence import with_others
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import NO_NUMBER, Coded
from prefkit.statistics.sums import Draws, sum_estimates, withheld

__all__ = [
    "SCHEMES",
    "TIES",
    "VERDICTS",
    "Scale",
    "agreement",
    "cohen_kappa",
    "counted",
    "credits_of",
    "gwet",
    "half_credits",
    "implied_error",
    "percent",
]

SCHEMES = ("none", "linear", "quadratic")
"""How much a disagreement between distant categories counts more than one between neighbours."""

TIES = ("class", "dropped", "half")
"""A tie is a category; rows where either rater tied are left out; a tie is half a side."""


class Scale(NamedTuple):
    """The categories that a rater may use, as codes from 0 up, in their order if they have one."""

    categories: int
    tie: int | None = None
    """The code of a tie; null where the scale has none, so that the three readings are one."""

    scheme: str = "none"
    """Of `SCHEMES`."""


VERDICTS = Scale(3, tie=1)
"""Of verdicts about two sides: the codes of `Coded` plus one."""


def counted(one: Coded, other: Coded, scale: Scale) -> Floats:
    """The table of both raters' answers, first rater by rows; rows where one is null are left out.

    Raises:
        ValueError: an answer that is not null is outside the scale.
    """
    known = one.known & other.known
    first, second = one.codes[known], other.codes[known]
    for codes in (first, second):
        if len(codes) and (codes.min() < 0 or codes.max() >= scale.categories):
            found = f"{codes.min()} to {codes.max()}"
            raise ValueError(f"answers are {found}, the scale is 0 to {scale.categories - 1}")
    size = scale.categories
    counts = np.bincount(first * size + second, minlength=size * size)
    return counts.astype(float).reshape(size, size)


def credits_of(categories: int, scheme: str = "none") -> Floats:
    """How much of an agreement each cell is: 1 on the diagonal, by `SCHEMES` away from it.

    Raises:
        ValueError: there is no such scheme.
    """
    if scheme not in SCHEMES:
        raise ValueError(f"no weighting {scheme!r}: one of {', '.join(SCHEMES)}")
    if scheme == "none" or categories < 2:
        return np.eye(categories)
    places = np.arange(categories)
    gap = np.abs(places[:, None] - places) / (categories - 1)
    credit: Floats = 1.0 - gap ** SCHEMES.index(scheme)
    return credit


def half_credits(scale: Scale) -> Floats:
    """Half an agreement where one rater ties and the other chooses, a whole one where both tie."""
    credit = np.eye(scale.categories)
    if scale.tie is not None:
        credit[scale.tie], credit[:, scale.tie] = 0.5, 0.5
        credit[scale.tie, scale.tie] = 1.0
    return credit


def percent(table: Floats, credit: Floats) -> float:
    """The share of agreement, NaN of an empty table."""
    total = float(table.sum())
    return float((table * credit).sum()) / total if total > 0 else NO_NUMBER


def cohen_kappa(table: Floats, credit: Floats) -> float:
    """Cohen's kappa (1960; weighted 1968): chance is what both raters' own marginals give.

    NaN where both used one and the same category throughout: chance explains everything.
    """
    return float(_of_table(table, credit, by_habit)[0])


def gwet(table: Floats, credit: Floats) -> float:
    """Gwet's AC1 (2008), or AC2 where cells have partial credit.

    Chance is the pooled share of hard answers: sum(credit) / (q (q - 1)) sum of p (1 - p) over the
    q categories of the scale. NaN where the scale has only one.
    """
    return float(_of_table(table, credit, _by_pooled_hardness)[0])


Chance = Callable[[Floats, Floats, Floats], Floats]
"""From two raters' shares of categories (k draws by q each) and the credit to what chance gives."""


def _by_pooled_hardness(first: Floats, second: Floats, credit: Floats) -> Floats:
    return by_hardness((first + second) / 2, credit)


def _of_table(table: Floats, credit: Floats, chance: Chance) -> Floats:
    total = float(table.sum())
    if total <= 0:
        return np.array([NO_NUMBER])
    first, second = (table.sum(axis=axis)[None, :] / total for axis in (1, 0))
    return beyond(np.array([percent(table, credit)]), chance(first, second, credit))


def agreement(
    one: Coded, other: Coded, clusters: np.ndarray[Any, Any], scale: Scale, *, seed: int = 0
) -> dict[str, dict[str, Estimate]]:
    """Agreement of two raters by reading of ties (`TIES`), then `percent`, `kappa` and `ac`.

    Where a tie is a category or dropped, the scale's scheme weighs kappa and AC, and `percent` is
    the plain share. With a tie at half credit all three take that credit, which for A, tie, B is
    the linear weighting. `n` is the rows that both rated; with ties dropped, those without one.

    Raises:
        ValueError: an answer is outside the scale, or there is no such scheme.
    """
    counted(one, other, scale)
    size, weighed = scale.categories, credits_of(scale.categories, scale.scheme)
    every, both = np.arange(size), one.known & other.known
    readings = {"class": (both, every, np.eye(size), weighed)}
    if scale.tie is not None:
        sides = both & (one.codes != scale.tie) & (other.codes != scale.tie)
        stay = every[every != scale.tie]
        # Dropping a tie moves no side nearer to another: the credits of what is left stay.
        readings["dropped"] = (sides, stay, np.eye(size - 1), weighed[np.ix_(stay, stay)])
        half = half_credits(scale)
        readings["half"] = (both, every, half, half)
    found = {}
    for name, (rows, stay, plain, credit) in readings.items():
        first, second = (np.searchsorted(stay, rater.codes[rows]) for rater in (one, other))
        parts = _parts(first, second, plain, credit)
        drawn = sum_estimates(
            parts, clusters[rows], _coefficients(credit),
            shares=("percent",), draws=Draws(seed=seed),
        )  # fmt: skip
        size = len(stay)
        counts = np.eye(size)[first] + np.eye(size)[second]
        found[name] = withheld(with_others(drawn, ("kappa",), counts, clusters[rows]))
    return {name: found.get(name, found["class"]) for name in TIES}


def _parts(first: Ints, second: Ints, plain: Floats, credit: Floats) -> Floats:
    """What is added up: rows, both credits, then each rater's answers, a column a category."""
    size = len(plain)
    ones = np.ones(len(first))
    answers = [rater[:, None] == np.arange(size) for rater in (first, second)]
    return np.column_stack([ones, plain[first, second], credit[first, second], *answers])


def _coefficients(credit: Floats) -> Callable[[Floats], dict[str, Floats]]:
    """The three numbers of sums of `_parts`."""

    def of(sums: Floats) -> dict[str, Floats]:
        rows, plain, weighed = sums[:, 0], sums[:, 1], sums[:, 2]
        first, second = np.split(over(sums[:, 3:], rows[:, None]), 2, axis=1)
        agreed = over(weighed, rows)
        return {
            "percent": over(plain, rows),
            "kappa": beyond(agreed, by_habit(first, second, credit)),
            "ac": beyond(agreed, _by_pooled_hardness(first, second, credit)),
        }

    return of


def implied_error(agreed: float) -> float:
    """The error of each of two equally good raters, from their agreement on two categories.

    (1 - sqrt(2 a - 1)) / 2, their errors independent. One minus it is the most that anything can
    agree with the single answers of such a rater. NaN below one half, which no error explains.
    """
    return (1 - math.sqrt(2 * agreed - 1)) / 2 if agreed >= 0.5 else NO_NUMBER
