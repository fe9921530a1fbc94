"""Who or what is bad: the random sample by annotator, judge, source and topic, and top-ups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow.compute as pc

from prefkit.dataset import Dataset
from prefkit.errors import ConfigError
from prefkit.judging.numbers import number, rounded
from prefkit.reviews.dimensions import NOBODY, NOTHING, TAG, values_of
from prefkit.reviews.drawing import OTHERS
from prefkit.reviews.estimate import slice_share
from prefkit.reviews.frame import Frame
from prefkit.reviews.plan import Planned
from prefkit.schema.columns import one_chunk
from prefkit.statistics.multiplicity import benjamini_hochberg
from prefkit.statistics.slices import LEVEL, Slice, State, slices, worst_first

__all__ = ["MOST_VALUES", "Cut", "cut_of", "not_covered", "slice_facts", "top_ups"]

MOST_VALUES = 30
"""Of one dimension; the pairs of all others are one slice: nobody reads more lines."""

_MOST_TAGS = 8
_PLAIN = ("annotator", "judge", "chosen_model", "source", "criterion")
_TURNS = "turns"


class Cut(NamedTuple):
    """The frame cut by every dimension that has more than one value.

    `lines`: `slice`, `row`. `names`: dimension and value of each slice. `sizes`: its pairs in the
    frame. `dimensions`: what was tried, and why it cuts nothing.
    """

    lines: pl.DataFrame
    names: list[tuple[str, str]]
    sizes: list[int]
    dimensions: list[dict[str, Any]]


def cut_of(frame: Frame) -> Cut:
    """Cut a frame by annotator, judge, generator, source, criterion, tags and turns.

    Raises:
        DataError: a file is damaged.
    """
    lines, names, sizes, tried = [_no_lines()], list[tuple[str, str]](), list[int](), []
    for dimension in (*_PLAIN, *_tags(frame.dataset), _TURNS):
        values, reason = _values(frame, dimension)
        counts = values.group_by("value").len().sort(["len", "value"], descending=[True, False])
        reason = reason or _useless(dimension, counts["value"].to_list())
        tried.append({"dimension": dimension, "values": counts.height, "reason": reason})
        if reason is not None:
            continue
        values, counts = _fewer(values, counts)
        numbers = counts.with_row_index("slice", len(names)).cast({"slice": pl.Int64})
        names += [(dimension, value) for value in numbers["value"].to_list()]
        sizes += numbers["len"].to_list()
        lines.append(values.join(numbers, on="value").select("slice", "row"))
    return Cut(pl.concat(lines).sort("slice", "row"), names, sizes, tried)


def _no_lines() -> pl.DataFrame:
    return pl.DataFrame(schema={"slice": pl.Int64, "row": pl.Int64})


def _values(frame: Frame, dimension: str) -> tuple[pl.DataFrame, str | None]:
    """Lines of row and value of the frame, or why there are none."""
    try:
        if dimension == _TURNS:
            found = pl.concat([_no_values(), *_turns(frame.dataset)])
        else:
            found = values_of(frame.dataset, dimension)
    except ConfigError:
        return _no_values(), "the comparisons with the votes are not found beside the pairs"
    return found.join(frame.pairs.select("row"), on="row", how="semi"), None


def _no_values() -> pl.DataFrame:
    return pl.DataFrame(schema={"row": pl.Int64, "value": pl.String})


def _turns(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Whether a prompt is one message of the user (beside a system prompt) or a conversation."""
    first = 0
    for table in dataset.batches(["prompt.list.element.role"]):
        roles = pl.DataFrame({"roles": pl.from_arrow(one_chunk(table["prompt"]))})
        users = roles.select(
            pl.col("roles").list.eval(pl.element().struct.field("role") == "user").list.sum()
        ).to_series()
        value = pl.when(users > 1).then(pl.lit("several turns")).otherwise(pl.lit("one turn"))
        lines = pl.DataFrame({"value": pl.select(value).to_series()}).with_row_index("row", first)
        yield lines.select(pl.col("row").cast(pl.Int64), "value")
        first += len(table)


def _tags(dataset: Dataset) -> list[str]:
    """The tags that most pairs have, by name."""
    counts: dict[str, int] = {}
    for table in dataset.batches(["tags"]):
        keys = one_chunk(table["tags"])
        for entry in pc.value_counts(keys.keys).to_pylist():
            counts[entry["values"]] = counts.get(entry["values"], 0) + entry["counts"]
    most = sorted(counts, key=lambda name: (-counts[name], name))[:_MOST_TAGS]
    return [f"{TAG}{name}" for name in sorted(most) if name]


def _useless(dimension: str, values: Sequence[str]) -> str | None:
    known = [value for value in values if value not in (NOTHING, NOBODY)]
    if not known:
        return "no pair has a value"
    return f"all pairs have the {dimension} {values[0]}" if len(values) == 1 else None


