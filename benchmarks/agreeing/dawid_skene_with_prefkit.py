"""prefkit's Dawid-Skene, unsmoothed as the peer's is; `VOTES ITERATIONS POSTERIOR`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from benchmarks.agreeing.votes import CLASSES, read_votes, told
from benchmarks.executing.spent import spending
from prefkit.statistics.aggregation.dawid_skene import dawid_skene
from prefkit.statistics.aggregation.em import Limits
from prefkit.statistics.aggregation.labels import Labels


def main(path: str, iterations: str, posterior: str) -> None:
    """Measure, save the posterior and print."""
    votes = read_votes(Path(path))
    with spending() as spent:
        sizes = (int(votes.items[-1]) + 1, int(votes.judges.max()) + 1, CLASSES)
        labels = Labels(votes.items, votes.judges, votes.codes, *sizes)
        limits = Limits(int(iterations), tolerance=0.0)  # as many as are asked for
        found = dawid_skene(labels, smoothing=0.0, limits=limits)
    np.save(posterior, found.posterior)
    print(told(spent, {"iterations": found.iterations}))


if __name__ == "__main__":
    main(*sys.argv[1:])
