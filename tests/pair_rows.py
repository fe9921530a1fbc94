"""Small pairs to build datasets from, with the ids that their content has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefkit.dataset import create_dataset
from prefkit.schema.arrow import PAIRS
from prefkit.schema.columns import table
from prefkit.schema.ids import digest, messages_digest, pair_id

Turns = Sequence[tuple[str, str | None, str | None]]


def user(text: str | None, extra: str | None = None) -> list[tuple[str, str | None, str | None]]:
    """A prompt of one turn."""
    return [("user", text, extra)]


def assistant(
    text: str | None, extra: str | None = None
) -> list[tuple[str, str | None, str | None]]:
    """An answer of one turn."""
    return [("assistant", text, extra)]


def pair(
    prompt: Turns, chosen: Turns | None, rejected: Turns | None, **more: Any
) -> tuple[Any, ...]:
    """One row of `PAIRS`; `more` sets any column."""
    name = messages_digest(prompt)
    sides = [None if side is None else messages_digest(side) for side in (chosen, rejected)]
    columns = {
        "id": pair_id(name, sides, more.get("criterion")),
        "comparison": digest(name.encode()),
        "prompt": prompt,
        "chosen": chosen,
        "rejected": rejected,
        "n_votes": 1,
        "policy": "p" * 32,
        "weight": 1.0,
        "sources": [("file.jsonl", "line 1", None, None)],
        "tags": [],
        "checks": [],
        **more,
    }
    return tuple(columns.get(field.name) for field in PAIRS)


def simple_pairs(count: int, **more: Any) -> list[tuple[Any, ...]]:
    """Pairs with a prompt each, every second with the longer side chosen."""
    sides = (assistant("yes, and much longer"), assistant("no"))
    return [
        pair(user(f"Question {n}?"), sides[n % 2], sides[1 - n % 2], **more) for n in range(count)
    ]


def write_pairs(target: Path, rows: Sequence[tuple[Any, ...]], batch: int = 1000) -> Path:
    """A dataset of pairs, handed to its writer in batches of the given size."""
    with create_dataset(target, "pairs") as writer:
        for start in range(0, len(rows), batch):
            writer.write(table(PAIRS, rows[start : start + batch]))
        writer.finish("pair", {}, {})
    return target
