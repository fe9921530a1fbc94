"""The pairs that people actually compared."""

from __future__ import annotations

import polars as pl

from prefkit.pairing.contests import Standing
from prefkit.pairing.policy import Chosen, Policy, ordered
from prefkit.pairing.unpaired import thumbs, with_direction

__all__ = ["AsVoted"]


class AsVoted(Policy):
    """Pair what was compared directly: two responses by majority, thumbs as unpaired rows.

    A comparison whose ballots rank three or more responses at once is set aside: which of them to
    pair is a decision that another policy declares.
    """

    def choose(self, standing: Standing, ids: pl.DataFrame) -> Chosen:
        """Orient every contest of rows whose ballots compare two responses at most."""
        several = standing.ranked.filter(pl.col("most") > 2).select("row")
        contests = standing.contests.join(several, on="row", how="anti")
        lonely = ids.filter(pl.col("responses").list.len() == 1).select("row")
        single, unknown = with_direction(standing.responses.join(lonely, on="row", how="semi"))
        aside = several.with_columns(
            reason=pl.lit("more than two responses ranked together: name a policy")
        )
        return Chosen.of(
            pl.concat([ordered(contests), thumbs(single)], how="vertical_relaxed"), aside, unknown
        )
