"""Comparisons whose responses were run: one execution vote for each candidate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
from comparison_rows import compare, vote

from prefkit.schema.records import Comparison, Vote


class Ran(NamedTuple):
    """A candidate and what came of it; `label` null for a vote without classes."""

    text: str
    label: str | None
    passed: int
    trials: int | None = 10
    raw: dict[str, Any] | None = None


def ran(place: int, count: int, one: Ran, **more: Any) -> Vote:
    """The execution vote on one of so many responses."""
    others: list[Any] = [None] * count
    score = one.passed / (one.trials or 10)
    return vote(
        *[score if place == other else None for other in range(count)],
        kind="execution",
        scale="pass_share",
        by=more.pop("by", "sandbox:bubblewrap"),
        labels=None if one.label is None else (*others[:place], one.label, *others[place + 1 :]),
        trials=None if one.trials is None else (*others[:place], one.trials, *others[place + 1 :]),
        raw=None if one.raw is None else orjson.dumps(one.raw).decode(),
        record=more.pop("record", one.text),
    )


def task(prompt: str, candidates: Sequence[Ran], *more: Vote) -> Comparison:
    """A task with its candidates, each run once."""
    votes = [ran(place, len(candidates), one) for place, one in enumerate(candidates)]
    return compare(prompt, [one.text for one in candidates], *votes, *more)


def good(text: str = "good", **raw: Any) -> Ran:
    """A candidate that passes ten of ten tests."""
    return Ran(text, "pass", 10, raw=raw or None)


def bad(text: str, label: str = "near_miss", passed: int = 6, **raw: Any) -> Ran:
    """A candidate that fails some of ten tests."""
    return Ran(text, label, passed, raw=raw or None)
