"""Polars: JSON lines or Parquet to zstd Parquet, streamed; `IN OUT [LEVEL]`."""

from __future__ import annotations

import sys

import polars as pl

_COLUMNS = ("prompt", "chosen", "rejected")


def main(source: str, target: str, level: str = "") -> None:
    """Read `source` (a file or a glob) and write `target`."""
    rows = pl.scan_ndjson(source) if source.endswith(".jsonl") else pl.scan_parquet(source)
    rows.select(_COLUMNS).sink_parquet(target, compression_level=int(level) if level else None)


if __name__ == "__main__":
    main(*sys.argv[1:])
