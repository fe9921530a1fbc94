"""The loop: steps over the batches of a dataset, and what each of them did."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.dataset import Dataset, DatasetWriter
from prefkit.engines.local import in_threads
from prefkit.errors import ConfigError
from prefkit.schema.arrow import SCHEMAS
from prefkit.step import ROW, Step, TwoPass, name_of

__all__ = ["StepCounts", "run_steps"]

_LOG = logging.getLogger("prefkit.run")
_MARKS = ("checks", "decision", "dropped")


class StepCounts:
    """Rows in, kept and dropped by reason, for one step."""

    def __init__(self, step: Step | TwoPass) -> None:
        self.name = step.name
        self.options = step.model_dump(mode="json")
        self.rows_in = self.dropped = 0
        self.reasons: dict[str, int] = {}

    def add(self, before: pa.Table, after: pa.Table) -> None:
        """Count what a step did to one batch; only marks of this step are its own."""
        was = before["dropped"].is_null()
        self.rows_in += pc.sum(was).as_py() or 0
        fresh = after["dropped"].filter(pc.and_(was, pc.is_valid(after["dropped"])))
        self.dropped += len(fresh)
        checks = (
            pc.list_element(pc.split_pattern(fresh, ":", max_splits=1), 0) if len(fresh) else fresh
        )
        for entry in checks.value_counts().to_pylist():
            self.reasons[entry["values"]] = self.reasons.get(entry["values"], 0) + entry["counts"]

    def facts(self) -> dict[str, Any]:
        """The entry for the manifest."""
        return {
            "name": self.name,
            "options": self.options,
            "rows_in": self.rows_in,
            "kept": self.rows_in - self.dropped,
            "dropped": self.dropped,
            "reasons": dict(sorted(self.reasons.items())),
        }


def run_steps(
    dataset: Dataset,
    steps: Sequence[Step | TwoPass],
    writer: DatasetWriter | None,
    limit: int | None = None,
) -> list[StepCounts]:
    """Run steps over a dataset of pairs; without a writer only count.

    Each step that looks at all rows first costs one pass, which reads only the columns that the
    steps up to it declare.

    Raises:
        ConfigError: a step reads a column that pairs do not have.
    """
    _check_columns(steps, dataset.kind)
    ready: list[Step] = []
    for step in steps:
        if isinstance(step, TwoPass):
            ready.append(_fitted(dataset, ready, step, limit))
        else:
            ready.append(step)
    counts = [StepCounts(step) for step in steps]
    columns = None if writer else _columns(ready)
    done = 0
    for before_after in _stream(dataset, ready, columns, limit):
        for count, (before, after) in zip(counts, before_after[:-1], strict=True):
            count.add(before, after)
        last = before_after[-1][1]
        if writer is not None:
            writer.write(last)
        done += len(last)
        _LOG.info("%s rows curated", f"{done:,}", extra={"progress": True})
    return counts


def _check_columns(steps: Sequence[Step | TwoPass], kind: str) -> None:
    for step in steps:
        missing = set(step.columns()) - {ROW, *SCHEMAS[kind].names}
        if missing:
            raise ConfigError(
                f"{name_of(step)} reads {', '.join(sorted(missing))}, which {kind} do not have"
            )


def _columns(steps: Sequence[Step | TwoPass]) -> list[str]:
    wanted = {*_MARKS, *(name for step in steps for name in step.columns())}
    return [name for name in SCHEMAS["pairs"].names if name in wanted]


def _fitted(dataset: Dataset, before: Sequence[Step], step: TwoPass, limit: int | None) -> Step:
    columns = _columns([*before, step])
    sketches = []

    def work(table: pa.Table) -> pa.Table:
        for earlier in before:
            table = earlier(table)
        return step.sketch(table)

    for sketch in in_threads(work, _numbered(dataset, columns, limit)):
        sketches.append(sketch)
    return step.fit(pa.concat_tables(sketches).combine_chunks())


_BeforeAfter = list[tuple[pa.Table, pa.Table]]


def _stream(
    dataset: Dataset, steps: Sequence[Step], columns: list[str] | None, limit: int | None
) -> Iterator[_BeforeAfter]:
    """The `dropped` column around every step, then the whole batch after all of them."""

    def work(table: pa.Table) -> _BeforeAfter:
        trail: _BeforeAfter = []
        for step in steps:
            after = step(table)
            trail.append((table.select(["dropped"]), after.select(["dropped"])))
            table = after
        return [*trail, (table, table)]

    return in_threads(work, _numbered(dataset, columns, limit))


def _numbered(dataset: Dataset, columns: list[str] | None, limit: int | None) -> Iterator[pa.Table]:
    """Batches with the column `_row`, cut off after `limit` rows."""
    start = 0
    for table in dataset.batches(columns, limit):
        numbers = np.arange(start, start + len(table), dtype=np.int64)
        yield table.append_column(ROW, pa.array(numbers)).combine_chunks()
        start += len(table)
