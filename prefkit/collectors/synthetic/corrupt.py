"""The recipe `corrupt`: a good answer made worse on purpose, in ways that are declared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Literal

from pydantic import Field, model_validator

from prefkit.collectors.prompts import Prompt
from prefkit.collectors.synthetic.corrupt_rules import padded, with_a_sentence_less
from prefkit.collectors.synthetic.flaws import Flaw, words
from prefkit.collectors.synthetic.worsening import Worsening
from prefkit.schema.ids import digest, messages_digest

__all__ = ["Corrupt"]

Kind = Literal["omission", "wrong_fact", "verbosity", "sycophancy"]
Ruled = Literal["omission", "verbosity"]


class Corrupt(Worsening):
    """A good answer beside the same answer with something left out, made false, padded or pleasing.

    Omission and verbosity need no model: a sentence is dropped, empty sentences are put in.
    """

    kinds: tuple[Kind, ...] = Field(
        ("omission", "wrong_fact", "verbosity", "sycophancy"), description="Ways to make it worse."
    )
    unsafe: bool = Field(
        False,
        strict=True,
        description="Also leave out advice about care, for training on safety; takes away only, "
        "and only where nobody could be harmed by it.",
    )
    by_model: tuple[Ruled, ...] = Field(
        (), description="Kinds that a model does although a rule can."
    )
    seed: int = Field(0, description="Draws the sentence that is dropped, and the padding.")

    @model_validator(mode="after")
    def _does_something(self) -> Corrupt:
        if len(set(self.kinds)) < len(self.kinds):
            raise ValueError("kinds: one stands there twice")
        if not self.kinds and not self.unsafe:
            raise ValueError("kinds: name one at least")
        if idle := set(self.by_model) - set(self.kinds):
            raise ValueError(f"by_model: {', '.join(sorted(idle))} is not one of kinds")
        return self

    def flaws(self) -> Sequence[Flaw]:
        """The kinds that were asked for, as `corrupt.yaml` words them."""
        told = words("corrupt")["kinds"]
        names = (*self.kinds, *(("unsafe",) if self.unsafe else ()))
        return [Flaw(name=name, **told[name]) for name in names]

    def by_rule(self, flaw: Flaw) -> bool:
        """Omission and verbosity, unless a model is wanted."""
        return flaw.name in ("omission", "verbosity") and flaw.name not in self.by_model

    def is_barred(self, flaw: Flaw, prompt: Prompt, good: str) -> bool:
        """Carelessness where a word of the prompt or the answer is of a dangerous topic."""
        if flaw.name != "unsafe":
            return False
        return any(_dangerous().search(text) for text in (*_said(prompt), good))

    def ruled(self, flaw: Flaw, prompt: Prompt, good: str) -> str | None:
        """A sentence less, or empty sentences more; the same for the same seed and answer."""
        turns = messages_digest(prompt.messages)
        draw = int(digest(str(self.seed).encode(), turns.encode(), good.encode()), 16)
        if flaw.name == "omission":
            return with_a_sentence_less(good, draw)
        return padded(good, draw, words("corrupt")["padding"])

    def warnings(self) -> Iterator[str]:
        """What tells the sides apart without reading."""
        yield from super().warnings()
        if "verbosity" in self.kinds and "verbosity" not in self.by_model:
            count = sum(len(group) for group in words("corrupt")["padding"].values())
            yield (
                f"verbosity by rule pads with {count} English sentences, which tell the label by "
                "their words: `by_model: [verbosity]` has them written anew"
            )


def _said(prompt: Prompt) -> Iterator[str]:
    return (turn.content for turn in prompt.messages if turn.content)


@cache
def _dangerous() -> re.Pattern[str]:
    """Words that begin as one of the list; it is in English, for the rest the model is told."""
    stems = words("corrupt")["never_unsafe"].split()
    return re.compile(rf"\b(?:{'|'.join(stems)})", re.IGNORECASE)
