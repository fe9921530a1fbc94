"""Tasks from a dataset: comparisons that wait for people, or the pairs of a review's sample.

The order of a task's answers is a keyed hash of what they are: it depends on the seed alone, and on
neither label nor length. A task asks for one thing once, however often the dataset holds it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa

from prefkit.errors import DataError
from prefkit.schema.decisions import pair_hashes
from prefkit.schema.ids import comparison_id, digest, messages_digest
from prefkit.schema.tasks import Task, Turns

__all__ = ["COMPARISON_COLUMNS", "PAIR_COLUMNS", "Found", "Which", "tasks_of_comparisons",
           "tasks_of_pairs"]  # fmt: skip

Which = Literal["unvoted", "no_human", "all"]

COMPARISON_COLUMNS = ("id", "prompt", "responses", "votes", "tools", "template_kwargs")
PAIR_COLUMNS = ("id", "criterion", "prompt", "chosen", "rejected", "tools", "template_kwargs")

_VOTED = {"unvoted": "with votes", "no_human": "with votes of people"}


class Found:
    """What became of the rows; filled while the tasks are read."""

    def __init__(self) -> None:
        self.rows = 0
        self.left_out: Counter[str] = Counter()
        self._seen: set[str] = set()

    def task(self, task: Task | str) -> Iterator[Task]:
        """Count one row: its task, or why it is none."""
        self.rows += 1
        if isinstance(task, Task) and _has_nul(task):
            task = "with a NUL character, which databases refuse"
        if isinstance(task, str):
            self.left_out[task] += 1
        elif task.id in self._seen:
            self.left_out["asked already"] += 1
        else:
            self._seen.add(task.id)
            yield task


def tasks_of_comparisons(
    tables: Iterator[pa.Table], which: Which, seed: int, found: Found
) -> Iterator[Task]:
    """The tasks of comparisons with two answers or more, in their order."""
    for table in tables:
        for row in table.to_pylist():  # texts leave Arrow here: they are written as JSON next
            yield from found.task(_of_comparison(row, which, seed))


def _of_comparison(row: Mapping[str, Any], which: Which, seed: int) -> Task | str:
    counted = [vote for vote in row["votes"] if which == "unvoted" or vote["kind"] == "human"]
    if counted and which != "all":
        return _VOTED[which]
    responses = {one["id"]: _turns(one["messages"]) for one in row["responses"]}
    if len(responses) < 2:
        return "with one response"
    if any(messages_digest(turns) != name for name, turns in responses.items()):
        return "with equal responses"
    order = _shuffled(list(responses), row["id"], seed)
    return Task(
        row["id"], row["id"], _turns(row["prompt"]), tuple(responses[name] for name in order),
        order, tools=row["tools"], template_kwargs=row["template_kwargs"],
    )  # fmt: skip


def tasks_of_pairs(
    tables: Iterator[pa.Table], sample: Sequence[Mapping[str, Any]], seed: int, found: Found
) -> Iterator[Task]:
    """The tasks of sampled pairs, in the order of the sample.

    Raises:
        DataError: a line of the sample is about another pair than the one that stands there.
    """
    wanted = {int(line["row"]): str(line["pair_sha256"]) for line in sample}
    tasks: dict[int, Task | str] = {}
    first = 0
    for table in tables:
        mine = [row for row in wanted if first <= row < first + len(table)]
        if mine:
            places: Any = pa.array([row - first for row in mine])
            tasks |= _of_rows(table.take(places), mine, wanted, seed)
        first += len(table)
    missing = wanted.keys() - tasks.keys()
    if missing:
        raise DataError(f"the sample names row {min(missing):,}, and there are {first:,} rows")
    for line in sample:
        yield from found.task(tasks[int(line["row"])])


def _of_rows(
    table: pa.Table, rows: Sequence[int], wanted: Mapping[int, str], seed: int
) -> dict[int, Task | str]:
    tasks: dict[int, Task | str] = {}
    for row, sha256, pair in zip(rows, pair_hashes(table), table.to_pylist(), strict=True):
        if sha256 != wanted[row]:
            raise DataError(f"row {row:,} is not the pair that the sample has drawn there")
        tasks[row] = _of_pair(pair, seed)
    return tasks


def _of_pair(pair: Mapping[str, Any], seed: int) -> Task | str:
    sides = {
        messages_digest(turns): turns
        for turns in (_turns(pair["chosen"] or ()), _turns(pair["rejected"] or ()))
        if turns
    }
    if len(sides) < 2:
        return (
            "with equal responses" if pair["chosen"] and pair["rejected"] else "with one response"
        )
    prompt = _turns(pair["prompt"])
    order = _shuffled(sorted(sides), pair["id"], seed)
    return Task(
        pair["id"], comparison_id(messages_digest(prompt), pair["tools"], order), prompt,
        tuple(sides[name] for name in order), order, pair["criterion"], pair["id"], pair["tools"],
        pair["template_kwargs"],
    )  # fmt: skip


def _turns(messages: Sequence[Mapping[str, Any]]) -> Turns:
    return tuple((one["role"], one["content"], one["extra"]) for one in messages)


def _shuffled(names: Sequence[str], task: str, seed: int) -> tuple[str, ...]:
    keys = {name: digest(b"side", str(seed).encode(), task.encode(), name.encode())
            for name in names}  # fmt: skip
    return tuple(sorted(names, key=keys.__getitem__))


def _has_nul(task: Task) -> bool:
    turns = (turn for turns in (task.prompt, *task.answers) for turn in turns)
    return any("\0" in part for turn in turns for part in turn if part)
