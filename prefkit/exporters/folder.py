"""The second pass of an export: rows into files, split by split, and the list of what was written.

train.jsonl  validation.jsonl  test.jsonl     and the same as .parquet
arrow/                                        as `datasets` saves it
meta.jsonl                                    one line a row, in the order of the files
dropped.jsonl                                 what was left behind, if wanted
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.dataset.content import combined
from prefkit.dataset.manifest import file_entry
from prefkit.exporters.arrow_folder import arrow_schema, save_folder
from prefkit.exporters.content import export_digests
from prefkit.exporters.files import ByteFiles, ParquetFile, StreamFile
from prefkit.exporters.lines import json_lines, message_texts, to_bytes
from prefkit.exporters.meta import meta_lines
from prefkit.exporters.prompts import column_of
from prefkit.exporters.split import SPLITS, Split
from prefkit.exporters.survey import Survey
from prefkit.exporters.trl import TrlWriter

__all__ = ["DROPPED", "META_FILE", "Written", "write_folder"]

META_FILE = "meta.jsonl"
DROPPED = "dropped.jsonl"
_PARTS = ".parts"


class Written(NamedTuple):
    """The manifest's entries for every file, and the content hash of the exported rows."""

    files: list[dict[str, Any]]
    content_hash: str


class _Outputs:
    """Every file of one export that is still in the making."""

    def __init__(
        self, folder: Path, writer: TrlWriter, found: Survey, formats: tuple[str, ...]
    ) -> None:
        self.folder = folder
        self.parts = folder / _PARTS
        self.parts.mkdir()
        self.writer = writer
        self.layout = found.layout
        self.formats = formats
        self.bytes = ByteFiles()
        self.rows: dict[str, int] = {}
        self.parquet: dict[str, ParquetFile] = {}
        self.streams: dict[str, StreamFile] = {}
        self.dropped = 0
        self.digests: list[bytes] = []

    def open(self, split: str) -> None:
        """Open the files of one split."""
        self.rows[split] = 0
        self.bytes.open(f"meta {split}", self.parts / f"meta-{split}.jsonl")
        if "jsonl" in self.formats:
            self.bytes.open(f"{split}.jsonl", self.folder / f"{split}.jsonl")
        if "parquet" in self.formats:
            self.parquet[split] = ParquetFile(self.folder / f"{split}.parquet", self.layout)
        if "arrow" in self.formats:
            path = self.parts / f"{split}.arrow"
            self.streams[split] = StreamFile(path, self.layout, arrow_schema(self.layout))

    def add(self, table: pa.Table, split: str, units: list[str]) -> None:
        """Write pairs that go to one split."""
        bare = self.writer.rows(table, self.layout)
        if "jsonl" in self.formats:
            self.bytes.write(f"{split}.jsonl", to_bytes(json_lines(bare)))
        if split in self.parquet:
            self.parquet[split].write(bare)
        if split in self.streams:
            self.streams[split].write(bare)
        lines = meta_lines(table, split, self.rows[split], units)
        self.bytes.write(f"meta {split}", to_bytes(lines))
        self.digests.append(export_digests(table, bare, split))
        self.rows[split] += len(table)

    def add_dropped(self, table: pa.Table) -> None:
        """Write dropped pairs aside."""
        self.dropped += len(table)
        self.bytes.write(DROPPED, to_bytes(_dropped_lines(table)))


def write_folder(  # noqa: PLR0913
    tables: Iterable[pa.Table],
    folder: Path,
    writer: TrlWriter,
    found: Survey,
    split: Split,
    formats: tuple[str, ...],
    *,
    dropped: bool,
) -> Written:
    """Write an export into an empty folder; `tables` are the rows that the survey saw, all columns.

    Raises:
        MissingExtra: Arrow is wanted and `datasets` is not installed.
        DataError: the disk refuses.
    """
    outputs = _Outputs(folder, writer, found, formats)
    names = [SPLITS[place] for place in np.unique(split.rows).tolist()]
    for name in names:
        outputs.open(name)
    if dropped:
        outputs.bytes.open(DROPPED, folder / DROPPED)
    for table, places, units in _with_places(tables, found, split):
        if dropped:
            outputs.add_dropped(table.filter(pc.is_valid(table["dropped"])))
        for place in np.unique(places[places >= 0]).tolist():
            chosen = np.flatnonzero(places == place)
            part = table if len(chosen) == len(table) else table.filter(pa.array(places == place))
            outputs.add(
                part, SPLITS[place], [split.unit_names[unit].hex() for unit in units[chosen]]
            )
    return _finish(outputs, names, dropped=dropped)


