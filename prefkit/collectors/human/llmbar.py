"""LLMBar: pairs with a gold label, and the completions of a judge that saw them in both orders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from pydantic import Field

from prefkit.collectors.fields import extra_of, needed, one_of, share, text
from prefkit.collectors.turns import UnusableError, row_or_aside, shown
from prefkit.collectors.verdicts import graded, preferred, without_scores
from prefkit.reader import Aside, Example, Reader, Record, Row
from prefkit.schema.records import Comparison, Message, Response, Source, Vote, to_json

__all__ = ["Llmbar"]

_SIDES = ("output_1", "output_2")
_FIRST = {1: 0, "1": 0, 2: 1, "2": 1}
# A swapped judge sees output_2 first; the winner of the row is already named as in the row.
_ORDERS = {"swap = False": (0, 1), "swap = True": (1, 0)}
_SCORES = ("score_1", "score_2")
_ONLY_A_VERDICT = re.compile(r"\s*Output \([ab]\)\.?\s*")
_SCORE = re.compile(r"\s*([0-9]{1,9})\s*")
# The scale was asked for in the judge's prompt, which the rows do not hold, and was not kept to.
_SCALE = "rating"
_OTHER_FAMILIES = ("instruction", "preference", "annotator")


class Llmbar(Reader):
    """LLMBar: `output_1`, `output_2` and a gold `label`; with `results`, a judge in both orders.

    The gold label is a vote of kind `label`, also beside the judge's. Ratings of single outputs
    are votes on one response each. Rows do not say who judged: declare `judge`.
    """

    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            "dataset",
            '{"input": "A prime above 10?", "output_1": "11", "output_2": "12", "label": 1}',
            "princeton-nlp/LLMBar Dataset/LLMBar/Natural/dataset.json",
        ),
        Example(
            "judge in both orders",
            '{"input": "A prime above 10?", "output_1": "11", "output_2": "12", "label": 1,'
            ' "results": [["Is the number a prime?", "stop"], {"swap = False": {"completion":'
            ' ["Output (a)", "stop"], "winner": "1"}, "swap = True": {"completion":'
            ' ["Neither of them.", "stop"], "winner": null}}]}',
            "princeton-nlp/LLMBar LLMEvaluator/evaluate.py and its result.json files",
            {"judge": "GPT-4"},
        ),
        Example(
            "ratings of single outputs",
            '{"input": "A prime above 10?", "output_1": "11", "output_2": "12", "label": 1,'
            ' "results": [{"score_1": ["9", "stop"], "score_2": ["", "content_filter"],'
            ' "swap = False": {"winner": "1"}, "swap = True": {"winner": "2"}}]}',
            "princeton-nlp/LLMBar LLMEvaluator/evaluate.py and its result.json files",
        ),
    )

    judge: str | None = Field(None, description="Who judged: the rows do not say it.")

    def sniff(self, sample: Sequence[Mapping[str, Any]]) -> float:
        """The share of rows of a judge, and 0.9 times that of pairs with a label of 1 or 2."""
        return share(sample, _sureness)

    def read(self, records: Iterable[Record], source: str) -> Iterator[Row]:
        """Yield one `Row` per pair."""
        for record in records:
            yield row_or_aside(self._row, record, source)

    def _row(self, record: Record, source: str) -> Row:
        data = record.data
        prompt = Message("user", text(data, "input"))
        sides = tuple(Response((Message("assistant", text(data, name)),)) for name in _SIDES)
        votes: list[Vote] = []
        parts: list[Aside] = []
        try:
            gold = preferred(one_of(needed(data, "label"), _FIRST, "the label"))
            # Every result file repeats the label of the set: named alike, it counts once.
            votes.append(Vote("label", *gold, Source("LLMBar", record.where)))
        except UnusableError as problem:
            parts.append(problem.aside(data.get("label")))
        for judged in _judgements(data.get("results"), parts):
            place = Source(source, f"{record.where}, {judged.name}")
            votes.append(judged.vote._replace(source=place, by=self.judge))
        if not votes:
            raise UnusableError(parts[0].reason, "; ".join(part.detail for part in parts[:3]))
        used = {"input", "label", *_SIDES, *(("results",) if "results" in data else ())}
        comparison = Comparison((prompt,), sides, tuple(votes), extra=extra_of(data, used))
        return Row(record.where, (comparison,), parts=tuple(parts))


class _Judged(NamedTuple):
    """A vote without its place, and what it is called within the row."""

    name: str
    vote: Vote


def _sureness(row: Mapping[str, Any]) -> float:
    if not all(name in row for name in ("input", "label", *_SIDES)):
        return 0.0
    results = row.get("results")
    if isinstance(results, list) and any(_is_stage(part) for part in results):
        return 1.0
    other = any(name in row for name in _OTHER_FAMILIES)
    label = row["label"]
    known = isinstance(label, int | str) and not isinstance(label, bool) and label in _FIRST
    return 0.9 if known and not other else 0.0


def _is_stage(part: Any) -> bool:
    return isinstance(part, Mapping) and any(name in part for name in (*_ORDERS, *_SCORES))


def _judgements(results: Any, parts: list[Aside]) -> Iterator[_Judged]:
    """Every judgement of a row: two orders, or two ratings, in one or several stages."""
    if results is None:
        return
    if not isinstance(results, list):
        detail = f"the results are {shown(results)}, not a list"
        parts.append(Aside("bad value", detail, results))
        return
    # What the judge wrote for itself beforehand (criteria, a reference) is part of every verdict.
    written = [part for part in results if not _is_stage(part)]
    before: dict[str, Any] = {"auxiliary": written} if written else {}
    stages = [part for part in results if _is_stage(part)]
    if not stages:
        parts.append(Aside("no votes", "the results hold no verdict", results))
    for number, stage in enumerate(stages, 1):
        name = "results" if number == 1 else f"results, stage {number}"
        read = _rated if any(score in stage for score in _SCORES) else _compared
        for judged in read(stage, name, before, parts):
            # A later stage has a prompt of its own: it weighs the verdicts of the one before.
            rubric = None if number == 1 else "swap and synthesize"
            yield judged._replace(vote=judged.vote._replace(rubric=rubric))


def _compared(
    stage: Mapping[str, Any], name: str, before: Mapping[str, Any], parts: list[Aside]
) -> Iterator[_Judged]:
    for swap, order in _ORDERS.items():
        one = stage.get(swap)
        if not isinstance(one, Mapping) or "winner" not in one:
            parts.append(Aside("missing field", f"{name}: there is no winner for {swap}", one))
            continue
        try:
            winner = one["winner"]
            verdict = (
                without_scores("failed")
                if winner is None
                else preferred(one_of(winner, _FIRST, f"the winner for {swap}"))
            )
        except UnusableError as problem:
            parts.append(problem.aside(one))
            continue
        vote = Vote("judge", *verdict, Source("", ""), order=order)
        raw = {"swap": swap, **one, **before}
        yield _Judged(
            f"{name}, {swap}",
            vote._replace(rationale=_reasons(one.get("completion")), raw=to_json(raw)),
        )


def _rated(
    stage: Mapping[str, Any], name: str, before: Mapping[str, Any], parts: list[Aside]
) -> Iterator[_Judged]:
    """Each output was rated alone, so no order was shown; both ratings are one record's.

    Rows do not say who judged, so only the record tells that one judge rated both. The winners
    beside the scores follow from them by a rule that breaks ties by position; they are kept in
    `raw` and are no judgements.
    """
    derived = {swap: stage[swap] for swap in _ORDERS if swap in stage}
    for place, score in enumerate(_SCORES):
        reply = stage.get(score)
        written = reply[0] if isinstance(reply, list | tuple) and reply else None
        if not isinstance(written, str):
            parts.append(Aside("missing field", f"{name}: there is no reply for {score}", reply))
            continue
        number = _SCORE.fullmatch(written)
        verdict = (
            without_scores("failed", scale=_SCALE)
            if number is None
            else graded(place, 2, float(number[1]), _SCALE)
        )
        raw = to_json({score: reply, **derived, **before})
        yield _Judged(name, Vote("judge", *verdict, Source("", ""), raw=raw))


def _reasons(completion: Any) -> str | None:
    """What the judge wrote, unless that is the verdict and nothing else."""
    written = completion[0] if isinstance(completion, list | tuple) and completion else completion
    if not isinstance(written, str) or not written or _ONLY_A_VERDICT.fullmatch(written):
        return None
    return written
