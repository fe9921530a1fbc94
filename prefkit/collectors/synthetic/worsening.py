"""Recipes that put flaws into a good answer: what `corrupt` and `failures` have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

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
from prefkit.collectors.synthetic.flaws import Flaw, asked_for, label_of, mismatch
from prefkit.collectors.synthetic.marked_texts import plain, written
from prefkit.collectors.synthetic.recipe import Draft, Made, Merged, Missing, Recipe
from prefkit.collectors.turns import UnusableError
from prefkit.errors import ConfigError
from prefkit.llm.records import Request
from prefkit.schema.records import Message, Vote
from prefkit.step import name_of

__all__ = ["GOOD", "Worsening"]

GOOD = "good"
"""What the good answer is called where flawed ones have the name of their flaw."""


class Worsening(Recipe):
    """A good answer, and the same answer with one flaw, once for each flaw.

    The good answer comes from the row, else from the model. Each flawed one has a vote of its own,
    with the flaw and the hash of its words as the rubric. Nobody measures whether the flaw is
    there: what can be counted (that words differ, how many, in which direction) is checked.
    """

    good: tuple[str, ...] = Field(
        ("chosen", "reference", "answer"),
        description="Fields of a row that may hold a good answer, the first that does counts; "
        "without one the model writes it.",
    )
    criterion: str | None = Field(None, description="Of the votes; null = overall.")
    temperature: float | None = Field(None, ge=0, description="Null leaves it to the model.")
    max_tokens: int = Field(1024, ge=1, description="Most tokens of an answer, good or flawed.")

    models: ClassVar[tuple[int, int | None]] = (0, 1)

    def flaws(self) -> Sequence[Flaw]:
        """What is put into answers, each alone.

        Raises:
            ConfigError: a file of flaws is missing or wrong.
        """
        raise NotImplementedError

    def by_rule(self, flaw: Flaw) -> bool:
        """Whether a flaw is put in without a model."""
        del flaw
        return False

    def is_barred(self, flaw: Flaw, prompt: Prompt, good: str) -> bool:
        """Whether nobody is asked to put a flaw into this answer, lest it do harm."""
        del flaw, prompt, good
        return False

    def ruled(self, flaw: Flaw, prompt: Prompt, good: str) -> str | None:
        """The answer with a flaw of `by_rule`; null where it cannot be put in."""
        raise NotImplementedError

    def drafts(self, prompt: Prompt, models: int) -> Iterator[Draft]:
        """The good answer."""
        asked = [flaw.name for flaw in self.flaws() if not self.by_rule(flaw)]
        if asked and not models:
            raise ConfigError(
                f"{name_of(self)}: a model is needed for {', '.join(asked)}",
                hint="--model CLIENT",
            )
        given = given_answer(prompt, self.good, GOOD)
        if given is not None:
            yield given
        elif models:
            told = {"part": GOOD, "from": "model"}
            yield self._asked(prompt, prompt.messages, told)
        else:
            fields = ", ".join(self.good) or "no field"
            raise UnusableError("no_answer", f"the row has no good answer ({fields}) and no model")

    def follow(self, prompt: Prompt, made: Sequence[Made]) -> Iterator[Draft]:
        """The good answer with each of the flaws."""
        good = made[0].text if made else None
        if good is None or not good.strip() or spoilt(made, good, 0) is not None:
            return
        for flaw in self.flaws():
            if self.is_barred(flaw, prompt, good):
                continue
            told = {"part": flaw.name, "by": "rule" if self.by_rule(flaw) else "model"}
            if not self.by_rule(flaw):
                yield self._asked(prompt, asked_for(flaw, prompt.messages, good), told, shared=1)
            elif (text := self.ruled(flaw, prompt, good)) is not None:
                yield Draft(None, None, told, text, made[0].model)

    def response(self, made: Made) -> str | None:
        """The answer without blanks around it, or of a flawed one what stands between its marks.

        Raises:
            UnusableError: nothing does, or the model declined.
        """
        request = made.draft.request
        if made.text is None or request is None or made.draft.sampling["part"] == GOOD:
            return None if made.text is None else plain(made.text)
        return written(request, made.text, bare=True)[0]

    def votes(self, prompt: Prompt, merged: Sequence[Merged]) -> Iterator[Vote | Missing]:
        """One for each flaw that is there: the good answer 1, the flawed one 0."""
        parts = [parts_of(one) for one in merged]
        good = next((place for place, found in enumerate(parts) if GOOD in found), None)
        if good is None:
            yield Missing("no_sides", "there is no good answer")
            return
        # A flawed one that came back as the good one may have been cut; the good one was not.
        made = [one for one in merged[good].made if one.draft.sampling["part"] == GOOD]
        if (missing := spoilt(made, text_of(merged[good]), good)) is not None:
            yield missing
            return
        for flaw in self.flaws():
            bad = next((place for place, found in enumerate(parts) if flaw.name in found), None)
            if bad is not None:
                yield self._vote(flaw, merged, good, bad)
            elif self.is_barred(flaw, prompt, text_of(merged[good])):
                yield Missing("barred", f"{flaw.name}: the topic is a dangerous one", good)
            elif self.by_rule(flaw):
                yield Missing("not_applicable", f"no rule puts {flaw.name} into this answer", good)

    def _vote(self, flaw: Flaw, merged: Sequence[Merged], good: int, bad: int) -> Vote | Missing:
        one, other = text_of(merged[good]), text_of(merged[bad])
        if good == bad:
            return Missing("unchanged", f"{flaw.name}: the answer came back as it was", good)
        made = [each for each in merged[bad].made if each.draft.sampling["part"] == flaw.name]
        way = str(made[0].draft.sampling["by"])
        # What a rule makes of an answer neither refuses nor ends early.
        missing = spoilt(made, other, bad) if way == "model" else None
        if missing is not None:
            return missing._replace(detail=f"{flaw.name}: {missing.detail}")
        if (problem := mismatch(flaw, one, other)) is not None:
            return Missing(*problem, bad)
        change = change_of(one, other)
        return vote_of(
            Built(
                recipe=name_of(self),
                scores={good: 1.0, bad: 0.0},
                labels={good: GOOD, bad: flaw.name},
                criterion=self.criterion,
                rubric=label_of(flaw, way),
                rationale=f"made worse on purpose: {flaw.name}",
                raw={
                    "flaw": flaw.name,
                    "by": way,
                    "changed_words": change.words,
                    "changed_share": round(change.share, 6),
                },
            ),
            merged,
        )

    def tags(self, prompt: Prompt, merged: Sequence[Merged]) -> tuple[tuple[str, str], ...]:
        """The flaws that there is a vote on, joined by `+`."""
        votes = [one for one in self.votes(prompt, merged) if isinstance(one, Vote)]
        labels = {label for vote in votes for label in vote.labels or ()}
        found = [flaw.name for flaw in self.flaws() if flaw.name in labels]
        return ((name_of(self), "+".join(found)),) if found else ()

    def warnings(self) -> Iterator[str]:
        """What tells the sides apart without reading."""
        lengths = {flaw.length for flaw in self.flaws()}
        if lengths in ({"longer"}, {"shorter"}):
            side = "longer" if lengths == {"longer"} else "shorter"
            yield f"every flaw makes the answer {side}: the {side} side is always rejected"
        if self.good and not all(self.by_rule(flaw) for flaw in self.flaws()):
            yield (
                f"where a row gives the good answer ({', '.join(self.good)}), the model writes "
                "only the flawed one: who wrote a side tells the label"
            )

    def _asked(
        self,
        prompt: Prompt,
        turns: tuple[Message, ...],
        told: Mapping[str, Any],
        *,
        shared: int = 0,
    ) -> Draft:
        request = Request(
            messages=turns,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            cache_prefix=shared,
            name=f"{prompt.source}, {prompt.where}",
        )
        heat = {} if self.temperature is None else {"temperature": self.temperature}
        return Draft(0, request, {**told, **heat, "max_tokens": self.max_tokens})
