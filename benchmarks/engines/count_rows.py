"""Print how many usable rows `PATH` holds: lines of JSON, or rows of Parquet not dropped.

It judges every engine's output alike, so that a quick engine that loses rows is found out. A folder
is a prefkit dataset (`rows/`) or an export (its `*.jsonl` but for the row-by-row facts).
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

_NOT_ROWS = {"meta.jsonl", "set_aside.jsonl", "dropped.jsonl"}
_BLOCK = 1 << 20


def count(path: Path) -> int:
    """Count the rows of a file or folder."""
    if path.is_dir() and (path / "rows").is_dir():
        return sum(count(part) for part in (path / "rows").glob("*.parquet"))
    if path.is_dir():
        return sum(count(part) for part in path.rglob("*.jsonl") if part.name not in _NOT_ROWS)
    if path.suffix == ".parquet":
        rows = pl.scan_parquet(path)
        if "dropped" in rows.collect_schema():
            rows = rows.filter(pl.col("dropped").is_null())
        return int(rows.select(pl.len()).collect().item())
    with path.open("rb") as stream:
        return sum(block.count(b"\n") for block in iter(lambda: stream.read(_BLOCK), b""))


if __name__ == "__main__":
    print(count(Path(sys.argv[1])))
