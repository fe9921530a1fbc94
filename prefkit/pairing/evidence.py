"""What the votes say about a chosen pair: votes counted, agreement, margin, probability."""

from __future__ import annotations

import polars as pl

from prefkit.pairing.contests import Standing
from prefkit.statistics.intervals import beta_mean

__all__ = ["as_told", "aside_reasons", "soft_labels", "tied_pairs", "with_evidence"]


def with_evidence(pairs: pl.DataFrame, standing: Standing) -> pl.DataFrame:
    """Add to chosen pairs what the votes say: counts, agreement, margin, probability."""
    return pl.concat(
        [_paired(pairs.drop_nulls(["chosen", "rejected"]), standing), _unpaired(pairs, standing)]
    ).sort("row", "chosen", "rejected", nulls_last=True)


def _paired(pairs: pl.DataFrame, standing: Standing) -> pl.DataFrame:
    keyed = pairs.with_columns(
        a=pl.min_horizontal("chosen", "rejected"), b=pl.max_horizontal("chosen", "rejected")
    )
    joined = keyed.join(standing.contests, on=["row", "a", "b"], how="left")
    flipped = pl.col("chosen") == pl.col("b")
    joined = joined.with_columns(
        wins=pl.when(flipped).then("wins_b").otherwise("wins_a"),
        against=pl.when(flipped).then("wins_a").otherwise("wins_b").fill_null(0),
        margin=pl.when(pl.col("scales") == 1).then(
            pl.when(flipped).then(-pl.col("difference")).otherwise("difference")
        ),
        margin_kind=pl.when(pl.col("scales") == 1).then("scale").otherwise(pl.lit("mixed")),
    )
    apart = joined.filter(pl.col("n").is_null()).drop("n", "margin", "margin_kind", "votes")
    together = _posterior(
        joined.filter(pl.col("n").is_not_null()), pl.col("wins") + pl.col("ties") / 2
    )
    return pl.concat([together, _never_compared(apart, standing)])


def _posterior(frame: pl.DataFrame, wins: pl.Expr) -> pl.DataFrame:
    frame = frame.with_columns(won=wins.cast(pl.Float64), n_votes=pl.col("n").cast(pl.Int64))
    mean = pl.Series("p", beta_mean(frame["won"].to_numpy(), frame["n_votes"].to_numpy()))
    counted = pl.col("counted")
    return frame.with_columns(mean).select(
        "row",
        pl.col("chosen").cast(pl.Int64),
        pl.col("rejected").cast(pl.Int64),
        "n_votes",
        (pl.col("won") / pl.col("n_votes")).alias("agreement"),
        pl.col("margin").cast(pl.Float64),
        "margin_kind",
        pl.when(counted).then("p").alias("p_chosen"),
        pl.when(counted).then(pl.lit("beta")).alias("p_kind"),
        pl.col("against").cast(pl.Int64),
        pl.col("votes").list.unique().list.sort(),
    )


def _never_compared(pairs: pl.DataFrame, standing: Standing) -> pl.DataFrame:
    """Pairs whose sides no single ballot compares: their means differ, agreement is not known."""
    side = standing.responses.select("row", "place", "score", "n", "scale", "votes")
    joined = (
        pairs.select("row", "chosen", "rejected")
        .join(side, left_on=["row", "chosen"], right_on=["row", "place"])
        .join(side, left_on=["row", "rejected"], right_on=["row", "place"], suffix="_other")
    )
    return joined.select(
        "row",
        pl.col("chosen").cast(pl.Int64),
        pl.col("rejected").cast(pl.Int64),
        (pl.col("n") + pl.col("n_other")).cast(pl.Int64).alias("n_votes"),
        pl.lit(None, pl.Float64).alias("agreement"),
        (pl.col("score") - pl.col("score_other")).alias("margin"),
        pl.col("scale").alias("margin_kind"),
        pl.lit(None, pl.Float64).alias("p_chosen"),
        pl.lit(None, pl.String).alias("p_kind"),
        pl.lit(0, pl.Int64).alias("against"),
        pl.concat_list("votes", "votes_other").list.unique().list.sort().alias("votes"),
    )


def _unpaired(pairs: pl.DataFrame, standing: Standing) -> pl.DataFrame:
    lone = pairs.filter(pl.col("chosen").is_null() | pl.col("rejected").is_null())
    lone = lone.with_columns(
        place=pl.coalesce("chosen", "rejected"), good=pl.col("chosen").is_not_null()
    )
    tied = lone.join(_clear_ties(standing), on=["row", "place", "good"])
    own = lone.join(tied, on=["row", "place", "good"], how="anti").join(
        standing.responses.with_columns(pl.col("place").cast(pl.Int64)), on=["row", "place"]
    )
    share = pl.when("good").then("score").otherwise(1 - pl.col("score"))
    own = own.with_columns(wins=share * pl.col("n")).select(tied.columns)
    joined = pl.concat([tied, own], how="vertical_relaxed")
    wins = pl.col("wins")
    joined = joined.with_columns(
        margin=pl.lit(None, pl.Float64),
        margin_kind=pl.lit(None, pl.String),
        against=pl.col("n") - wins,
    )
    return _posterior(joined, wins)


