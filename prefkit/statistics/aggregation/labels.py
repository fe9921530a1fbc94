"""Votes in long form, what is known beforehand, and what an aggregation gives back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats

__all__ = ["NO_PRIOR", "UNKNOWN", "Aggregated", "Labels", "Prior", "checked", "counts_of"]

UNKNOWN = -1
"""The code of an item of which no gold answer is known."""


class Labels(NamedTuple):
    """Votes in long form, a line each: which judge gave which item which class.

    All three columns are numbers from 0 up. Of verdicts about two sides the codes are 0 (the first
    side is better), 1 (tie), 2 (the second side is better). A judge may vote on an item more than
    once; an item may have no vote. The order of the lines changes no result.
    """

    items: Ints
    judges: Ints
    codes: Ints
    item_count: int
    judge_count: int
    classes: int


class Prior(NamedTuple):
    """What is known before any vote is read."""

    known: Ints | None = None
    """The true code of each item, `UNKNOWN` where there is none; null where there is no gold."""

    better_than_chance: bool = True
    """Of two mirrored solutions the one is right in which the median judge is the better one.

    Gold overrules it where at odds of a thousand to one it speaks for the other solution, no item
    at more than two to one, so ten items at least: what everybody got wrong may just be hard.
    """

    symmetric: bool = False
    """Whether the classes are mirrored when sides are exchanged, as those of verdicts are.

    Then confusion[j, k, l] is confusion[j, K - 1 - k, K - 1 - l], and mirrored classes are equally
    frequent: which side stands first is no fact about the answers.
    """


NO_PRIOR = Prior()


class Aggregated(NamedTuple):
    """What an aggregation made of votes."""

    posterior: Floats
    """Items by classes: the probability of each class, gold answers as they are.

    An item without a vote has what the method believes of any item.
    """

    judges: Mapping[str, Floats]
    """By judge: `votes`, `accuracy`, and what the method learns (`confusion`, `ability`, `spam`).

    `accuracy` is the chance that a vote of the judge is the true class, in the mix of classes that
    the method found. NaN for a judge without a vote.
    """

    iterations: int
    converged: bool
    turned: bool
    """Whether most items came out against their majority: the votes were a mirror image."""

    anchored: str
    """What told the solution from its mirror image: `gold`, the stated prior, or `nothing`."""

    notes: tuple[str, ...] = ()
    classes: Floats | None = None
    """How frequent each class is by the method; null where it has no such idea."""


def checked(labels: Labels, prior: Prior = NO_PRIOR) -> None:
    """Refuse votes or gold that are not of the stated size.

    Raises:
        ValueError: which column, what was found, what is allowed.
    """
    if labels.classes < 2:
        raise ValueError(f"{labels.classes} classes: a vote chooses among at least two")
    lengths = {len(labels.items), len(labels.judges), len(labels.codes)}
    if len(lengths) > 1:
        raise ValueError("items, judges and codes are of different lengths")
    sizes = {"items": labels.item_count, "judges": labels.judge_count, "codes": labels.classes}
    for name, size in sizes.items():
        column = getattr(labels, name)
        if len(column) and (column.min() < 0 or column.max() >= size):
            raise ValueError(f"{name} are {column.min()} to {column.max()}, not 0 to {size - 1}")
    known = prior.known
    if known is None:
        return
    if len(known) != labels.item_count:
        raise ValueError(f"gold for {len(known)} items, there are {labels.item_count}")
    if len(known) and (known.min() < UNKNOWN or known.max() >= labels.classes):
        raise ValueError(
            f"gold codes are {known.min()} to {known.max()}, not -1 to {labels.classes - 1}"
        )


def counts_of(labels: Labels) -> Floats:
    """Items by classes: how many votes said so."""
    size = labels.item_count * labels.classes
    cells = labels.items * labels.classes + labels.codes
    return np.bincount(cells, minlength=size).astype(float).reshape(-1, labels.classes)
