"""Comparisons of two judges and three people, for tests of reports."""

from __future__ import annotations

from pathlib import Path

from comparison_rows import table_of, turns, write_comparisons

from prefkit.schema.records import Comparison, Message, Response, Source, Vote


def side(text: str) -> Response:
    return Response((Message("assistant", text),))


def vote(word: str, by: str, kind: str = "judge", order: tuple[int, ...] | None = None) -> Vote:
    scores = {"better": (1.0, 0.0), "worse": (0.0, 1.0)}.get(word, (None, None))
    outcome = "failed" if word == "failed" else "scored"
    return Vote(kind, outcome, scores, "choice", Source("v.jsonl", "line 1"), by=by, order=order)


def rows(
    count: int, *, people: int = 0, judges: tuple[str, ...] = ("judge-x",)
) -> list[Comparison]:
    """Judges in both orders, right on 19 of 20 pairs; of three people on the
    first pairs, one says otherwise on every seventh.
    """
    found = []
    for place in range(count):
        word = "worse" if place % 20 == 19 else "better"
        votes = [vote(word, by, order=order) for by in judges for order in ((0, 1), (1, 0))]
        if place < people:
            third = "worse" if place % 7 == 6 else "better"
            people_say = {"ann": "better", "bob": "better", "cat": third}
            votes += [vote(said, name, "human") for name, said in people_say.items()]
        prompt = turns(f"What is the capital? {place}")
        sides = (side(f"Paris, {place}."), side(f"Lyon, I think: {place}."))
        found.append(Comparison(prompt, sides, tuple(votes)))
    return found


def dataset(folder: Path, given: list[Comparison]) -> Path:
    return write_comparisons(folder, table_of(*given))
