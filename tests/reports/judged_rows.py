"""Comparisons with planted verdicts, so that every number of a report is known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from comparison_rows import answer, table_of, turns, vote, write_comparisons

from prefkit.dataset import Dataset, open_dataset
from prefkit.schema.records import Comparison, Vote

BETTER, WORSE = "Paris.", "I am not sure, it may well be Lyon or another town."
"""The better answer is the shorter one."""

SAID = {"better": (1.0, 0.0), "worse": (0.0, 1.0), "tie": (0.5, 0.5)}
ORDERS = {"better first": (0, 1), "worse first": (1, 0)}


def verdict(
    word: str, shown: str | None = None, *, by: str | None = "judge-x", kind: str = "judge",
    **more: Any,
) -> Vote:  # fmt: skip
    """A vote for the better or the worse answer, a tie, or `failed`."""
    scores: tuple[float | None, ...] = SAID.get(word, (None, None))
    outcome = {"tie": "tie", "failed": "failed"}.get(word, "scored")
    order = None if shown is None else ORDERS[shown]
    return vote(*scores, kind=kind, by=by, outcome=outcome, order=order, **more)


def both_orders(first: str, second: str, **more: Any) -> list[Vote]:
    """What a judge says where the better answer is shown first, and where it is shown second."""
    given = zip((first, second), ORDERS, strict=True)
    return [verdict(word, shown, **more) for word, shown in given]


def person(word: str = "better", name: str = "ann") -> Vote:
    """The vote of a person."""
    return verdict(word, by=name, kind="human", record=f"line {name}")


def about(number: int, votes: Sequence[Vote], models: Sequence[str | None] = (None, None)) -> Any:
    """One comparison of the two answers; every number is another prompt."""
    sides = tuple(
        answer(f"{text} {number}", model)
        for text, model in zip((BETTER, WORSE), models, strict=True)
    )
    return Comparison(turns(f"What is the capital? {number}"), sides, tuple(votes))


def dataset_of(folder: Path, comparisons: Sequence[Comparison]) -> Dataset:
    """The comparisons as a dataset."""
    return open_dataset(write_comparisons(folder, table_of(*comparisons)))
