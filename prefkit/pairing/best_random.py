"""The best response against a random lower one."""

from __future__ import annotations

import polars as pl
from pydantic import Field

from prefkit.pairing.contests import Standing
from prefkit.pairing.policy import Chosen, Policy, drawn, of_one_scale

__all__ = ["BestRandom"]


class BestRandom(Policy):
    """Pair the response with the highest mean score with a random one that scored lower.

    The draw depends on the seed and the ids, not on the order of rows.
    """

    seed: int = Field(0, description="Another seed draws other responses.")

    def choose(self, standing: Standing, ids: pl.DataFrame) -> Chosen:
        """Draw by the lowest keyed hash of comparison and response."""
        responses, aside = of_one_scale(standing)
        named = responses.join(ids, on="row").with_columns(
            response=pl.col("responses").list.get(pl.col("place"))
        )
        named = named.with_columns(drawn(named, self.seed, "id", "response"))
        best = (
            named.sort("row", "score", "place", descending=[False, True, False])
            .unique("row", keep="first", maintain_order=True)
            .select("row", chosen="place", top="score")
        )
        lower = named.join(best, on="row").filter(pl.col("score") < pl.col("top"))
        pairs = lower.sort("row", "draw").unique("row", keep="first", maintain_order=True)
        return Chosen.of(pairs.select("row", "chosen", rejected="place"), aside)
