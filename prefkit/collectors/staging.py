"""Blocks of comparisons on disk until all are known: uncompressed Arrow files, read by mapping.

Workers write them, so that texts pass neither through a pipe nor twice through an encoder. They lie
inside the unfinished dataset folder and go with it if the collection is given up.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

__all__ = ["read_staged", "remove_staged", "write_staged"]


def write_staged(folder: Path, name: str, table: pa.Table) -> Path:
    """Write one block; `name` is unique within the collection."""
    path = folder / f"{name}.arrow"
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return path


def read_staged(paths: Sequence[Path]) -> Iterator[pa.Table]:
    """The blocks in the order given; the pages of a file are let go when its table is."""
    for path in paths:
        with pa.memory_map(str(path)) as source:
            yield pa.ipc.open_file(source).read_all()


def remove_staged(folder: Path) -> None:
    """Remove all blocks."""
    shutil.rmtree(folder)
