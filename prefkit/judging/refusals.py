"""Answers that begin by refusing, by the phrases in `refusals.yaml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import yaml

__all__ = ["refusals"]

_PHRASES = Path(__file__).with_name("refusals.yaml")

_SENTENCE = r"[^\p{Sentence_Terminal}\n]+[\p{Sentence_Terminal}\n]*"
_SENTENCES = 3
"""Sentences at the start that are looked at: an apology or thanks may come before a refusal."""


def refusals(texts: pl.Series, window: int) -> pl.DataFrame:
    """How sure it is that each text begins by refusing, and what matched: `confidence`, `what`.

    `what` is language and kind, as `en refuses`; both are null where nothing matches.

    Args:
        texts: null where there is none.
        window: characters at the start that are looked at.
    """
    return _surest(_sentences(texts, window), len(texts))


class _Pattern(NamedTuple):
    what: str
    confidence: float
    matches: str
    unless: str | None


@cache
def _patterns() -> tuple[_Pattern, ...]:
    """One pattern for each language and kind, the surest first."""
    data = yaml.safe_load(_PHRASES.read_text(encoding="utf-8"))
    found = [
        _Pattern(f"{language} {kind}", sure, _alternatives(entry[kind], entry), _unless(entry))
        for kind, sure in data["confidence"].items()
        for language, entry in data["languages"].items()
        if kind in entry
    ]
    return tuple(sorted(found, key=lambda pattern: -pattern.confidence))


def _unless(entry: Mapping[str, Any]) -> str | None:
    return _alternatives(entry["unless"], entry) if "unless" in entry else None


def _alternatives(patterns: Sequence[str], entry: Mapping[str, Any]) -> str:
    """One expression that matches where one of `patterns` does, with their parts put in."""
    joined = "|".join(f"(?:{pattern})" for pattern in patterns)
    for name, part in entry.get("parts", {}).items():
        joined = joined.replace(f"{{{name}}}", part)
    return joined


def _sentences(texts: pl.Series, window: int) -> pl.DataFrame:
    """The first sentences of each text, as the patterns expect them: `row`, `sentence`."""
    heads = (
        texts.str.strip_chars()
        .str.head(window)
        .str.replace_all("[\u2018\u2019\u02bc]", "'")
        .str.replace_all("\uff0c", ",", literal=True)
        .str.replace_all(r"[*_#`]+", "")
        .str.to_lowercase()
    )
    found = heads.str.extract_all(_SENTENCE).list.head(_SENTENCES).fill_null([])
    rows = pl.DataFrame({"sentence": found}).with_row_index("row")
    sentence = pl.col("sentence").str.replace_all(r"\s+", " ").str.strip_chars()
    return rows.explode("sentence", empty_as_null=False).with_columns(sentence)


def _surest(sentences: pl.DataFrame, rows: int) -> pl.DataFrame:
    """Confidence and name of each row's surest match; null where nothing matches."""
    what = pl.lit(None, pl.String)
    confidence = pl.lit(None, pl.Float64)
    sentence = pl.col("sentence")
    for pattern in reversed(_patterns()):
        matches = sentence.str.contains(pattern.matches)
        if pattern.unless is not None:
            matches &= ~sentence.str.contains(pattern.unless)
        what = pl.when(matches).then(pl.lit(pattern.what)).otherwise(what)
        confidence = pl.when(matches).then(pattern.confidence).otherwise(confidence)
    found = (
        sentences.lazy()
        .select("row", what=what, confidence=confidence)
        .filter(pl.col("what").is_not_null())
        .sort("row", "confidence", descending=[False, True], maintain_order=True)
        .unique("row", keep="first", maintain_order=True)
        .collect()
    )
    every = pl.DataFrame({"row": pl.Series(range(rows), dtype=pl.UInt32)})
    return every.join(found, on="row", how="left", maintain_order="left")
