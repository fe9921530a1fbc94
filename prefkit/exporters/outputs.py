"""The files of one export that is in the making."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from prefkit.exporters.arrow_folder import arrow_schema
from prefkit.exporters.content import export_digests
from prefkit.exporters.files import ByteFiles, ParquetFile, StreamFile
from prefkit.exporters.lines import json_lines, message_texts, to_bytes
from prefkit.exporters.meta import meta_lines
from prefkit.exporters.trl import Layout, TrlWriter
from prefkit.schema.columns import one_chunk

__all__ = ["DROPPED", "PARTS", "Outputs"]

DROPPED = "dropped.jsonl"
PARTS = ".parts"
"""A folder for pieces that are joined at the end."""


class Outputs:
    """Writes pairs with their splits to every wanted format; collects what the manifest needs."""

    def __init__(
        self, folder: Path, writer: TrlWriter, layout: Layout, formats: tuple[str, ...]
    ) -> None:
        self.folder = folder
        self.layout = layout
        self.formats = formats
        self.rows: dict[str, int] = {}
        self.dropped = 0
        self.digests: list[bytes] = []
        self.parquet: dict[str, ParquetFile] = {}
        self.streams: dict[str, StreamFile] = {}
        self.bytes = ByteFiles()
        self._writer = writer
        (folder / PARTS).mkdir()

    def open(self, split: str) -> None:
        """Open the files of one split."""
        self.rows[split] = 0
        self.bytes.open(f"meta {split}", self.folder / PARTS / f"meta-{split}.jsonl")
        if "jsonl" in self.formats:
            self.bytes.open(f"{split}.jsonl", self.folder / f"{split}.jsonl")
        if "parquet" in self.formats:
            self.parquet[split] = ParquetFile(self.folder / f"{split}.parquet", self.layout)
        if "arrow" in self.formats:
            path = self.folder / PARTS / f"{split}.arrow"
            self.streams[split] = StreamFile(path, self.layout, arrow_schema(self.layout))

    def add(self, table: pa.Table, splits: pl.Series, clusters: pl.Series) -> None:
        """Write pairs; `splits` says where each goes, `clusters` which unit it belongs to.

        Lines are made for all rows together and then dealt out, because dealing out lines copies no
        text and dealing out nested columns does.
        """
        bare = self._writer.rows(table, self.layout)
        lines = json_lines(bare) if "jsonl" in self.formats else None
        masks = {
            split: (splits == split).to_numpy() for split in splits.unique(maintain_order=True)
        }
        meta = meta_lines(table, self._places(splits, clusters, masks))
        self.digests.append(export_digests(table, bare, splits))
        for split, mask in masks.items():
            chosen = pl.Series(mask)
            if lines is not None:
                self.bytes.write(f"{split}.jsonl", to_bytes(lines.filter(chosen)))
            self.bytes.write(f"meta {split}", to_bytes(meta.filter(chosen)))
            for file in (self.parquet.get(split), self.streams.get(split)):
                if file is not None:
                    file.write(bare if mask.all() else bare.filter(pa.array(mask)))
            self.rows[split] += int(mask.sum())

    def _places(
        self, splits: pl.Series, clusters: pl.Series, masks: dict[str, Any]
    ) -> pl.DataFrame:
        """`split`, `row` (its number in the split's files, from 0) and `cluster` of each row."""
        numbers = np.zeros(len(splits), dtype=np.int64)
        for split, mask in masks.items():
            numbers[mask] = self.rows[split] + np.arange(mask.sum())
        return pl.DataFrame({"split": splits, "row": numbers, "cluster": clusters})

    def add_dropped(self, table: pa.Table) -> None:
        """Write dropped pairs aside."""
        self.dropped += len(table)
        self.bytes.write(DROPPED, to_bytes(_dropped_lines(table)))


def _dropped_lines(table: pa.Table) -> pl.Series:
    """`id`, `dropped`, and the messages and JSON of the pair as they are."""
    bare = pa.table(
        {
            **{name: message_texts(table[name]) for name in ("prompt", "chosen", "rejected")},
            "tools": one_chunk(table["tools"]),
            "chat_template_kwargs": one_chunk(table["template_kwargs"]),
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
