"""prefkit's agreement of any number of raters, with its intervals; `VOTES DRAWS`.

It finds percent, Gwet's and Krippendorff's coefficients as well, each with its interval.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from benchmarks.agreeing.votes import CLASSES, read_votes, told
from benchmarks.executing.spent import spending
from prefkit.statistics.agreement import Scale
from prefkit.statistics.fleiss import agreements
from prefkit.statistics.raters import Ratings
from prefkit.statistics.sums import Draws


def main(path: str, draws: str) -> None:
    """Measure and print."""
    if int(draws) != Draws().resamples:
        raise SystemExit(f"prefkit draws {Draws().resamples} times")
    votes = read_votes(Path(path))
    with spending() as spent:
        items = int(votes.items[-1]) + 1
        ratings = Ratings(votes.items, votes.judges, votes.codes, items)
        one = agreements(ratings, np.arange(items), Scale(CLASSES))["class"]["fleiss"]
    if one.value is None or one.low is None or one.high is None:
        raise SystemExit(f"no interval: {one.reason}")
    print(told(spent, {"value": one.value, "low": one.low, "high": one.high}))


if __name__ == "__main__":
    main(*sys.argv[1:])
