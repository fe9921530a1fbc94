"""What the null baselines look at: length, markdown, refusals; chosen minus rejected for each.

The lists are short on purpose: a baseline says that something shallow gives the label away, not
how much of it there is. Refusals are English phrases.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.schema.columns import one_chunk, own_offsets

__all__ = ["MARKDOWN", "REFUSALS", "generators", "lengths", "markdown", "refusals"]

Floats = np.ndarray[Any, np.dtype[np.float64]]

MARKDOWN = {
    "headings": r"(?m)^#{1,6} ",
    "bold": r"\*\*[^*\n]+\*\*",
    "lists": r"(?m)^ {0,9}(?:[-*+]|\d{1,3}[.)]) ",
    "code blocks": r"(?m)^ {0,3}```",
    "inline code": r"`[^`\n]+`",
    "tables": r"(?m)^ {0,3}\|.*\| *$",
    "links": r"\]\(https?://",
}
"""Parts of Markdown, counted for each thousand characters."""

_QUOTE = r"(?:'|\u2019)"
REFUSALS = {
    "sorry": rf"(?i)\bI(?:{_QUOTE}| a)m (?:\w+ )?sorry\b|\bI apologi[sz]e\b|^\s*sorry\b",
    "cannot": rf"(?i)\bI (?:cannot|can{_QUOTE}t|won{_QUOTE}t|will not)\b"
    rf"|\bI(?:{_QUOTE}| a)m (?:not able|unable) to\b",
    "as an AI": r"(?i)\bas an? (?:AI|artificial intelligence|(?:large )?language model)\b",
    "not appropriate": r"(?i)\b(?:not |in)appropriate to\b|\bagainst my guidelines\b",
}
"""Phrases of refusals; each is there or not."""


def lengths(messages: pa.Array | pa.ChunkedArray) -> Floats:
    """Characters of each side, all of them."""
    held = one_chunk(messages)
    each = pc.fill_null(pc.utf8_length(pc.struct_field(held.flatten(), "content")), 0).to_numpy()
    totals = np.concatenate([[0], np.cumsum(each)])
    offsets = own_offsets(held).to_numpy()
    sums: Floats = (totals[offsets[1:]] - totals[offsets[:-1]]).astype(float)
    return sums


def markdown(texts: pl.Series) -> Floats:
    """How often each part of Markdown comes in a thousand characters, one column each."""
    size = np.maximum(texts.str.len_chars().to_numpy(), 1) / 1000
    counts = [texts.str.count_matches(pattern).to_numpy() / size for pattern in MARKDOWN.values()]
    return np.column_stack(counts).astype(float)


def refusals(texts: pl.Series) -> Floats:
    """Whether each phrase is there, one column each, and whether any is."""
    found = [texts.str.contains(pattern).to_numpy() for pattern in REFUSALS.values()]
    return np.column_stack([*found, np.any(found, axis=0)]).astype(float)


def generators(chosen: pl.Series, rejected: pl.Series, most: int = 30) -> tuple[list[str], Floats]:
    """The most common generators, and +1 for that of the chosen side, -1 for the rejected one's."""
    counts = pl.concat([chosen, rejected]).drop_nulls().alias("name").value_counts()
    names = counts.sort("count", "name", descending=[True, False])["name"].head(most).to_list()
    columns = [
        (chosen == name).fill_null(value=False).cast(pl.Float64).to_numpy()
        - (rejected == name).fill_null(value=False).cast(pl.Float64).to_numpy()
        for name in names
    ]
    return names, np.column_stack(columns) if columns else np.zeros((len(chosen), 0))
