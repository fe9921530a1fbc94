"""Rationales that end by naming the other side than the verdict beside them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import polars as pl

from prefkit.judging.duel_names import JUDGED_BY, judges_of
from prefkit.reports.contradiction_votes import Entry, Found, said_of, vote_of
from prefkit.reports.judge_gold import rationale_audit

__all__ = ["reasons_against"]

_KINDS = ("human", *JUDGED_BY)


def reasons_against(duels: pl.DataFrame, *, seed: int = 0) -> Found:
    """Verdicts whose own rationale names the other response as the better one.

    `by_voice`: people together, then each judge; the same numbers as in a judge's own part. Only
    what was shown in a known order can be read ("A is better"), and only plain statements are.
    """
    people = duels.filter(pl.col("kind") == "human")
    voices = [("people", people), *((name.shown, frame) for name, frame in judges_of(duels))]
    by_voice: list[dict[str, Any]] = []
    for who, frame in voices:
        audit = rationale_audit(frame, seed=seed)
        if audit["say_a_side"]:
            by_voice.append({"who": who, **audit})
    says, verdict = pl.col("rationale_says"), pl.col("verdict")
    against = duels.with_columns(line=pl.int_range(pl.len())).filter(
        pl.col("kind").is_in(_KINDS), says * verdict < 0
    )
    found = sum(voice["contradicting"] for voice in by_voice)
    return Found({"found": found, "by_voice": by_voice}, partial(_entries, against))


def _entries(against: pl.DataFrame) -> Iterator[Entry]:
    # Between equal answers as well: what contradicts here is one vote and its own words.
    lines = said_of(against.drop("line"), _KINDS, equal=True)
    for line in lines.iter_rows(named=True):
        vote = vote_of(line)
        named = line["high"] if line["said"] > 0 else line["low"]
        yield {
            "kind": "rationale",
            "criterion": line["criterion"],
            "by": line["judge"],
            "rationale_names": f"{named:016x}",
            "votes": [vote],
        }
