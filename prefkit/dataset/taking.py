"""Some rows of a dataset, by their places: row groups without one of them are not read."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from prefkit.dataset import Dataset
from prefkit.dataset.rows import ROWS
from prefkit.errors import DataError
from prefkit.schema.arrow import SCHEMAS

__all__ = ["rows_at"]


def rows_at(dataset: Dataset, rows: Sequence[int], columns: Sequence[str]) -> pa.Table:
    """The rows at these places, in the order asked for; a place may be named twice.

    Raises:
        DataError: a file is damaged, or there is no such row.
    """
    wanted = sorted(set(rows))
    if wanted and not 0 <= wanted[0] <= wanted[-1] < dataset.rows:
        missing = next(row for row in wanted if not 0 <= row < dataset.rows)
        raise DataError(f"{dataset.path} has {dataset.rows:,} rows, and none at {missing:,}")
    tables, first, start = [], 0, 0
    for path in sorted((dataset.path / ROWS).glob("part-*.parquet")):
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                for group in range(file.num_row_groups):
                    size, end = file.metadata.row_group(group).num_rows, start
                    while end < len(wanted) and wanted[end] < first + size:
                        end += 1
                    if end > start:
                        here = pa.array([row - first for row in wanted[start:end]], pa.int64())
                        tables.append(file.read_row_group(group, columns=list(columns)).take(here))
                    first, start = first + size, end
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"cannot read {path}: {error}") from error
    if not tables:
        return SCHEMAS[dataset.kind].empty_table().select(list(columns))
    places = {row: place for place, row in enumerate(wanted)}
    return pa.concat_tables(tables).take(pa.array([places[row] for row in rows], pa.int64()))
