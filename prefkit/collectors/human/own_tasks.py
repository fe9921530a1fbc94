"""Tasks that `prefkit export` wrote, on their way back from an annotation tool.

Such a task says itself what it compares and under which ids. It is read by the tool's own reader
with the options of our page, on names in place of its texts, and gets its messages back afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from prefkit.collectors.turns import UnusableError
from prefkit.errors import SchemaError
from prefkit.reader import Row
from prefkit.schema.records import Message, Response, Vote, to_json
from prefkit.schema.tasks import PROMPT, SCHEMA, VERDICTS, Task, Turns, answer_names, task_of

__all__ = ["OUTCOMES", "Own", "is_own", "own_task", "restored"]

_SCHEMAS = SCHEMA.rpartition("/")[0]
"""What the schema of every version begins with."""

OUTCOMES = {words: outcome for _, words, outcome in VERDICTS}
"""The words of our page and what they mean, where a reader knows sides."""


class Own(NamedTuple):
    """A task of ours: its names for the answers, and what it was written from."""

    names: tuple[str, ...]
    task: Task

    @property
    def criterion(self) -> str:
        """The criterion as readers declare it: an empty text is overall."""
        return self.task.criterion or ""

    def stand_ins(self) -> dict[str, str]:
        """A text for the prompt and for every answer that no reader takes for anything else."""
        return {name: name for name in (PROMPT, *self.names)}


def is_own(identity: Any) -> bool:
    """Whether a field of that name is one of ours: an object, or its JSON."""
    if isinstance(identity, Mapping):
        return str(identity.get("schema")).startswith(_SCHEMAS)
    return isinstance(identity, str) and f'"{_SCHEMAS}' in identity


def own_task(identity: Any, shown: Mapping[str, Any], answers: Sequence[Any] = ()) -> Own:
    """The task behind an identity, with the fields that the tool showed.

    `answers` are the shown texts in their order, if they are no fields of their own.

    Raises:
        UnusableError: it was changed since it was written.
    """
    texts = answers or [shown[name] for name in answer_names(len(shown)) if name in shown]
    try:
        task = task_of(identity, shown.get(PROMPT), texts)
    except SchemaError as error:
        raise UnusableError(
            "changed task",
            f"the task is one of prefkit's, but {error}: its votes are about something else",
        ) from error
    return Own(answer_names(len(task.order)), task)


def restored(row: Row, own: Own) -> Row:
    """The row with the messages of its task, and votes that know in which order answers stood."""
    task = own.task
    extra = None if task.pair is None else to_json({"task": {"pair": task.pair}})
    comparisons = tuple(
        one._replace(
            prompt=_messages(task.prompt),
            responses=tuple(Response(_messages(answer)) for answer in task.answers),
            votes=tuple(_on_page(vote, task) for vote in one.votes),
            tools=task.tools,
            template_kwargs=task.template_kwargs,
            extra=extra,
        )
        for one in row.comparisons
    )
    return row._replace(comparisons=comparisons)


def _messages(turns: Turns) -> tuple[Message, ...]:
    return tuple(Message(*turn) for turn in turns)


def _on_page(vote: Vote, task: Task) -> Vote:
    """The vote with what its page says: the order of the answers, and what a skip was asked for."""
    order = tuple(range(len(task.answers)))
    return vote._replace(order=order, criterion=vote.criterion or task.criterion)
