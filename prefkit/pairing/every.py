"""Every ordered pair, capped."""

from __future__ import annotations

import polars as pl
from pydantic import Field

from prefkit.pairing.contests import Standing
from prefkit.pairing.policy import Chosen, Policy, drawn, of_one_scale

__all__ = ["Every", "capped", "lower_than"]


class Every(Policy):
    """Pair every response with every one that scored lower, at most `cap` pairs a prompt.

    Above the cap a draw by seed and ids decides, not the margin: the largest margins teach least.
    """

    cap: int = Field(6, ge=1, description="Pairs of one prompt at most.")
    seed: int = Field(0, description="Another seed keeps other pairs.")

    def most_of_a_prompt(self) -> int | None:
        """The cap holds over all comparisons of a prompt."""
        return self.cap

    def choose(self, standing: Standing, ids: pl.DataFrame) -> Chosen:
        """Join each row's responses with its lower ones."""
        responses, aside = of_one_scale(standing)
        pairs = lower_than(responses, responses)
        return Chosen.of(capped(pairs, ids, self.cap, self.seed), aside)


def lower_than(upper: pl.DataFrame, lower: pl.DataFrame) -> pl.DataFrame:
    """Row, chosen, rejected for every response of `upper` and one of `lower` that scored less."""
    other = lower.select("row", rejected="place", less="score")
    found = upper.select("row", "score", chosen="place").join(other, on="row")
    return found.filter(pl.col("less") < pl.col("score")).select("row", "chosen", "rejected")


def capped(pairs: pl.DataFrame, ids: pl.DataFrame, cap: int, seed: int) -> pl.DataFrame:
    """At most `cap` pairs a row, chosen by a draw over the ids."""
    named = pairs.join(ids, on="row").with_columns(
        one=pl.col("responses").list.get(pl.col("chosen")),
        other=pl.col("responses").list.get(pl.col("rejected")),
    )
    named = named.with_columns(drawn(named, seed, "id", "one", "other")).sort("row", "draw")
    kept = named.filter(pl.int_range(pl.len()).over("row") < cap)
    return kept.select("row", "chosen", "rejected").sort("row", "chosen", "rejected")
