"""Reviewers by number: a report is mailed, and who voted what is about people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["without_names"]

_FIELDS = frozenset({"reviewer", "one", "other", "settled_by"})


def without_names(review: Mapping[str, Any]) -> dict[str, Any]:
    """The results of a review with `reviewer 1` and so on in place of names.

    The numbers follow the order of the reviewers in the document.
    """
    known = [str(one["reviewer"]) for one in review["reviewers"]]
    names = {name: f"reviewer {place}" for place, name in enumerate(known, start=1)}
    replaced = _replaced(review, names)
    assert isinstance(replaced, dict)
    return replaced


def _replaced(part: Any, names: Mapping[str, str], field: str = "") -> Any:
    if isinstance(part, Mapping):
        return {key: _replaced(value, names, str(key)) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [_replaced(one, names, field) for one in part]
    if isinstance(part, str) and field in _FIELDS:
        return names.get(part, part)
    return part
