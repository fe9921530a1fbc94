"""Functions that the tests of the `python` filter name by import path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NO_FUNCTION = 3


def short(row: Mapping[str, Any]) -> str | None:
    answer = row["chosen"][0]["content"]
    return None if len(answer) > 2 else f"only {len(answer)} characters"


def measured(row: Mapping[str, Any]) -> tuple[float | int | None, str | None]:
    votes = row["n_votes"]
    return (None if votes == 0 else votes), ("one vote" if votes == 1 else None)


def failing(row: Mapping[str, Any]) -> None:
    raise KeyError(row["prompt"][0]["content"])


def given(row: Mapping[str, Any]) -> Any:
    """What stands in the first message's text, as the wrong thing to return."""
    return {
        "false": False,
        "true": True,
        "number": 3,
        "blank": "  ",
        "triple": (1.0, "a", "b"),
        "list": [1.0, "a"],
        "swapped": ("a", 1.0),
        "nan": (float("nan"), None),
        "infinite": (float("inf"), "too much"),
    }[row["prompt"][0]["content"]]
