"""What makes one judge, and the lines of each of a frame of duels."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

__all__ = ["JUDGE", "JUDGED_BY", "JudgeName", "judges_of"]

JUDGE = ("judge", "file_if_unnamed", "rubric", "criterion")
"""What two verdicts share if they are of one judge: see `judges_of`."""

JUDGED_BY = ("judge", "reward")
"""The kinds of vote that are judges; people, labels, rules and executions are none."""

_DIGITS = 4  # of a rubric's hash, for people: the name and version tell nearly all


class JudgeName(NamedTuple):
    """One judge: a model, by one rubric, about one criterion."""

    by: str | None
    """Null where the source names nobody."""

    file: str | None
    """The source, only where nobody is named: two files may hold two judges."""

    rubric: str | None
    criterion: str | None

    @property
    def shown(self) -> str:
        """What people read: `gpt-x@2024 (helpfulness@1:92d2…)`; not unique by promise."""
        who = self.by if self.by is not None else f"unnamed in {self.file}"
        about = [_short(self.rubric)] if self.rubric is not None else []
        if self.criterion is not None and not (self.rubric or "").startswith(f"{self.criterion}@"):
            about.append(self.criterion)
        return f"{who} ({', '.join(about)})" if about else who


def _short(rubric: str) -> str:
    name, colon, digest = rubric.rpartition(":")
    return f"{name}:{digest[:_DIGITS]}…" if colon and len(digest) > _DIGITS else rubric


def judges_of(duels: pl.DataFrame) -> list[tuple[JudgeName, pl.DataFrame]]:
    """Every judge and reward model with its own lines, in the order of their names.

    A judge without a name is one judge per source file: nothing says that two files hold the same.
    """
    judged = duels.filter(pl.col("kind").is_in(list(JUDGED_BY)))
    unnamed = pl.when(pl.col("judge").is_null()).then("file").alias("file_if_unnamed")
    judged = judged.with_columns(unnamed)
    parts = judged.partition_by(list(JUDGE), maintain_order=True, as_dict=True)
    found = [
        (JudgeName(*(None if part is None else str(part) for part in key)), lines)
        for key, lines in parts.items()
    ]
    return sorted(
        ((name, lines.drop("file_if_unnamed")) for name, lines in found),
        key=lambda entry: tuple((part is not None, part or "") for part in entry[0]),
    )