def _clear_ties(standing: Standing) -> pl.DataFrame:
    """Both sides of contests that most votes call both good or both bad, with what these say.

    row, place, good (which of the two), n, wins (votes that say so), counted, votes.
    """
    even = standing.contests.filter(pl.col("lead") == 0)
    kinds = [
        even.filter(pl.col(outcome) * 2 > pl.col("n")).with_columns(
            good=pl.lit(outcome == "both_good"), wins=pl.col(outcome).cast(pl.Float64)
        )
        for outcome in ("both_good", "both_bad")
    ]
    clear = pl.concat(kinds)
    sides = [clear.with_columns(place=pl.col(name).cast(pl.Int64)) for name in ("a", "b")]
    columns = ["row", "place", "good", "n", "wins", "counted", "votes"]
    return (
        pl.concat(sides)
        .select(columns)
        .unique(["row", "place", "good"], keep="first", maintain_order=True)
    )


def as_told(found: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Evidence with what a policy tells of its pairs: the columns `check`, `value` and `note`.

    Where it names a margin, that is what the pair is about: the votes tell no probability of it,
    and no share of them agrees or not.
    """
    keys = ["row", "chosen", "rejected"]
    own = told.rename({"margin": "own", "margin_kind": "own_kind"})
    joined = found.join(own, on=keys, how="left", maintain_order="left")
    instead = pl.col("own_kind").is_not_null()
    return joined.with_columns(
        margin=pl.when(instead).then("own").otherwise("margin"),
        margin_kind=pl.coalesce("own_kind", "margin_kind"),
        **{name: pl.when(~instead).then(name) for name in ("p_chosen", "p_kind", "agreement")},
    ).drop("own", "own_kind")


def soft_labels(found: pl.DataFrame, ties: pl.DataFrame) -> pl.DataFrame:
    """Evidence in which the pairs of `ties` have the probability one half, of whatever kind.

    Tests may tell a side of more of them from one of fewer; which stands first is no direction.
    """
    keys = ["row", "chosen", "rejected"]
    soft = found.join(ties.select(keys).with_columns(soft=pl.lit(value=True)), on=keys, how="left")
    unknown = pl.col("soft").fill_null(value=False) & pl.col("p_chosen").ne_missing(0.5)
    return soft.with_columns(
        p_kind=pl.when(unknown).then(pl.lit("tie")).otherwise("p_kind"),
        p_chosen=pl.when(unknown).then(0.5).otherwise("p_chosen"),
    ).select(found.columns)


def tied_pairs(standing: Standing, paired: pl.DataFrame, policy: str) -> pl.DataFrame:
    """The pairs that a tie policy makes of rows without a pair: `soft` or `unpaired`.

    `soft` keeps the first tied contest of a row in id order, for a label of one half; `unpaired`
    makes both sides of a both-good tie chosen and of a both-bad tie rejected: a plain tie has no
    direction.
    """
    ties = _ties(standing, paired)
    if policy == "soft":
        first = ties.unique("row", keep="first", maintain_order=True)
        return first.select(
            "row", chosen=pl.col("a").cast(pl.Int64), rejected=pl.col("b").cast(pl.Int64)
        )
    clear = _clear_ties(standing).join(ties, on="row", how="semi")
    return clear.select(
        "row", chosen=pl.when("good").then("place"), rejected=pl.when(~pl.col("good")).then("place")
    )


def _ties(standing: Standing, paired: pl.DataFrame) -> pl.DataFrame:
    even = standing.contests.filter(pl.col("lead") == 0)
    return even.join(paired, on="row", how="anti")


def aside_reasons(standing: Standing, paired: pl.DataFrame) -> pl.DataFrame:
    """Row and reason for rows whose contests are all even, and for rows without any contest."""
    half = pl.col("n") / 2
    reason = (
        pl.when(pl.col("both_bad") > half)
        .then(pl.lit("both bad"))
        .when(pl.col("both_good") > half)
        .then(pl.lit("both good"))
        .when(pl.col("wins_a") != pl.col("wins_b"))
        .then(pl.lit("tie: no side is more probable than a tie"))
        .when(pl.col("wins_a") > 0)
        .then(pl.lit("votes split evenly"))
        .otherwise(pl.lit("tie"))
    )
    ties = _ties(standing, paired).select("row", reason=reason)
    alone = standing.responses.select("row", reason=pl.lit("no judge compared two responses"))
    return pl.concat([ties, alone]).unique("row", keep="first", maintain_order=True)
