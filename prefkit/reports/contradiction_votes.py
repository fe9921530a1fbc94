"""What was said of every two responses of a prompt, wherever it stands, and the votes behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

__all__ = ["PAIR", "Entry", "Found", "by_people", "response_name", "said_of", "vote_of"]

PAIR = ["criterion", "cluster", "low", "high"]
"""One pair and criterion: two responses of a prompt, in whichever comparisons they meet."""

Entry = dict[str, Any]

_VOTE = (
    "kind", "judge", "file", "rubric", "comparison", "record", "other_record", "at", "form",
    "scale",
)  # fmt: skip


class Found(NamedTuple):
    """Contradictions of one kind."""

    facts: Mapping[str, Any]
    """How many there are, among how many that could contradict each other."""

    entries: Callable[[], Iterator[Entry]]
    """Each with the votes behind it, the worst first; made as they are asked for."""


def said_of(duels: pl.DataFrame, kinds: Sequence[str], *, equal: bool = False) -> pl.DataFrame:
    """The readable verdicts of these kinds of votes, a line each, in the order of the duels.

    Columns: `PAIR`, said (1 for the response `low`, -1 for `high`, 0 for a tie), the vote's kind,
    judge, file, rubric, comparison, record, other_record, at, form and scale, and `line`, which
    numbers the duels. Responses of equal text are one: no verdict between them says anything, so
    only `equal` keeps it.
    """
    one, other = pl.col("response_a"), pl.col("response_b")
    there = duels.with_row_index("line").filter(
        pl.col("kind").is_in(list(kinds)), pl.col("verdict").is_not_null(), (one != other) | equal
    )
    turned = pl.when(one < other).then(pl.col("verdict")).otherwise(-pl.col("verdict"))
    return there.select(
        "criterion", "cluster", pl.min_horizontal(one, other).alias("low"),
        pl.max_horizontal(one, other).alias("high"), turned.cast(pl.Int8).alias("said"),
        *_VOTE, "line",
    )  # fmt: skip


def by_people(lines: pl.DataFrame) -> pl.DataFrame:
    """A line a person and pair: for_low, for_high (votes), said (the side with more, 0 for none).

    Nobody named is somebody else every time. `listed`: all of it comes from lists or grades.
    """
    people = lines.filter(pl.col("kind") == "human")
    people = people.with_columns(nobody=pl.when(pl.col("judge").is_null()).then("line"))
    counts = [
        (pl.col("said") == side).sum().cast(pl.Int64).alias(name)
        for side, name in ((1, "for_low"), (-1, "for_high"))
    ]
    listed = (pl.col("form") != "pairwise").all().alias("listed")
    grouped = people.group_by(*PAIR, "judge", "nobody", maintain_order=True).agg(*counts, listed)
    return grouped.with_columns(said=(pl.col("for_low") - pl.col("for_high")).sign())


def response_name(number: int) -> str:
    """The first 16 characters of the response's id in the dataset."""
    return f"{number:016x}"


def vote_of(line: Mapping[str, Any]) -> Entry:
    """One vote as an entry tells it: where it stands, who cast it, which response it prefers.

    `better` is null for a tie. A verdict of two grades has the records of both.
    """
    better = {1: line["low"], -1: line["high"]}.get(line["said"])
    records = [line["record"], line["other_record"]]
    return {
        "comparison": line["comparison"],
        "file": line["file"],
        "records": [record for record in records if record is not None],
        "by": line["judge"],
        "kind": line["kind"],
        "scale": line["scale"],
        "better": None if better is None else response_name(better),
        "at": line["at"],
    }
