"""The recipe `revise`: an answer made better by a critique, with as few changes as can be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import ClassVar

import orjson
from pydantic import Field

from prefkit.collectors.prompts import Prompt
from prefkit.collectors.synthetic.construction import (
    Built,
    change_of,
    given_answer,
    parts_of,
    spoilt,
    text_of,
    vote_of,
)
from prefkit.collectors.synthetic.flaws import words
from prefkit.collectors.synthetic.marked_texts import asked, conversation, plain, written
from prefkit.collectors.synthetic.recipe import Draft, Made, Merged, Missing, Recipe
from prefkit.judging.framing import Part
from prefkit.llm.records import Request
from prefkit.schema.records import Message, Vote, to_json

__all__ = ["Revise"]

_FIRST, _REVISED = "first", "revised"


class Revise(Recipe):
    """An answer, and the same answer revised with as few edits as can be: the revised is chosen.

    The answer comes from the row, else from the model, and the model revises it, by the
    critique of the row or by one that it writes itself. How many words were changed stands in the
    vote; a revision that changed more than a limit has no vote.
    """

    answer: tuple[str, ...] = Field(
        ("response", "rejected"),
        description="Fields of a row that may hold the answer to revise, the first that does "
        "counts; without one the model writes it.",
    )
    critique: str | None = Field(
        "critique", description="Field of a row with a critique; null or empty: the model's own."
    )
    most_changed: float = Field(
        0.3, gt=0, le=1, description="Share of words that a revision may change."
    )
    least_changed: int = Field(1, ge=1, description="Words that a revision must change.")
    criterion: str | None = Field(None, description="Of the votes; null = overall.")
    temperature: float | None = Field(None, ge=0, description="Null leaves it to the model.")
    max_tokens: int = Field(
        1024, ge=1, description="Most tokens of an answer; a revision gets half as many more."
    )

    models: ClassVar[tuple[int, int | None]] = (1, 1)

    def drafts(self, prompt: Prompt, models: int) -> Iterator[Draft]:
        """The answer to revise."""
        del models
        given = given_answer(prompt, self.answer, _FIRST)
        if given is not None:
            yield given
        else:
            told = {"part": _FIRST, "from": "model"}
            yield self._asked(prompt, prompt.messages, told, self.max_tokens)

    def follow(self, prompt: Prompt, made: Sequence[Made]) -> Iterator[Draft]:
        """Its revision."""
        first = made[0].text if made else None
        if first is None or not first.strip() or spoilt(made, first, 0) is not None:
            return
        critique = self._critique(prompt)
        told = words("revise")
        system = told["system"].replace("{given}", told["given"] if critique else "")
        parts = [*conversation(prompt.messages), Part("answer", first)]
        if critique:
            parts.append(Part("critique", critique))
        closing = told["with_critique" if critique else "without_critique"]
        sampling = {"part": _REVISED, "critique": "row" if critique else "model"}
        # The critique and the marks take room that no answer needs.
        most = self.max_tokens + self.max_tokens // 2
        yield self._asked(prompt, asked(system, parts, closing), sampling, most)

    def response(self, made: Made) -> str | None:
        """The answer without blanks around it, or of a revision what stands between its marks.

        Raises:
            UnusableError: nothing does, or the model declined.
        """
        request, part = made.draft.request, made.draft.sampling["part"]
        if made.text is None or request is None or part == _FIRST:
            return None if made.text is None else plain(made.text)
        return written(request, made.text, bare=made.draft.sampling["critique"] == "row")[0]

    def votes(self, prompt: Prompt, merged: Sequence[Merged]) -> Iterator[Vote | Missing]:
        """One: the revised answer 1, the first one 0."""
        places = {part: place for place, one in enumerate(merged) for part in parts_of(one)}
        if set(places) != {_FIRST, _REVISED}:
            yield Missing("no_sides", "there is no revision" if _FIRST in places else "no answer")
            return
        before, after = places[_FIRST], places[_REVISED]
        if before == after:
            yield Missing("unchanged", "the revision is the answer as it was", before)
            return
        for place in (before, after):
            missing = spoilt(merged[place].made, text_of(merged[place]), place)
            if missing is not None:
                yield missing
                return
        yield self._vote(prompt, merged, before, after)

    def _vote(
        self, prompt: Prompt, merged: Sequence[Merged], before: int, after: int
    ) -> Vote | Missing:
        change = change_of(text_of(merged[before]), text_of(merged[after]))
        if change.words < self.least_changed:
            detail = f"{change.words} words changed, {self.least_changed} are needed"
            return Missing("unchanged", detail, after)
        if change.share > self.most_changed:
            detail = f"{change.share:.0%} of the words changed, limit {self.most_changed:.0%}"
            return Missing("too_different", detail, after)
        made = merged[after].made[0]
        critique = self._critique(prompt) or _own_critique(made)
        return vote_of(
            Built(
                recipe="revise",
                scores={after: 1.0, before: 0.0},
                labels={after: _REVISED, before: _FIRST},
                criterion=self.criterion,
                rubric=_label(),
                rationale=critique or None,
                raw={
                    "critique_by": made.draft.sampling["critique"],
                    "changed_words": change.words,
                    "changed_share": round(change.share, 6),
                },
            ),
            merged,
        )

    def _critique(self, prompt: Prompt) -> str | None:
        found = None if self.critique is None else prompt.row.get(self.critique)
        if found is None or (isinstance(found, str) and not found.strip()):
            return None
        return found if isinstance(found, str) else to_json(found)

    def _asked(
        self, prompt: Prompt, turns: tuple[Message, ...], told: dict[str, str], most: int
    ) -> Draft:
        request = Request(
            messages=turns,
            max_tokens=most,
            temperature=self.temperature,
            cache_prefix=int(told["part"] == _REVISED),
            name=f"{prompt.source}, {prompt.where}",
        )
        heat = {} if self.temperature is None else {"temperature": self.temperature}
        return Draft(0, request, {**told, **heat, "max_tokens": most})

    def tags(self, prompt: Prompt, merged: Sequence[Merged]) -> tuple[tuple[str, str], ...]:
        """Whose critique it was revised by."""
        del prompt
        said = [made.draft.sampling.get("critique") for one in merged for made in one.made]
        return tuple(("critique", str(by)) for by in dict.fromkeys(said) if by is not None)


def _own_critique(made: Made) -> str:
    request = made.draft.request
    return "" if request is None else written(request, made.text or "", bare=True)[1]


def _label() -> str:
    """Name and hash of the words that a revision is asked for with."""
    told = orjson.dumps(words("revise"), option=orjson.OPT_SORT_KEYS)
    return f"minimal_edits:{hashlib.sha256(told).hexdigest()[:12]}"
