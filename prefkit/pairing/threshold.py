"""Good responses against bad ones, split at a score."""

from __future__ import annotations

from typing import ClassVar

import polars as pl
from pydantic import Field

from prefkit.pairing.contests import Standing
from prefkit.pairing.every import capped, lower_than
from prefkit.pairing.policy import Chosen, Policy, of_one_scale

__all__ = ["Threshold"]


class Threshold(Policy):
    """Pair every response at or above `at` with every lower one, at most `cap` pairs a prompt."""

    by_votes: ClassVar[bool] = False

    at: float = Field(description="The lowest mean score that counts as good, on the votes' scale.")
    cap: int = Field(6, ge=1, description="Pairs of one prompt at most.")
    seed: int = Field(0, description="Another seed keeps other pairs.")

    def most_of_a_prompt(self) -> int | None:
        """The cap holds over all comparisons of a prompt."""
        return self.cap

    def choose(self, standing: Standing, ids: pl.DataFrame) -> Chosen:
        """Split each row's responses and join the two parts."""
        responses, aside = of_one_scale(standing)
        good = responses.filter(pl.col("score") >= self.at)
        bad = responses.filter(pl.col("score") < self.at)
        rest = responses.select("row").unique(maintain_order=True)
        aside_too = rest.with_columns(reason=pl.lit(f"all responses on one side of {self.at:g}"))
        return Chosen.of(capped(lower_than(good, bad), ids, self.cap, self.seed), aside, aside_too)
