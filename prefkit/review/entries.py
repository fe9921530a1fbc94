"""What can be put before reviewers: the sample, suspects, pairs for practice, gold items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from prefkit.dataset import Dataset
from prefkit.dataset.taking import rows_at
from prefkit.errors import DataError
from prefkit.review.frame import Frame, hashes_of
from prefkit.review.plan import Planned
from prefkit.review.queueing import Entry

__all__ = ["entries_of", "sample_name", "texts_of"]

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
    """Pairs of the frame that nobody drew, for practice, and of these the surest as gold."""
    dataset = frame.dataset
    drawn = {line["row"] for line in (*planned.sample, *planned.queue)}
    rest = frame.pairs.filter(~pl.col("row").is_in(list(drawn)))
    if not rest.height:
        return []
    rows = sorted(rest["row"].to_list())
    sure = rows_at(dataset, rows, ["p_chosen", "n_votes"])
    certain = [
        row
        for row, share, votes in zip(
            rows, sure["p_chosen"].to_pylist(), sure["n_votes"].to_pylist(), strict=True
        )
        if share is not None and share >= _SURE and (votes or 0) >= _VOTES
    ]
    gold = certain[: max(1, len(planned.sample) // 10)] if certain else []
    taken = set(gold)
    ordered = [row for row in rest["row"].to_list() if row not in taken][:practice]
    hashes = hashes_of(dataset, [*ordered, *gold])
    ids = dict(zip(rest["row"].to_list(), rest["id"].to_list(), strict=True))
    practised = [Entry(row, ids[row], hashes[row], "practice") for row in ordered]
    return [*practised, *(Entry(row, ids[row], hashes[row], "gold") for row in gold)]


def texts_of(dataset: Dataset, entries: Sequence[Entry]) -> dict[int, dict[str, Any]]:
    """The rows of entries by their places: id, prompt, chosen, rejected, tools, criterion.

    Raises:
        DataError: a file is damaged, or the sample is of other rows.
    """
    rows = sorted({entry.row for entry in entries})
    found = dict(zip(rows, rows_at(dataset, rows, _TEXTS).to_pylist(), strict=True))
    for entry in entries:
        if found[entry.row]["id"] != entry.pair:
            raise DataError(f"{dataset.path}: row {entry.row} is not the pair {entry.pair}")
    return found
