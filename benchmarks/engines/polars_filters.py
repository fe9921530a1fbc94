"""Polars: length ratio, identical sides, exact duplicates by a 64-bit row hash; `IN OUT [LEVEL]`.

Two passes over Parquet: the first keeps a flag and a hash per row, the second writes what stays. Memory is bounded, as it is for the engine this one is named after.
"""

from __future__ import annotations

import sys

import polars as pl

_COLUMNS = ("prompt", "chosen", "rejected")
_MAX_RATIO = 3.0


def main(source: str, target: str, level: str = "") -> None:
    """Filter the file `source` into `target`; the first of equal rows stays."""
    rows = pl.scan_parquet(source)
    prompt, chosen, rejected = (_text(column) for column in _COLUMNS)
    ratio = chosen.str.len_chars() / rejected.str.len_chars()
    passes = (ratio <= _MAX_RATIO) & (chosen != rejected)
    key = pl.struct(prompt, chosen, rejected).hash()
    seen = rows.select(passes=passes, key=key).collect(engine="streaming")
    stays = seen.select(pl.col("passes") & pl.struct("passes", "key").is_first_distinct())
    kept = rows.filter(stays.to_series())
    kept.sink_parquet(target, compression_level=int(level) if level else None)


def _text(column: str) -> pl.Expr:
    """The text of a side of one message."""
    return pl.col(column).list.first().struct.field("content").alias(column)


if __name__ == "__main__":
    main(*sys.argv[1:])
