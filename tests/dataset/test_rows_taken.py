"""Rows by their places, without reading the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from pair_rows import simple_pairs, write_pairs

from prefkit.dataset import open_dataset
from prefkit.dataset.taking import rows_at
from prefkit.errors import DataError


def test_rows_come_in_the_order_asked_for_and_as_often(tmp_path: Path) -> None:
    dataset = open_dataset(write_pairs(tmp_path / "pairs", simple_pairs(20_000)))
    found = rows_at(dataset, [19_999, 3, 16_384, 3], ["prompt"])
    told = [row[0]["content"] for row in found["prompt"].to_pylist()]
    assert told == [f"Question {n}?" for n in (19_999, 3, 16_384, 3)]
    assert found.column_names == ["prompt"]


def test_no_rows_are_an_empty_table(tmp_path: Path) -> None:
    dataset = open_dataset(write_pairs(tmp_path / "pairs", simple_pairs(3)))
    assert len(rows_at(dataset, [], ["id", "prompt"])) == 0


@pytest.mark.parametrize("row", [3, -1])
def test_a_row_that_is_not_there_is_refused(tmp_path: Path, row: int) -> None:
    dataset = open_dataset(write_pairs(tmp_path / "pairs", simple_pairs(3)))
    with pytest.raises(DataError, match="has 3 rows"):
        rows_at(dataset, [0, row], ["id"])
