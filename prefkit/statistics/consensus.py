"""What the others say of the same item: the consensus that one rater is held against.

The rater's own answer is left out of it, or everybody would agree with themselves.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from prefkit.statistics.prediction import Ints
from prefkit.statistics.raters import Ratings

__all__ = ["NO_CONSENSUS", "others_say"]

NO_CONSENSUS = -1


class _Tops(NamedTuple):
    """Of each item: the most frequent answers, and how frequent the next ones are."""

    most: Ints
    tops: Ints
    """How many answers are that frequent."""

    sums: Ints
    """Of their codes: the code where there is one, and the other one of two less the first."""

    next: Ints
    """How often the most frequent of all other answers was given, 0 where there is none."""


def others_say(ratings: Ratings) -> Ints:
    """The one most frequent answer of the other raters of its item, for each line.

    `NO_CONSENSUS` where nobody else rated the item, and where two answers are equally frequent. A
    rater who is not identified is somebody else every time.

    Raises:
        ValueError: a category is below 0.
    """
    if not len(ratings.codes):
        return np.zeros(0, dtype=np.int64)
    if ratings.codes.min() < 0:
        raise ValueError("categories go from 0 up")
    size = int(ratings.codes.max()) + 1
    cells, cell_of, counts = np.unique(
        ratings.items * size + ratings.codes, return_inverse=True, return_counts=True
    )
    items, codes = np.divmod(cells, size)
    tops = _tops(items, codes, counts, ratings.item_count)
    most = tops.most[items]
    first = counts == most
    # Without one of them, an answer that was alone at the top stays there if none comes near it.
    stays = first & (tops.tops[items] == 1) & (counts - 1 > tops.next[items])
    other = first & (tops.tops[items] == 2)
    below = ~first & (tops.tops[items] == 1)
    said = np.full(len(cells), NO_CONSENSUS)
    said[stays] = codes[stays]
    said[other] = (tops.sums[items] - codes)[other]
    said[below] = tops.sums[items][below]
    found: Ints = said[cell_of.reshape(-1)]
    return found


def _tops(items: Ints, codes: Ints, counts: Ints, item_count: int) -> _Tops:
    most, after = np.zeros(item_count, dtype=np.int64), np.zeros(item_count, dtype=np.int64)
    np.maximum.at(most, items, counts)
    first = counts == most[items]
    np.maximum.at(after, items[~first], counts[~first])
    # Sums of integers below 2 ** 53 are exact.
    sums = np.bincount(items[first], codes[first], item_count).astype(np.int64)
    return _Tops(most, np.bincount(items[first], minlength=item_count), sums, after)
