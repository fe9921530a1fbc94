"""Intervals where two raters never differed: every draw of such rows agrees as well.

The bootstrap then has no width, though some prompts could differ and none of these be among those
looked at. A plain share has an exact bound for that (`shares.bounded`); here it is carried on to
what is made of the share, so that the best that can be shown is not called unknown.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from prefkit.statistics.agreement import cohen_kappa, gwet, percent
from prefkit.statistics.binomial import exact_share
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats

__all__ = ["bounded_by_share", "coefficients_without_fault", "difference_without_fault"]

_COEFFICIENTS = {"kappa": cohen_kappa, "ac": gwet}
_SAME = 1e-12


def coefficients_without_fault(
    found: Mapping[str, Estimate], codes: Ints, credit: Floats
) -> dict[str, Estimate]:
    """`percent`, `kappa` and `ac` of one reading, the latter two bounded by the first.

    Where raters agreed on every row: what is left of a coefficient at the lower end of `percent`,
    with as much agreement by chance as their common answers give. All else stays as it is.

    Args:
        found: as `agreement` gives them for one reading of ties.
        codes: the answers of that reading, from 0 up, as both gave them.
        credit: what two answers are worth together.
    """
    share = found["percent"]
    if share.value is None or share.low is None or share.value < 1 - _SAME:
        return dict(found)
    answers = np.bincount(codes, minlength=len(credit)) / len(codes)
    by_chance: Floats = np.outer(answers, answers).astype(float)  # as if they knew no more
    bounded = dict(found)
    for name, coefficient in _COEFFICIENTS.items():
        one = found[name]
        if one.value is None or one.low is not None:
            continue
        agreed, beyond = percent(by_chance, credit), coefficient(by_chance, credit)
        # With one and the same answer throughout Gwet's coefficient knows of no chance.
        chance = (agreed - beyond) / (1 - beyond) if beyond < 1 else 0.0
        bounded[name] = bounded_by_share(one, share, chance)
    return bounded


def bounded_by_share(one: Estimate, share: Estimate, chance: float) -> Estimate:
    """A coefficient of raters who never differed, with what `share` leaves of it at its low end.

    `share` is their agreement and `chance` what was expected of it. A coefficient that has an
    interval or no value, and one whose raters did differ, stays as it is.
    """
    if one.value is None or one.low is not None or not chance < 1:
        return one
    if share.value is None or share.low is None or share.value < 1 - _SAME:
        return one
    low = max(-1.0, (share.low - chance) / (1 - chance))
    return one._replace(low=low, high=1.0, reason=None, method=share.method)


def difference_without_fault(found: Estimate) -> Estimate:
    """A difference of two shares that is zero in every prompt, with how far it may be from zero."""
    if found.value is None or found.low is not None or abs(found.value) > _SAME:
        return found
    most = exact_share(0, found.clusters).high
    if most is None:
        return found
    return found._replace(low=-most, high=most, reason=None)
