"""Decisions for tests: a line about a row of a dataset, in few words."""

from __future__ import annotations

from typing import Any

from prefkit.dataset import Dataset
from prefkit.reviews.frame import hashes_of
from prefkit.schema.decision_lines import Decision, decision_of


def ids_of(dataset: Dataset) -> list[str]:
    return [one for table in dataset.batches(["id"]) for one in table["id"].to_pylist()]


def line(
    dataset: Dataset,
    row: int,
    reviewer: str | None,
    verdict: str,
    left: str | None = "chosen",
    **more: Any,
) -> Decision:
    """A decision about the row as it is now; A is the chosen side unless `left` says otherwise."""
    pair, digest = ids_of(dataset)[row], hashes_of(dataset, [row])[row]
    role = "triage" if verdict in ("accept", "flip", "drop") else "blind"
    about = {
        "id": f"{reviewer}-{row}-{verdict}",
        "dataset": dataset.content_hash,
        "pair": pair,
        "pair_sha256": digest,
        "reviewer": reviewer,
        "role": role,
        "left": left if role == "blind" else None,
        "verdict": verdict,
    }
    return decision_of(about | more, "test")
