"""Simulated rows with a known truth: prompts of unequal size, raters who err, ties, skewed labels.

A prompt draws how hard it is, and with some probability one truth for all of its rows, so rows of a
prompt go together in both. The size of a prompt has nothing to do with either, so that the truth
is the same for every shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.shares import Coded

__all__ = ["SHAPES", "TASTES", "Rows", "Taste", "rows_of"]

_NORMAL = NormalDist()

Sizes = np.ndarray[Any, np.dtype[np.int64]]


def _single(clusters: int, rng: np.random.Generator) -> Sizes:
    return np.ones(clusters, dtype=np.int64)


def _five(clusters: int, rng: np.random.Generator) -> Sizes:
    return np.full(clusters, 5, dtype=np.int64)


def _uneven(clusters: int, rng: np.random.Generator) -> Sizes:
    return rng.geometric(0.25, clusters)


def _one_large(clusters: int, rng: np.random.Generator) -> Sizes:
    sizes = np.full(clusters, 4, dtype=np.int64)
    sizes[0] = 4 * clusters // 5
    return sizes


SHAPES: Mapping[str, Callable[[int, np.random.Generator], Sizes]] = {
    "one row a prompt": _single,
    "five rows a prompt": _five,
    "geometric, mean four": _uneven,
    "one prompt with a sixth": _one_large,
}
"""Rows of each prompt; the last has four rows a prompt and one prompt with a sixth of all."""


class Taste(NamedTuple):
    """How labels lie: the share of one side, and how often an unsure rater ties."""

    side: float
    ties: float


TASTES: Mapping[str, Taste] = {
    "even": Taste(0.5, 0.1),
    "skewed": Taste(0.9, 0.1),
    "many ties": Taste(0.6, 0.8),
}


class Rows(NamedTuple):
    """A data set; verdicts are for the fixed side of each row."""

    clusters: Sizes
    human: Coded
    judges: tuple[Coded, ...]
    swapped: Coded
    """The first judge's verdict where the fixed side stands second."""

    length: np.ndarray[Any, np.dtype[np.float64]]
    """Of the fixed side less that of the other."""

    others: np.ndarray[Any, np.dtype[np.int64]]
    """How many of three more humans said -1, 0, 1."""

    spare: np.ndarray[Any, np.dtype[np.float64]]
    """Rows by four: numbers even from 0 to 1 that go with nothing else; the first goes together
    in a prompt."""


def rows_of(sizes: Sizes, taste: Taste, rng: np.random.Generator) -> Rows:
    """Draw rows for prompts of these sizes."""
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    count, fixed = len(clusters), rng.random(len(sizes)) < taste.side
    own = rng.random(count) < taste.side
    truth = np.where(rng.random(count) < 0.3, fixed[clusters], own) * 2 - 1
    hard = np.where(rng.random(len(sizes)) < 0.4, 0.5, 0.0)[clusters]
    length = rng.normal(0.5 * truth, 1.0)

    def says(sure: float, lean: float = 0.0, order: float = 0.0) -> Coded:
        unsure = rng.random(count) < 1 - sure + hard
        guess = np.sign(lean * length + order + rng.normal(size=count)).astype(np.int64)
        guess = np.where(rng.random(count) < taste.ties, 0, guess)
        return Coded(np.where(unsure, guess, truth), np.ones(count, dtype=bool))

    judges = (says(0.8, 0.5, 0.5), says(0.75, 0.5), says(0.7))
    votes = np.stack([says(0.85).codes for _ in range(3)], axis=1)
    others = np.stack([(votes == code).sum(axis=1) for code in (-1, 0, 1)], axis=1)
    human, swapped = says(0.85), says(0.8, 0.5, -0.5)
    spare = rng.random((count, 4))
    shared = np.sqrt(0.3) * rng.normal(size=len(sizes))[clusters]
    spare[:, 0] = [_NORMAL.cdf(one) for one in shared + np.sqrt(0.7) * rng.normal(size=count)]
    return Rows(clusters, human, judges, swapped, length, others, spare)
