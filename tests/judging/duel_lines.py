"""Small votes of judges, and duels as people would tell them."""

from __future__ import annotations

from typing import Any

from comparison_rows import table_of, vote

from prefkit.judging.duels import duels_of
from prefkit.schema.records import Comparison
from prefkit.schema.records import Vote as Ballot

LABEL = "helpfulness@1:0123456789ab"


def judge(*scores: float | None, **more: Any) -> Ballot:
    """A vote of the judge `gpt`."""
    return vote(*scores, **{"kind": "judge", "by": "gpt", **more})


def failed(count: int = 2, **more: Any) -> Ballot:
    """A verdict of `gpt` that could not be read."""
    return judge(*[None] * count, outcome="failed", **more)


def lines(*comparisons: Comparison) -> list[dict[str, Any]]:
    """The duels of comparisons, a dictionary each."""
    return duels_of(table_of(*comparisons)).to_dicts()


def named(comparison: Comparison) -> list[dict[str, Any]]:
    """Duels with `a` and `b` as the texts of the responses: stored order is by digest."""
    stored = table_of(comparison)["responses"].to_pylist()[0]
    texts = [response["messages"][0]["content"] for response in stored]
    return [{**line, "a": texts[line["a"]], "b": texts[line["b"]]} for line in lines(comparison)]


def winner(line: dict[str, Any], field: str = "verdict") -> str | None:
    """The text that wins, `tie`, or null."""
    if line[field] is None:
        return None
    return {1: line["a"], -1: line["b"], 0: "tie"}[line[field]]
