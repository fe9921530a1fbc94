"""What can be put before reviewers: the sample, suspects, pairs for practice, gold items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from prefkit.dataset import Dataset
from prefkit.dataset.taking import rows_at
from prefkit.errors import DataError
from prefkit.reviews.frame import HASHED, Frame
from prefkit.reviews.plan import Planned
from prefkit.reviews.queueing import Entry
from prefkit.schema.decision_lines import Item
from prefkit.schema.decisions import pair_hashes

__all__ = ["Texts", "entries_of", "sample_name", "texts_of"]

_TEXTS = ("id", "prompt", "chosen", "rejected", "tools", "criterion")
_SURE, _VOTES = 0.95, 3  # of a pair that may be a gold item: its votes hardly leave a doubt


def sample_name(planned: Planned) -> str:
    """The sample as decisions name it; a top-up does not change it."""
    return f"{planned.plan['dataset']['content_hash'][:23]} {planned.plan['seed']}"


def entries_of(planned: Planned, frame: Frame, practice: int) -> list[Entry]:
    """The sample in its order, suspects outside it, then `practice` items and gold.

    Practice and gold are pairs of the frame that nobody drew; gold only those whose votes hardly
    leave a doubt, a tenth of the sample at most. Where there are none, there is no gold.

    Raises:
        DataError: a file is damaged.
    """
    return [*_drawn(planned), *_others(planned, frame, practice)]


def _drawn(planned: Planned) -> list[Entry]:
    """The sample in its order, then suspects that are not in it; a pair comes up once."""
    lines = [*planned.sample, *planned.queue]
    found: dict[str, Entry] = {}
    for line in lines:
        found.setdefault(line["pair_sha256"], Entry(line["row"], line["pair"], line["pair_sha256"]))
    return list(found.values())


def _others(planned: Planned, frame: Frame, practice: int) -> list[Entry]:
    """Pairs of the frame that nobody drew, for practice, and of these the surest as gold.

    Practice begins with those that would be drawn last, since it tells their labels.
    """
    drawn = {line["row"] for line in (*planned.sample, *planned.queue)}
    rest = frame.pairs.filter(~pl.col("row").is_in(list(drawn)))
    if not rest.height:
        return []
    certain = _certain(frame.dataset, sorted(rest["row"].to_list()))
    gold = certain[: max(1, len(planned.sample) // 10)]
    taken = set(gold)
    told = [row for row in reversed(rest["row"].to_list()) if row not in taken][:practice]
    items: list[tuple[int, Item]] = [(row, "practice") for row in told]
    items += [(row, "gold") for row in gold]
    table = rows_at(frame.dataset, [row for row, _ in items], ("id", *HASHED))
    same = {line["pair_sha256"] for line in (*planned.sample, *planned.queue)}
    made = zip(items, table["id"].to_pylist(), pair_hashes(table), strict=True)
    return [
        Entry(row, name, digest, item) for (row, item), name, digest in made if digest not in same
    ]


def _certain(dataset: Dataset, rows: Sequence[int]) -> list[int]:
    """Those whose votes hardly leave a doubt."""
    votes = pl.DataFrame(rows_at(dataset, rows, ["p_chosen", "n_votes"]))
    sure = (pl.col("p_chosen") >= _SURE) & (pl.col("n_votes") >= _VOTES)
    return votes.with_columns(row=pl.Series(rows)).filter(sure)["row"].to_list()


class Texts(Mapping[int, dict[str, Any]]):
    """Rows by their places in the dataset; their texts are held once, as Arrow has them."""

    def __init__(self, table: pa.Table, rows: Sequence[int]) -> None:
        """Keep the rows of a table, named by their places."""
        self._table = table.combine_chunks()
        self._places = {row: place for place, row in enumerate(rows)}

    def __getitem__(self, row: int) -> dict[str, Any]:
        """The columns of a row, messages as dictionaries."""
        found: dict[str, Any] = self._table.slice(self._places[row], 1).to_pylist()[0]
        return found

    def __iter__(self) -> Iterator[int]:
        """The places."""
        return iter(self._places)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._places)


def texts_of(dataset: Dataset, entries: Sequence[Entry]) -> Texts:
    """The rows of entries by their places: id, prompt, chosen, rejected, tools, criterion.

    Raises:
        DataError: a file is damaged, or the sample is of other rows.
    """
    rows = sorted({entry.row for entry in entries})
    table = rows_at(dataset, rows, _TEXTS)
    ids = dict(zip(rows, table["id"].to_pylist(), strict=True))
    for entry in entries:
        if ids[entry.row] != entry.pair:
            raise DataError(f"{dataset.path}: row {entry.row} is not the pair {entry.pair}")
    return Texts(table, rows)
