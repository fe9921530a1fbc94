"""The loop: what steps are shown, what is counted, what is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pair_rows import assistant, pair, simple_pairs, user, write_pairs

from prefkit.dataset import Dataset, create_dataset, open_dataset
from prefkit.errors import ConfigError, PrefkitError
from prefkit.filters.duplicates import Duplicates
from prefkit.filters.length import Length, LengthRatio
from prefkit.filters.margin import MarginQuantile
from prefkit.filters.votes import Votes
from prefkit.runner import StepCounts, run_steps
from prefkit.schema.arrow import PAIRS
from prefkit.step import ROW, Filter, Measurement, Step, TwoPass


class OnlyDeclared(Filter):
    """Fails where it is shown a column that it did not declare; measures nothing."""

    reads: ClassVar[tuple[str, ...]] = ("n_votes",)

    def __call__(self, table: pa.Table) -> pa.Table:
        assert set(table.column_names) == {"n_votes", "checks", "decision", "dropped", ROW}
        return table


class ByPlace(Filter):
    """Drops every third row of the dataset, by its number."""

    reads: ClassVar[tuple[str, ...]] = (ROW,)

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        places = table[ROW].to_pylist()
        reasons = [f"row {place}" if place % 3 == 2 else None for place in places]
        value = pa.array([float(place) for place in places], pa.float64())
        return [Measurement("by_place", value, pa.array(reasons, pa.string()))]


class Breaks(Filter):
    """Fails on the first batch."""

    reads: ClassVar[tuple[str, ...]] = ("id",)

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        raise PrefkitError("it broke")


class ReadsAnother(Filter):
    """Wants a column that pairs do not have."""

    reads: ClassVar[tuple[str, ...]] = ("id", "responses")


def grouped(folder: Path, rows: Sequence[tuple[Any, ...]], group: int) -> Dataset:
    """A dataset whose row groups hold `group` rows."""
    write_pairs(folder, rows)
    (part,) = (folder / "rows").glob("*.parquet")
    pq.write_table(pq.read_table(part), part, row_group_size=group)
    return open_dataset(folder)


def written(
    source: Dataset, steps: Sequence[Step | TwoPass], out: Path, limit: int | None = None
) -> tuple[list[dict[str, Any]], list[StepCounts]]:
    with create_dataset(out, "pairs") as writer:
        counts = run_steps(source, steps, writer, limit)
        writer.finish("curate", {}, {})
    rows = [row for batch in open_dataset(out).batches() for row in batch.to_pylist()]
    return rows, counts


def answers(*pairs: tuple[str, str], **more: Any) -> list[tuple[Any, ...]]:
    return [
        pair(user(f"Q{place}?"), assistant(one), assistant(two), **more)
        for place, (one, two) in enumerate(pairs)
    ]


def test_each_step_counts_what_it_was_shown_and_what_it_dropped_by_reason(tmp_path: Path) -> None:
    rows = [
        *answers(("a" * 9, "b"), ("", "b"), ("a", "bbbbbbb"), ("aa", "bb"), n_votes=2),
        *answers(("x", "y"), n_votes=1),
    ]
    source = open_dataset(write_pairs(tmp_path / "pairs", rows))
    ratio, length, votes = run_steps(
        source, [LengthRatio(max=3), Length(min=1, max=5), Votes(min=2)], None
    )
    assert ratio.facts() == {
        "name": "length_ratio",
        "options": {"max": 3.0, "min": None, "unit": "characters"},
        "rows_in": 5,
        "kept": 4,
        "dropped": 1,
        "reasons": {"length_ratio": 1},
    }
    assert (length.rows_in, length.dropped) == (4, 2)
    assert length.reasons == {"length.chosen": 1, "length.rejected": 1}
    assert (votes.rows_in, votes.dropped, votes.reasons) == (2, 1, {"votes": 1})


def test_rows_dropped_before_the_run_are_nobodys_count(tmp_path: Path) -> None:
    rows = answers(("a", "b"), dropped="contradiction: 1 > 0") + answers(("c", "d"))
    source = open_dataset(write_pairs(tmp_path / "pairs", rows))
    (count,) = run_steps(source, [Votes(min=2)], None)
    assert (count.rows_in, count.dropped, count.reasons) == (1, 1, {"votes": 1})


def test_rows_are_written_in_order_with_nothing_changed_but_marks(tmp_path: Path) -> None:
    source = grouped(tmp_path / "pairs", simple_pairs(20), 3)
    rows, _ = written(source, [ByPlace()], tmp_path / "curated")
    before = [row for batch in source.batches() for row in batch.to_pylist()]
    assert [row["dropped"] for row in rows] == [
        f"by_place: row {place}" if place % 3 == 2 else None for place in range(20)
    ]
    assert [row["checks"][0]["value"] for row in rows] == [float(place) for place in range(20)]
    marks = {"checks", "dropped"}
    for old, new in zip(before, rows, strict=True):
        assert {k: v for k, v in old.items() if k not in marks} == {
            k: v for k, v in new.items() if k not in marks
        }
    (batch,) = open_dataset(tmp_path / "curated").batches()
    assert batch.schema.equals(PAIRS)
    assert batch.schema.metadata == PAIRS.metadata


def test_a_limit_hides_all_later_rows_from_both_passes(tmp_path: Path) -> None:
    twins = answers(("a", "b"), ("c", "d"), ("e", "f"))
    source = grouped(tmp_path / "pairs", [*twins, twins[0], *twins[1:]], 2)
    rows, (count,) = written(source, [Duplicates()], tmp_path / "curated", limit=4)
    assert [row["dropped"] is None for row in rows] == [True, True, True, False]
    assert (count.rows_in, count.dropped) == (4, 1)
    (count,) = run_steps(source, [Duplicates()], None, 3)
    assert (count.rows_in, count.dropped) == (3, 0)


def test_a_step_that_sees_all_rows_is_shown_what_earlier_steps_left(tmp_path: Path) -> None:
    first = answers(("short", "b"), n_votes=1)
    again = answers(("SHORT", "b"), n_votes=2)
    source = grouped(tmp_path / "pairs", first + again, 1)
    rows, counts = written(source, [Votes(min=2), Duplicates()], tmp_path / "curated")
    assert [row["dropped"] for row in rows] == ["votes: 1 < 2", None]
    rows, counts = written(source, [Duplicates(), Votes(min=2)], tmp_path / "other")
    assert [count.dropped for count in counts] == [1, 1]
    assert all(row["dropped"] is not None for row in rows)


def test_two_steps_that_see_all_rows_follow_each_other(tmp_path: Path) -> None:
    rows = [
        pair(user(f"Q{n}?"), assistant("a"), assistant("b"), margin=float(n), margin_kind="logit")
        for n in (3, 3, 1, 2)
    ]
    source = grouped(tmp_path / "pairs", rows, 2)
    steps = [Duplicates(), MarginQuantile(drop=0.34)]
    found, counts = written(source, steps, tmp_path / "curated")
    # one of three rows goes: the copy does not count
    assert [row["dropped"] for row in found] == [
        None,
        f"duplicates: repeats {rows[0][0]}",
        "margin_quantile: 1 < 2",
        None,
    ]
    assert [count.dropped for count in counts] == [1, 1]


def test_without_a_writer_only_declared_columns_are_read(tmp_path: Path) -> None:
    source = open_dataset(write_pairs(tmp_path / "pairs", simple_pairs(3)))
    (count,) = run_steps(source, [OnlyDeclared()], None)
    assert count.rows_in == 3


def test_a_dataset_without_rows_stays_one(tmp_path: Path) -> None:
    source = open_dataset(write_pairs(tmp_path / "pairs", []))
    steps = [LengthRatio(), Duplicates(), MarginQuantile()]
    rows, counts = written(source, steps, tmp_path / "curated")
    assert rows == []
    assert [(count.rows_in, count.dropped, count.reasons) for count in counts] == [(0, 0, {})] * 3
    assert open_dataset(tmp_path / "curated").content_hash == source.content_hash


def test_a_column_that_pairs_do_not_have_is_said_before_anything_is_read(tmp_path: Path) -> None:
    source = open_dataset(write_pairs(tmp_path / "pairs", simple_pairs(1)))
    with pytest.raises(ConfigError) as caught:
        run_steps(source, [ReadsAnother()], None)
    assert str(caught.value) == "reads_another reads responses, which pairs do not have"


def test_a_step_that_fails_leaves_no_dataset(tmp_path: Path) -> None:
    source = open_dataset(write_pairs(tmp_path / "pairs", simple_pairs(3)))
    with pytest.raises(PrefkitError, match="it broke"):
        written(source, [Votes(min=1), Breaks()], tmp_path / "curated")
    assert [path.name for path in tmp_path.iterdir()] == ["pairs"]
