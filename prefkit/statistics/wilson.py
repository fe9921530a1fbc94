"""The interval of a share by inverting its score test (Wilson, 1927)."""

from __future__ import annotations

import math
from statistics import NormalDist

from prefkit.statistics.bootstrap import Estimate

__all__ = ["METHOD", "effective_rows", "wilson_ends", "wilson_share"]

METHOD = "Wilson"


def wilson_ends(share: float, rows: float, confidence: float = 0.95) -> tuple[float, float]:
    """Both ends for a share that was seen in so many independent rows, which may be a fraction.

    Raises:
        ValueError: no rows, or a share outside 0 to 1.
    """
    if not (rows > 0 and 0 <= share <= 1):
        raise ValueError(f"a share of {share} in {rows} rows")
    if math.isinf(rows):
        return share, share
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    below = 1 + z**2 / rows
    centre = (share + z**2 / (2 * rows)) / below
    reach = z * math.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2)) / below
    # An end is exact where all rows say the same: no last bit beyond it.
    return (
        0.0 if share == 0 else max(0.0, centre - reach),
        1.0 if share == 1 else min(1.0, centre + reach),
    )


def effective_rows(rows: int, population: int | None) -> float:
    """How many rows of an endless supply say as much as these, drawn without replacement.

    n (N - 1) / (N - n): endless where all were drawn, as then nothing is left to chance.
    """
    if population is None:
        return float(rows)
    if population <= rows:
        return math.inf
    return rows * (population - 1) / (population - rows)


def wilson_share(count: int, rows: int, *, population: int | None = None) -> Estimate:
    """The share of rows drawn at random from all rows, each its own cluster.

    The interval is of these rows, whatever prompts they share: a draw of single rows needs no
    design effect. `population` is how many rows there are, null for endless many.

    Raises:
        ValueError: more counted than rows, or more rows than there are.
    """
    if not (0 <= count <= rows and (population is None or rows <= population)):
        raise ValueError(f"{count} of {rows} rows out of {population}")
    if rows == 0:
        return Estimate(None, None, None, 0, 0, "no row was looked at")
    low, high = wilson_ends(count / rows, effective_rows(rows, population))
    return Estimate(count / rows, low, high, rows, rows, None, METHOD, 1.0)
