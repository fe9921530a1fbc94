"""The pairs that the page shows where no review says which: the suspects, with what is against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prefkit.dataset import Dataset
from prefkit.dataset.taking import rows_at
from prefkit.schema.decisions import pair_hashes

__all__ = ["suspects_to_look_at"]

_TEXTS = ["criterion", "prompt", "chosen", "rejected", "tools"]


def suspects_to_look_at(
    dataset: Dataset, lines: Sequence[Mapping[str, Any]], most: int
) -> dict[str, Any]:
    """The rows of queued suspects in the order of the queue, the first `most` of them.

    Raises:
        DataError: a file is damaged.
    """
    rows = _rows(dataset, lines)
    listed = [
        {
            "row": rows[line["pair_sha256"]]["row"], "pair": line["pair"],
            "pair_sha256": line["pair_sha256"], "why": _why(line["evidence"]), "proposed": None,
            "margin": rows[line["pair_sha256"]]["margin"],
            "margin_kind": rows[line["pair_sha256"]]["margin_kind"],
        }
        for line in lines[:most]
    ]  # fmt: skip
    return {"of": len(lines), "by": "suspects", "listed": listed}


def _rows(dataset: Dataset, lines: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By hash: opposite labels of one pair share its id."""
    wanted = {line["pair"] for line in lines}
    places: list[int] = []
    first = 0
    for table in dataset.batches(["id"]):
        ids = table["id"].to_pylist()
        places += [row for row, name in enumerate(ids, first) if name in wanted]
        first += len(table)
    found = rows_at(dataset, places, ["margin", "margin_kind", *_TEXTS])
    margins = found.select(["margin", "margin_kind"]).to_pylist()
    hashes = pair_hashes(found.select(_TEXTS))
    return {
        digest: {"row": row, **margin}
        for digest, row, margin in zip(hashes, places, margins, strict=True)
    }


def _why(evidence: Sequence[Mapping[str, Any]]) -> str:
    """What speaks against a label, each once; who it was stands in the queue."""
    against = dict.fromkeys(one["evidence"] for one in evidence if one["against"])
    return f"against the label: {', '.join(against)}"
