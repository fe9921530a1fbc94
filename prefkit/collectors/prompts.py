"""Prompts to ask models, from the rows of any source: `prompt` or `messages`, and an `id`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import NamedTuple

from prefkit.collectors.sources.decoding import decode
from prefkit.collectors.sources.origins import Origin, Reading, origins
from prefkit.collectors.turns import UnusableError, is_blank, prompt_messages, shown
from prefkit.errors import SchemaError
from prefkit.reader import Aside, Record
from prefkit.schema.records import Message

__all__ = ["Prompt", "Unused", "read_prompts"]


class Prompt(NamedTuple):
    """One conversation that waits for an answer."""

    source: str
    where: str
    id: str | None
    """The row's own `id`; null if it has none."""
    messages: tuple[Message, ...]


class Unused(NamedTuple):
    """A row that is no prompt, and why."""

    source: str
    where: str
    aside: Aside


def read_prompts(paths: Iterable[str], reading: Reading) -> Iterator[Prompt | Unused]:
    """Every row of every source, in order: a prompt, or why it is none.

    Raises:
        ConfigError: a path matches nothing.
        DataError: a file is damaged as a whole.
    """
    for origin in origins(paths, reading):
        yield from _prompts(origin)


def _prompts(origin: Origin) -> Iterator[Prompt | Unused]:
    with closing(origin.blocks()) as blocks:
        for block in blocks:
            for item in decode(block):
                if not isinstance(item, Record):
                    where, aside = item
                    yield Unused(origin.name, where, aside)
                else:
                    yield _prompt(origin.name, item)


def _prompt(source: str, record: Record) -> Prompt | Unused:
    try:
        turns = _turns(record)
        name = record.data.get("id")
        if name is not None and not isinstance(name, str | int):
            raise UnusableError("bad value", f"id is {shown(name)}")
        return Prompt(source, record.where, None if name is None else str(name), turns)
    except UnusableError as problem:
        return Unused(source, record.where, problem.aside(record.data))
    except SchemaError as problem:
        return Unused(source, record.where, Aside("bad value", str(problem), record.data))


def _turns(record: Record) -> tuple[Message, ...]:
    if is_blank(record.data):
        raise UnusableError("blank", "every field of the row is empty")
    given = [name for name in ("prompt", "messages") if record.data.get(name) is not None]
    if len(given) != 1:
        raise UnusableError(
            "missing field" if not given else "ambiguous",
            f"a prompt needs one of `prompt` and `messages`, the row has {len(given)}",
        )
    turns = prompt_messages(record.data[given[0]])
    if not turns or not any((turn.content or "").strip() for turn in turns):
        raise UnusableError("blank", "the prompt is empty")
    if turns[-1].role == "assistant":
        raise UnusableError("bad value", "the conversation ends with an answer already")
    return tuple(turns)
