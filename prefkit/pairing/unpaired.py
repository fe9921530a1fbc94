"""Single responses with a direction."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from prefkit.pairing.contests import Standing
from prefkit.pairing.policy import Chosen, Policy

__all__ = ["Unpaired", "thumbs", "with_direction"]


class Unpaired(Policy):
    """Make one unpaired row of every response that votes call good or bad (thumbs, chosen or not).

    Counts on scales from 0 to 1 (thumbs, choice, pass share, probability): a mean above one half is
    good, below is bad, exactly one half is a tie.
    """

    by_votes: ClassVar[bool] = False

    def choose(self, standing: Standing, ids: pl.DataFrame) -> Chosen:
        """Take every response on its own."""
        del ids
        known, unknown = with_direction(standing.responses)
        return Chosen.of(thumbs(known), unknown)


def with_direction(responses: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Responses on one scale from 0 to 1, and the rows of the others with their reason."""
    known = pl.col("scale").is_in(["thumbs", "choice", "pass_share", "probability"]) & (
        pl.col("scales") == 1
    )
    reason = pl.lit("no scale from 0 to 1: use threshold")
    return responses.filter(known), responses.filter(~known).select("row", reason=reason)


def thumbs(responses: pl.DataFrame) -> pl.DataFrame:
    """Responses as row, chosen, rejected with one side null; a mean of one half is left out."""
    good = pl.col("score") > 0.5
    return responses.filter(pl.col("score") != 0.5).select(
        "row", chosen=pl.when(good).then("place"), rejected=pl.when(~good).then("place")
    )
