"""The best response against the worst."""

from __future__ import annotations

import polars as pl

from prefkit.pairing.contests import Standing
from prefkit.pairing.policy import Chosen, Policy, of_one_scale

__all__ = ["BestWorst"]


class BestWorst(Policy):
    """Pair the response with the highest mean score with the one with the lowest.

    Equal scores at either end are settled by response id; where all are equal the row is a tie.
    """

    def choose(self, standing: Standing, ids: pl.DataFrame) -> Chosen:
        """Order each row's responses by mean score."""
        del ids
        responses, aside = of_one_scale(standing)
        ends = responses.sort("row", "score", "place", descending=[False, True, False]).group_by(
            "row", maintain_order=True
        )
        pairs = ends.agg(
            chosen=pl.col("place").first(),
            rejected=pl.col("place").last(),
            spread=pl.col("score").first() - pl.col("score").last(),
        )
        return Chosen.of(pairs.filter(pl.col("spread") > 0), aside)
