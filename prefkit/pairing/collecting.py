"""The first pass of an aggregation: all votes on contests as numbers, about 50 bytes a vote.

A contest is two responses of one comparison. A judge has one vote on it: several of one judge
(draws, both orders, a second look) are that judge's own majority, and one without a majority says
nothing, as in `judging.gold`. Votes of nobody in particular stay single, and carry no number that
could be taken for a judge.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.pairing.ballots import Selection, ballots_of
from prefkit.pairing.contests import duels_in
from prefkit.pairing.posteriors import Keys, keys_of
from prefkit.schema.columns import one_chunk
from prefkit.statistics.prediction import Ints

__all__ = [
    "CONTESTS",
    "NOBODY",
    "Contests",
    "contest_votes",
    "contests_of",
    "judges_of_votes",
    "numbered",
    "with_prompt",
]

NOBODY = -1
"""The number in the place of a judge who is not identified."""

_CONTEST = {"comparison": pl.UInt64, "a": pl.Int32, "b": pl.Int32}
CONTESTS: dict[str, Any] = {
    **_CONTEST,
    "cluster": pl.UInt64,
    "one": pl.UInt64,
    "other": pl.UInt64,
    "judge": pl.String,
    "said": pl.Int8,
}
"""A line a judge and contest: keys of the comparison, its prompt's cluster and both responses; the
judge (null = not identified); 1 for a, 0 a tie, -1 for b, null for a judge of two minds."""


class Contests(NamedTuple):
    """All votes on contests, judges as numbers.

    `votes`: the columns of `CONTESTS`, judge as int32 (`NOBODY`), without those of two minds.
    `names`: of the judges, sorted. `undecided`: how often a judge was of two minds. `first`,
    `second`: numbers of the responses in `responses` (sorted keys); as lines of `votes`.
    """

    votes: pl.DataFrame
    names: tuple[str, ...]
    undecided: int
    responses: np.ndarray[Any, Any]
    first: Ints
    second: Ints

    @classmethod
    def of(cls, votes: pl.DataFrame, names: tuple[str, ...], undecided: int) -> Contests:
        """Lines with their responses numbered."""
        sides = np.concatenate([votes["one"].to_numpy(), votes["other"].to_numpy()])
        responses, places = np.unique(sides, return_inverse=True)
        first, second = places.reshape(2, -1)
        return cls(votes, names, undecided, responses, first, second)

    def of_judges(self) -> Contests:
        """The lines of judges that are identified."""
        votes = self.votes.filter(pl.col("judge") != NOBODY)
        return Contests.of(votes, self.names, self.undecided)

    def counts(self) -> dict[str, int]:
        """What there is, for a manifest."""
        named = self.votes.filter(pl.col("judge") != NOBODY)
        of_nobody = self.votes.height - named.height
        contests = self.votes.select(list(_CONTEST)).unique()
        met = contests.join(named, on=list(_CONTEST), how="semi").height
        return {
            "votes": named.height,
            "contests": met,
            "not_identified": of_nobody,
            "contests_of_nobody": contests.height - met,
            "of_two_minds": self.undecided,
        }


def contest_votes(table: pa.Table, selection: Selection) -> pl.DataFrame:
    """The votes of a batch of comparisons as lines of `CONTESTS`.

    Raises:
        DataError: a score is not finite or outside its scale.
    """
    table = with_prompt(table)
    duels = duels_in(ballots_of(table, selection))
    whose = judges_of_votes(table)
    said = duels.select(
        pl.col("row"),
        pl.col("a").cast(pl.Int32),
        pl.col("b").cast(pl.Int32),
        whose.gather(duels["vote"]).alias("judge"),
        pl.col("difference").sign().cast(pl.Int8).alias("said"),
    ).with_row_index("line")
    nobody = pl.when(pl.col("judge").is_null()).then("line")
    sums = [(pl.col("said") == code).sum().alias(name) for code, name in _SAID]
    each = said.group_by("row", "a", "b", "judge", nobody.alias("nobody"), maintain_order=True)
    own = each.agg(*sums, pl.len().alias("n")).with_columns(said=_most())
    # The same response twice is no contest.
    lines = _keyed(own, keys_of(table)).filter(pl.col("one") != pl.col("other"))
    lines = lines.sort("row", "a", "b", maintain_order=True)
    return lines.select(pl.col(name).cast(kind) for name, kind in CONTESTS.items())


_SAID = ((1, "for_a"), (0, "ties"), (-1, "for_b"))


def _most() -> pl.Expr:
    """What more than half of a judge's votes say, null where nothing has so many."""
    return pl.coalesce(
        pl.when(2 * pl.col(name) > pl.col("n")).then(pl.lit(code, pl.Int8)) for code, name in _SAID
    )


