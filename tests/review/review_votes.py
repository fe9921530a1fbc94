"""Plans and decisions to make results from, without a desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pair_rows import assistant, pair, user, write_pairs

from prefkit.dataset import Dataset, open_dataset
from prefkit.reviews.dimensions import values_of
from prefkit.reviews.frame import frame_of
from prefkit.reviews.goal import Goal
from prefkit.reviews.plan import Planned, new_plan
from prefkit.schema.decision_lines import Decision, decision_of

GOAL = Goal(0.85, 0.9, 25, 0.05, 0.10)

SAID = {"chosen": "a", "rejected": "b"}
"""With the chosen side shown left, what a reviewer presses."""


def pairs(folder: Path, count: int, **more: Sequence[Any]) -> Dataset:
    """Pairs with a prompt each; `more` gives a column one value a row."""
    yes, no = assistant("yes it is so"), assistant("no")
    rows = [
        pair(user(f"Question {n}?"), yes, no, **{name: column[n] for name, column in more.items()})
        for n in range(count)
    ]
    return open_dataset(write_pairs(folder, rows))


def planned(
    dataset: Dataset, count: int, by: str | None = None, goal: Goal = GOAL, seed: int = 0
) -> Planned:
    """A sample of so many pairs."""
    dimensions = {} if by is None else {by: values_of(dataset, by)}
    return new_plan(frame_of(dataset, seed), goal, dimensions, count, None)


def vote(line: Mapping[str, Any], outcome: str, reviewer: str = "ana", **more: Any) -> Decision:
    """One line of decisions about a line of the sample or a queue."""
    role, item = more.get("role", "blind"), more.get("item", "pair")
    made = {
        "schema": "prefkit.decision/1",
        "id": f"{role} {item} {reviewer} {line['pair']}",
        "dataset": "sha256:0",
        "pair": line["pair"],
        "pair_sha256": line["pair_sha256"],
        "reviewer": reviewer,
        "role": role,
        "left": "chosen",
        "verdict": SAID.get(outcome, outcome),
        "at": "2026-11-03T10:00:00+00:00",
        **more,
    }
    return decision_of(made, "test")


def votes(
    lines: Sequence[Mapping[str, Any]], outcomes: Sequence[str], reviewer: str = "ana", **more: Any
) -> list[Decision]:
    """A vote on each of the first lines."""
    return [
        vote(line, outcome, reviewer, **more)
        for line, outcome in zip(lines, outcomes, strict=False)
    ]
