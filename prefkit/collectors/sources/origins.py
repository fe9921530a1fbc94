"""What rows are read from: files, standard input, and the splits of a dataset library's source."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from prefkit.collectors.sources import hub
from prefkit.collectors.sources.files import Block, read_blocks
from prefkit.collectors.sources.finding import expand, source_names

__all__ = ["Origin", "Reading", "origins"]


class Reading(NamedTuple):
    """How sources are opened: the encoding and sheet of tables, the subset and split of `hf:`."""

    encoding: str = "utf-8"
    sheet: str | None = None
    subset: str | None = None
    split: str | None = None
    columns: Mapping[str, str] = {}
    """Of prompts: a field by the name it has here, and the name that it has in the source."""


class Origin(NamedTuple):
    """One source: what its votes call it, what messages call it, its rows, what its input hashes.

    `facts` goes into the manifest beside the name; `file` or `folder` is hashed there.
    """

    name: str
    shown: str
    blocks: Callable[[], Generator[Block, None, None]]
    file: Path | None = None
    folder: Path | None = None
    facts: Mapping[str, Any] = {}


def origins(paths: Iterable[str], reading: Reading) -> list[Origin]:
    """The sources behind paths, globs, folders, `-` and `hf:` names, in order, each once.

    Raises:
        ConfigError: a path matches nothing, or a dataset cannot be reached.
    """
    paths = list(dict.fromkeys(paths))
    names = source_names(expand(path for path in paths if not path.startswith(hub.PREFIX)))
    found: dict[str, Origin] = {}
    for path in paths:
        here = _hub(path, reading) if path.startswith(hub.PREFIX) else _files(path, names, reading)
        for origin in here:
            found.setdefault(origin.shown, origin)
    return list(found.values())


def _files(path: str, names: Mapping[str, str], reading: Reading) -> list[Origin]:
    return [
        Origin(
            names[file],
            file,
            partial(read_blocks, file, encoding=reading.encoding, sheet=reading.sheet),
            None if file == "-" else Path(file),
        )
        for file in expand([path])
        if file in names  # else it was named before, and here again by a link
    ]


def _hub(path: str, reading: Reading) -> list[Origin]:
    place = hub.hub_path(path)
    splits = hub.hub_splits(path, subset=reading.subset, split=reading.split)
    return [
        Origin(
            split.name,
            split.name if place.folder is None else f"{path} {split.name}",
            partial(hub.read_split, split),
            folder=place.folder,
            facts={} if split.revision is None else {"revision": split.revision},
        )
        for split in splits
    ]
