"""Prompts to ask models, from the rows of any source: `prompt` or `messages`, and an `id`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from prefkit.collectors.sources.decoding import decode
from prefkit.collectors.sources.hub import folder_digest
from prefkit.collectors.sources.origins import Origin, Reading, origins
from prefkit.collectors.sources.texts import Unit, is_text, text_blocks
from prefkit.collectors.turns import UnusableError, is_blank, prompt_messages, shown
from prefkit.dataset.manifest import file_entry
from prefkit.errors import ConfigError, DataError, SchemaError
from prefkit.reader import Aside, Record
from prefkit.schema.records import Message, to_json

__all__ = ["Prompt", "Prompts", "Unused"]

_REFERENCES = ("reference", "answer", "tests")


class Prompt(NamedTuple):
    """One conversation that waits for an answer."""

    source: str
    where: str
    id: str | None
    """The row's own `id`; null if it has none."""
    messages: tuple[Message, ...]
    reference: str | None = None
    """JSON: the row's `reference`, else its `answer`, else its `tests`; null: none, or not read."""
    tags: tuple[tuple[str, str], ...] = ()
    extra: str | None = None
    """JSON: the fields that are nothing of the above, and the row's id; null: none, or not read."""
    row: Mapping[str, Any] = {}
    """The whole row; empty where it was not asked for."""


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

    def __init__(
        self,
        paths: Iterable[str],
        reading: Reading,
        *,
        whole: bool = False,
        texts: Unit | None = None,
    ) -> None:
        """Find the sources.

        Args:
            paths: files, globs, folders, `-` and `hf:` names.
            reading: how they are opened.
            whole: prompts carry what else their rows say: reference, tags, extra and the row.
            texts: what a prompt is in a file that ends in .txt; null: such a file holds rows.

        Raises:
            ConfigError: a path matches nothing.
        """
        self._origins = [_of_texts(one, reading, texts) for one in origins(paths, reading)]
        self._whole = whole
        self._renaming = _Renaming(reading.columns)
        self._once = {
            place: _Held(self._read(origin))
            for place, origin in enumerate(self._origins)
            if _is_read_once(origin)
        }
        self._seen = self._state()

    def __iter__(self) -> Iterator[Prompt | Unused]:
        """Read all rows.

        Raises:
            DataError: a file is damaged as a whole, or changed since it was read first.
            ConfigError: a field that `columns` names is in no row.
        """
        if self._state() != self._seen:
            raise DataError("the prompts changed while they were read", hint="run it again")
        for place, origin in enumerate(self._origins):
            yield from self._once.get(place) or self._read(origin)
        self._renaming.check()

    def inputs(self) -> list[dict[str, Any]]:
        """The sources as a manifest lists them: name, bytes and sha256; standard input has none."""
        return [
            {"name": origin.name, **origin.facts, **_hashed(origin)} for origin in self._origins
        ]

    def _read(self, origin: Origin) -> Iterator[Prompt | Unused]:
        return _prompts(origin, self._whole, self._renaming)

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


def _prompts(origin: Origin, whole: bool, renaming: _Renaming) -> Iterator[Prompt | Unused]:
    with closing(origin.blocks()) as blocks:
        for block in blocks:
            for item in decode(block):
                if not isinstance(item, Record):
                    where, aside = item
                    yield Unused(origin.name, where, aside)
                else:
                    record, own = renaming.row(item)
                    yield _prompt(origin.name, record, own if whole else None)


class _Renaming:
    """Fields of the rows under the names that they have here."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._columns = columns
        self._missing = dict(columns)
        """Those that were in no row so far."""

    def row(self, record: Record) -> tuple[Record, dict[str, Any]]:
        """The row under the names of here, and what it has under these names itself."""
        data = record.data
        taken = {name: data[field] for name, field in self._columns.items() if field in data}
        if not taken:
            return record, {}
        for name in taken:
            self._missing.pop(name, None)
        rest = {name: value for name, value in data.items() if name not in self._columns.values()}
        own = {name: rest[name] for name in taken if rest.get(name) is not None}
        return Record(record.where, {**rest, **taken}), own

    def check(self) -> None:
        """Say that a field was in no row at all.

        Raises:
            ConfigError: it is called otherwise.
        """
        for name, field in self._missing.items():
            raise ConfigError(
                f"columns: no row has a field {field!r} to take as {name}",
                hint="name the fields as the rows do: --columns '{prompt: question}'",
            )


def _of_texts(origin: Origin, reading: Reading, unit: Unit | None) -> Origin:
    """The same file as one prompt a line or paragraph, if it is one of plain text."""
    if unit is None or origin.file is None or not is_text(origin.file):
        return origin
    read = partial(text_blocks, str(origin.file), encoding=reading.encoding, unit=unit)
    return origin._replace(blocks=read)


def _prompt(source: str, record: Record, own: Mapping[str, Any] | None) -> Prompt | Unused:
    """The prompt of a row; `own` are further fields to carry, null = it carries nothing."""
    try:
        turns = _turns(record)
        name = record.data.get("id")
        if name is not None and not isinstance(name, str | int):
            raise UnusableError("bad value", f"id is {shown(name)}")
        found = Prompt(source, record.where, None if name is None else str(name), turns)
        if own is None:
            return found
        return found._replace(**_carried(record.data, own), row=record.data)
    except UnusableError as problem:
        return Unused(source, record.where, problem.aside(record.data))
    except SchemaError as problem:
        return Unused(source, record.where, Aside("bad value", str(problem), record.data))


def _carried(row: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Reference, tags and extra of a row; `own` stays in extra under the names of the row.

    Raises:
        SchemaError: a value has no JSON form.
    """
    rest = {name: value for name, value in row.items() if value is not None}
    for name in ("prompt", "messages"):
        rest.pop(name, None)
    known = next((name for name in _REFERENCES if name in rest), None)
    reference = None if known is None else to_json(rest.pop(known))
    tags = _tags(rest.get("tags"))
    if tags is None:
        tags = {}  # some other list of tags: it stays in extra
    else:
        del rest["tags"]
    rest |= own
    extra = to_json(rest) if rest else None
    return {"reference": reference, "tags": tuple(sorted(tags.items())), "extra": extra}


def _tags(given: Any) -> dict[str, str] | None:
    """Names and values; null if these are other tags. A table fills what a row has not by null."""
    if not isinstance(given, Mapping):
        return None
    known = {name: value for name, value in given.items() if value is not None}
    return known if all(isinstance(value, str) for value in known.values()) else None


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
