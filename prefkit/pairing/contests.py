"""Two responses against each other: what all ballots say about every pair of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from prefkit.pairing.ballots import Ballots
from prefkit.statistics.order_effect import LEAST, logit

__all__ = ["Standing", "duels_in", "responses_of", "standing_of"]

_COUNTED = ("choice", "rank", "thumbs", "strength")
"""Scales on which one person's judgement is a vote: a count of votes has a Beta posterior."""


class Standing(NamedTuple):
    """What a policy chooses from; places are positions in `responses`.

    `contests`: row, a, b (a < b), wins_a, wins_b, ties, n, lead (1 where a is held for the better
    one, -1 for b, 0 for neither: by majority, or by what `posteriors` puts in its place),
    difference (mean over ballots of the score of a minus that of b, or of the log-odds for a where
    a ballot shares a probability among its responses), scale (`logit` for log-odds), scales (how
    many), counted (whether votes may be counted), both_good, both_bad, votes (list).
    `responses`: row, place, score (mean, or what `posteriors` puts in its place), n, scale, scales,
    counted, votes (list). `ranked`: row, most (the most responses that one ballot of the row
    compares).
    """

    contests: pl.DataFrame
    responses: pl.DataFrame
    ranked: pl.DataFrame


def standing_of(ballots: Ballots) -> Standing:
    """Aggregate ballots by row and pair of responses, and by row and response."""
    ranked = (
        ballots.scores.group_by("row", "ballot")
        .len("most")
        .group_by("row")
        .agg(pl.col("most").max())
        .sort("row")
    )
    return Standing(_contests(duels_in(ballots)), responses_of(ballots), ranked)


def duels_in(ballots: Ballots) -> pl.DataFrame:
    """What each ballot says of every two responses that it compares.

    Columns: row, a, b (a < b), difference (above 0 for a), kind, scale, outcome, vote, vote_b (the
    vote on b; of a ballot that is one vote the same).
    """
    scores = ballots.scores
    other = scores.select("ballot", b="place", score_b="score", vote_b="vote")
    duels = (
        scores.rename({"place": "a"})
        .join(other, on="ballot")
        .filter(pl.col("a") < pl.col("b"))
        .with_columns(difference=pl.col("score") - pl.col("score_b"))
    )
    duels = _in_log_odds(duels).select(
        "row", "a", "b", "difference", "kind", "scale", "outcome", "vote", "vote_b"
    )
    return pl.concat([duels, _bare_duels(ballots, duels)])


def responses_of(ballots: Ballots) -> pl.DataFrame:
    """The responses of a standing by themselves: contests are many where responses are."""
    each = ballots.scores.group_by("row", "place").agg(
        pl.col("score").mean(), pl.len().alias("n"), *_evidence(pl.col("vote"))
    )
    return each.sort("row", "place")


def _in_log_odds(duels: pl.DataFrame) -> pl.DataFrame:
    """Duels in which the difference of a shared probability is its log-odds.

    The mean of log-odds over both orders is free of the order, that of probabilities is drawn to
    one half. Probabilities that single votes gave to single responses share nothing and stay.
    """
    shared = (pl.col("scale") == "probability") & (pl.col("vote") == pl.col("vote_b"))
    both = pl.col("score") + pl.col("score_b")
    # Equal scores are a tie whatever rounding makes of their share, and so are two zeros.
    even = pl.col("difference") == 0
    share = pl.when(shared).then(pl.when(even).then(0.5).otherwise(pl.col("score") / both))
    shares = duels.select(share=share)["share"].cast(pl.Float64).to_numpy()
    found = pl.Series("odds", logit(np.clip(shares, LEAST, 1 - LEAST)), pl.Float64)
    return duels.with_columns(
        difference=pl.when(shared).then(found).otherwise("difference"),
        scale=pl.when(shared).then(pl.lit("logit")).otherwise("scale"),
    )


def _evidence(votes: pl.Expr) -> list[pl.Expr]:
    counted = pl.col("scale").str.split(":").list.first().is_in(_COUNTED) & (
        pl.col("kind") == "human"
    )
    return [
        pl.col("scale").first(),
        pl.col("scale").n_unique().alias("scales"),
        counted.all().alias("counted"),
        votes.unique().sort().alias("votes"),
    ]


def _bare_duels(ballots: Ballots, duels: pl.DataFrame) -> pl.DataFrame:
    """Both-good and both-bad judgements as ties of the pairs that other ballots of the row compare.

    Where nothing else compares the row's responses, it is the pair of the first two.
    """
    known = duels.select("row", "a", "b", "scale").unique(
        ["row", "a", "b"], keep="first", maintain_order=True
    )
    found = ballots.bare.join(known, on="row", how="left")
    return found.select(
        "row",
        pl.col("a").fill_null(0).cast(duels.schema["a"]),
        pl.col("b").fill_null(1).cast(duels.schema["b"]),
        pl.lit(0.0).alias("difference"),
        "kind",
        pl.col("scale").fill_null("choice"),
        "outcome",
        pl.col("vote"),
        pl.col("vote").alias("vote_b"),
    )


def _contests(duels: pl.DataFrame) -> pl.DataFrame:
    difference = pl.col("difference")
    votes = pl.col("vote")
    if (duels["vote"] != duels["vote_b"]).any():  # pointwise: each side has its own vote
        votes = votes.append(pl.col("vote_b"))
    return (
        duels.group_by("row", "a", "b")
        .agg(
            (difference > 0).sum().cast(pl.Int64).alias("wins_a"),
            (difference < 0).sum().cast(pl.Int64).alias("wins_b"),
            (difference == 0).sum().cast(pl.Int64).alias("ties"),
            pl.len().cast(pl.Int64).alias("n"),
            difference.sort_by("vote").mean(),
            (pl.col("outcome") == "both_good").sum().cast(pl.Int64).alias("both_good"),
            (pl.col("outcome") == "both_bad").sum().cast(pl.Int64).alias("both_bad"),
            *_evidence(votes),
        )
        .with_columns(lead=(pl.col("wins_a") - pl.col("wins_b")).sign().cast(pl.Int8))
        .sort("row", "a", "b")
    )
