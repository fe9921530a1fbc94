"""Seeded preference rows of about 2.7 kB each, in TRL's conversational explicit form.

`python -m benchmarks.generate ROWS FILE.jsonl` writes one file; texts are cut out of one long word
salad, so a row costs three slices and not three hundred words.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import orjson

__all__ = ["DUPLICATE_EVERY", "distinct_rows", "generate"]

DUPLICATE_EVERY = 20
"""Each twentieth row (5 %) repeats an earlier one byte for byte."""

_WORDS = 30_000
_SALAD_WORDS = 4_000_000
_ZIPF = 0.9
_PROMPT = (100, 500)  # characters, both ends included
_SIDE = (300, 2_000)
_REMEMBERED = 10_000  # a repeated row is at most about 200,000 rows away from the first one


def distinct_rows(rows: int) -> int:
    """How many of the first `rows` generated rows differ from all before them."""
    return rows - rows // DUPLICATE_EVERY


def generate(rows: int, path: Path, seed: int = 7) -> None:
    """Write `rows` rows to `path` as JSON lines; the same arguments give the same bytes."""
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as stream:
        stream.writelines(_lines(rows, seed))
    unfinished.replace(path)


def _lines(rows: int, seed: int) -> Iterator[bytes]:
    salad = _salad(seed)
    draw = random.Random(seed)
    remembered: list[bytes] = []

    def text(lengths: tuple[int, int]) -> str:
        length = draw.randint(*lengths)
        start = draw.randrange(len(salad) - length)
        return salad[start : start + length]

    for number in range(1, rows + 1):
        if number % DUPLICATE_EVERY == 0:
            yield draw.choice(remembered)
            continue
        row = {
            "prompt": [{"role": "user", "content": text(_PROMPT)}],
            "chosen": [{"role": "assistant", "content": text(_SIDE)}],
            "rejected": [{"role": "assistant", "content": text(_SIDE)}],
        }
        line = orjson.dumps(row) + b"\n"
        if len(remembered) < _REMEMBERED:
            remembered.append(line)
        elif number % DUPLICATE_EVERY == 1:
            remembered[draw.randrange(_REMEMBERED)] = line
        yield line


@cache
def _salad(seed: int) -> str:
    """Words of 2 to 9 letters, drawn by a Zipf law so that common words repeat as in real text."""
    # Not at the top: the measuring process imports this module and has to stay small, because the
    # kernel counts a child's peak from what its parent held.
    import numpy as np

    draw = np.random.default_rng(seed)
    letters = draw.integers(ord("a"), ord("z") + 1, (_WORDS, 9), dtype=np.uint8)
    lengths = draw.integers(2, 10, _WORDS)
    words = [row[:length].tobytes().decode() for row, length in zip(letters, lengths, strict=True)]
    weights = 1 / np.arange(1, _WORDS + 1) ** _ZIPF
    picks = draw.choice(_WORDS, size=_SALAD_WORDS, p=weights / weights.sum())
    return " ".join(words[pick] for pick in picks.tolist())


if __name__ == "__main__":
    generate(int(sys.argv[1]), Path(sys.argv[2]))
