"""statsmodels' `fleiss_kappa` of items drawn again and again; `VOTES DRAWS`.

It is given the counts of each item at once: its own `aggregate_raters` is a loop over items.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from statsmodels.stats.inter_rater import fleiss_kappa  # type: ignore[import-untyped]

from benchmarks.agreeing.votes import CLASSES, read_votes, told
from benchmarks.executing.spent import spending


def main(path: str, draws: str) -> None:
    """Measure and print."""
    votes = read_votes(Path(path))
    with spending() as spent:
        cells = np.bincount(votes.items * CLASSES + votes.codes)
        table = np.pad(cells, (0, -len(cells) % CLASSES)).reshape(-1, CLASSES)
        value = float(fleiss_kappa(table))
        rng = np.random.default_rng(0)
        count = len(table)
        found = [fleiss_kappa(table[rng.integers(0, count, count)]) for _ in range(int(draws))]
        low, high = np.quantile(found, (0.025, 0.975)).tolist()
    print(told(spent, {"value": value, "low": low, "high": high}))


if __name__ == "__main__":
    main(*sys.argv[1:])