def _with_places(
    tables: Iterable[pa.Table], found: Survey, split: Split
) -> Iterator[tuple[pa.Table, np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Each table with the split (-1: not exported) and the unit of each row."""
    places = np.full(len(found.exported), -1, dtype=np.int8)
    places[found.exported] = split.rows
    units = np.full(len(found.exported), -1, dtype=np.int64)
    units[found.exported] = split.unit_rows
    start = 0
    for table in tables:
        end = start + len(table)
        yield table, places[start:end], units[start:end]
        start = end


def _finish(outputs: _Outputs, names: list[str], *, dropped: bool) -> Written:
    hashes = outputs.bytes.close()
    files = []
    if "jsonl" in outputs.formats:
        for name in names:
            path = outputs.folder / f"{name}.jsonl"
            files.append(_entry(path, hashes[path.name], outputs.rows[name]))
    for parquet in outputs.parquet.values():
        parquet.finish()
        files.append(parquet.entry())
    content_hash = combined(outputs.digests)
    if outputs.streams:
        files += _save_arrow(outputs, content_hash)
    files.append(_join_meta(outputs, names, hashes))
    if dropped:
        files.append(_entry(outputs.folder / DROPPED, hashes[DROPPED], outputs.dropped))
    shutil.rmtree(outputs.parts)
    return Written(sorted(files, key=lambda file: str(file["name"])), content_hash)


def _entry(path: Path, sha256: str, rows: int) -> dict[str, Any]:
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256, "rows": rows}


def _join_meta(outputs: _Outputs, names: list[str], hashes: dict[str, str]) -> dict[str, Any]:
    """One file in the order of the splits; what goes behind the first part is hashed again."""
    target = outputs.folder / META_FILE
    paths = [outputs.parts / f"meta-{name}.jsonl" for name in names]
    paths[0].rename(target)
    rows = sum(outputs.rows.values())
    if len(paths) == 1:
        return _entry(target, hashes[f"meta {names[0]}"], rows)
    with target.open("ab") as joined:
        for path in paths[1:]:
            with path.open("rb") as part:
                shutil.copyfileobj(part, joined, 1 << 20)
    return file_entry(target, rows=rows)


def _save_arrow(outputs: _Outputs, content_hash: str) -> list[dict[str, Any]]:
    for stream in outputs.streams.values():
        stream.finish()
    target = outputs.folder / "arrow"
    paths = {split: stream.path for split, stream in outputs.streams.items()}
    save_folder(paths, outputs.layout, target, content_hash)
    files = []
    for path in sorted(target.rglob("*")):
        if path.is_file():
            files.append(file_entry(path) | {"name": path.relative_to(outputs.folder).as_posix()})
    return files


def _dropped_lines(table: pa.Table) -> pl.Series:
    """`id`, `dropped`, and the messages and JSON of the pair as they are."""
    bare = pa.table(
        {
            **{name: message_texts(table[name]) for name in ("prompt", "chosen", "rejected")},
            "tools": column_of(table["tools"]),
            "chat_template_kwargs": column_of(table["template_kwargs"]),
        }
    )
    head = pl.DataFrame({name: pl.from_arrow(table[name]) for name in ("id", "dropped")})
    start = head.select(pl.struct(pl.all()).struct.json_encode().alias("head"))["head"]
    lines = pl.DataFrame({"head": start, "rest": json_lines(bare)})
    return lines.select(
        pl.concat_str(
            pl.col("head").str.strip_suffix("}"), pl.lit(","), pl.col("rest").str.strip_prefix("{")
        )
    ).to_series()
