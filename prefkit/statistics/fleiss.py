"""How far any number of raters agree, with cells missing, and how far that could be chance.

Each item with two or more ratings counts once, by the credit of its pairs of ratings: percent. What
chance would give is told three ways: from the pooled shares of categories (Fleiss), from how hard
they are (Gwet's AC1 and AC2), from the pool of ratings that met another (Krippendorff). All are
functions of sums over items, so intervals draw sums of clusters, never ratings.

Sources: Fleiss (1971) and, for unequal numbers of raters, Gwet, Handbook of Inter-Rater Reliability
(4th ed., 2014, chapters 2 to 4): shares of categories are means over all items, single ratings
included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise as neighbours
from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.agreement import TIES, Scale, credits_of, half_credits
from prefkit.statistics.alpha import (
    alpha,
    distances,
    interval_alpha,
    moments,
    ordinal_alpha,
    together,
    within,
)
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.chance import beyond, by_habit, by_hardness, over
from prefkit.statistics.faultless import bounded_by_share
from prefkit.statistics.prevalence import with_others
from prefkit.statistics.ranks import Floats
from prefkit.statistics.raters import Ratings, one_each
from prefkit.statistics.shares import Bools
from prefkit.statistics.sums import Draws, sum_estimates

__all__ = ["METRICS", "MOST_CATEGORIES", "agreements", "coefficients"]

METRICS = ("nominal", "ordinal", "interval", "ratio")
"""How far apart two categories are, for alpha."""

MOST_CATEGORIES = 25
"""On a longer scale nobody means the same point by chance: only distances say something."""

Sums = Mapping[str, Floats]


class _Reading(NamedTuple):
    """One reading of ties: the ratings that it counts, and what two of them are worth."""

    ratings: Ratings
    plain: Floats
    credit: Floats
    """`plain` is the credit of `percent`, `credit` that of the other coefficients."""

    metrics: tuple[str, ...]
    distance: Floats | None = None
    """Instead of that of the metric `nominal`."""

    @property
    def size(self) -> int:
        return len(self.plain)


def coefficients(
    ratings: Ratings, scale: Scale, metrics: Sequence[str] = ("nominal",)
) -> dict[str, float]:
    """`percent`, `fleiss`, `ac` and `alpha_METRIC` of all ratings, a tie being a category.

    The scheme of the scale weighs Fleiss' kappa and Gwet's coefficient. NaN where there is no such
    number; on a scale of more than `MOST_CATEGORIES` only `alpha_interval` is not.

    Raises:
        ValueError: an answer is outside the scale, a rater rated an item twice, no such metric.
    """
    reading = _readings(ratings, scale, metrics)["class"]
    parts = _parts(reading)
    of = _formulas(reading, parts)
    found = of(np.hstack(list(parts.values())).sum(axis=0, keepdims=True))
    return {name: float(found[name][0]) if name in found else np.nan for name in _names(reading)}


def agreements(
    ratings: Ratings,
    clusters: np.ndarray[Any, Any],
    scale: Scale,
    *,
    metrics: Sequence[str] = ("nominal",),
    seed: int = 0,
) -> dict[str, dict[str, Estimate]]:
    """Agreement by reading of ties (`TIES`), then `percent`, `fleiss`, `ac` and `alpha_METRIC`.

    As `coefficients`. `dropped` leaves ratings out that are a tie, not their items, and `half`
    gives half an agreement for a tie and a side; both have one alpha, `alpha_nominal`, whose
    distance under `half` is one minus the credit. Of a scale without a tie the readings are one.
    `n` is the items with two or more ratings, and only clusters with such an item are drawn: the
    single ratings elsewhere count for the shares of categories, as they are.

    Args:
        ratings: see `Ratings`.
        clusters: the prompt cluster of each item.
        scale: the categories; its scheme weighs `fleiss` and `ac`.
        metrics: of `METRICS`.
        seed: another seed gives other draws.

    Raises:
        ValueError: as `coefficients`, or there is not one cluster an item.
    """
    own = one_each(clusters, ratings)
    readings = _readings(ratings, scale, metrics)
    found = {name: _estimated(each, own, seed) for name, each in readings.items()}
    return {name: found.get(name, found["class"]) for name in TIES}


def _readings(ratings: Ratings, scale: Scale, metrics: Sequence[str]) -> dict[str, _Reading]:
    ratings.check(scale.categories)
    # Sums of equal items then have equal last bits, whatever order the lines came in.
    ratings = ratings.at(np.lexsort((ratings.codes, ratings.items)))
    for name in metrics:
        if name not in METRICS:
            raise ValueError(f"no metric {name!r}: one of {', '.join(METRICS)}")
    size = scale.categories
    if size > MOST_CATEGORIES:
        none = np.zeros((size, 0))
        return {"class": _Reading(ratings, none, none, tuple(metrics))}
    weighed = credits_of(size, scale.scheme)
    found = {"class": _Reading(ratings, np.eye(size), weighed, tuple(metrics))}
    if scale.tie is None:
        return found
    stay = np.delete(np.arange(size), scale.tie)
    sides = ratings.at(ratings.codes != scale.tie)
    sides = sides._replace(codes=np.searchsorted(stay, sides.codes), points=None)
    left = weighed[np.ix_(stay, stay)]
    found["dropped"] = _Reading(sides, np.eye(size - 1), left, ("nominal",))
    half = half_credits(scale)
    found["half"] = _Reading(ratings, half, half, ("nominal",), 1 - half)
    return found


def _names(reading: _Reading) -> tuple[str, ...]:
    return ("percent", "fleiss", "ac", *(f"alpha_{metric}" for metric in reading.metrics))


def _points(reading: _Reading) -> Floats:
    given = reading.ratings.points
    return np.arange(reading.size, dtype=float) if given is None else given[: reading.size]


def _distance(reading: _Reading, metric: str) -> Floats:
    if metric == "nominal":
        # Of codes, whatever points they stand for.
        return 1 - np.eye(reading.size) if reading.distance is None else reading.distance
    return distances(_points(reading), metric)


def _parts(reading: _Reading) -> dict[str, Floats]:
    """The columns that are added up over items, by what they are for."""
    ratings = reading.ratings
    each = np.bincount(ratings.items, minlength=ratings.item_count).astype(float)
    parts: dict[str, Floats] = {"items": (each > 1)[:, None].astype(float)}
    if "interval" in reading.metrics:
        parts["interval"] = moments(ratings.items, ratings.values(), ratings.item_count)
    if not reading.plain.size:
        return parts
    counts = ratings.counts(reading.size)
    pairs = np.maximum(each * (each - 1), 1.0)
    for name, credit in (("plain", reading.plain), ("credit", reading.credit)):
        agreed = np.einsum("ic,cd,id->i", counts, credit, counts) - each
        parts[name] = (agreed / pairs)[:, None]
    parts["rated"] = (each > 0)[:, None].astype(float)
    parts["shares"] = counts / np.maximum(each, 1.0)[:, None]
    parts["said"] = counts * (each > 1)[:, None]
    for metric in reading.metrics:
        if metric == "ordinal":
            parts[metric] = together(counts)
        elif metric != "interval":
            parts[metric] = within(counts, _distance(reading, metric))[:, None]
    return parts


def _formulas(
    reading: _Reading, parts: Mapping[str, Floats]
) -> Callable[[Floats], dict[str, Floats]]:
    ends = np.cumsum([0, *(part.shape[1] for part in parts.values())])
    places = dict(zip(parts, neighbours(ends.tolist()), strict=True))

    def of(rows: Floats) -> dict[str, Floats]:
        sums = {name: rows[:, start:end] for name, (start, end) in places.items()}
        found = _chance_corrected(reading, sums) if "shares" in sums else {}
        return {**found, **_alphas(reading, sums)}

    return of


def _chance_corrected(reading: _Reading, sums: Sums) -> dict[str, Floats]:
    items = sums["items"][:, 0]
    agreed = over(sums["credit"][:, 0], items)
    shares = sums["shares"] / np.maximum(sums["rated"], 1.0)
    return {
        "percent": over(sums["plain"][:, 0], items),
        "fleiss": beyond(agreed, by_habit(shares, shares, reading.credit)),
        "ac": beyond(agreed, by_hardness(shares, reading.credit)),
    }


def _alphas(reading: _Reading, sums: Sums) -> dict[str, Floats]:
    found = {}
    for metric in reading.metrics:
        if metric not in sums:
            continue
        if metric == "ordinal":
            value = ordinal_alpha(sums[metric], reading.size)
        elif metric == "interval":
            value = interval_alpha(sums[metric])
        else:
            value = alpha(sums[metric][:, 0], sums["said"], _distance(reading, metric))
        found[f"alpha_{metric}"] = value
    return found


def _estimated(reading: _Reading, clusters: np.ndarray[Any, Any], seed: int) -> dict[str, Estimate]:
    parts = _parts(reading)
    pairable = parts["items"][:, 0] > 0
    n, names = int(pairable.sum()), _names(reading)
    if n == 0:
        return dict.fromkeys(names, Estimate(None, None, None, 0, 0, "no item has two ratings"))
    rows = np.hstack(list(parts.values()))
    rows, beside = _with_singles(rows, pairable, clusters)
    of = _formulas(reading, parts)
    found = sum_estimates(
        rows, clusters[pairable], lambda sums: of(sums + beside),
        shares=("percent",), draws=Draws(seed=seed),
    )  # fmt: skip
    if "percent" in found:
        counts = reading.ratings.counts(reading.size)[pairable]
        corrected = [name for name in names if name not in ("percent", "ac")]
        found = with_others(found, corrected, counts, clusters[pairable])
        found = _without_fault(reading, parts, found)
    reason = f"more than {MOST_CATEGORIES} categories: only distances on an interval scale say much"
    none = Estimate(None, None, None, n, len(np.unique(clusters[pairable])), reason)
    return {name: found.get(name, none) for name in names}


def _with_singles(
    rows: Floats, pairable: Bools, clusters: np.ndarray[Any, Any]
) -> tuple[Floats, Floats]:
    """The rows of pairable items, and the sum of what stands in no cluster of theirs.

    A single rating that shares a cluster with pairable items is drawn with it: it is added to one
    of their rows, since only sums of clusters are drawn.
    """
    codes = np.unique(clusters, return_inverse=True)[1].reshape(-1)
    carrier = np.full(int(codes.max()) + 1, -1)
    own = codes[pairable]
    carrier[own[::-1]] = np.arange(len(own))[::-1]  # the first row of each cluster
    onto = carrier[codes]
    found = rows[pairable]
    inside = ~pairable & (onto >= 0)
    np.add.at(found, onto[inside], rows[inside])
    return found, rows[onto < 0].sum(axis=0)


def _without_fault(
    reading: _Reading, parts: Sums, found: dict[str, Estimate]
) -> dict[str, Estimate]:
    """Where no two ratings differed, intervals from that of `percent`; distances have none."""
    shares = parts["shares"].sum(axis=0, keepdims=True) / max(parts["rated"].sum(), 1.0)
    habit = float(by_habit(shares, shares, reading.credit)[0])
    chance = {"fleiss": habit, "alpha_nominal": habit}
    if reading.size > 1:
        chance["ac"] = float(by_hardness(shares, reading.credit)[0])
    bounded = {
        name: bounded_by_share(found[name], found["percent"], each)
        for name, each in chance.items()
        if name in found
    }
    return {**found, **bounded}
