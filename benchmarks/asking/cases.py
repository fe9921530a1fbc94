"""The questions, their right answers, and what the server does to each attempt; all by a seed.

Imports nothing but the standard library: the peers' interpreters read it too.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

__all__ = [
    "MODEL",
    "Case",
    "Fate",
    "answer_to",
    "case_number",
    "fate",
    "read_answers",
    "read_cases",
    "write_answers",
    "write_cases",
]

MODEL = "judge-1"

_MARK = re.compile(rb"case (\d{7})")
_ANSWER_CHARACTERS = (600, 1_250)  # of each of the two compared, both ends included
_TASK_CHARACTERS = 240
_SALAD_WORDS = 50_000
_FATES = 250  # a seed whose first 2,000 cases meet the shares that `fate` promises: 42, 21, 10
_LETTERS = "etaoinshrdlucmfwypvbgk"
_RUBRIC = (
    "You compare two answers to one task. Judge how well each follows the instruction, whether "
    "what it says is true, and whether it is clear and complete without needless length. Neither "
    "the order of the answers nor their length may sway you. Think about both before you decide, "
    "then write one JSON object with the keys winner (A, B or tie), score (1 to 10) and reason."
)

Kind = Literal["answer", "throttled", "error", "truncated"]


class Case(NamedTuple):
    """One request of about 2.5 kB; its number stands in the prompt."""

    number: int
    prompt: str


class Fate(NamedTuple):
    """What an attempt meets: after how many seconds it is answered and by what."""

    after_s: float
    kind: Kind


def write_cases(count: int, path: Path, seed: int = 5) -> None:
    """Write `count` cases as JSON lines; the same arguments give the same bytes."""
    draw = random.Random(seed)
    salad = _salad(draw)

    def text(length: int) -> str:
        start = draw.randrange(len(salad) - length)
        return salad[start : start + length]

    with path.open("w", encoding="utf-8") as stream:
        for number in range(count):
            first, second = (text(draw.randint(*_ANSWER_CHARACTERS)) for _ in range(2))
            prompt = (
                f"{_RUBRIC}\n\nThis is case {number:07d}.\n\n## Task\n{text(_TASK_CHARACTERS)}\n\n"
                f"## Answer A\n{first}\n\n## Answer B\n{second}\n\n## Verdict\n"
            )
            stream.write(json.dumps({"number": number, "prompt": prompt}) + "\n")


def read_cases(path: Path) -> list[Case]:
    """The cases of a file, in the order of their numbers."""
    with path.open(encoding="utf-8") as stream:
        return [Case(**json.loads(line)) for line in stream]


def write_answers(path: Path, answers: Iterable[tuple[int, str | None]]) -> None:
    """Write what a client ends with: (number, text), the text null where it has none."""
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(answer) + "\n" for answer in answers)


def read_answers(path: Path) -> dict[int, str | None]:
    """What a client has written; nothing if it did not come to write."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8") as stream:
        return dict(map(json.loads, stream))


def case_number(body: bytes) -> int | None:
    """Which case a request body asks; null for a probe."""
    found = _MARK.search(body)
    return None if found is None else int(found.group(1))


def answer_to(number: int) -> str:
    """The one right answer to a case: a verdict as a judge would write it, about 300 characters."""
    digest = hashlib.blake2b(b"answer %d" % number, digest_size=16).hexdigest()
    winner = ("A", "B", "tie")[number % 3]
    reason = (
        f"In the case with the mark {digest} the first answer keeps closer to the instruction, "
        "while the second is clearer about its limits; what both state about the task was weighed "
        "before their wording, and length was given no weight."
    )
    return json.dumps({"winner": winner, "score": 1 + number % 10, "reason": reason})


def fate(number: int, attempt: int, latency_ms: tuple[float, float], faults: bool) -> Fate:
    """What the attempt (from 1) of a case meets; latency is uniform, middle plus or minus spread.

    With faults 2 % are throttled, 1 % end in a server error, 0.5 % in half a JSON body.
    """
    digest = hashlib.blake2b(b"fate %d %d %d" % (_FATES, number, attempt), digest_size=8).digest()
    middle, spread = latency_ms
    share = int.from_bytes(digest[:4], "big") / 2**32
    after_s = (middle + spread * (2 * share - 1)) / 1e3
    return Fate(after_s, _kind(int.from_bytes(digest[4:], "big") / 2**32 if faults else 1.0))


def _kind(share: float) -> Kind:
    if share < 0.02:
        return "throttled"
    if share < 0.03:
        return "error"
    return "truncated" if share < 0.035 else "answer"


def _salad(draw: random.Random) -> str:
    """Words of 2 to 9 letters; a slice of it is a text."""
    words = ["".join(draw.choices(_LETTERS, k=draw.randint(2, 9))) for _ in range(5_000)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    return " ".join(draw.choices(words, weights, k=_SALAD_WORDS))
