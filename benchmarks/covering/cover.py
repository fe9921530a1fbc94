"""Count how often intervals hold the truth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from benchmarks.covering.numbers import Measure
from benchmarks.covering.rows import SHAPES, TASTES, rows_of

__all__ = ["Covered", "Setting", "cover", "settings", "truth_of"]

_OF_TRUTH = 150_000


class Setting(NamedTuple):
    """A kind of data set, by the names of `SHAPES` and `TASTES`."""

    shape: str
    taste: str
    clusters: int


class Covered(NamedTuple):
    """How often one number's interval held the truth, of the data sets that gave one."""

    number: str
    setting: Setting
    given: int
    held: int
    trials: int
    width: float

    @property
    def share(self) -> float:
        """Of the intervals that were given."""
        return self.held / self.given if self.given else math.nan

    @property
    def error(self) -> float:
        """The standard error of `share` where 95 % is the truth."""
        return math.sqrt(0.95 * 0.05 / self.given) if self.given else math.nan


def settings(clusters: tuple[int, ...] = (20, 60, 200)) -> Iterator[Setting]:
    """Every shape, taste and number of clusters."""
    for shape in SHAPES:
        for taste in TASTES:
            for count in clusters:
                yield Setting(shape, taste, count)


def cover(
    measure: Measure, setting: Setting, truth: Mapping[str, float], trials: int, seed: int = 0
) -> list[Covered]:
    """Draw data sets of one kind and count, a number each."""
    given = dict.fromkeys(truth, 0)
    held, width = dict.fromkeys(truth, 0), dict.fromkeys(truth, 0.0)
    for trial in range(trials):
        rng = np.random.default_rng([seed, trial, setting.clusters])
        sizes = SHAPES[setting.shape](setting.clusters, rng)
        found = measure(rows_of(sizes, TASTES[setting.taste], rng))
        for name, one in found.items():
            if one.low is not None and one.high is not None:
                given[name] += 1
                held[name] += one.low <= truth[name] <= one.high
                width[name] += one.high - one.low
    return [
        Covered(name, setting, given[name], held[name], trials, width[name] / max(given[name], 1))
        for name in truth
    ]


def truth_of(measure: Measure, taste: str) -> dict[str, float]:
    """The numbers of so many rows that their own error is far below any width here."""
    rng = np.random.default_rng(20)
    sizes = np.ones(_OF_TRUTH, dtype=np.int64)
    found = measure(rows_of(sizes, TASTES[taste], rng))
    return {name: math.nan if one.value is None else one.value for name, one in found.items()}
