"""Small comparisons to build tables and datasets from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from prefkit.dataset import create_dataset
from prefkit.schema.build import comparison_row, comparisons_table
from prefkit.schema.records import Comparison, Message, Response, Source, Vote


def turns(*texts: str) -> tuple[Message, ...]:
    """A conversation that a user begins, turn by turn."""
    return tuple(
        Message("assistant" if place % 2 else "user", text) for place, text in enumerate(texts)
    )


def answer(text: str, model: str | None = None) -> Response:
    """A response of one turn."""
    return Response((Message("assistant", text),), model)


def vote(*scores: float | None, kind: str = "human", **more: Any) -> Vote:
    """A judgement; `record` names its place, `scale` is `choice` unless given."""
    outcome = more.pop("outcome", "scored")
    scale = more.pop("scale", "choice")
    source = Source(more.pop("name", "file.jsonl"), more.pop("record", "line 1"))
    return Vote(kind, outcome, scores, scale, source, **more)


def compare(prompt: str, answers: Sequence[str], *votes: Vote, **more: Any) -> Comparison:
    """One prompt, answers of one turn, votes in the order of the answers."""
    prompts = turns(prompt) if prompt else ()
    return Comparison(prompts, tuple(answer(text) for text in answers), votes, **more)


def table_of(*comparisons: Comparison) -> pa.Table:
    """Comparisons as a dataset stores them."""
    return comparisons_table([comparison_row(comparison) for comparison in comparisons])


def write_comparisons(folder: Path, table: pa.Table) -> Path:
    """Write a dataset of comparisons."""
    with create_dataset(folder, "comparisons") as writer:
        writer.write(table)
        writer.finish("collect human", {}, {"parents": [], "inputs": [], "counts": {}})
    return folder