def _keyed(lines: pl.DataFrame, keys: Keys) -> pl.DataFrame:
    rows = lines["row"].to_numpy()
    sides = {
        name: keys.responses[keys.starts[rows] + lines[place].to_numpy()]
        for name, place in (("one", "a"), ("other", "b"))
    }
    columns = {"comparison": keys.comparisons[rows], "cluster": keys.clusters[rows], **sides}
    return lines.with_columns(pl.Series(name, part) for name, part in columns.items())


def with_prompt(table: pa.Table) -> pa.Table:
    """The comparisons that pairing does not refuse for want of a prompt."""
    return table.filter(pc.greater(pc.list_value_length(table["prompt"]), 0)).combine_chunks()


def judges_of_votes(table: pa.Table) -> pl.Series:
    """Who cast each vote: a person, or a machine by its rubric; null where nobody is named.

    One name under two kinds is two: of a machine that is no judge the kind stands for the rubric.
    Positions are those of the flattened column `votes`.
    """
    flat = one_chunk(table["votes"]).flatten()
    names = ("by", "kind", "rubric")
    frame = pl.DataFrame({name: pl.from_arrow(pc.struct_field(flat, name)) for name in names})
    by, rubric = pl.col("by").cast(pl.String), pl.col("rubric").cast(pl.String)
    kind = pl.col("kind").cast(pl.String)
    other = pl.when(~kind.is_in(["human", "judge"])).then(kind)
    about = pl.when(kind != "human").then(pl.coalesce(rubric, other))
    return frame.select(
        judge=pl.when(about.is_not_null()).then(pl.format("{} ({})", by, about)).otherwise(by)
    ).to_series()


def contests_of(batches: Iterable[pl.DataFrame]) -> Contests:
    """All votes of the batches together, judges and responses numbered by name and key."""
    lines, names = numbered(batches, CONTESTS)
    undecided = lines["said"].null_count()
    votes = lines.filter(pl.col("said").is_not_null())
    return Contests.of(votes, names, undecided)


_CODED = {"judge": pl.String, "code": pl.Int32}


def numbered(
    batches: Iterable[pl.DataFrame], schema: dict[str, Any]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The batches below each other, their column `judge` as numbers into the sorted names."""
    known: dict[str, int] = {}
    parts = [pl.DataFrame(schema={**schema, "judge": pl.Int32})]
    for batch in batches:
        for name in batch["judge"].drop_nulls().unique(maintain_order=True):
            known.setdefault(name, len(known))
        codes = pl.DataFrame({"judge": list(known), "code": list(known.values())}, _CODED)
        coded = batch.join(codes, on="judge", how="left", maintain_order="left")
        number = pl.col("code").fill_null(NOBODY).alias("judge")
        parts.append(coded.select(number if name == "judge" else name for name in schema))
    names = sorted(known)
    places = np.empty(len(names) + 1, dtype=np.int32)
    places[[known[name] for name in names]] = np.arange(len(names))
    places[-1] = NOBODY  # where the number of nobody points to
    lines = pl.concat(parts)
    found = places[lines["judge"].to_numpy()]
    return lines.with_columns(pl.Series("judge", found, pl.Int32)), tuple(names)
