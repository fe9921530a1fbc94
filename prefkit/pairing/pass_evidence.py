"""How sure tests make us of a pair: of each side they are so many trials of its own."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.schema.columns import one_chunk
from prefkit.statistics.pass_shares import passes_more_often

__all__ = ["with_pass_shares"]


def with_pass_shares(found: pl.DataFrame, table: pa.Table) -> pl.DataFrame:
    """Chosen pairs with the posterior of their shares of tests, of the kind `jeffreys`.

    Those without a probability whose votes are all executions with a number of trials for both
    sides; several runs of one side add up. `votes` holds positions in the flattened column.
    """
    own = pl.col("p_chosen").is_null() & (pl.col("margin_kind") == "pass_share")
    lines = found.with_row_index("line").filter(own)
    if not len(lines):
        return found
    votes = lines.select("line", "chosen", "rejected", vote="votes").explode("vote")
    votes = votes.join(_votes(table), on="vote", how="left")
    counts = votes.group_by("line").agg(
        (pl.col("kind") == "execution").all().alias("executed"),
        *(part.alias(f"{side}_{name}") for side in _SIDES for name, part in _tests(side).items()),
    )
    told = {
        line: passes_more_often(*numbers)
        for line, executed, *numbers in counts.iter_rows()
        if executed and None not in numbers and numbers[1] and numbers[3]
    }
    known = pl.Series("known", [told.get(line) for line in range(len(found))], pl.Float64)
    return found.with_columns(
        p_chosen=pl.coalesce("p_chosen", known),
        p_kind=pl.when(known.is_not_null()).then(pl.lit("jeffreys")).otherwise("p_kind"),
    )


_SIDES = ("chosen", "rejected")


def _tests(side: str) -> dict[str, pl.Expr]:
    """Tests passed and run by one side, null where a vote on it has no number of trials."""
    place = pl.col(side)
    score = pl.col("scores").list.get(place, null_on_oob=True)
    trials = pl.col("trials").list.get(place, null_on_oob=True)
    unknown = (score.is_not_null() & trials.is_null()).any()
    each = {"passed": (score * trials).round().cast(pl.Int64), "trials": trials}
    # A vote on the other side alone may still give a number of trials here.
    return {
        name: pl.when(~unknown).then(part.filter(score.is_not_null()).sum())
        for name, part in each.items()
    }


def _votes(table: pa.Table) -> pl.DataFrame:
    """One line a vote: vote, kind, scores, trials."""
    flat = one_chunk(table["votes"]).flatten()
    names = ("kind", "scores", "trials")
    frame = pl.DataFrame({name: pl.from_arrow(pc.struct_field(flat, name)) for name in names})
    return frame.with_row_index("vote")
