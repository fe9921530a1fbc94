"""Frames of duels by hand: judges with a known order effect, and people on some of the pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from prefkit.judging.duels import COLUMNS

_USUAL: dict[str, Any] = {
    "cluster": 0,
    "a": 0,
    "b": 1,
    "kind": "judge",
    "judge": "judge-1",
    "file": "run",
    "rubric": "helpful@1",
    "form": "pairwise",
    "outcome": "scored",
    "scale": "choice",
    "longer": 0,
    "model_a": "M",
    "model_b": "N",
    "vote": 0,
    "order": "unknown",
}


def duel_frame(lines: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Lines with what matters in a test; all else is as a judge of two models would have it."""
    whole = [{**dict.fromkeys(COLUMNS), **_USUAL, **line} for line in lines]
    return pl.DataFrame(whole, schema=COLUMNS)


def shown(comparison: str, verdict: int | None, first: int | None = None, **more: Any) -> Any:
    """One showing of a pair to a judge."""
    outcome = "failed" if verdict is None else "tie" if verdict == 0 else "scored"
    given = {"comparison": comparison, "verdict": verdict, "first": first, "outcome": outcome}
    return {**given, "order": "unknown" if first is None else "shown", **more}


def human(comparison: str, verdict: int, by: str = "annotator-1", **more: Any) -> Any:
    """One person's verdict of a pair."""
    who = {"kind": "human", "judge": by, "rubric": None, "file": "people.jsonl"}
    return shown(comparison, verdict, None, **who, **more)


class Planted(NamedTuple):
    """Pairs of M (side a) and N with several a prompt."""

    clusters: np.ndarray
    human: np.ndarray
    """1 where people prefer M, else 0."""


def planted_people(
    rng: np.random.Generator, prompts: int, each: int, share: float, spread: float = 0.0
) -> Planted:
    """People who prefer M in that share of pairs, by prompts up to `spread` more or less."""
    clusters = np.repeat(np.arange(prompts), each)
    shares = share + spread * rng.uniform(-1, 1, prompts)
    return Planted(clusters, (rng.random(len(clusters)) < shares[clusters]).astype(float))


def frame_of(
    planted: Planted, judged: Mapping[int | None, np.ndarray], labelled: np.ndarray
) -> pl.DataFrame:
    """A frame of a judge (verdicts 1, 0, -1 for M by the order shown) and of one person."""
    names = np.array([f"c{place}" for place in range(len(planted.clusters))])
    usual = {name: value for name, value in _USUAL.items() if name not in ("cluster", "outcome")}
    parts = []
    for first, verdicts in judged.items():
        told = {"comparison": names, "cluster": planted.clusters, "verdict": verdicts}
        parts.append(_part({**told, **usual}, first=first))
    said = (2 * planted.human[labelled] - 1).astype(int)
    told = {
        "comparison": names[labelled],
        "cluster": planted.clusters[labelled],
        "verdict": said,
        **usual,
        "kind": "human",
        "judge": "annotator-1",
        "rubric": None,
        "file": "people",
    }
    return pl.concat([*parts, _part(told, first=None)])


def _part(told: Mapping[str, Any], first: int | None) -> pl.DataFrame:
    frame = pl.DataFrame({**told, "first": first})
    rest = {name: None for name in COLUMNS if name not in frame.columns and name != "outcome"}
    return frame.with_columns(
        **{name: pl.lit(None) for name in rest}, outcome=pl.lit("scored")
    ).select(pl.col(name).cast(kind) for name, kind in COLUMNS.items())
