"""Candidates that are there already: rows that name a task and hold one answer or several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from prefkit.collectors.prompts import Unused
from prefkit.collectors.sources.decoding import decode
from prefkit.collectors.sources.origins import Origin, Reading, origins
from prefkit.collectors.turns import shown
from prefkit.errors import ConfigError
from prefkit.reader import Aside, Record

__all__ = ["Candidate", "Candidates", "read_candidates"]

_TEXTS = ("completion", "solution", "reply", "text", "generation")
_NAMES = ("task_id", "id", "name", "question_id")
_FENCES = ("```", "~~~")


class Candidate(NamedTuple):
    """One answer of a file."""

    text: str
    kind: str
    """`completion`: put behind the prompt as it is; `reply`: searched for code."""
    where: str
    model: str | None


class Candidates(NamedTuple):
    """All answers of a file."""

    by_task: Mapping[str, tuple[Candidate, ...]]
    """By the id of the task, and by its prompt where rows have no id."""
    places: Mapping[str, tuple[Unused, ...]]
    """The rows of each task, to be set aside where there is no such task."""
    unused: tuple[Unused, ...]
    """Rows that could not be read."""

    def of(self, task: str, prompt: str) -> tuple[Candidate, ...]:
        """The answers to a task, in the order of the file."""
        return (*self.by_task.get(task, ()), *self.by_task.get(prompt, ()))


def read_candidates(path: str) -> Candidates:
    """The candidates of a file, held until it changes.

    Raises:
        ConfigError: there is no such file.
        DataError: it is damaged as a whole.
    """
    file = Path(path)
    if not file.is_file():
        raise ConfigError(
            f"there is no file of candidates {path}",
            hint="give JSONL with task_id and one of completion, solution, reply, samples",
        )
    stamp = file.stat()
    return _read(path, stamp.st_size, stamp.st_mtime_ns)


@lru_cache(maxsize=4)
def _read(path: str, *_: int) -> Candidates:
    (origin,) = origins([path], Reading())
    by_task: dict[str, list[Candidate]] = {}
    places: dict[str, list[Unused]] = {}
    unused: list[Unused] = []
    for found in _records(origin):
        if isinstance(found, Unused):
            unused.append(found)
            continue
        read = _candidates(found)
        if isinstance(read, Aside):
            unused.append(Unused(origin.name, found.where, read))
            continue
        task, candidates = read
        by_task.setdefault(task, []).extend(candidates)
        aside = Aside(
            "no_task", f"candidates of {task[:80]!r}, a task that is not here", found.data
        )
        places.setdefault(task, []).append(Unused(origin.name, found.where, aside))
    return Candidates(
        {task: tuple(rows) for task, rows in by_task.items()},
        {task: tuple(rows) for task, rows in places.items()},
        tuple(unused),
    )


def _records(origin: Origin) -> Iterator[Record | Unused]:
    for block in origin.blocks():
        for item in decode(block):
            yield item if isinstance(item, Record) else Unused(origin.name, *item)


def _candidates(record: Record) -> tuple[str, list[Candidate]] | Aside:
    """The task of a row and its answers, or why there are none."""
    row = record.data
    names = [row[key] for key in (*_NAMES, "prompt") if isinstance(row.get(key), str | int)]
    if not names:
        return Aside("no_task", "a candidate without a task_id or a prompt", row)
    key = next((key for key in (*_TEXTS, "samples") if row.get(key) is not None), None)
    if key is None:
        wanted = ", ".join((*_TEXTS, "samples"))
        return Aside("missing field", f"a candidate needs one of {wanted}", row)
    texts: list[Any] = row[key] if key == "samples" and isinstance(row[key], list) else [row[key]]
    bad = next((one for one in texts if not isinstance(one, str)), None)
    if bad is not None or not texts:
        said = "an empty list" if not texts else shown(bad)
        return Aside("bad value", f"{key} is {said}, not code", row)
    model = row.get("model") if isinstance(row.get("model"), str) else None
    made = [Candidate(text, _kind(key, text), record.where, model) for text in texts]
    return str(names[0]), made


def _kind(key: str, text: str) -> str:
    """How its code is found; a completion in a fence is an answer in a chat."""
    is_plain = key == "completion" and not any(fence in text for fence in _FENCES)
    return "completion" if is_plain else "reply"
