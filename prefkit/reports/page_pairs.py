"""The pairs that the page shows: which, why, and their texts rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from prefkit.dataset import Dataset
from prefkit.dataset.taking import rows_at
from prefkit.pages.markdown import raw_html, rendered_html
from prefkit.schema.columns import one_chunk
from prefkit.schema.decisions import pair_hashes

__all__ = ["MOST", "MOST_BYTES", "cards_of", "pairs_to_look_at"]

MOST = 500
MOST_BYTES = 5_000_000
"""Caps of the page: pairs, and bytes of their cards; what comes first is the worst."""

_UNREVIEWED = 25
_COLUMNS = ["id", "dropped", "p_chosen", "agreement", "margin", "margin_kind"]
_TEXTS = ["id", "criterion", "prompt", "chosen", "rejected", "tools"]


def pairs_to_look_at(dataset: Dataset, review: Mapping[str, Any] | None) -> dict[str, Any]:
    """Rows, worst first: what a review leaves to decide; without one where votes are least sure.

    Raises:
        DataError: a file is damaged.
    """
    if review is not None:
        listed = [
            {
                "row": one["row"], "pair": one["pair"], "pair_sha256": one["pair_sha256"],
                "why": one["why"], "proposed": one["proposed"], "margin": one["margin"],
                "margin_kind": one["margin_kind"],
            }
            for one in review["to_decide"]
        ]  # fmt: skip
        return {"of": len(listed), "by": "review", "listed": listed[:MOST]}
    worst = _least_sure(dataset)
    hashes = pair_hashes(rows_at(dataset, worst["row"].to_list(), _TEXTS[1:]))
    listed = [
        {
            "row": row["row"], "pair": row["id"], "pair_sha256": digest, "why": _why(row),
            "proposed": None, "margin": row["margin"], "margin_kind": row["margin_kind"],
        }
        for row, digest in zip(worst.iter_rows(named=True), hashes, strict=True)
    ]  # fmt: skip
    return {"of": len(listed), "by": "votes", "listed": listed}


def _why(row: Mapping[str, Any]) -> str:
    if row["p_chosen"] is not None:
        return f"probability of being right {row['p_chosen']:.2f}"
    return f"{row['agreement']:.0%} of votes agree"


def _least_sure(dataset: Dataset) -> pl.DataFrame:
    frames, first = [], 0
    for table in dataset.batches(
        [*_COLUMNS, "chosen.list.element.role", "rejected.list.element.role"]
    ):
        frames.append(_kept(table, first))
        first += len(table)
    pairs = pl.concat(frames) if frames else _kept(_empty(dataset), 0)
    known = pairs.filter(pl.col("p_chosen").is_not_null() | pl.col("agreement").is_not_null())
    ordered = known.sort("p_chosen", "agreement", "row", nulls_last=True)
    return ordered.head(_UNREVIEWED)


def _empty(dataset: Dataset) -> pa.Table:
    return rows_at(dataset, [], [*_COLUMNS, "chosen", "rejected"])


def _kept(table: pa.Table, first: int) -> pl.DataFrame:
    both = pl.Series(pl.from_arrow(one_chunk(table["chosen"]).is_valid()))
    both &= pl.Series(pl.from_arrow(one_chunk(table["rejected"]).is_valid()))
    columns = {name: pl.Series(pl.from_arrow(one_chunk(table[name]))) for name in _COLUMNS}
    frame = pl.DataFrame(columns).with_columns(both=both).with_row_index("row", first)
    kept = frame.filter(pl.col("dropped").is_null() & pl.col("both"))
    return kept.select(pl.col("row").cast(pl.Int64), *(n for n in _COLUMNS if n != "dropped"))


def cards_of(dataset: Dataset, listed: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The texts of listed pairs as HTML, as many as fit into `MOST_BYTES`.

    Raises:
        DataError: a file is damaged.
        MissingExtra: what renders Markdown is not installed.
    """
    if not listed:
        return []
    table = rows_at(dataset, [one["row"] for one in listed], _TEXTS)
    cards, size = [], 0
    for one, row in zip(listed, table.to_pylist(), strict=True):
        sides = {name: _side(row[name]) for name in ("chosen", "rejected")}
        card = {**one, "criterion": row["criterion"], "prompt": _side(row["prompt"]), **sides}
        size += sum(len(part["html"]) for side in _SIDES for part in card[side])
        if size > MOST_BYTES - _ROOM:
            break
        cards.append(card)
    return cards


_ROOM = 400_000  # of the page, for all that is no card
_SIDES = ("prompt", "chosen", "rejected")


def _side(messages: Sequence[Mapping[str, Any]] | None) -> list[dict[str, str]]:
    return [
        {
            "role": str(message["role"]),
            "html": rendered_html(message["content"])
            if message["content"] is not None
            else raw_html(message["extra"] or ""),
        }
        for message in messages or ()
    ]
