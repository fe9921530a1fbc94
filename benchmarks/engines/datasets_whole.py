"""Hugging Face datasets: load JSON lines, filter, mark the split, write JSON lines; `IN OUT`.

The whole way in one process, in batches; its cache lies beside the output, nothing is used again.
"""

from __future__ import annotations

import sys
from pathlib import Path

from datasets import disable_progress_bars, load_dataset

from benchmarks.engines.datasets_steps import MAX_RATIO, Batch, with_split


class _Stays:
    """Whether a row stays: length ratio, identical sides, the first of equal rows."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def __call__(self, batch: Batch) -> list[bool]:
        sides = zip(batch["prompt"], batch["chosen"], batch["rejected"], strict=True)
        return [self._one(*(side[0]["content"] for side in row)) for row in sides]

    def _one(self, prompt: str, chosen: str, rejected: str) -> bool:
        if chosen == rejected or len(chosen) / len(rejected) > MAX_RATIO:
            return False
        key = hash((prompt, chosen, rejected))
        if key in self._seen:
            return False
        self._seen.add(key)
        return True


def main(source: str, target: str) -> None:
    """Read the file `source` and write `target`."""
    disable_progress_bars()
    cache = str(Path(target).with_suffix(".cache"))
    rows = load_dataset("json", data_files=source, split="train", cache_dir=cache)
    rows = rows.filter(_Stays(), batched=True, load_from_cache_file=False)
    rows = rows.map(with_split, batched=True, load_from_cache_file=False)
    rows.to_json(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
