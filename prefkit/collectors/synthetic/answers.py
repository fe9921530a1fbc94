"""The recipe `answers`: several answers to each prompt, checked against its reference by rules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import cycle, islice
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, field_validator, model_validator

from prefkit.collectors.prompts import Prompt
from prefkit.collectors.synthetic.answer_checkers import Checkers, checker_of
from prefkit.collectors.synthetic.answers_caster import Checking
from prefkit.collectors.synthetic.recipe import Caster, Draft, Made, Setting
from prefkit.collectors.synthetic.sample import Sample
from prefkit.errors import ConfigError
from prefkit.judging.answers.checking import AskingChecker, Checker
from prefkit.judging.answers.facts import Facts

__all__ = ["Answers"]

_CLAIM = 12  # words of a sentence in an answer that nobody knows yet


class Answers(Sample):
    """Several answers to each prompt, right or wrong by a checker; also for a dataset's responses.

    A checker casts one vote of kind `rule` a comparison: 1 for a right answer, 0 for a wrong one;
    what it is unsure of has no score and is set aside with its reason. The reference is the row's
    `reference` or `answer`; of a list of them any one is right.
    """

    checker: str | dict[str, dict[str, Any] | None] | None = Field(
        None,
        description="A checker (prefkit catalog answers), with options as '{number: {...}}'.",
    )
    field: str | None = Field(
        None,
        description="Field of the rows that names a checker in the same way; where it is missing, "
        "`checker` is taken.",
    )
    base: str | None = Field(None, description="Knowledge base of the checker `facts`.")
    judge: str | None = Field(None, description="Who judges the claims of `facts`: openai:M ...")

    places: ClassVar[tuple[str, ...]] = ("base",)
    clients: ClassVar[tuple[str, ...]] = ("judge",)

    @field_validator("checker")
    @classmethod
    def _is_one(cls, given: Any) -> Any:
        if isinstance(given, dict) and len(given) != 1:
            raise ValueError("one checker with its options, not several; `field` names it by row")
        return given

    @model_validator(mode="after")
    def _checker_fits(self) -> Answers:
        if self.checker is None and self.field is None:
            raise ValueError("no checker is named: checker, or field for one by row")
        if self.judge is not None and self.field is None and not self._asks:
            raise ValueError("judge: only the checker facts asks one")
        if self._asks and self.judge is None:
            raise ValueError("the checker facts asks a judge: name one, as judge: openai:M")
        return self

    @cached_property
    def usual(self) -> Checker | None:
        """The checker of rows that name none.

        Raises:
            ConfigError: there is no such checker, or its options are wrong.
        """
        return None if self.checker is None else checker_of(self.checker, self.base)

    @property
    def _asks(self) -> bool:
        try:
            return isinstance(self.usual, AskingChecker)
        except ConfigError as error:
            hint = f" ({error.hint})" if error.hint else ""
            raise ValueError(f"{error}{hint}") from error

    def digests(self) -> Mapping[str, str]:
        """The sha256 of the knowledge base."""
        if self.base is None or not Path(self.base).is_file():
            return {}
        with Path(self.base).open("rb") as file:
            return {"base": hashlib.file_digest(file, "sha256").hexdigest()}

    def caster(self, setting: Setting) -> Caster:
        """Who checks.

        Raises:
            ConfigError: there is no such knowledge base.
        """
        if self.base is not None and not Path(self.base).is_file():
            raise ConfigError(
                f"there is no knowledge base {self.base}",
                hint="build it with prefkit.judging.answers.knowledge.KnowledgeBase.build",
            )
        client = None if self.judge is None else setting.clients[self.judge]
        checkers = Checkers(self.usual, self.field, self.base, asks=client is not None)
        return Checking(setting.name, checkers, client, self.judge)

    def likely(self, prompt: Prompt, draft: Draft) -> Made:
        """For claims an answer in the words of the prompt: documents are then found for it."""
        if self.judge is None or draft.request is None:
            return super().likely(prompt, draft)
        usual = self.usual if isinstance(self.usual, Facts) else None
        most = usual.most_claims if usual else Facts.model_fields["most_claims"].default
        words = " ".join(turn.content or "" for turn in prompt.messages).split() or ["word"]
        said = cycle(word.strip(".!?\u2026") or "word" for word in words)
        count = min(most, max(1, draft.request.max_tokens // _CLAIM))
        return Made(draft, "\n".join(_claims(said, count)))


def _claims(words: Iterator[str], count: int) -> Iterator[str]:
    return (" ".join(islice(words, _CLAIM)) + "." for _ in range(count))
