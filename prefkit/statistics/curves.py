"""Curves from margins to probabilities that never bend down: Platt's sigmoid and isotonic steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.logistic import logistic, sigmoid
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import Bools

__all__ = ["FITS", "Curve", "Isotonic", "Platt", "fit_both_ways", "fit_isotonic", "fit_platt"]


class Platt(NamedTuple):
    """sigmoid(slope margin + intercept), between the least and the largest margin it has seen."""

    slope: float
    intercept: float
    low: float
    high: float
    n: int

    def probabilities(self, margins: Floats) -> Floats:
        """The probability at each margin; of one beyond the seen range, that of its end."""
        return sigmoid(self.slope * np.clip(margins, self.low, self.high) + self.intercept)

    def outside(self, margins: Floats) -> Bools:
        """Which margins are beyond the seen range."""
        return (margins < self.low) | (margins > self.high)

    def facts(self) -> dict[str, Any]:
        """The curve for a manifest."""
        return {"kind": "platt", **self._asdict()}


class Isotonic(NamedTuple):
    """The rising line through knots; straight between two, level beyond the first and the last."""

    margins: tuple[float, ...]
    values: tuple[float, ...]
    n: int

    def probabilities(self, margins: Floats) -> Floats:
        """The probability at each margin; of one beyond the seen range, that of its end."""
        found: Floats = np.interp(margins, self.margins, self.values)
        return found

    def outside(self, margins: Floats) -> Bools:
        """Which margins are beyond the seen range."""
        return (margins < self.margins[0]) | (margins > self.margins[-1])

    def facts(self) -> dict[str, Any]:
        """The curve for a manifest."""
        return {"kind": "isotonic", **self._asdict()}


Curve = Platt | Isotonic


def fit_platt(margins: Floats, outcomes: Floats) -> Platt:
    """Platt's sigmoid (1999), with his targets, which no separation drives to infinity."""
    wins = float(outcomes.sum())
    losses = len(outcomes) - wins
    won, lost = (wins + 1) / (wins + 2), 1 / (losses + 2)
    targets = lost + (won - lost) * outcomes
    middle, spread = float(margins.mean()), float(margins.std()) or 1.0
    columns = np.column_stack([(margins - middle) / spread, np.ones(len(margins))])
    slope, level = logistic(columns, targets, np.ones(len(margins)))
    intercept = float(level - slope * middle / spread)
    low, high = float(margins.min()), float(margins.max())
    return Platt(float(slope / spread), intercept, low, high, len(margins))


def fit_isotonic(margins: Floats, outcomes: Floats) -> Isotonic:
    """The rising curve of least squares, by pooling neighbours that fall.

    It never reaches 0 or 1: that none of the m gold rows at an end was lost does not make the next
    one certain, so it stays half a row in m + 1 away.
    """
    places, codes = np.unique(margins, return_inverse=True)
    sizes = np.bincount(codes.reshape(-1)).astype(float)
    means = np.bincount(codes.reshape(-1), outcomes) / sizes
    values = _pooled(means, sizes)
    first, last = (float(sizes[values == end].sum()) for end in (values[0], values[-1]))
    values = np.clip(values, 0.5 / (first + 1), 1 - 0.5 / (last + 1))
    # Only the ends of each level part bear the line.
    changes = np.flatnonzero(np.diff(values))
    kept = np.unique(np.concatenate([[0], changes, changes + 1, [len(values) - 1]]))
    return Isotonic(tuple(places[kept].tolist()), tuple(values[kept].tolist()), len(margins))


def _pooled(means: Floats, sizes: Floats) -> Floats:
    """Pool adjacent violators: a loop, as every block depends on those before it."""
    blocks: list[tuple[float, float, int]] = []
    for mean, size in zip(means.tolist(), sizes.tolist(), strict=True):
        block = (mean, size, 1)
        while blocks and blocks[-1][0] >= block[0]:
            before = blocks.pop()
            total = before[1] + block[1]
            level = (before[0] * before[1] + block[0] * block[1]) / total
            block = (level, total, before[2] + block[2])
        blocks.append(block)
    return np.repeat([block[0] for block in blocks], [block[2] for block in blocks])


FITS: Mapping[str, Callable[[Floats, Floats], Curve]] = {
    "platt": fit_platt,
    "isotonic": fit_isotonic,
}
"""By the name of the kind."""


def fit_both_ways(kind: str, margins: Floats, outcomes: Floats) -> Curve:
    """The curve of rows that could be told from either side: one half at zero, the same each way.

    Every row counts as (margin, outcome) and as (-margin, 1 - outcome). Platt's targets then make
    k right of n equal margins (k + 1) / (n + 2), and no side has an intercept. A sigmoid that would
    fall is level. `n` counts each row once.
    """
    both = np.concatenate([margins, -margins]), np.concatenate([outcomes, 1 - outcomes])
    curve = FITS[kind](*both)
    if isinstance(curve, Isotonic):
        return curve._replace(n=len(margins))
    # The intercept is zero but for the last bits.
    slope = 0.0 if curve.slope < 0 else curve.slope
    return curve._replace(slope=slope, intercept=abs(0.0 * curve.intercept), n=len(margins))
