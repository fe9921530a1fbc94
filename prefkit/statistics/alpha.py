"""Krippendorff's alpha: one minus observed over expected disagreement, cells missing or not.

Alpha is 1 - (n - 1) S / T. S adds up the distances of all ordered pairs of ratings within an item,
each item's over its ratings less one; T those of all pairs of the n ratings, across items too. Both
are functions of sums over items, so a bootstrap adds up sums and never counts ratings again. Items
with one rating count for nothing.

Source: Krippendorff, Content Analysis (2004, 11.3); Computing Krippendorff's alpha (2011).
"""

from __future__ import annotations

import numpy as np

from prefkit.statistics.chance import over
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats

__all__ = [
    "alpha",
    "distances",
    "interval_alpha",
    "moments",
    "ordinal_alpha",
    "together",
    "within",
]

_NOISE = 1e-12  # of a variance: what rounding leaves of values that are all equal


def distances(points: Floats, metric: str) -> Floats:
    """The squared distance of every two points of a scale.

    `nominal` 0 or 1; `interval` (a - b)^2; `ratio` ((a - b) / (a + b))^2, 0 of two zeros.

    Raises:
        ValueError: no such metric, or a negative point on a ratio scale.
    """
    one, other = points[:, None], points[None, :]
    if metric == "nominal":
        differ: Floats = (one != other).astype(float)
        return differ
    if metric == "interval":
        squared: Floats = (one - other) ** 2
        return squared
    if metric != "ratio":
        raise ValueError(f"no distances of the metric {metric!r}")
    if len(points) and points.min() < 0:
        raise ValueError(f"a ratio scale starts at 0, and {points.min():g} is below it")
    whole = one + other
    share: Floats = ((one - other) / np.where(whole > 0, whole, 1.0)) ** 2
    return share


def within(counts: Floats, distance: Floats) -> Floats:
    """S of each item, from how many raters said what of it (items by categories)."""
    ordered = np.einsum("ic,cd,id->i", counts, distance, counts)
    return _over_the_others(ordered, counts.sum(axis=1))


def _over_the_others(pairs: Floats, ratings: Floats) -> Floats:
    """Sums over pairs of ratings, over the ratings less one; 0 of an item with one rating."""
    found: Floats = np.where(ratings > 1, pairs / np.maximum(ratings - 1, 1), 0.0)
    return found


def alpha(observed: Floats, pairable: Floats, distance: Floats) -> Floats:
    """Alpha of k draws from S and how often each category was said of items with two ratings.

    NaN where all said the same: nothing could have differed.
    """
    every = np.einsum("kc,cd,kd->k", pairable, distance, pairable)
    return _of(observed, every, pairable.sum(axis=1))


def _of(observed: Floats, every: Floats, ratings: Floats) -> Floats:
    found: Floats = 1 - over((ratings - 1) * observed, every)
    return found


def together(counts: Floats) -> Floats:
    """Each item's table of coincidences, above and on the diagonal: items by q (q + 1) / 2."""
    rows, columns = np.triu_indices(counts.shape[1])
    pairs = counts[:, rows] * (counts[:, columns] - (rows == columns))
    return _over_the_others(pairs.T, counts.sum(axis=1)).T


def ordinal_alpha(coincidences: Floats, categories: int) -> Floats:
    """Alpha of ranks, of k draws of sums of `together`.

    The distance of two categories is how many ratings lie between them, half of their own
    included; that is the distance of their midranks, which every draw ranks anew.
    """
    rows, columns = np.triu_indices(categories)
    # A pair of unequal categories stands for two cells of the table, with one rating of each.
    cells = np.eye(categories)
    of_cells = cells[rows] + cells[columns] * (rows != columns)[:, None]
    said = np.einsum("kp,pc->kc", coincidences, of_cells)
    ranks = np.cumsum(said, axis=1) - said / 2
    ratings = said.sum(axis=1)
    squares, linear = (said * ranks**2).sum(axis=1), (said * ranks).sum(axis=1)
    gaps = (ranks[:, rows] - ranks[:, columns]) ** 2
    observed = 2 * (coincidences * gaps).sum(axis=1)
    return _of(observed, 2 * (ratings * squares - linear**2), ratings)


def moments(items: Ints, values: Floats, item_count: int) -> Floats:
    """What `interval_alpha` adds up: S, ratings, their sum and sum of squares, of each item.

    Distances of an interval scale need no categories, so any number of different values will do.
    """
    # Far from zero squares would lose the digits that differ; alpha does not depend on the origin.
    centred = values - values.mean() if len(values) else values
    ratings, linear, squares = (
        np.bincount(items, weights, item_count).astype(float)
        for weights in (np.ones(len(items)), centred, centred**2)
    )
    observed = _over_the_others(2 * (ratings * squares - linear**2), ratings)
    found = np.column_stack([observed, ratings, linear, squares])
    found[ratings < 2] = 0.0
    return found


def interval_alpha(sums: Floats) -> Floats:
    """Alpha of an interval scale, of k draws of sums of `moments`."""
    observed, ratings, linear, squares = sums.T
    every = 2 * (ratings * squares - linear**2)
    return _of(observed, np.where(every > _NOISE * ratings * squares, every, 0.0), ratings)
