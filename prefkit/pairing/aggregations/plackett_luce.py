"""A strength of every response, from whole rankings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from prefkit.pairing.ballots import Selection, ballots_of
from prefkit.pairing.collecting import NOBODY, judges_of_votes, numbered, with_prompt
from prefkit.pairing.contests import duels_in
from prefkit.pairing.posteriors import keys_of
from prefkit.pairing.strength_models import Fit, StrengthModel
from prefkit.statistics.aggregation.duels import RIDGE
from prefkit.statistics.aggregation.plackett_luce import Rankings, plackett_luce

__all__ = ["PlackettLuce"]

_RANKED: dict[str, Any] = {
    "ranking": pl.Int64,
    "judge": pl.String,
    "response": pl.UInt64,
    "rank": pl.Int64,
}
"""A line a response in a ranking; rankings count from 0 in each batch, 1 is the best rank."""


class PlackettLuce(StrengthModel):
    """Learn a strength of each response to a prompt from whole rankings, ties included.

    Every ballot that compares two responses or more is one ranking: a judge that ranks twice is
    heard twice. Judges need no name, unless their abilities are learnt with the strengths.
    """

    abilities: bool = Field(False, description="Learn how far each named judge can be believed.")
    ridge: float = Field(RIDGE, gt=0, description="How strongly strengths are drawn together.")

    def collect(self, table: pa.Table, selection: Selection) -> pl.DataFrame:
        """A line a response in a ranking."""
        table = with_prompt(table)
        ballots = ballots_of(table, selection)
        columns = ["row", "ballot", "place", "score", "vote"]
        scores = ballots.scores.select(columns)
        bare = _bare(duels_in(ballots), scores)
        both = pl.concat([scores, bare], how="vertical_relaxed")
        keys = keys_of(table)
        places = keys.starts[both["row"].to_numpy()] + both["place"].to_numpy()
        both = both.with_columns(pl.Series("response", keys.responses[places]))
        # The same response twice in one ranking stands there once.
        both = both.sort("row", "ballot", "place").unique(
            ["row", "ballot", "response"], keep="first", maintain_order=True
        )
        both = both.filter(pl.len().over("row", "ballot") > 1)
        rank = pl.col("score").rank("dense", descending=True).over("row", "ballot")
        lines = both.with_columns(
            judges_of_votes(table).gather(both["vote"]).alias("judge"),
            rank=rank.cast(pl.Int64),
            ranking=pl.struct("row", "ballot").rle_id().cast(pl.Int64),
        )
        return lines.select(pl.col(name).cast(kind) for name, kind in _RANKED.items())

    def fit(self, batches: Iterable[pl.DataFrame]) -> Fit:
        """Every ballot is a ranking."""
        lines, names = numbered(_counted_on(batches), _RANKED)
        of_nobody = pl.col("judge") == NOBODY
        each = lines.unique("ranking", keep="first", maintain_order=True)
        nobody = each.filter(of_nobody).height
        counts = {"votes": each.height - nobody, "not_identified": nobody}
        used = lines.filter(~of_nobody) if self.abilities else lines
        keys, responses = np.unique(used["response"].to_numpy(), return_inverse=True)
        self.refuse(np.bincount(responses), votes=each.height)
        judges = used["judge"].to_numpy().astype(np.int64)
        rankings = Rankings(
            rankings=np.unique(used["ranking"].to_numpy(), return_inverse=True)[1],
            responses=responses,
            ranks=used["rank"].to_numpy(),
            judges=judges if self.abilities else np.zeros_like(judges),
            response_count=len(keys),
        )
        found = plackett_luce(rankings, abilities=self.abilities, ridge=self.ridge)
        return Fit(keys, found, names, counts)


def _bare(duels: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """Both-good and both-bad judgements as ties of two, each under a number of its own."""
    bare = duels.filter(pl.col("outcome").is_in(["both_good", "both_bad"]))
    bare = bare.with_row_index("line").with_columns(ballot=-1 - pl.col("line").cast(pl.Int64))
    sides = [
        bare.select("row", "ballot", place=pl.col(place), score=pl.lit(0.0), vote="vote")
        for place in ("a", "b")
    ]
    return pl.concat(sides).select(scores.columns)


def _counted_on(batches: Iterable[pl.DataFrame]) -> Iterable[pl.DataFrame]:
    """The batches with rankings that count on from one to the next."""
    start = 0
    for batch in batches:
        yield batch.with_columns(pl.col("ranking") + start)
        start += 0 if batch.is_empty() else int(batch["ranking"].max()) + 1  # type: ignore[arg-type]
