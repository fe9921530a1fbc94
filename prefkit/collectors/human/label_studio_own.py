"""Tasks of ours in Label Studio: their fields, and the controls of our page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefkit.collectors.human.label_studio_task import as_list
from prefkit.collectors.human.own_tasks import OUTCOMES, Own, own_task
from prefkit.schema.tasks import FIELD, PROMPT

__all__ = ["own_of", "page_options", "stand_ins"]


def own_of(data: Mapping[str, Any]) -> Own:
    """The task of ours behind its fields; a ranking lists its answers as items.

    Raises:
        UnusableError: it was changed since it was written.
    """
    items = as_list(data.get("items"))
    bodies = [item.get("body") if isinstance(item, Mapping) else item for item in items]
    return own_task(data[FIELD], data, bodies)


def stand_ins(own: Own, ranking: bool) -> dict[str, Any]:
    """The fields of the task with names in place of their texts."""
    if not ranking:
        return dict(own.stand_ins())
    return {PROMPT: PROMPT, "items": [{"id": name, "body": name} for name in own.names]}


def page_options(own: Own, ranking: bool) -> dict[str, Any]:
    """The options of a reader of our labelling page."""
    return {
        "prompt": PROMPT,
        "responses": ("items",) if ranking else own.names,
        "choices": OUTCOMES,
        "buckets": (),
        "criteria": dict.fromkeys(("verdict", "ranking"), own.criterion),
    }
