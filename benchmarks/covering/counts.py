"""The intervals of counts: rows drawn at random from a dataset, whole or by strata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from prefkit.statistics.binomial import exact_share
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.stratified import Stratum, stratified_share
from prefkit.statistics.wilson import wilson_share

__all__ = ["COUNTS", "Drawn", "counted"]


_AROUND = 0.5  # of the share that is wrong: so far truths are from each other


class Drawn(NamedTuple):
    """A dataset by strata: their rows, how many are looked at, about which share is right."""

    rows: tuple[int, ...]
    seen: tuple[int, ...]
    shares: tuple[float, ...]


COUNTS: Mapping[str, Drawn] = {
    "20 of 2,000 rows, even": Drawn((2_000,), (20,), (0.5,)),
    "20 of 2,000 rows, skewed": Drawn((2_000,), (20,), (0.9,)),
    "60 of 100 rows, skewed": Drawn((100,), (60,), (0.9,)),
    "200 of 20,000 rows, 97 % right": Drawn((20_000,), (200,), (0.97,)),
    "strata 20 + 20 + 20, skewed": Drawn((600, 300, 100), (20, 20, 20), (0.9, 0.8, 0.95)),
    "strata 100 + 30, one drawn more": Drawn((500, 5_000), (100, 30), (0.6, 0.9)),
    "strata 60 + 20 + 20 + 20, 97 % right": Drawn(
        (9_000, 300, 300, 300), (60, 20, 20, 20), (0.97, 0.97, 0.9, 0.9)
    ),
}


def counted(drawn: Drawn, rng: np.random.Generator) -> tuple[dict[str, Estimate], float]:
    """What one sample tells of the share of right rows in the whole, and that share."""
    # Of one fixed count coverage swings by how its steps fall, up and down from one to the next.
    shares = [share + _AROUND * rng.uniform(-1, 1) * (1 - share) for share in drawn.shares]
    right = [round(rows * share) for rows, share in zip(drawn.rows, shares, strict=True)]
    good = [
        int(rng.hypergeometric(one, rows - one, seen))
        for one, rows, seen in zip(right, drawn.rows, drawn.seen, strict=True)
    ]
    truth = sum(right) / sum(drawn.rows)
    strata = [Stratum(*each) for each in zip(drawn.rows, drawn.seen, good, strict=True)]
    found = {"stratified": stratified_share(strata)}
    if len(strata) == 1:
        found["wilson"] = wilson_share(good[0], drawn.seen[0], population=drawn.rows[0])
        found["exact"] = exact_share(good[0], drawn.seen[0])
    return found, truth
