"""What a writer of annotation tasks is: files that a tool imports, with its labelling page.

A new one is one file with a subclass of `TaskWriter` and one line in the table of
`prefkit.exporters`. Which comparisons are asked about, the manifest and `verify` are shared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, NamedTuple

import orjson

from prefkit.dataset.manifest import file_entry
from prefkit.schema.tasks import Task
from prefkit.step import Writer

__all__ = ["JsonArrays", "Page", "TaskWriter", "entry_of"]


class Page(NamedTuple):
    """What the tool is told beside the tasks: the name of the set, and how to judge."""

    name: str
    guide: str


class TaskWriter(Writer):
    """Writes tasks for one annotation tool."""

    reader: ClassVar[str]
    """The reader that brings the tool's export home."""

    def write(self, folder: Path, tasks: Iterator[Task], page: Page) -> list[dict[str, Any]]:
        """Write every file that the tool needs; return their entries for the manifest.

        Files that hold tasks say how many as `rows`; all others have none.
        """
        raise NotImplementedError

    def steps(self, files: list[str]) -> tuple[str, ...]:
        """What a person does with these files, in order."""
        raise NotImplementedError

    def holds_tasks(self, name: str) -> bool:
        """Whether a file of such a folder holds tasks."""
        raise NotImplementedError

    def parse(self, entry: Mapping[str, Any]) -> Task:
        """One entry of a file with tasks as the task that it was written from.

        Raises:
            SchemaError: it is not what this writer writes.
        """
        raise NotImplementedError


class JsonArrays:
    """Files of one JSON array each, written entry by entry while the context lasts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, BinaryIO] = {}
        self._rows: dict[str, int] = {}

    def __enter__(self) -> JsonArrays:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """End every file; after a failure only close them."""
        for stream in self._open.values():
            with stream:
                if kind is None:
                    stream.write(b"\n]\n")

    def add(self, name: str, entry: Mapping[str, Any]) -> None:
        """Append an entry to the file of that name, which is begun with the first one."""
        if name not in self._open:
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open[name] = path.open("wb")
        self._open[name].write(b",\n" if name in self._rows else b"[\n")
        self._open[name].write(orjson.dumps(entry))
        self._rows[name] = self._rows.get(name, 0) + 1

    def entries(self) -> list[dict[str, Any]]:
        """The manifest's entries of the files, once they are ended."""
        return [entry_of(self._folder, name, rows=rows) for name, rows in self._rows.items()]


def entry_of(folder: Path, name: str, **more: Any) -> dict[str, Any]:
    """The manifest's entry of a file below the folder."""
    return file_entry(folder / name, **more) | {"name": name}
