"""How many human labels a question needs, and what a clean spot check shows.

A design effect multiplies every number of labels: 1 for labels of different prompts, more where
several share one (1 + (labels a prompt - 1) times their correlation). `Help` is what a judge saves
by PPI++; it needs the correlation of the judge with the humans, which a first slice measures.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

from prefkit.statistics.tails import binomial_at_most

__all__ = [
    "Help",
    "clean_needed",
    "half_width",
    "labels_for_half_width",
    "labels_for_power",
    "most_errors",
]

_Z = 1.96
_HALVINGS = 60


class Help(NamedTuple):
    """A judge that has judged `judged` more rows, and its correlation `rho` with the humans."""

    rho: float
    judged: int


def labels_for_half_width(
    half: float, *, share: float = 0.5, design_effect: float = 1.0, help_of: Help | None = None
) -> int:
    """Human labels for a 95 % interval of a share of plus or minus `half`.

    At a share of one half, the worst, 0.9604 / half ** 2: 97 for 0.10, 385 for 0.05, 1,068 for
    0.03.

    Raises:
        ValueError: a number outside its range.
    """
    _inside("half", half, 0, 1)
    _inside("share", share, 0, 1)
    alone = _Z**2 * share * (1 - share) / half**2
    return _up(_with_help(alone * _design(design_effect), help_of))


def labels_for_power(
    share: float,
    *,
    against: float = 0.5,
    power: float = 0.8,
    design_effect: float = 1.0,
    help_of: Help | None = None,
) -> int:
    """Human labels to tell a true share from `against` at 5 % (two-sided) with that power.

    Against one half with 80 %: 783 where it is 0.55, 194 for 0.60, 85 for 0.65.

    Raises:
        ValueError: a number outside its range, or the two shares are equal.
    """
    for name, value in (("share", share), ("against", against), ("power", power)):
        _inside(name, value, 0, 1)
    if share == against:
        raise ValueError(f"no number of labels tells {share} from {against}")
    spread = [math.sqrt(value * (1 - value)) for value in (against, share)]
    reach = _Z * spread[0] + NormalDist().inv_cdf(power) * spread[1]
    alone = (reach / (share - against)) ** 2
    return _up(_with_help(alone * _design(design_effect), help_of))


def half_width(
    labels: int, *, share: float = 0.5, design_effect: float = 1.0, help_of: Help | None = None
) -> float:
    """Half the 95 % interval that so many human labels give: the way back."""
    _inside("labels", labels, 0, math.inf)
    saved = 0.0 if help_of is None else help_of.rho**2 * help_of.judged / (help_of.judged + labels)
    variance = _design(design_effect) * share * (1 - share) * (1 - saved) / labels
    return _Z * math.sqrt(variance)


def _with_help(alone: float, help_of: Help | None) -> float:
    """Labels n that do with help what `alone` do: n = alone (1 - rho^2 N / (N + n))."""
    if help_of is None:
        return alone
    if not (0 <= help_of.rho <= 1 and help_of.judged >= 0):
        raise ValueError("rho is from 0 to 1 and the judged rows are not fewer than none")
    gap = alone - help_of.judged
    return (gap + math.sqrt(gap**2 + 4 * alone * help_of.judged * (1 - help_of.rho**2))) / 2


def _design(effect: float) -> float:
    _inside("design_effect", effect, 0, math.inf)
    return effect


def _up(labels: float) -> int:
    # 0.98 ** 2 / 0.098 ** 2 is 100, not the 101 that its last bit would make of it.
    return max(1, math.ceil(round(labels, 9)))


def _inside(name: str, value: float, low: float, high: float) -> None:
    if not low < value < high:
        raise ValueError(f"{name} is {value}, not between {low:g} and {high:g}")


def most_errors(errors: int, checked: int, *, confidence: float = 0.95) -> float:
    """The largest share of errors that so many found do not rule out (Clopper and Pearson, 1934).

    One-sided: 0 of 50 gives 0.058.

    Raises:
        ValueError: more errors than rows, or none checked.
    """
    _inside("confidence", confidence, 0, 1)
    if not (0 <= errors <= checked and checked > 0):
        raise ValueError(f"{errors} errors in {checked} rows")
    if errors == checked:
        return 1.0
    low, high = errors / checked, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if binomial_at_most(errors, checked, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def clean_needed(share: float, *, confidence: float = 0.95) -> int:
    """Rows without one error to claim at most that share of them: 299 for 1 %.

    Raises:
        ValueError: a number that is not between 0 and 1.
    """
    _inside("share", share, 0, 1)
    _inside("confidence", confidence, 0, 1)
    return _up(math.log(1 - confidence) / math.log1p(-share))
