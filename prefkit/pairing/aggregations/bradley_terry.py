"""A strength of every response, from who beat whom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from prefkit.pairing.ballots import Selection
from prefkit.pairing.collecting import contest_votes, contests_of
from prefkit.pairing.strength_models import Fit, StrengthModel
from prefkit.statistics.aggregation.bradley_terry import bradley_terry
from prefkit.statistics.aggregation.duels import RIDGE, Duels

__all__ = ["BradleyTerry"]


class BradleyTerry(StrengthModel):
    """Learn a strength of each response to a prompt from all its contests, ties included.

    `p_chosen` is the share of votes that the model expects for the chosen side. Judges need no
    name, unless their abilities are learnt with the strengths (Crowd-BT).
    """

    ties: Literal["davidson", "rao_kupper", "half"] = Field(
        "davidson", description="How ties come about; half: as half a vote for each side."
    )
    abilities: bool = Field(False, description="Learn how far each named judge can be believed.")
    ridge: float = Field(RIDGE, gt=0, description="How strongly strengths are drawn together.")

    def collect(self, table: pa.Table, selection: Selection) -> pl.DataFrame:
        """A line a judge and contest."""
        return contest_votes(table, selection)

    def fit(self, batches: Iterable[pl.DataFrame]) -> Fit:
        """Every line is a duel."""
        everybody = contests_of(batches)
        used = everybody.of_judges() if self.abilities else everybody
        times = np.bincount(np.concatenate([used.first, used.second]))
        self.refuse(times, votes=everybody.votes.height)
        judges = used.votes["judge"].to_numpy().astype(np.int64)
        duels = Duels(
            first=used.first,
            second=used.second,
            judges=judges if self.abilities else np.zeros_like(judges),
            credits=(used.votes["said"].to_numpy() + 1) / 2,
            responses=len(used.responses),
        )
        found = bradley_terry(duels, ties=self.ties, abilities=self.abilities, ridge=self.ridge)
        return Fit(used.responses, found, used.names, everybody.counts())
