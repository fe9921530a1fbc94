"""Small tasks for people, with the ids that their content has."""

from __future__ import annotations

from typing import Any

from prefkit.schema.ids import comparison_id, messages_digest
from prefkit.schema.tasks import Task, Turns


def asked(prompt: Turns, *answers: Turns, **more: Any) -> Task:
    """A task about these answers in this order; `more` sets criterion, pair and the like."""
    order = tuple(messages_digest(answer) for answer in answers)
    name = comparison_id(messages_digest(prompt), more.get("tools"), order)
    texts = tuple(tuple(answer) for answer in answers)
    return Task(more.get("pair") or name, name, tuple(prompt), texts, order, **more)
