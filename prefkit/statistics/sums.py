"""Intervals by prompt clusters for numbers that are functions of sums over rows.

A table of agreement, a mean, a ratio, a correlation: each is a function of a few sums. A draw of
clusters is then a draw of their sums, and clusters with equal sums need one count between them: the
counts of a draw are multinomial. Three categories and five raters make 21 kinds of items, so 1,000
draws of 100,000 items take well under a second.

What each cluster adds to a number is what the number loses without it, so the spread over clusters
and over rows, and with them the design effect, need no draws at all.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.bootstrap import BOOTSTRAP, MOST_LOST, Estimate
from prefkit.statistics.ranks import Floats
from prefkit.statistics.spread import Clustering, acceleration, ends, too_few
from prefkit.statistics.student import NORMAL
from prefkit.statistics.wilson import wilson_ends

__all__ = [
    "ALL_ALIKE",
    "SCORE",
    "Draws",
    "OfSums",
    "score_ends",
    "sum_estimates",
    "supported",
    "withheld",
]

SCORE = "Wilson over prompts"
"""The method of a share: a score interval with as many trials as the spread over prompts allows."""

ALL_ALIKE = "exact binomial over prompts"
"""The method of a share of which all rows say the same: of 0 or all of as many trials as prompts"""

OfSums = Callable[[Floats], Mapping[str, Floats]]
"""From k rows of sums to k numbers a name; NaN where there is no such number."""

_CHUNK = 100_000
_MOST_KINDS = 5_000
_SAME = 1e-12
_BEYOND = 0.025  # on either side of an interval of 95 %
_NO_WIDTH = "all rows say the same: no draw differs"


class Draws(NamedTuple):
    """How clusters are drawn again."""

    seed: int = 0
    resamples: int = 1_000


_DRAWS = Draws()


class _Sums(NamedTuple):
    """Rows and clusters as sums."""

    rows: Floats
    each: Floats
    """Of each cluster."""

    sizes: Floats
    """Rows of each cluster."""

    clustering: Clustering

    @classmethod
    def of(cls, parts: Floats, clusters: np.ndarray[Any, Any]) -> _Sums:
        codes = np.unique(clusters, return_inverse=True)[1].reshape(-1)
        sizes = np.bincount(codes).astype(float)
        columns = [np.bincount(codes, part, len(sizes)) for part in parts.T]
        each = np.stack(columns, axis=1).astype(float, copy=False)
        return cls(parts, each, sizes, Clustering.of(sizes))


class _Number(NamedTuple):
    """One number of all rows, of each draw, and without each cluster or row."""

    value: float
    draws: Floats
    without_cluster: Floats
    without_row: Floats | None
    """Null where every row is its own cluster."""


def sum_estimates(
    parts: Floats, clusters: np.ndarray[Any, Any], of: OfSums,
    *, shares: Container[str] = (), draws: Draws = _DRAWS,
) -> dict[str, Estimate]:  # fmt: skip
    """Numbers that are functions of sums over rows, each with its interval over clusters.

    A value is given of any rows that have one; the interval is missing, with the reason, of fewer
    than 20 clusters or of so unequal ones that a few decide.

    Args:
        parts: rows by sums: what each row adds to each sum.
        clusters: the cluster of each row, as any numbers.
        of: see `OfSums`; called with many rows of sums at once.
        shares: the numbers that are plain shares or means of rows from 0 to 1. Their interval is
            Wilson's, with the trials that the spread over clusters allows and Student's t.
        draws: another seed gives other draws; shares need none.
    """
    parts = np.ascontiguousarray(parts, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        if not len(parts):
            return {name: _none(0, 0) for name in of(np.zeros((1, parts.shape[1])))}
        return _estimates(_Sums.of(parts, clusters), of, shares, draws)


def withheld(found: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """The same without the values of too few clusters, for numbers not told without interval."""
    given = {}
    for name, one in found.items():
        few = too_few(one.clusters)
        bare = one._replace(value=None, reason=few, design_effect=None)
        given[name] = one if few is None else bare
    return given


def supported(
    found: Mapping[str, Estimate],
    rows: Mapping[str, np.ndarray[Any, Any]],
    clusters: np.ndarray[Any, Any],
) -> dict[str, Estimate]:
    """Take intervals away where too few prompts have a row that counts for the number.

    Args:
        found: what was found of all rows.
        rows: by name the rows that count for the number, as true and false.
        clusters: the cluster of each row.
    """
    given = dict(found)
    for name, there in rows.items():
        sizes = np.unique(clusters[there], return_counts=True)[1]
        trouble = Clustering.of(sizes.astype(float)).trouble()
        if trouble is not None and given[name].low is not None:
            reason = f"of the rows that count for it: {trouble}"
            given[name] = given[name]._replace(low=None, high=None, method=None, reason=reason)
    return given


def _none(n: int, clusters: int) -> Estimate:
    return Estimate(None, None, None, n, clusters, "no such number: the rows do not vary")


def _estimates(
    sums: _Sums, of: OfSums, shares: Container[str], draws: Draws
) -> dict[str, Estimate]:
    total = sums.rows.sum(axis=0)
    found = of(total[None])
    trouble = sums.clustering.trouble()
    bootstrapped = [name for name in found if name not in shares]
    drawn = of(_drawn(sums.each, draws)) if trouble is None and bootstrapped else {}
    without = _without(of, total, sums.each)
    one_each = len(sums.each) == len(sums.rows)
    apart = {} if one_each else _without(of, total, sums.rows)
    given = {}
    for name, value in found.items():
        spread = drawn.get(name, np.empty(0))
        number = _Number(float(value[0]), spread, without[name], apart.get(name))
        given[name] = _estimate(number, sums, trouble, share=name in shares)
    return given


def _drawn(each: Floats, draws: Draws) -> Floats:
    """The sums of each draw of as many clusters as there are."""
    rng = np.random.default_rng(draws.seed)
    kinds, counts = np.unique(each, axis=0, return_counts=True)
    count, found = len(each), np.empty((draws.resamples, each.shape[1]))
    # No `@` below: its threads wait for each other, and add up in another order.
    if len(kinds) <= _MOST_KINDS:
        step = max(1, _CHUNK * 10 // len(kinds))
        for start in range(0, draws.resamples, step):
            rows = min(step, draws.resamples - start)
            times = rng.multinomial(count, counts / count, size=rows).astype(float)
            found[start : start + rows] = np.einsum("rk,km->rm", times, kinds)
        return found
    for place in range(draws.resamples):
        once = np.bincount(rng.integers(0, count, count), minlength=count).astype(float)
        found[place] = np.einsum("k,km->m", once, each)
    return found


def _without(of: OfSums, total: Floats, each: Floats) -> dict[str, Floats]:
    """Each number without each of these."""
    found: dict[str, list[Floats]] = {}
    for start in range(0, len(each), _CHUNK):
        for name, values in of(total - each[start : start + _CHUNK]).items():
            found.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in found.items()}


def _estimate(number: _Number, sums: _Sums, trouble: str | None, *, share: bool) -> Estimate:
    n, clustering = len(sums.rows), sums.clustering
    if not np.isfinite(number.value):
        return _none(n, clustering.clusters)
    bare = Estimate(number.value, None, None, n, clustering.clusters, trouble)
    bare = bare._replace(design_effect=_design(number, sums))
    if trouble is not None:
        return bare
    if share:
        return _score(bare, number, sums)
    there = number.draws[np.isfinite(number.draws)]
    lost = len(number.draws) - len(there)
    if lost > MOST_LOST * len(number.draws):
        return bare._replace(reason=f"{lost} of {len(number.draws)} draws give no number")
    if not len(there) or there.max() - there.min() <= _SAME * max(1.0, abs(number.value)):
        return bare._replace(reason=_NO_WIDTH)
    influence = number.value - number.without_cluster
    bent = acceleration(influence) if np.isfinite(influence).all() else 0.0
    low, high = ends(there, number.value, clustering, bent)
    return bare._replace(low=number.value + low, high=number.value + high, method=BOOTSTRAP)


def _design(number: _Number, sums: _Sums) -> float | None:
    """The spread of what clusters add over that of what rows add; null where neither is known."""
    if number.without_row is None:
        return 1.0
    count, n = len(sums.sizes), len(sums.rows)
    if count < 2:
        return None
    over = (number.value - number.without_cluster) * (1 - sums.sizes / n)
    apart = (number.value - number.without_row) * (1 - 1 / n)
    above = float((over**2).sum()) * count / (count - 1)
    below = float((apart**2).sum()) * n / (n - 1)
    found = above / below if below > 0 else np.nan
    return found if np.isfinite(found) else None


def _score(bare: Estimate, number: _Number, sums: _Sums) -> Estimate:
    """Of a share, with each cluster's residual at its own leverage (HC2).

    One large cluster pulls the mean to itself and would look too near to it (MacKinnon and White,
    1985).
    """
    off = (number.value - number.without_cluster) ** 2 * (1 - sums.sizes / len(sums.rows))
    return bare._replace(**score_ends(number.value, float(off.sum()), sums.clustering))


def score_ends(value: float, variance: float, clustering: Clustering) -> dict[str, Any]:
    """The fields `low`, `high` and `method` of a share, or the `reason` why it has no interval.

    Wilson's interval with p (1 - p) / variance trials, Student's t for the normal; of 0 or 1 the
    exact bound of as many trials as there are equal clusters.
    """
    room = 1 - _BEYOND ** (1 / clustering.worth)
    if value < _SAME:
        return {"low": 0.0, "high": room, "method": ALL_ALIKE}
    if value > 1 - _SAME:
        return {"low": 1 - room, "high": 1.0, "method": ALL_ALIKE}
    if not np.isfinite(variance) or variance <= _SAME**2:
        return {"reason": _NO_WIDTH}
    # Wilson's ends know the normal point and the trials only as the square of one over the other.
    trials = value * (1 - value) / variance * (NORMAL / clustering.reach()) ** 2
    low, high = wilson_ends(value, trials)
    return {"low": low, "high": high, "method": SCORE}
