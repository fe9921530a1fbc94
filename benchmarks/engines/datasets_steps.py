"""Hugging Face datasets, the same three steps, each a process that saves; `STEP IN OUT`.

`collect` loads JSON lines, checks every row's turns and keeps an id; `filter` loads what was saved,
drops by length ratio, identical sides and repeats; `export` deals rows to splits and writes lines.
"""

from __future__ import annotations

import sys
import zlib
from hashlib import blake2b
from pathlib import Path
from typing import Any

from datasets import disable_progress_bars, load_dataset, load_from_disk

MAX_RATIO = 3.0
_TEST_SHARE = 0.05
_BUCKETS = 1_000
_SIDES = ("prompt", "chosen", "rejected")

Batch = dict[str, list[Any]]


def _checked(batch: Batch) -> list[bool]:
    rows = zip(*(batch[name] for name in _SIDES), strict=True)
    return [all(turn["role"] and turn["content"] for side in row for turn in side) for row in rows]


def _with_id(batch: Batch) -> Batch:
    rows = zip(*(batch[name] for name in _SIDES), strict=True)
    return {"id": [blake2b(repr(row).encode(), digest_size=16).hexdigest() for row in rows]}


class _Stays:
    """Whether a row stays: length ratio, identical sides, the first of equal rows."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __call__(self, batch: Batch) -> list[bool]:
        rows = zip(batch["id"], batch["chosen"], batch["rejected"], strict=True)
        return [
            self._one(key, chosen[0]["content"], rejected[0]["content"])
            for key, chosen, rejected in rows
        ]

    def _one(self, key: str, chosen: str, rejected: str) -> bool:
        if chosen == rejected or len(chosen) / len(rejected) > MAX_RATIO or key in self._seen:
            return False
        self._seen.add(key)
        return True


def with_split(batch: Batch) -> Batch:
    """Add the split of each row, by a hash of its prompt."""
    keys = [zlib.crc32(prompt[0]["content"].encode()) for prompt in batch["prompt"]]
    limit = int(_TEST_SHARE * _BUCKETS)
    return {"split": ["test" if key % _BUCKETS < limit else "train" for key in keys]}


def collect(source: str, target: str) -> None:
    """JSON lines to a saved dataset with ids."""
    cache = str(Path(target).with_suffix(".cache"))
    rows = load_dataset("json", data_files=source, split="train", cache_dir=cache)
    rows = rows.filter(_checked, batched=True, load_from_cache_file=False)
    rows.map(_with_id, batched=True, load_from_cache_file=False).save_to_disk(target)


def cheap_filters(source: str, target: str) -> None:
    """A saved dataset to the rows of it that stay."""
    rows = load_from_disk(source).filter(_Stays(), batched=True, load_from_cache_file=False)
    rows.save_to_disk(target)


def export(source: str, target: str) -> None:
    """A saved dataset to JSON lines with their split."""
    rows = load_from_disk(source).map(with_split, batched=True, load_from_cache_file=False)
    rows.to_json(target)


_STEPS = {"collect": collect, "filter": cheap_filters, "export": export}

if __name__ == "__main__":
    disable_progress_bars()
    _STEPS[sys.argv[1]](*sys.argv[2:])
