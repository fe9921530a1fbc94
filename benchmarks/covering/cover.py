"""Count how often intervals hold the truth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.covering.counts import COUNTS, counted
from benchmarks.covering.numbers import OF_SIZE, QUICK, SLOW, Measure
from benchmarks.covering.rows import SHAPES, TASTES, Rows, rows_of

__all__ = [
    "LEAST",
    "Covered",
    "Setting",
    "cover",
    "cover_counts",
    "settings",
    "truth_at",
]

LEAST = 0.93
"""Of intervals of nominally 95 %."""

_OF_TRUTH = 50_000


class Setting(NamedTuple):
    """A kind of data set, by the names of `SHAPES` and `TASTES`; a drawn count has no taste."""

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

    @property
    def fails(self) -> bool:
        """Whether it is below 93 % by three standard errors, of at least half of the data sets.

        A kind of data set where hardly any sample bears an interval shows samples that are odd.
        """
        return self.given >= self.trials / 2 and self.share < LEAST - 3 * self.error


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
        found = measure(_drawn(setting, [seed, trial]))
        for name, one in found.items():
            if name in truth and one.low is not None and one.high is not None:
                given[name] += 1
                held[name] += one.low <= truth[name] <= one.high
                width[name] += one.high - one.low
    return [
        Covered(name, setting, given[name], held[name], trials, width[name] / max(given[name], 1))
        for name in truth
    ]


def cover_counts(name: str, trials: int, seed: int = 0) -> list[Covered]:
    """The same of samples from one of `COUNTS`."""
    given: dict[str, int] = {}
    held, width = dict(given), dict[str, float]()
    for trial in range(trials):
        found, truth = counted(COUNTS[name], np.random.default_rng([seed, trial]))
        for number, one in found.items():
            if one.low is not None and one.high is not None:
                given[number] = given.get(number, 0) + 1
                held[number] = held.get(number, 0) + (one.low <= truth <= one.high)
                width[number] = width.get(number, 0.0) + one.high - one.low
    setting = Setting(name, "", sum(COUNTS[name].seen))
    return [
        Covered(f"counts.{number}", setting, there, held[number], trials, width[number] / there)
        for number, there in given.items()
    ]


def truth_at(name: str, setting: Setting, trials: int) -> dict[str, float]:
    """Of many rows, or of what is fitted the mean of other data sets of this kind."""
    measure = {**QUICK, **SLOW}[name]
    if name not in OF_SIZE:
        return _truth_of(measure, setting.taste)
    values: dict[str, list[float]] = {}
    for trial in range(trials):
        for number, one in measure(_drawn(setting, [1, trial])).items():
            values.setdefault(number, [])
            if one.value is not None:
                values[number].append(one.value)
    return {number: float(np.mean(each)) for number, each in values.items() if each}


def _drawn(setting: Setting, seed: Sequence[int]) -> Rows:
    rng = np.random.default_rng([*seed, setting.clusters])
    return rows_of(SHAPES[setting.shape](setting.clusters, rng), TASTES[setting.taste], rng)


def _truth_of(measure: Measure, taste: str) -> dict[str, float]:
    """The numbers of so many rows that their own error is far below any width here."""
    rng = np.random.default_rng(20)
    sizes = np.ones(_OF_TRUTH, dtype=np.int64)
    found = measure(rows_of(sizes, TASTES[taste], rng))
    return {name: math.nan if one.value is None else one.value for name, one in found.items()}
