"""Votes of judges of known quality, made anew; and what measuring a stretch of a program tells.

Imports nothing of prefkit: the peers read it too.
"""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.executing.spent import Spent

__all__ = ["CLASSES", "RATERS", "Votes", "read_votes", "told", "write_votes"]

CLASSES = 3
RATERS = 5
"""Votes that an item has."""

_SHARES = (0.5, 0.2, 0.3)
"""How frequent each class is: no two alike, so that no peer is spared by symmetry."""
_WORST, _BEST = 0.55, 0.95
_SEED = 20_260_101


class Votes(NamedTuple):
    """A line each, by item; an item has `RATERS` lines, each of another judge."""

    items: np.ndarray[Any, np.dtype[np.int64]]
    judges: np.ndarray[Any, np.dtype[np.int64]]
    codes: np.ndarray[Any, np.dtype[np.int64]]


def write_votes(items: int, judges: int, path: Path) -> None:
    """Write the votes of so many judges on so many items; equal calls write equal votes."""
    rng = np.random.default_rng(_SEED)
    truth = np.repeat(rng.choice(CLASSES, items, p=_SHARES), RATERS)
    # neighbours from a random place on, so that no judge meets an item twice
    begin = np.repeat(rng.integers(0, judges, items), RATERS)
    who = (begin + np.tile(np.arange(RATERS), items)) % judges
    right = rng.random(len(who)) < np.linspace(_WORST, _BEST, judges)[who]
    other = (truth + rng.integers(1, CLASSES, len(who))) % CLASSES
    codes = np.where(right, truth, other)
    np.savez(path, items=np.repeat(np.arange(items), RATERS), judges=who, codes=codes)


def read_votes(path: Path) -> Votes:
    """The votes of a file."""
    with np.load(path) as held:
        return Votes(held["items"], held["judges"], held["codes"])


def told(spent: Spent, found: dict[str, float]) -> str:
    """One line for whoever started this program: what it took, its peak memory, what it found."""
    # kB on Linux; of the whole process, libraries and votes included
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    cost = {"cpu_s": spent.cpu_s, "wall_s": spent.wall_s, "peak_mb": peak_mb}
    return json.dumps({**cost, "found": found})
