"""95 % intervals of a mean without numpy: for few values, and for skewed ones, as costs are.

It stands here and not in `prefkit.statistics`, which loads numpy and lies above this layer.
"""

from __future__ import annotations

import math

__all__ = ["Moments", "t_quantile"]

_Z = 1.959963984540054  # normal, 97.5 %
_T = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)


def t_quantile(degrees: int) -> float:
    """The 97.5 % quantile of Student's t, to 2e-4.

    Up to ten degrees of freedom from the table, beyond by the expansion in 1/degrees (Abramowitz
    and Stegun, 26.7.5).
    """
    if degrees < 1:
        raise ValueError("no degrees of freedom")
    if degrees <= len(_T):
        return _T[degrees - 1]
    z, v = _Z, float(degrees)
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    )


class Moments:
    """Count, mean, spread and skewness of values that pass by; nothing is kept of them."""

    __slots__ = ("_third", "_twice", "mean", "n")

    def __init__(self) -> None:
        self.n = 0
        self.mean = 0.0
        self._twice = 0.0  # sum of squared deviations
        self._third = 0.0  # sum of cubed deviations

    def add(self, value: float) -> None:
        """Count one value (Pébay's one-pass updates: no cancellation of large sums)."""
        self.n += 1
        delta = value - self.mean
        step = delta / self.n
        term = delta * step * (self.n - 1)
        self.mean += step
        self._third += term * step * (self.n - 2) - 3 * step * self._twice
        self._twice += term

    def of_more(self, more: int) -> tuple[float, float]:
        """A 95 % interval for the sum of `more` further values of the same kind.

        Hall's interval for a mean ("On the removal of skewness by transformation", Journal of the
        Royal Statistical Society B 54, 1992, 221-228) with quantiles of t: the studentised mean is
        made symmetric by a cubic in the sample's skewness, which moves the interval towards the
        long tail. Its half-widths are stretched by sqrt(1 + n / more), since the further values
        vary too: var(sum - more * mean) = more^2 * s^2 * (1 / n + 1 / more). At least three values.
        """
        n = self.n
        spread = math.sqrt(max(self._twice, 0.0) / (n - 1))
        if spread <= 1e-12 * abs(self.mean):  # equal values: what is left is rounding
            return more * self.mean, more * self.mean
        skewness = (self._third / n) / (self._twice / n) ** 1.5
        skewness *= math.sqrt(n * (n - 1)) / (n - 2)
        reach = t_quantile(n - 1) / math.sqrt(n)
        scale = more * spread * math.sqrt(1 + n / more)
        return (
            more * self.mean - scale * _skewed(reach, skewness, n),
            more * self.mean - scale * _skewed(-reach, skewness, n),
        )


def _skewed(value: float, skewness: float, n: int) -> float:
    """The inverse of Hall's cubic w + g w^2/3 + g^2 w^3/27 + g/(6n)."""
    if abs(skewness) < 1e-6:
        return value
    inner = 1 + skewness * (value - skewness / (6 * n))
    return 3 / skewness * (math.copysign(abs(inner) ** (1 / 3), inner) - 1)
