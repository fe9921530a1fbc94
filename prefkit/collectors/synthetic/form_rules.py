"""Simple rules of an answer's form, each of which holds, does not, or says nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import polars as pl
from pydantic import Field, model_validator

from prefkit.collectors.synthetic.answer_checkers import checker_of
from prefkit.collectors.synthetic.response_texts import ended
from prefkit.errors import ConfigError
from prefkit.judging.answers.checking import Checker, check
from prefkit.judging.refusals import refusals
from prefkit.schema.records import Response
from prefkit.statistics.repetition import repetition
from prefkit.step import Options

__all__ = ["FormRules", "Held"]


class Held(NamedTuple):
    """One rule on one response."""

    rule: str
    holds: bool | None
    """Null: nothing can be said, and the rule does not count for this response."""
    seen: float | str | None
    """What was measured."""


class FormRules(Options):
    """Rules of form, all of equal weight; a rule that is null is not applied.

    They say nothing of what an answer is about: a right refusal breaks one of them. By default an
    answer has to be whole, without repetition and no refusal.
    """

    min_words: int | None = Field(None, ge=1, description="Fewest words, split at blanks.")
    max_words: int | None = Field(None, ge=1, description="Most words.")
    repetition: float | None = Field(
        0.3,
        gt=0,
        le=1,
        description="Largest share of characters in lines, and in phrases of ten words, that stood "
        "there before.",
    )
    loop: float | None = Field(3.0, ge=2, description="Most times that the end says the same.")
    refusal: float | None = Field(
        0.6, gt=0, le=1, description="How sure it must be that an answer begins by refusing."
    )
    whole: bool = Field(True, description="Not cut at the most tokens, where that is recorded.")
    format: dict[str, dict[str, Any] | None] = Field(
        {},
        description="Checkers that need no reference, each a rule: {regex: {pattern: ...}}, "
        "{json_schema: {...}}.",
    )

    @model_validator(mode="after")
    def _fits(self) -> FormRules:
        if self.min_words and self.max_words and self.min_words > self.max_words:
            raise ValueError(f"min_words {self.min_words} is more than max_words {self.max_words}")
        if not any((*self._limits(), self.format, self.whole)):
            raise ValueError("no rule is left")
        self._checkers  # noqa: B018 - a wrong one is refused here
        return self

    def _limits(self) -> Sequence[float | None]:
        return (self.min_words, self.max_words, self.repetition, self.loop, self.refusal)

    @cached_property
    def _checkers(self) -> dict[str, Checker]:
        """The checkers of `format` by name."""
        found = {}
        for name, options in self.format.items():
            try:
                found[name] = checker_of({name: options}, None)
            except ConfigError as error:
                raise ValueError(str(error)) from error
        return found

    def of(self, texts: Sequence[str], responses: Sequence[Response]) -> list[list[Held]]:
        """Every rule on every response, in the order of the fields.

        Raises:
            ConfigError: the options of a format do not fit.
            MissingExtra: a library that a format needs is not installed.
        """
        columns = [
            *self._words(texts),
            *self._repeated(texts),
            *self._refused(texts),
            *self._whole(responses),
            *self._formats(texts),
        ]
        return [list(row) for row in zip(*columns, strict=True)]

    def _words(self, texts: Sequence[str]) -> Iterator[list[Held]]:
        counts = [len(text.split()) for text in texts]
        if (least := self.min_words) is not None:
            yield [Held("min_words", count >= least, count) for count in counts]
        if (most := self.max_words) is not None:
            yield [Held("max_words", count <= most, count) for count in counts]

    def _repeated(self, texts: Sequence[str]) -> Iterator[list[Held]]:
        if self.repetition is None and self.loop is None:
            return
        found = repetition(pl.Series(texts, dtype=pl.String))
        if (share := self.repetition) is not None:
            worst = map(max, found["lines"].to_list(), found["phrases"].to_list())
            yield [Held("repetition", one <= share, round(one, 4)) for one in worst]
        if (times := self.loop) is not None:
            yield [Held("loop", one <= times, round(one, 4)) for one in found["loop"].to_list()]

    def _refused(self, texts: Sequence[str]) -> Iterator[list[Held]]:
        if self.refusal is None:
            return
        found = refusals(pl.Series(texts, dtype=pl.String), _WINDOW)
        sure = found["confidence"].fill_null(0.0).to_list()
        what = found["what"].to_list()
        limit = self.refusal
        yield [Held("refusal", s < limit, w) for s, w in zip(sure, what, strict=True)]

    def _whole(self, responses: Sequence[Response]) -> Iterator[list[Held]]:
        if not self.whole:
            return
        column = []
        for response in responses:
            said = ended(response)
            holds = "length" not in said if said else None
            column.append(Held("whole", holds, ", ".join(sorted(set(said))) or None))
        yield column

    def _formats(self, texts: Sequence[str]) -> Iterator[list[Held]]:
        holds = {"right": True, "wrong": False, "unsure": None}
        for name, checker in self._checkers.items():
            checked = [check(checker, text) for text in texts]
            yield [Held(name, holds[one.outcome], one.reason) for one in checked]


_WINDOW = 300
"""Characters at the start in which a refusal is looked for."""
