"""A review to vote on: pairs with answers of some 300 words, and votes that are there already."""

from __future__ import annotations

import random
from pathlib import Path

from prefkit.dataset import create_dataset, open_dataset
from prefkit.reviews.events import Events
from prefkit.reviews.folder import write_review
from prefkit.reviews.frame import frame_of
from prefkit.reviews.goal import Goal
from prefkit.reviews.plan import Planned, new_plan
from prefkit.schema.arrow import PAIRS
from prefkit.schema.columns import table
from prefkit.schema.decision_lines import Decision
from prefkit.schema.ids import digest, messages_digest, pair_id

__all__ = ["NAMES", "write_case"]

NAMES = tuple(f"r{number}" for number in range(10))

_WORDS = ("answer", "because", "check", "data", "every", "first", "given", "however", "item")
_PARAGRAPHS, _LENGTH = 5, 60


def write_case(folder: Path, pairs: int, votes: int) -> tuple[Path, Path]:
    """Write the pairs and a review of nine tenths of them, with so many votes of ten people.

    Returns:
        The folder of the pairs and that of the review.
    """
    chance = random.Random(7)
    rows = [_row(number, chance) for number in range(pairs)]
    with create_dataset(folder / "pairs", "pairs") as writer:
        writer.write(table(PAIRS, rows))
        writer.finish("pair", {}, {})
    dataset = open_dataset(folder / "pairs", "pairs")
    goal = Goal(0.85, 0.9, 25, 0.05, 0.10)
    planned = new_plan(frame_of(dataset, 0), goal, {}, pairs * 9 // 10, None)
    write_review(folder / "review", planned, {}, force=False)
    with Events(folder / "review") as events:
        events.append(_votes(planned, votes, chance))
    return folder / "pairs", folder / "review"


def _row(number: int, chance: random.Random) -> tuple[object, ...]:
    prompt = [("user", f"Question {number}?", None)]
    sides = [[("assistant", _text(chance), None)] for _ in range(2)]
    name = messages_digest(prompt)
    columns = {
        "id": pair_id(name, (messages_digest(sides[0]), messages_digest(sides[1])), None),
        "comparison": digest(name.encode()),
        "prompt": prompt,
        "chosen": sides[0],
        "rejected": sides[1],
        "n_votes": 5,
        "p_chosen": 0.99 if number % 50 == 0 else 0.7,
        "policy": "p" * 32,
        "weight": 1.0,
        "sources": [("file.jsonl", f"line {number}", None, None)],
        "tags": [],
        "checks": [],
    }
    return tuple(columns.get(field.name) for field in PAIRS)


def _text(chance: random.Random) -> str:
    return "\n\n".join(
        f"**{chance.choice(_WORDS)}** {' '.join(chance.choices(_WORDS, k=_LENGTH))}."
        for _ in range(_PARAGRAPHS)
    )


def _votes(planned: Planned, count: int, chance: random.Random) -> list[Decision]:
    """Two votes a pair, of neighbours, until there are so many."""
    return [
        Decision(
            id=str(number),
            dataset=planned.plan["dataset"]["content_hash"],
            pair=line["pair"],
            pair_sha256=line["pair_sha256"],
            reviewer=NAMES[(number // 2 + number % 2) % len(NAMES)],
            role="blind",
            left="chosen",
            verdict=chance.choice(("a", "a", "b", "tie")),
            at="2026-11-03T10:00:00.000+00:00",
        )
        for number in range(count)
        for line in [planned.sample[number // 2]]
    ]
