"""Which two responses a vote sets against each other, and what it gives each of them.

Every function gives lines: vote, other_vote (the second vote of a pointwise pair), row, a, b
(places, a < b), score_a, score_b (null where there is no readable verdict) and form.
"""

from __future__ import annotations

import polars as pl

from prefkit.judging.duel_votes import OUR_RUBRIC, Votes

__all__ = ["lines_of"]

_BARE = ("both_good", "both_bad", "failed")
_JUDGE = ("kind", "judge", "rubric", "criterion", "scale")
_JUDGEMENT = ("row", *_JUDGE, "draw", "named_file", "named_record")
_COLUMNS = ("vote", "other_vote", "row", "a", "b", "score_a", "score_b", "form")


def lines_of(batch: Votes) -> pl.DataFrame:
    """All lines of a batch; skip and infra give none, nor does a score without another."""
    votes = _with_forms(batch)
    return pl.concat(
        [_together(votes), _without_scores(votes, batch), _apart(votes, batch)], how="vertical"
    ).sort("row", "vote", "a", "b", maintain_order=True)


def _with_forms(batch: Votes) -> pl.DataFrame:
    """Votes with `count` and `alone`: whether a vote is about one response judged by itself.

    A failed vote has no scores to tell. It is about one response if its order names one, if it
    carries a rubric of ours but no order, or if its judge only ever rates single responses here.
    """
    votes = batch.votes.join(batch.rows.select("row", "count"), on="row", maintain_order="left")
    single, unnamed = pl.col("scored") == 1, pl.col("judge").is_null()
    votes = votes.with_columns(
        named_file=pl.when(unnamed).then("file"), named_record=pl.when(unnamed).then("record")
    )
    whose = [*_JUDGE, "named_file"]
    only_single = single.any().over(whose) & ~(pl.col("scored") > 1).any().over(whose)
    ours = pl.col("rubric").str.contains(OUR_RUBRIC).fill_null(value=False)
    unread = (pl.col("shown") == 1) | ((pl.col("shown") == 0) & (ours | only_single))
    return votes.with_columns(alone=single | ((pl.col("outcome") == "failed") & unread))


def _together(votes: pl.DataFrame) -> pl.DataFrame:
    """Votes that score two responses or more."""
    cells = votes.filter(pl.col("scored") > 1).select("vote", "row", "scored", score="scores")
    cells = cells.with_columns(place=pl.int_ranges(pl.col("score").list.len(), dtype=pl.Int32))
    cells = cells.explode("score", "place").filter(pl.col("score").is_not_null())
    return _paired(cells.rename({"scored": "among"}))


def _without_scores(votes: pl.DataFrame, batch: Votes) -> pl.DataFrame:
    """Both good, both bad and failed: of those shown, else of the only two that there are."""
    bare = votes.filter(pl.col("outcome").is_in(list(_BARE)) & ~pl.col("alone"))
    shown = bare.filter(pl.col("shown") > 1).select("vote", "row", "outcome", among="shown")
    shown = shown.join(batch.orders.select("vote", "place"), on="vote")
    unshown = bare.filter((pl.col("shown") == 0) & (pl.col("count") == 2))
    unshown = unshown.select(
        "vote", "row", "outcome", among="count", place=pl.lit([0, 1], pl.List(pl.Int32))
    ).explode("place")
    cells = pl.concat([shown, unshown]).with_columns(
        score=pl.when(pl.col("outcome") != "failed").then(0.0)
    )
    return _paired(cells.drop("outcome"))


def _paired(cells: pl.DataFrame) -> pl.DataFrame:
    other = cells.select("vote", b="place", score_b="score")
    lines = cells.rename({"place": "a", "score": "score_a"}).join(other, on="vote")
    form = pl.when(pl.col("among") == 2).then(pl.lit("pairwise")).otherwise(pl.lit("listwise"))
    lines = lines.filter(pl.col("a") < pl.col("b")).with_columns(form=form)
    return lines.with_columns(other_vote=pl.lit(None, pl.UInt32)).select(_COLUMNS)


