"""Pairs whose labels are wrong so often, with people, judges and words that tell it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from comparison_rows import compare, table_of, vote, write_comparisons

from prefkit.schema.records import Comparison, Vote
from prefkit.verbs.pair import Pair

_FILLER = ["every", "answer", "here", "has", "some", "of", "these", "and", "they", "say", "nothing"]
_GOOD = ["thorough", "careful", "precise", "sourced", "checked"]
_BAD = ["vague", "rushed", "careless", "guessed", "sloppy"]


class Plan(NamedTuple):
    """How often each is wrong."""

    people: float = 0.1
    judge: float = 0.2
    words: float = 0.3
    voters: tuple[int, ...] = (1, 3)


USUAL = Plan()


def comparisons(count: int, plan: Plan = USUAL, seed: int = 0) -> list[Comparison]:
    """The first answer is the better one of every odd pair, the second of the others."""
    rng = np.random.default_rng(seed)
    found = []
    for place in range(count):
        truth = place % 2
        votes = [
            _said(truth, rng.random() < plan.people, "human", f"p{person}", place)
            for person in range(plan.voters[place % len(plan.voters)])
        ]
        votes.append(_said(truth, rng.random() < plan.judge, "judge", "judge-x", place))
        told = truth if rng.random() >= plan.words else 1 - truth
        answers = [_answer(rng, side == told, place) for side in (0, 1)]
        found.append(compare(f"Question {place}?", answers, *votes))
    return found


def _said(truth: int, wrong: bool, kind: str, by: str, place: int) -> Vote:
    side = truth != wrong  # False: the first answer
    return vote(float(not side), float(side), kind=kind, by=by, record=f"line {place}")


def _answer(rng: np.random.Generator, good: bool, place: int) -> str:
    words = [*rng.choice(_FILLER, 12), rng.choice(_GOOD if good else _BAD), f"number {place}"]
    return " ".join(words)


def pairs(folder: Path, given: list[Comparison], kind: str = "human") -> Path:
    """A dataset of pairs beside its comparisons."""
    source = write_comparisons(folder / "comparisons", table_of(*given))
    Pair(dataset=source, out=folder / "pairs", kind=(kind,))()
    return folder / "pairs"
