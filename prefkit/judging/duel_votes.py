"""The votes of a batch of comparisons as flat frames: the ground that duels are made on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.judging.rationales import named_places
from prefkit.judging.slot_verdicts import slot_verdicts
from prefkit.schema.batch import message_tuples
from prefkit.schema.columns import one_chunk
from prefkit.schema.ids import prompt_cluster

__all__ = ["OUR_RUBRIC", "Votes", "votes_of"]

OUR_RUBRIC = r"^[a-z][a-z0-9_]*@[0-9]+:[0-9a-f]{12}$"
"""`Rubric.label`: only votes that carry it hold `reason` and `mass` as prefkit writes them."""

_PLAIN = ("kind", "outcome", "scores", "scale", "draw", "criterion", "rubric", "seconds", "at")
_DIGITS = 16  # of a digest, as many as an unsigned integer of 64 bits holds


class Votes(NamedTuple):
    """One batch.

    `rows`: row, comparison, cluster, count (responses). `responses`: row, place, id, characters,
    model, response (the first half of its digest). `votes`: vote (position in the batch), row,
    judge, file, record, the vote's fields, shown (how many the order names, 0 = unknown), scored
    (how many have a score), reason, mass, named (the place in the order that its rationale names)
    and slot (the probability of what was shown first, where the source tells it). `orders`: vote,
    position, place: who was shown where.
    """

    rows: pl.DataFrame
    responses: pl.DataFrame
    votes: pl.DataFrame
    orders: pl.DataFrame


def votes_of(table: pa.Table) -> Votes:
    """The votes of a table with the columns `id`, `prompt`, `responses` and `votes`.

    Raw JSON is parsed and rationales are read by Python, once a vote that has one; all else is
    columns.
    """
    responses, votes = _responses(table), _votes(table)
    counts = pc.list_value_length(one_chunk(table["responses"]))
    clusters = [
        int(prompt_cluster(turns or [])[:16], 16) for turns in message_tuples(table["prompt"])
    ]
    rows = pl.DataFrame(
        {
            "comparison": pl.from_arrow(one_chunk(table["id"])),
            "cluster": pl.Series(clusters, dtype=pl.UInt64),
            "count": pl.Series(pl.from_arrow(counts), dtype=pl.Int32),
        }
    ).with_row_index("row")
    orders = _orders(votes, responses)
    shown = pl.col("order").list.len().fill_null(0).cast(pl.Int32)
    scored = pl.col("scores").list.drop_nulls().list.len().cast(pl.Int32)
    votes = votes.with_columns(shown=shown, scored=scored, **_said(votes))
    return Votes(rows, responses, votes.drop("order", "rationale", "raw"), orders)


def _parents(lists: pa.ListArray) -> np.ndarray[Any, Any]:
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    return np.repeat(np.arange(len(lists), dtype=np.uint32), lengths)


def _responses(table: pa.Table) -> pl.DataFrame:
    lists = one_chunk(table["responses"])
    flat = lists.flatten()
    messages = pc.struct_field(flat, "messages")
    turns = messages.flatten()
    mine = pc.equal(pc.struct_field(turns, "role"), "assistant")
    lengths = pc.fill_null(pc.utf8_length(pc.struct_field(turns, "content")), 0)
    own = np.where(mine.to_numpy(zero_copy_only=False), lengths.to_numpy(), 0)
    characters = np.bincount(_parents(messages), own, len(flat)).astype(np.int64)
    frame = pl.DataFrame(
        {
            "row": _parents(lists),
            "id": pl.from_arrow(pc.struct_field(flat, "id")),
            "characters": characters,
            "model": pl.Series(pl.from_arrow(pc.struct_field(flat, "model")), dtype=pl.String),
        }
    )
    number = pl.col("id").str.head(_DIGITS).str.to_integer(base=16, dtype=pl.UInt64, strict=False)
    return frame.with_columns(
        place=pl.int_range(pl.len(), dtype=pl.Int32).over("row"), response=number
    )


def _votes(table: pa.Table) -> pl.DataFrame:
    lists = one_chunk(table["votes"])
    flat = lists.flatten()
    source = pc.struct_field(flat, "source")
    kept = (*_PLAIN, "cost_usd", "order", "rationale", "raw")
    columns = {name: pl.from_arrow(pc.struct_field(flat, name)) for name in kept}
    return pl.DataFrame(
        {
            "row": _parents(lists),
            "judge": pl.from_arrow(pc.struct_field(flat, "by")),
            "file": pl.from_arrow(pc.struct_field(source, "name")),
            "record": pl.from_arrow(pc.struct_field(source, "record")),
            **columns,
        }
    ).with_row_index("vote")


def _orders(votes: pl.DataFrame, responses: pl.DataFrame) -> pl.DataFrame:
    shown = votes.select("row", "vote", id="order").filter(pl.col("id").list.len() > 0)
    shown = shown.with_columns(position=pl.int_ranges(pl.col("id").list.len(), dtype=pl.Int32))
    places = responses.select("row", "id", "place")
    found = shown.explode("id", "position").join(places, on=["row", "id"])
    return found.select("vote", "position", "place")


def _said(votes: pl.DataFrame) -> dict[str, pl.Series]:
    """What has to be read from texts: reason, mass, named, slot."""
    judge = votes["kind"].is_in(["judge", "reward"])
    ours = judge & votes["rubric"].str.contains(OUR_RUBRIC).fill_null(value=False)
    found = [_reason_and_mass(text) for text in votes["raw"].filter(ours).to_list()]
    reasons, masses = [each[0] for each in found], [each[1] for each in found]
    reasoned = judge | (votes["kind"] == "human")
    named = named_places(votes["rationale"].filter(reasoned))
    unordered = judge & (votes["order"].list.len().fill_null(0) == 0)
    slots = slot_verdicts(votes["raw"].filter(unordered))
    return {
        "reason": _at(ours, pl.Series(reasons, dtype=pl.String)),
        "mass": _at(ours, pl.Series(masses, dtype=pl.Float64)),
        "named": _at(reasoned, named),
        "slot": _at(unordered, slots),
    }


def _at(where: pl.Series, values: pl.Series) -> pl.Series:
    """Values of some of the rows as a column of all; null elsewhere."""
    places = pl.DataFrame({"at": where.arg_true(), "value": values})
    return pl.DataFrame({"at": pl.int_range(len(where), dtype=pl.UInt32, eager=True)}).join(
        places, on="at", how="left", maintain_order="left"
    )["value"]


def _reason_and_mass(raw: str | None) -> tuple[str | None, float | None]:
    """From a raw that prefkit wrote; a value of another type is not one of ours."""
    if raw is None:
        return None, None
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None, None
    if not isinstance(data, dict):
        return None, None
    reason, mass = data.get("reason"), data.get("mass")
    if isinstance(mass, bool) or not isinstance(mass, int | float):
        mass = None
    return reason if isinstance(reason, str) else None, mass
