"""Neighbours in a ranking."""

from __future__ import annotations

import polars as pl

from prefkit.pairing.contests import Standing
from prefkit.pairing.policy import Chosen, Policy, of_one_scale

__all__ = ["Adjacent"]


class Adjacent(Policy):
    """Pair each response with the next lower one by mean score; equal ones are skipped."""

    def choose(self, standing: Standing, ids: pl.DataFrame) -> Chosen:
        """Order each row's responses by mean score and take neighbours."""
        del ids
        responses, aside = of_one_scale(standing)
        ranked = responses.sort("row", "score", "place", descending=[False, True, False])
        pairs = ranked.with_columns(
            rejected=pl.col("place").shift(-1).over("row"),
            lower=pl.col("score").shift(-1).over("row"),
        ).filter(pl.col("lower") < pl.col("score"))
        return Chosen.of(pairs.select("row", chosen="place", rejected="rejected"), aside)
