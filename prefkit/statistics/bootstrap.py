"""Intervals by drawing whole clusters again: rows of one prompt are not independent.

The interval is made of `RESAMPLES` draws of as many clusters as there are, with replacement, from a
seed; `spread` says how. Beyond `MOST_ROWS` rows whole clusters are left out at random, and the
spread of the draws is narrowed by the root of the share of clusters that stayed: spread falls
with that root, so the width is that of all rows, while the estimate itself is always of all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.ranks import Floats
from prefkit.statistics.spread import FEWEST_CLUSTERS, Clustering, acceleration, ends

__all__ = [
    "BOOTSTRAP",
    "FEWEST_CLUSTERS",
    "MOST_LOST",
    "MOST_ROWS",
    "RESAMPLES",
    "Estimate",
    "Statistic",
    "estimates",
]

RESAMPLES = 500
MOST_ROWS = 20_000

BOOTSTRAP = "bootstrap over prompts"
"""The method of `estimates`."""

MOST_LOST = 0.01
"""The share of draws that may give no number: with more it hangs on a handful of rows."""

_ROW_DRAWS = 200
_UNEQUAL = 0.25
_PARTS = 100

Columns = Mapping[str, np.ndarray[Any, Any]]
Statistic = Callable[[Columns], Callable[[Floats], Mapping[str, float]]]
"""From columns of rows to a function of weights that gives named numbers."""


class Estimate(NamedTuple):
    """A number with its 95 % interval, or why there is none; `n` rows in `clusters` clusters."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    clusters: int
    reason: str | None = None
    method: str | None = None
    """How the interval was made; null where there is none."""

    design_effect: float | None = None
    """The variance over clusters over that of as many independent rows; null: not known."""

    def facts(self) -> dict[str, Any]:
        """The estimate for a manifest, in six digits so that no machine's last bit shows."""
        found: dict[str, Any] = {"n": self.n, "clusters": self.clusters}
        if self.value is None:
            return {"not_measured": self.reason, **found}
        found = {"value": _rounded(self.value), **found}
        if self.design_effect is not None:
            found["design_effect"] = _rounded(self.design_effect)
        if self.low is None or self.high is None:
            return {**found, "no_interval": self.reason}
        found["interval"] = [_rounded(self.low), _rounded(self.high)]
        return found if self.method is None else {**found, "method": self.method}


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def estimates(
    columns: Columns, clusters: np.ndarray[Any, Any], weights: Floats, statistic: Statistic,
    *, seed: int = 0,
) -> dict[str, Estimate]:  # fmt: skip
    """The numbers of a statistic, each with its interval over clusters.

    Args:
        columns: what the statistic reads, one value a row each.
        clusters: the cluster of each row, as any numbers.
        weights: the weight of each row.
        statistic: see `Statistic`; a number that it cannot give is NaN.
        seed: another seed gives other draws.
    """
    codes = np.unique(clusters, return_inverse=True)[1].reshape(-1)
    clustering = Clustering.of(np.bincount(codes, weights).astype(float, copy=False))
    found = statistic(columns)(weights)
    if clustering.clusters < FEWEST_CLUSTERS:
        reason = clustering.trouble()
        missing = Estimate(None, None, None, len(codes), clustering.clusters, reason)
        return dict.fromkeys(found, missing)
    rows = _Rows(columns, codes, weights)
    part, narrow = _subsample(rows, clustering, np.random.default_rng([seed, 1]))
    drawn = _drawn(part, statistic, list(found), np.random.default_rng(seed))
    given = {}
    for place, (name, value) in enumerate(found.items()):
        bare = Estimate(float(value), None, None, len(codes), clustering.clusters)
        given[name] = _estimate(bare, drawn.at(place), clustering, narrow)
    return given


class _Rows(NamedTuple):
    columns: Columns
    codes: np.ndarray[Any, Any]
    """The cluster of each row, from 0 up."""

    weights: Floats


class _Drawn(NamedTuple):
    """What draws of clusters say; a number a column each, or of one number."""

    draws: Floats
    centre: Floats
    """Of all that was drawn from."""

    without: Floats
    """Without one of up to `_PARTS` parts of the clusters."""

    apart: Floats | None
    """Draws of rows instead; null where every row is its own cluster."""

    def at(self, place: int) -> _Drawn:
        apart = None if self.apart is None else self.apart[:, place]
        return _Drawn(self.draws[:, place], self.centre[place], self.without[:, place], apart)


def _subsample(
    rows: _Rows, clustering: Clustering, rng: np.random.Generator
) -> tuple[_Rows, float]:
    """The rows that draws are made of, and how far to narrow.

    All of them where clusters are very unequal: without the large ones there is no telling.
    """
    size, count = len(rows.codes), clustering.clusters
    if size <= MOST_ROWS or clustering.worth < count * _UNEQUAL:
        return rows, 1.0
    kept = max(FEWEST_CLUSTERS, round(count * MOST_ROWS / size))
    chosen = np.zeros(count, dtype=bool)
    chosen[rng.choice(count, kept, replace=False)] = True
    stay = chosen[rows.codes]
    codes = np.unique(rows.codes[stay], return_inverse=True)[1].reshape(-1)
    columns = {name: values[stay] for name, values in rows.columns.items()}
    return _Rows(columns, codes, rows.weights[stay]), float(np.sqrt(kept / count))


def _drawn(rows: _Rows, statistic: Statistic, names: list[str], rng: np.random.Generator) -> _Drawn:
    of, codes, weights = statistic(rows.columns), rows.codes, rows.weights
    size, kept = len(codes), int(codes.max()) + 1

    def values(times: Iterable[Any]) -> Floats:
        each = (of(weights * one) for one in times)
        return np.array([[found[name] for name in names] for found in each], dtype=float)

    draws = values(
        np.bincount(rng.integers(0, kept, kept), minlength=kept)[codes] for _ in range(RESAMPLES)
    )
    # What a part of several clusters adds has, summed over parts, the same skew as what each adds.
    parts = (rng.permutation(kept) % min(kept, _PARTS))[codes]
    without = values(parts != part for part in range(min(kept, _PARTS)))
    apart = None
    if kept < size:
        apart = values(
            np.bincount(rng.integers(0, size, size), minlength=size) for _ in range(_ROW_DRAWS)
        )
    return _Drawn(draws, values([1.0])[0], without, apart)


def _estimate(bare: Estimate, drawn: _Drawn, clustering: Clustering, narrow: float) -> Estimate:
    value = float("nan") if bare.value is None else bare.value
    if not np.isfinite(value):
        return bare._replace(value=None, reason="no such number: the rows do not vary")
    there = drawn.draws[np.isfinite(drawn.draws)]
    lost = len(drawn.draws) - len(there)
    bare = bare._replace(reason=clustering.trouble(), design_effect=_design(drawn, there))
    if bare.reason is None and lost > MOST_LOST * len(drawn.draws):
        bare = bare._replace(reason=f"{lost} of {len(drawn.draws)} draws give no number")
    if bare.reason is not None:
        return bare
    bent = acceleration(drawn.centre - drawn.without)
    low, high = ends(there, float(drawn.centre), clustering, bent, narrow=narrow)
    return bare._replace(low=value + low, high=value + high, method=BOOTSTRAP)


def _design(drawn: _Drawn, there: Floats) -> float | None:
    """From the spread of draws of clusters and of rows: good to a tenth of it."""
    if drawn.apart is None:
        return 1.0
    apart = drawn.apart[np.isfinite(drawn.apart)]
    if len(apart) < 2 or len(there) < 2:
        return None
    below = float(apart.var())
    return float(there.var()) / below if below > 0 else None
