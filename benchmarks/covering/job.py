"""The job `covering`: how often each interval holds the truth, by simulation."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from benchmarks.covering.counts import COUNTS
from benchmarks.covering.cover import LEAST, Covered, cover, cover_counts, settings, truth_at
from benchmarks.covering.numbers import OF_SIZE, QUICK, SLOW
from benchmarks.printing import table

__all__ = ["COVERING", "HELD_FROM", "MEASURES", "Outcome", "run"]

COVERING = "covering"
HELD_FROM = 200
"""Data sets of each kind from which claims are held; a quarter of them where each takes long."""

COUNTED = "counts"
MEASURES = (*QUICK, *SLOW, COUNTED)

_CLUSTERS = (20, 60)
_TIMES_FEWER = 4
_HEADS = ("interval", "prompts", "covers", "error", "least", "error", "where", "given", "holds")


class Outcome(NamedTuple):
    """Everything that was simulated."""

    trials: int
    found: list[Covered]

    @property
    def holds(self) -> bool:
        """Whether no interval fails, where there were enough data sets to say so."""
        return self.trials < HELD_FROM or not any(one.fails for one in self.found)

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        entries = [
            {**one._asdict(), "setting": one.setting._asdict(), "fails": one.fails}
            for one in self.found
        ]
        return {"trials": self.trials, "least": LEAST, "coverage": entries}

    def text(self) -> str:
        """A line an interval and number of prompts: the mean of its kinds of data, and the least.

        Of kinds where at least half of the data sets gave an interval.
        """
        groups: dict[tuple[str, int], list[Covered]] = {}
        for one in self.found:
            groups.setdefault((one.number, one.setting.clusters), []).append(one)
        lines = [self._cells(name, count, group) for (name, count), group in groups.items()]
        note = f"nominal 95 %, {self.trials} data sets of each kind; a line holds that is not below"
        return f"{table([_HEADS, *lines], names=1)}\n{note} {LEAST:.0%} by three standard errors"

    def _cells(self, name: str, clusters: int, group: Sequence[Covered]) -> tuple[str, ...]:
        told = [one for one in group if one.given >= one.trials / 2]
        given = sum(one.given for one in group) / sum(one.trials for one in group)
        if not told:
            return (name, str(clusters), "", "", "", "", "hardly ever given", f"{given:.0%}", "-")
        all_ = sum(one.given for one in told)
        least = min(told, key=lambda one: one.share)
        return (
            name,
            str(clusters),
            f"{sum(one.held for one in told) / all_:.1%}",
            f"{math.sqrt(0.95 * 0.05 / all_):.1%}",
            f"{least.share:.1%}",
            f"{least.error:.1%}",
            ", ".join(part for part in least.setting[:2] if part),
            f"{given:.0%}",
            "NO" if any(one.fails for one in group) else "yes",
        )


def run(
    trials: int, names: Sequence[str] = MEASURES, clusters: tuple[int, ...] = _CLUSTERS
) -> Outcome:
    """Simulate `trials` data sets of each kind (fewer where each takes long)."""
    found: list[Covered] = []
    for name in names:
        print(f"{COVERING}: {name} ...", file=sys.stderr, flush=True)
        found += _of(name, trials, clusters)
    return Outcome(trials, found)


def _of(name: str, trials: int, clusters: tuple[int, ...]) -> Iterator[Covered]:
    if name == COUNTED:
        for kind in COUNTS:
            yield from cover_counts(kind, 10 * trials)
        return
    measure = {**QUICK, **SLOW}[name]
    times = max(1, trials // _TIMES_FEWER) if name in SLOW else trials
    truths: dict[str, dict[str, float]] = {}
    for setting in settings(clusters):
        # Only what is fitted has another truth of another size.
        key = str(setting) if name in OF_SIZE else setting.taste
        if key not in truths:
            truths[key] = truth_at(name, setting, 2 * times)
        for one in cover(measure, setting, truths[key], times):
            yield one._replace(number=f"{name}.{one.number}")
