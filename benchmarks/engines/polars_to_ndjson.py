"""Polars: Parquet to JSON lines, streamed; `IN OUT`."""

from __future__ import annotations

import sys

import polars as pl


def main(source: str, target: str) -> None:
    """Read the file `source` and write `target`."""
    pl.scan_parquet(source).sink_ndjson(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
