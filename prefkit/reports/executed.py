"""What was run to make votes: verdicts, adequacy of tests, what flickers; from the manifests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefkit.dataset import Dataset

__all__ = ["executed_in"]


def executed_in(datasets: Sequence[Dataset]) -> list[dict[str, Any]]:
    """A line for each dataset whose manifest tells of programs that were run.

    `kill_rate`: the share of wrong programs that the tests notice, null where none were tried.
    """
    found = []
    for dataset in datasets:
        casting = dataset.manifest.get("casting") or {}
        if "labels" not in casting or "level" not in casting:
            continue
        adequacy = casting.get("adequacy") or {}
        shares = (casting.get("pass_at_k") or {}).items()
        found.append(
            {
                "dataset": dataset.path.resolve().name,
                "level": casting["level"],
                "labels": casting["labels"],
                "kill_rate": (adequacy.get("kill_rate") or {}).get("value"),
                "mutants": adequacy.get("mutants"),
                "flaky": (casting.get("flaky") or {}).get("count", 0),
                "pass_at_k": {k: one["value"] for k, one in shares if "value" in one},
            }
        )
    return found