def _apart(votes: pl.DataFrame, batch: Votes) -> pl.DataFrame:
    """Votes on one response each, joined into judgements of several.

    A second score for one response opens a second judgement. A failed vote takes a place that has
    no score, and is set against every other response, judged or not.
    """
    alone = votes.filter(pl.col("alone") & (pl.col("count") > 1))
    keys = alone.select(_JUDGEMENT).unique(maintain_order=True).with_row_index("judgement")
    alone = alone.join(keys, on=_JUDGEMENT, nulls_equal=True, maintain_order="left")
    cells = pl.concat([_scored_cells(alone), _failed_cells(alone, batch)])
    before = pl.int_range(pl.len(), dtype=pl.Int32).over("judgement", "place")
    cells = cells.sort("failed", "vote").with_columns(repeat=before)
    cells = pl.concat([cells, _blank_cells(cells, batch)])
    other = cells.select(
        "judgement", "repeat", b="place", score_b="score", vote_b="vote", failed_b="failed"
    )
    pairs = cells.rename({"place": "a", "score": "score_a"}).join(other, on=["judgement", "repeat"])
    both = pl.col("vote").is_not_null() & pl.col("vote_b").is_not_null()
    failed, failed_b = pl.col("failed"), pl.col("failed_b")
    pairs = pairs.filter((pl.col("a") < pl.col("b")) & (both | failed | failed_b))
    second = failed_b & ~failed
    return pairs.with_columns(
        vote=pl.when(second).then("vote_b").otherwise("vote"),
        other_vote=pl.when(second).then("vote").otherwise("vote_b"),
        form=pl.lit("pointwise"),
    ).select(_COLUMNS)


_CELL = ("judgement", "row", "place", "score", "vote", "failed")


def _scored_cells(alone: pl.DataFrame) -> pl.DataFrame:
    scored = alone.filter(pl.col("scored") == 1)
    place = pl.col("scores").list.eval(pl.element().is_not_null().arg_true()).list.first()
    return scored.with_columns(
        place=place.cast(pl.Int32),
        score=pl.col("scores").list.drop_nulls().list.first(),
        failed=pl.lit(value=False),
    ).select(_CELL)


def _failed_cells(alone: pl.DataFrame, batch: Votes) -> pl.DataFrame:
    """Failed votes at the place that their order names, else at the places that nothing rated.

    Which failure was of which response does not matter, only that as many failed as are missing;
    of two responses it is the same pair in any case. Elsewhere the place is unknown: no line.
    """
    failed = alone.filter(pl.col("scored") == 0).with_columns(
        score=pl.lit(None, pl.Float64), failed=pl.lit(value=True)
    )
    told = failed.filter(pl.col("shown") == 1).join(
        batch.orders.select("vote", "place"), on="vote", maintain_order="left"
    )
    taken = pl.concat([_scored_cells(alone), told.select(_CELL)]).select("judgement", "place")
    rest = failed.filter(pl.col("shown") == 0)
    number = pl.int_range(pl.len(), dtype=pl.Int32).over("judgement")
    missing = (
        rest.select("judgement", "row")
        .unique(maintain_order=True)
        .join(batch.responses.select("row", "place"), on="row", maintain_order="left_right")
        .join(taken, on=["judgement", "place"], how="anti", maintain_order="left")
        .with_columns(number=number, missing=pl.len().over("judgement").cast(pl.Int32))
    )
    rest = rest.with_columns(number=number, many=pl.len().over("judgement").cast(pl.Int32))
    rest = rest.join(
        missing.select("judgement", "number", "place"), on=["judgement", "number"], how="left"
    ).join(missing.select("judgement", "missing").unique(), on="judgement", how="left")
    known = (pl.col("count") == 2) | (pl.col("missing") == pl.col("many"))
    rest = rest.filter(known).with_columns(pl.col("place").fill_null(0))
    return pl.concat([told.select(_CELL), rest.select(_CELL)])


def _blank_cells(cells: pl.DataFrame, batch: Votes) -> pl.DataFrame:
    """The responses that a judgement with a failed vote has nothing of."""
    holed = cells.filter("failed").select("judgement", "repeat", "row").unique(maintain_order=True)
    places = holed.join(batch.responses.select("row", "place"), on="row")
    blanks = places.join(cells, on=["judgement", "repeat", "place"], how="anti")
    return blanks.with_columns(
        score=pl.lit(None, pl.Float64), vote=pl.lit(None, pl.UInt32), failed=pl.lit(value=False)
    ).select(cells.columns)
