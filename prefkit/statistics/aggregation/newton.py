"""Newton's method for a concave likelihood of very many numbers, without its matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from prefkit.statistics.ranks import Floats

__all__ = ["STEPS", "Slope", "highest"]

STEPS = 100
_INNER = 200
_CLOSE = 1e-9  # of the slope's largest part, after which a step changes no digit that is told


class Slope(NamedTuple):
    """A likelihood at one place: its value, its slope, minus its second derivative.

    `bend` multiplies a vector by that (a positive matrix); `diagonal` is the matrix's diagonal.
    """

    value: float
    slope: Floats
    bend: Callable[[Floats], Floats]
    diagonal: Floats


def highest(
    at: Callable[[Floats], Slope], start: Floats, steps: int = STEPS
) -> tuple[Floats, int, bool]:
    """The place where a concave likelihood is highest, how many steps it took, whether it is there.

    Each Newton step is solved by conjugate gradients, so that the cost is that of a few passes over
    the data, and is halved until the likelihood rises.
    """
    place, here = start, at(start)
    scale = max(1.0, float(np.abs(here.slope).max(initial=0.0)))
    for done in range(steps):
        if np.abs(here.slope).max(initial=0.0) <= _CLOSE * scale:
            return place, done, True
        step, share = _solved(here), 1.0
        there = at(place + step)
        while not there.value >= here.value and share > 1e-9:
            share /= 2
            there = at(place + share * step)
        if share <= 1e-9:  # no digit is left to rise by
            return place, done, True
        place, here = place + share * step, there
    return place, steps, False


def _solved(here: Slope) -> Floats:
    """The step at which the slope ends, by conjugate gradients scaled by the diagonal."""
    scale = 1 / np.maximum(here.diagonal, 1e-300)
    found = np.zeros_like(here.slope)
    left = here.slope.copy()
    along = scaled = scale * left
    size = first = float((left * scaled).sum())
    for _ in range(_INNER):
        # No `@`: its threads add up in another order on another machine.
        bent = here.bend(along)
        turn = float((along * bent).sum())
        if turn <= 0:
            break
        found = found + size / turn * along
        left = left - size / turn * bent
        scaled = scale * left
        before, size = size, float((left * scaled).sum())
        if size <= 1e-16 * first:
            break
        along = scaled + size / before * along
    return found if found.any() else here.slope * scale