def _fewer(values: pl.DataFrame, counts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    if counts.height <= MOST_VALUES:
        return values, counts
    kept = counts["value"].head(MOST_VALUES - 1).to_list()
    own = pl.col("value").is_in(kept)
    values = values.with_columns(value=pl.when(own).then("value").otherwise(pl.lit(OTHERS)))
    values = values.unique().sort("row", "value")
    return values, values.group_by("value").len().sort(["len", "value"], descending=[True, False])


def slice_facts(
    cut: Cut, right: Mapping[int, bool], clusters: Mapping[int, int]
) -> tuple[list[dict[str, Any]], list[int]]:
    """Every slice, the worst first, and the rows of the frame in those that are proven low.

    Args:
        cut: as `cut_of`.
        right: by settled row of the random sample, whether it is right.
        clusters: the prompt cluster of each of these rows.
    """
    rows = sorted(right)
    places = pl.DataFrame({"row": rows}, schema={"row": pl.Int64}).with_row_index("place")
    lines = cut.lines.join(places, on="row")
    found = slices(
        np.array([right[row] for row in rows], dtype=bool),
        lines["place"].to_numpy().astype(np.int64),
        lines["slice"].to_numpy(),
        np.array([clusters[row] for row in rows], dtype=np.int64),
        len(cut.names),
    )
    low = [one.code for one in found if one.state == "proven low"]
    bad = cut.lines.filter(pl.col("slice").is_in(low))["row"].unique().sort().to_list()
    return [_slice(cut, one) for one in worst_first(found)], bad


def _slice(cut: Cut, one: Slice) -> dict[str, Any]:
    dimension, value = cut.names[one.code]
    numbers = {name: getattr(one, name) for name in ("rest", "shrunken", "p", "q", "drop")}
    return {
        "dimension": dimension,
        "value": value,
        "pairs": cut.sizes[one.code],
        "looked_at": one.rate.n,
        "rate": number(one.rate),
        "state": one.state,
        **{name: None if found is None else rounded(found) for name, found in numbers.items()},
    }


def not_covered(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The slices that nothing is said about, those with the most pairs first."""
    empty = [one for one in found if one["state"] == "not covered"]
    kept = ("dimension", "value", "pairs", "looked_at")
    return [
        {name: one[name] for name in kept}
        for one in sorted(empty, key=lambda one: (-one["pairs"], one["dimension"], one["value"]))
    ]


def top_ups(
    planned: Planned, right: Mapping[int, bool], frame: Frame, clusters: Mapping[int, int]
) -> list[dict[str, Any]]:
    """What every top-up says of its slice: against the pairs of the random sample outside it.

    The sample that made somebody look is not asked again, so the top-up is a test of its own;
    several of them share one correction.
    """
    asked = [part for part in planned.plan["parts"] if part["kind"] == "top-up"]
    found = [_tested(planned, part, right, frame, clusters) for part in asked]
    p = np.array([np.nan if one is None or one.p is None else one.p for one in found])
    q = benjamini_hochberg(p)
    return [
        _top_up(planned, part, one, right, float(each))
        for part, one, each in zip(asked, found, q, strict=True)
    ]


def _tested(
    planned: Planned,
    part: Mapping[str, Any],
    right: Mapping[int, bool],
    frame: Frame,
    clusters: Mapping[int, int],
) -> Slice | None:
    about = part["slice"]
    values = values_of(frame.dataset, about["dimension"])
    inside = set(values.filter(pl.col("value") == about["value"])["row"].to_list())
    lines = [line for line in planned.sample if line["row"] in right]
    mine = [line["row"] for line in lines if line["part"] == part["part"]]
    rest = [line["row"] for line in lines if line["headline"] and line["row"] not in inside]
    if not mine:
        return None
    rows = [*mine, *rest]
    places = np.arange(len(mine))
    return slices(
        np.array([right[row] for row in rows], dtype=bool), places, np.zeros_like(places),
        np.array([clusters[row] for row in rows], dtype=np.int64), 1,
    )[0]  # fmt: skip


def _top_up(
    planned: Planned, part: Mapping[str, Any], one: Slice | None, right: Mapping[int, bool],
    q: float,
) -> dict[str, Any]:  # fmt: skip
    state: State = "not covered" if one is None else one.state
    if state in ("proven low", "suspect"):
        state = "proven low" if q < LEVEL else "suspect"
    share = slice_share(planned, part["part"], right)
    return {
        "part": part["part"],
        "dimension": part["slice"]["dimension"],
        "value": part["slice"]["value"],
        "share": number(share),
        "rest": None if one is None or one.rest is None else rounded(one.rest),
        "p": None if one is None or one.p is None else rounded(one.p),
        "q": None if np.isnan(q) else rounded(q),
        "state": state,
    }
