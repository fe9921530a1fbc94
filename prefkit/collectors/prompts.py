"""Prompts to ask models, from the rows of any source: `prompt` or `messages`, and an `id`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from prefkit.collectors.sources.decoding import decode
from prefkit.collectors.sources.hub import folder_digest
from prefkit.collectors.sources.origins import Origin, Reading, origins
from prefkit.collectors.turns import UnusableError, is_blank, prompt_messages, shown
from prefkit.dataset.manifest import file_entry
from prefkit.errors import DataError, SchemaError
from prefkit.reader import Aside, Record
from prefkit.schema.records import Message

__all__ = ["Prompt", "Prompts", "Unused"]


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


class Prompts:
    """Every row of every source, in order: a prompt, or why it is none.

    The sources are read anew at every iteration, so that nothing has to be held; what can be read
    only once (standard input, a pipe) is held as far as it was read.
    """

    def __init__(self, paths: Iterable[str], reading: Reading) -> None:
        """Find the sources.

        Raises:
            ConfigError: a path matches nothing.
        """
        self._origins = origins(paths, reading)
        self._once = {
            place: _Held(_prompts(origin))
            for place, origin in enumerate(self._origins)
            if _is_read_once(origin)
        }
        self._seen = self._state()

    def __iter__(self) -> Iterator[Prompt | Unused]:
        """Read all rows.

        Raises:
            DataError: a file is damaged as a whole, or changed since it was read first.
        """
        if self._state() != self._seen:
            raise DataError("the prompts changed while they were read", hint="run it again")
        for place, origin in enumerate(self._origins):
            yield from self._once.get(place) or _prompts(origin)

    def inputs(self) -> list[dict[str, Any]]:
        """The sources as a manifest lists them: name, bytes and sha256; standard input has none."""
        return [
            {"name": origin.name, **origin.facts, **_hashed(origin)} for origin in self._origins
        ]

    def _state(self) -> list[tuple[int, int, int] | None]:
        """What tells that a file is no longer the one that was read."""
        return [
            None if origin.file is None or place in self._once else _stamp(origin.file)
            for place, origin in enumerate(self._origins)
        ]


class _Held:
    """Rows that come once and can be gone through again."""

    def __init__(self, rows: Iterator[Prompt | Unused]) -> None:
        self._rows = rows
        self._held: list[Prompt | Unused] = []

    def __iter__(self) -> Iterator[Prompt | Unused]:
        yield from self._held
        for row in self._rows:
            self._held.append(row)
            yield row


def _is_read_once(origin: Origin) -> bool:
    return origin.shown == "-" or (origin.file is not None and not origin.file.is_file())


def _stamp(file: Path) -> tuple[int, int, int]:
    found = file.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _hashed(origin: Origin) -> dict[str, Any]:
    if origin.folder is not None:
        return {"sha256": folder_digest(origin.folder)}
    if origin.file is None or not origin.file.is_file():
        return {}
    entry = file_entry(origin.file)
    return {"bytes": entry["bytes"], "sha256": entry["sha256"]}


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
