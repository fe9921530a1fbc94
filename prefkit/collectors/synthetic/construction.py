"""Votes by construction: who is better is known from how the responses were made, not measured."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import polars as pl

from prefkit.collectors.prompts import Prompt
from prefkit.collectors.synthetic.recipe import Draft, Made, Merged, Missing
from prefkit.collectors.turns import UnusableError, messages
from prefkit.judging.refusals import refusals
from prefkit.schema.ids import digest
from prefkit.schema.records import Source, Vote, to_json
from prefkit.statistics.edit_distance import edit_distance

__all__ = [
    "Built",
    "Change",
    "change_of",
    "given_answer",
    "parts_of",
    "spoilt",
    "text_of",
    "vote_of",
]

# Scripts without blanks between words are compared sign by sign: Thai to Tibetan, Burmese, Khmer,
# kana and Chinese. Vowel signs of Indian scripts are no letters to `re`, but they make words.
_DENSE = r"\u0e00-\u109f\u1780-\u17ff\u3040-\u9fff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_DENSE}]|(?:[^\W{_DENSE}]|[\u0900-\u0dff])+")
_MOST_WORDS = 5000  # of a text that is compared word by word: some 30 ms

_WINDOW = 300  # characters at the start in which a refusal is looked for
_SURE = 0.6  # as the filter `refusal` has it


class Built(NamedTuple):
    """What one vote by construction is made of."""

    recipe: str
    """Its registered name."""
    scores: Mapping[int, float]
    """Of responses by their place; 1 for the good side, 0 for the other."""
    labels: Mapping[int, str]
    criterion: str | None = None
    rubric: str | None = None
    """Name and hash of what was asked for, where a recipe can ask for several things."""
    rationale: str | None = None
    raw: Mapping[str, Any] = {}


class Change(NamedTuple):
    """How one text became another, counted in words without case."""

    words: int
    """Words put in, taken out or replaced."""
    share: float
    """Of the words of the longer text, 0 to 1."""
    longer_by: int
    """Words that the second has more; negative if it is shorter."""
    added: int
    """Words of the second that the first does not have, each as often as it has it more."""


def vote_of(built: Built, merged: Sequence[Merged]) -> Vote:
    """One vote of kind `rule`; its record is a hash of the answers that it is about."""
    count = len(merged)
    seen = [_record(merged[place]) for place in sorted(built.scores)]
    return Vote(
        kind="rule",
        outcome="scored",
        scores=tuple(built.scores.get(place) for place in range(count)),
        scale="choice",
        source=Source(f"synthetic:{built.recipe}", digest(*seen)),
        by=f"rule:{built.recipe}",
        labels=tuple(built.labels.get(place) for place in range(count)),
        criterion=built.criterion,
        rationale=built.rationale,
        rubric=built.rubric,
        raw=to_json({"known_by": "construction", **built.raw}),
    )


def _record(one: Merged) -> bytes:
    return to_json([text_of(one), [made.key for made in one.made]]).encode("utf-8")


def text_of(one: Merged) -> str:
    """The text of a response."""
    return one.response.messages[-1].content or ""


def parts_of(one: Merged) -> set[str]:
    """What a response was made as: `good`, `bad` or the name of a way to fail; may be several."""
    return {str(made.draft.sampling.get("part")) for made in one.made}


def spoilt(made: Iterable[Made], text: str, place: int) -> Missing | None:
    """Why a response cannot stand for a side, whatever it was made as; null if it can."""
    finishes = {one.finish for one in made}
    if "length" in finishes:
        return Missing("cut", "the model was stopped at max_tokens", place)
    if finishes & {"refusal", "content_filter"} or _refuses(text):
        return Missing("refused", "the model refused", place)
    return None


@lru_cache(maxsize=1024)
def _refuses(text: str) -> bool:
    found = refusals(pl.Series([text[:_WINDOW]], dtype=pl.String), _WINDOW)
    return (found["confidence"][0] or 0.0) >= _SURE


def change_of(one: str, other: str) -> Change:
    """From one text to another; of texts of more than 5,000 words the first 5,000 are compared."""
    before, after = (_WORD.findall(text.casefold()) for text in (one, other))
    distance = edit_distance(before[:_MOST_WORDS], after[:_MOST_WORDS])
    longest = max(len(before[:_MOST_WORDS]), len(after[:_MOST_WORDS]))
    added = (Counter(after) - Counter(before)).total()
    share = distance / longest if longest else 0.0
    return Change(distance, share, len(after) - len(before), added)


def given_answer(prompt: Prompt, fields: Sequence[str], part: str) -> Draft | None:
    """The first of these fields of a row that holds an answer, as a draft; null if none does.

    Text is an answer as it stands, of messages the last turn is; anything else is none. What the
    row says in `NAME_model` is who wrote `NAME`.

    Raises:
        UnusableError: messages are damaged, or do not end with the assistant's turn.
    """
    for name in fields:
        text = _answer(prompt.row.get(name), name)
        if text is not None:
            by = prompt.row.get(f"{name}_model")
            sampling = {"part": part, "from": name}
            return Draft(None, None, sampling, text, by if isinstance(by, str) else None)
    return None


def _answer(value: Any, name: str) -> str | None:
    if not isinstance(value, str | list) or not value:
        return None
    turns = messages(value, "assistant", f"the field {name}")
    if not turns or turns[-1].role != "assistant":
        raise UnusableError("bad value", f"the field {name} does not end with an answer")
    text = turns[-1].content
    return text if text and text.strip() else None
