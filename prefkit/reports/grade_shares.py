"""How many responses people would grade well, from a judge that graded all and people a few.

A yes or no of every single response: a grade of at least so much. The judge's own share is listed
without an interval; the estimate is PPI++, as for win rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl
import pyarrow as pa

from prefkit.judging.duel_names import JUDGED_BY, JudgeName
from prefkit.judging.numbers import missing, number
from prefkit.reports.corrected import powered_facts, told
from prefkit.reports.judged_pairs import Sides
from prefkit.schema.digests import clusters_of
from prefkit.statistics.bootstrap import Estimate

__all__ = ["NOT_HUMAN", "grade_shares", "grades_in"]

NOT_HUMAN = "the judge's own share is not an estimate of what people would say"
_GOLD = (("human", "people"), ("label", "labels"))
_JUDGE = ["judge", "file_if_unnamed", "rubric", "criterion", "scale"]
_RESPONSE = ["comparison", "place"]
_PART = 0.75  # of the way from the lowest grade to the highest: 4 of 1 to 5
_ENDS = r":(-?[0-9.]+)-(-?[0-9.]+)$"
_GRADES = {
    "comparison": pl.String,
    "cluster": pl.UInt64,
    "place": pl.Int64,
    "model": pl.String,
    "kind": pl.String,
    "judge": pl.String,
    "file": pl.String,
    "record": pl.String,
    "rubric": pl.String,
    "criterion": pl.String,
    "scale": pl.String,
    "alone": pl.Boolean,
    "grade": pl.Float64,
}


def grades_in(tables: Iterable[pa.Table]) -> pl.DataFrame:
    """Every grade on a scale with two ends (`rating:1-5`), a line for each response.

    `grade` is null of a vote that failed on one response. `alone`: the vote was about one response.
    """
    found = [_grades(table) for table in tables]
    return pl.concat(found) if found else pl.DataFrame(schema=_GRADES)


def _grades(table: pa.Table) -> pl.DataFrame:
    batch = pl.DataFrame(pl.from_arrow(table.select(["id", "responses", "votes"])))
    batch = batch.with_row_index("row")
    votes = _votes_with_ends(batch)
    if not len(votes):
        return pl.DataFrame(schema=_GRADES)
    # A failed vote on one response has no score: only the order says which response it was.
    failed = (pl.col("scored") == 0) & (pl.col("showed") == 1)
    mine = pl.col("response_id") == pl.col("shown")
    graded = votes.join(_responses(batch), on="row")
    graded = graded.with_columns(grade=pl.col("scores").list.get("place"))
    return (
        graded.filter(pl.col("grade").is_not_null() | (failed & mine))
        .join(_clusters(table, votes["row"].unique().sort()), on="row")
        .with_columns(comparison="id", alone=(pl.col("scored") == 1) | failed)
        .select(pl.col(name).cast(kind) for name, kind in _GRADES.items())
    )


def _votes_with_ends(batch: pl.DataFrame) -> pl.DataFrame:
    """The votes on such scales, a line each."""
    of = pl.col("votes").struct
    scores, order = of.field("scores"), of.field("order")
    return (
        batch.select("row", "id", "votes")
        .explode("votes")
        .drop_nulls("votes")
        .filter(of.field("scale").str.contains(_ENDS))
        .select(
            *("row", "id"),
            *(of.field(name) for name in ("kind", "rubric", "criterion", "scale")),
            judge=of.field("by"),
            file=of.field("source").struct.field("name"),
            record=of.field("source").struct.field("record"),
            scores=scores,
            scored=scores.list.drop_nulls().list.len(),
            shown=order.list.first(),
            showed=order.list.len().fill_null(0),
        )
    )


def _responses(batch: pl.DataFrame) -> pl.DataFrame:
    response = pl.col("responses").struct
    responses = batch.select("row", "responses").explode("responses").drop_nulls("responses")
    return responses.select(
        "row",
        response_id=response.field("id"),
        model=response.field("model"),
        place=pl.int_range(pl.len()).over("row"),
    )


def _clusters(table: pa.Table, rows: pl.Series) -> pl.DataFrame:
    """The cluster of the prompt of each of these rows."""
    texts = clusters_of(table["prompt"].take(pa.array(rows.to_numpy())))
    numbers = pl.Series("cluster", [int(text[:16], 16) for text in texts], pl.UInt64)
    return pl.DataFrame([rows, numbers])


def grade_shares(grades: pl.DataFrame) -> list[dict[str, Any]]:
    """The share of responses with a grade of at least three quarters of the way up the scale.

    For every judge of single responses and scale: over all responses (`model` null), and for each
    model where several are named. A response with no readable grade counts one half for the judge;
    its label is the share of people who give it such a grade, on the same scale and about the
    judge's criterion (else about the whole; labels only where people give none).

    Args:
        grades: as `grades_in` gives them.
    """
    judged = grades.filter(pl.col("kind").is_in(list(JUDGED_BY)) & pl.col("alone"))
    unnamed = pl.when(pl.col("judge").is_null()).then("file").alias("file_if_unnamed")
    parts = judged.with_columns(unnamed).partition_by(_JUDGE, as_dict=True, maintain_order=True)
    found = []
    for key in sorted(parts, key=lambda names: tuple((name is not None, name) for name in names)):
        name = JudgeName(*(None if part is None else str(part) for part in key[:4]))
        found += _of_judge(name, parts[key], grades)
    return found


def _of_judge(name: JudgeName, mine: pl.DataFrame, grades: pl.DataFrame) -> list[dict[str, Any]]:
    scale = str(mine["scale"][0])
    low, high = (float(end) for end in mine["scale"].str.extract_groups(_ENDS)[0].values())
    least = low + _PART * (high - low)
    good = (pl.col("grade") >= least).cast(pl.Float64)
    responses = mine.group_by(_RESPONSE, maintain_order=True).agg(
        pl.col("cluster", "model").first(),
        readable=pl.col("grade").is_not_null().any(),
        value=good.mean().fill_null(0.5),
    )
    gold, said = _gold(name, grades.filter(pl.col("scale") == scale), responses, good)
    responses = responses.join(gold, on=_RESPONSE, how="left", maintain_order="left")
    models = responses["model"].drop_nulls().unique().sort().to_list()
    facts = {"judge": name.shown, "scale": scale, "least": least}
    found = [{**facts, **_share(responses, None, said)}]
    if len(models) > 1:
        found += [
            {**facts, **_share(responses.filter(pl.col("model") == model), model, said)}
            for model in models
        ]
    return [{**entry, "said": _sentence(entry)} for entry in found]


def _gold(
    name: JudgeName, grades: pl.DataFrame, responses: pl.DataFrame, good: pl.Expr
) -> tuple[pl.DataFrame, str]:
    """The share of people who grade a response so, and who they are."""
    criteria = [name.criterion, None] if name.criterion is not None else [None]
    for kind, who in _GOLD:
        for criterion in criteria:
            same = pl.col("criterion").eq_missing(pl.lit(criterion, pl.String))
            there = grades.filter(pl.col("kind") == kind, same, pl.col("grade").is_not_null())
            gold = there.group_by(_RESPONSE).agg(label=good.mean())
            if gold.join(responses, on=_RESPONSE, how="semi").height:
                return gold, f"{who}, {'overall' if criterion is None else f'about {criterion}'}"
    empty = {"comparison": pl.String, "place": pl.Int64, "label": pl.Float64}
    return pl.DataFrame(schema=empty), "nobody graded these responses on this scale"


def _share(responses: pl.DataFrame, model: str | None, gold: str) -> dict[str, Any]:
    labels = responses["label"].fill_null(float("nan")).to_numpy()
    sides = Sides(responses["value"].to_numpy(), labels, responses["cluster"].to_numpy())
    powered = powered_facts(sides, gold)
    read = responses.filter("readable")
    own = missing("no readable grade")
    if len(read):
        mean = float(read["value"].to_numpy().mean())
        own = number(Estimate(mean, None, None, len(read), read["cluster"].n_unique(), NOT_HUMAN))
    return {
        "model": model,
        "responses": len(responses),
        "readable": len(read) / len(responses) if len(responses) else None,
        "judge_share": own,
        "share": powered.pop("estimate"),
        **powered,
    }


def _sentence(entry: Mapping[str, Any]) -> str:
    whose = "" if entry["model"] is None else f" of {entry['model']}"
    what = f"{entry['judge']}, {entry['scale']} at least {entry['least']:g}{whose}"
    own = entry["judge_share"]["value"]
    raw = "no readable grade" if own is None else f"{NOT_HUMAN} ({own:.3f})"
    if entry["share"]["value"] is None:
        return f"{what}: no share, {entry['share']['reason']}; {raw}"
    return f"{what}: {told(entry['share'], entry, 'responses')}; {raw}"
