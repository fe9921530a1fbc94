"""The queue of pairs whose labels look wrong, for a reviewer: pair ids with their evidence.

It is targeted. What a reviewer finds in it says nothing of the dataset as a whole, so the file says
so in its first line, and nothing in it changes a pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from prefkit.dataset.folder import write_file
from prefkit.judging.numbers import rounded
from prefkit.reports.noise_evidence import Witness
from prefkit.reports.noise_pairs import NoisePairs
from prefkit.schema.records import to_json
from prefkit.statistics.order_effect import logit
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import Bools

__all__ = ["SCHEMA", "Ranked", "ranked", "write_suspects"]

SCHEMA = "prefkit.suspects/1"

_FURTHEST = 1e-3  # no votes make a label surer than that
_NOTE = "targeted: never enters a headline number"


class Ranked(NamedTuple):
    """Every pair that something speaks against, and the worst of them as the queue tells them."""

    suspect: Bools
    lines: list[dict[str, Any]]

    def facts(self) -> dict[str, Any]:
        """How many."""
        return {"pairs": int(self.suspect.sum()), "queued": len(self.lines), "note": _NOTE}


def ranked(
    pairs: NoisePairs, votes: pl.DataFrame, evidence: Sequence[Witness], together: Floats, most: int
) -> Ranked:
    """The pairs that something speaks against, worst first, at most so many.

    The score is the log-odds that the label is wrong: of the label's own probability, where it has
    one, and of all witnesses together, as if these erred independently of its votes. It sorts, it
    is no probability: the witnesses were weighed by labels that have errors themselves.
    """
    own = pairs.frame["p_chosen"].fill_null(0.5).to_numpy()
    odds = logit(np.clip(own, _FURTHEST, 1 - _FURTHEST))
    scores = -(odds + together)
    behind = votes["behind"].fill_null(0).to_numpy() > 0
    against = [one.values < 0 for one in evidence]  # NaN is below nothing
    suspect: Bools = np.logical_or.reduce([behind, *against])
    # Of few pairs no weight is known, and equal scores are sorted by how many speak for the label.
    net = np.nansum([np.sign(one.values) for one in evidence], axis=0) + np.zeros(len(own))
    frame = pairs.frame.select("id", "sha256").with_columns(
        place=pl.int_range(pl.len()),
        score=pl.Series([rounded(one) for one in scores.tolist()], dtype=pl.Float64),
        net=pl.Series(net, dtype=pl.Float64),
    )
    order = frame.filter(pl.Series(suspect)).sort(
        "score", "net", "id", "sha256", descending=[True, False, False, False]
    )
    lines = [
        {
            "pair": name,
            "pair_sha256": digest,
            "rank": rank,
            "score": score,
            "evidence": [*_votes(pairs, votes, place), *_said(evidence, place)],
        }
        for rank, (name, digest, place, score) in enumerate(_first(order, most), start=1)
    ]
    return Ranked(suspect, lines)


def _first(order: pl.DataFrame, most: int) -> Iterator[tuple[str, str, int, float]]:
    names = ("id", "sha256", "place", "score")
    return ((row[0], row[1], row[2], row[3]) for row in order.head(most).select(names).iter_rows())


def _votes(pairs: NoisePairs, votes: pl.DataFrame, place: int) -> Iterator[dict[str, Any]]:
    """What the label itself rests on."""
    row = pairs.frame.row(place, named=True)
    ahead, behind = votes.row(place)
    people = "" if ahead is None else f": people {ahead} for, {behind} against"
    value = None if row["p_chosen"] is None else rounded(row["p_chosen"])
    kind = row["p_kind"] or "no probability"
    yield {
        "evidence": "votes",
        "by": None,
        "value": value,
        "against": bool(behind),
        "note": f"p_chosen ({kind}), {row['n_votes']} votes{people}",
    }


def _said(evidence: Sequence[Witness], place: int) -> Iterator[dict[str, Any]]:
    for one in evidence:
        value = float(one.values[place])
        if np.isfinite(value):
            yield {
                "evidence": one.evidence,
                "by": one.by,
                "value": rounded(value),
                "against": value < 0,
                "note": one.unit,
            }


def write_suspects(path: Path, queue: Ranked, facts: dict[str, Any]) -> None:
    """Write the queue as JSON lines: first what it is, then a line a pair.

    `facts` are what the first line tells beside that: the dataset it is of.
    """
    head = {"schema": SCHEMA, "queue": "suspects", "targeted": True, "note": _NOTE, **facts}
    write_file(path, "".join(f"{to_json(one)}\n" for one in [head, *queue.lines]))
