"""crowd-kit's `DawidSkene`; `VOTES ITERATIONS POSTERIOR`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from crowdkit.aggregation import DawidSkene  # type: ignore[import-not-found, unused-ignore]

from benchmarks.agreeing.votes import CLASSES, read_votes, told
from benchmarks.executing.spent import spending


def main(path: str, iterations: str, posterior: str) -> None:
    """Measure, save the posterior and print."""
    votes = read_votes(Path(path))
    frame = pd.DataFrame({"task": votes.items, "worker": votes.judges, "label": votes.codes})
    with spending() as spent:
        # below zero: as many iterations as are asked for
        found = DawidSkene(n_iter=int(iterations), tol=-1.0).fit_predict_proba(frame)
    np.save(posterior, found.sort_index().reindex(columns=range(CLASSES)).to_numpy())
    print(told(spent, {"iterations": int(iterations)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
