"""Comparisons whose better side is known, judged by people of known accuracy; and their pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from comparison_rows import compare, table_of, vote, write_comparisons

from prefkit.dataset import open_dataset
from prefkit.schema.records import Comparison, Vote

A, B, TIE = (1.0, 0.0), (0.0, 1.0), (0.5, 0.5)

EXPERTS = (0.95, 0.95, 0.52, 0.52, 0.52)
"""Two who know and three who guess: their majority is often the guessers'."""


def planted(
    count: int, accuracies: Sequence[float], *, ties: float = 0.0, seed: int = 0
) -> list[Comparison]:
    """Contests of a good and a bad answer; a judge says tie with so much chance."""
    rng = np.random.default_rng(seed)
    rows = []
    for n in range(count):
        cast = []
        for judge, accuracy in enumerate(accuracies):
            tied, right = rng.random() < ties, rng.random() < accuracy
            scores = (0.5, 0.5) if tied else (float(right), float(not right))
            outcome = "tie" if tied else "scored"
            cast.append(
                vote(*scores, outcome=outcome, by=f"p{judge}", record=f"line {n}", draw=None)
            )
        rows.append(compare(f"Question {n}?", ["good", "bad"], *cast))
    return rows


def by(judge: str, scores: tuple[float | None, ...], **more: Any) -> Vote:
    outcome = "tie" if scores == TIE else "scored"
    return vote(*scores, outcome=outcome, by=judge, **more)


def write(folder: Path, rows: Iterable[Comparison]) -> Path:
    return write_comparisons(folder, table_of(*rows))


def stored(folder: Path) -> list[dict[str, Any]]:
    return [row for table in open_dataset(folder, "pairs").batches() for row in table.to_pylist()]


def right(rows: list[dict[str, Any]]) -> float:
    return sum(row["chosen"][0]["content"] == "good" for row in rows) / len(rows)


def texts(row: dict[str, Any]) -> tuple[str, str]:
    return row["chosen"][-1]["content"], row["rejected"][-1]["content"]


def said(result: Any, label: str) -> list[str]:
    return [text for name, text in result.lines if name == label]


def found_in(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = open_dataset(folder).manifest["aggregation"]
    return found


def nobody(count: int) -> list[Comparison]:
    """Contests on which only nobody in particular voted."""
    return [compare(f"Nobody {n}?", ["good", "bad"], vote(*A), vote(*A)) for n in range(count)]
