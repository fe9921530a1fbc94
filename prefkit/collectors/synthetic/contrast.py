"""The recipe `contrast`: good and bad system prompts, a strong and a weak model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import orjson
from pydantic import Field, field_validator, model_validator

from prefkit.collectors.prompts import Prompt
from prefkit.collectors.synthetic.construction import Built, parts_of, spoilt, text_of, vote_of
from prefkit.collectors.synthetic.flaws import words
from prefkit.collectors.synthetic.recipe import Draft, Merged, Missing, Recipe
from prefkit.errors import ConfigError
from prefkit.llm.records import Request
from prefkit.schema.records import Message, Vote
from prefkit.step import Options

__all__ = ["BySide", "Contrast"]

Part = Literal["good", "bad"]
_SIDES: tuple[Part, Part] = ("good", "bad")


class BySide(Options):
    """A sampling parameter of each side."""

    good: int | float | None = Field(None, ge=0)
    bad: int | float | None = Field(None, ge=0)

    def of(self, side: Part) -> int | float | None:
        """That of one side."""
        return self.good if side == "good" else self.bad


class _Way(NamedTuple):
    """How one side is answered."""

    side: Part
    model: int
    name: str | None
    system: str | None


class Contrast(Recipe):
    """Answers that are meant to be good beside answers that are meant to be bad.

    By `prompts` one model answers under good and under bad system prompts; by `models` two models
    answer, the first `--model` the strong one and the second the weak one; by `both` the strong
    model gets the good and the weak one the bad system prompts. The vote says what was meant: no
    one looked at the answers.
    """

    by: Literal["prompts", "models", "both"] = Field("prompts", description="What differs.")
    good: dict[str, str] = Field(
        default_factory=lambda: dict(words("contrast")["good"]),
        description="Good system prompts by name; each comes behind the prompt's own.",
    )
    bad: dict[str, str] = Field(
        default_factory=lambda: dict(words("contrast")["bad"]),
        description="Bad system prompts by name.",
    )
    n: int = Field(1, ge=1, description="Answers of each system prompt or model.")
    temperature: BySide = Field(
        BySide(good=None, bad=None),
        description="One for both, or {good: ..., bad: ...}; null leaves it to the model.",
    )
    max_tokens: BySide = Field(
        BySide(good=1024, bad=1024),
        description="Most tokens of an answer: one number for both, or {good: ..., bad: ...}.",
    )
    criterion: str | None = Field(None, description="Of the votes; null = overall.")

    models: ClassVar[tuple[int, int | None]] = (1, 2)

    @field_validator("temperature", "max_tokens", mode="before")
    @classmethod
    def _one_for_both(cls, given: Any) -> Any:
        return given if isinstance(given, Mapping | BySide) else {"good": given, "bad": given}

    @model_validator(mode="after")
    def _fits(self) -> Contrast:
        for side in _SIDES:
            most = self.max_tokens.of(side)
            if most is None or most < 1 or most % 1:
                raise ValueError(f"max_tokens: {most} for {side} is no number of tokens from 1 up")
            prompts = self.good if side == "good" else self.bad
            if self.by != "models" and not (prompts and all(map(str.strip, prompts.values()))):
                raise ValueError(f"{side}: a system prompt is needed, and none may be blank")
        own = words("contrast")
        if self.by == "models" and (self.good, self.bad) != (own["good"], own["bad"]):
            raise ValueError("by models no system prompts are used; by both they are")
        if self.by != "models" and set(self.good.values()) & set(self.bad.values()):
            raise ValueError("a system prompt stands among the good and the bad ones")
        return self

    def drafts(self, prompt: Prompt, models: int) -> Iterator[Draft]:
        """Both sides, all of draw 0 first."""
        needed = 1 if self.by == "prompts" else 2
        if models != needed:
            raise ConfigError(
                f"contrast by {self.by} takes {needed} model{'s' * (needed > 1)}, not {models}",
                hint="--model STRONG --model WEAK"
                if needed > 1
                else "--recipe '{contrast: {by: both}}'",
            )
        for draw in range(self.n):
            for way in self._ways():
                yield self._draft(prompt, way, draw)

    def _ways(self) -> Iterator[_Way]:
        for side, systems in zip(_SIDES, (self.good, self.bad), strict=True):
            model = 1 if side == "bad" and self.by != "prompts" else 0
            if self.by == "models":
                yield _Way(side, model, None, None)
            else:
                yield from (_Way(side, model, name, text) for name, text in systems.items())

    def _draft(self, prompt: Prompt, way: _Way, draw: int) -> Draft:
        most = int(self.max_tokens.of(way.side) or 0)
        heat = self.temperature.of(way.side)
        request = Request(
            messages=_told(way.system, prompt.messages),
            max_tokens=most,
            temperature=heat,
            draw=draw or None,
            cache_prefix=0 if way.system is None else 1,
            name=f"{prompt.source}, {prompt.where}",
        )
        told = {"part": way.side, "temperature": heat, "system": way.name}
        known = {name: value for name, value in told.items() if value is not None}
        return Draft(way.model, request, {**known, "max_tokens": most, "draw": draw})

    def votes(self, prompt: Prompt, merged: Sequence[Merged]) -> Iterator[Vote | Missing]:
        """One: what was made to be good 1, what was made to be bad 0."""
        labels: dict[int, str] = {}
        for place, one in enumerate(merged):
            found = self._label(one, place)
            if isinstance(found, Missing):
                yield found
            else:
                labels[place] = found
        lost = [side for side in _SIDES if side not in labels.values()]
        if lost:
            yield Missing("no_sides", f"no {' and no '.join(lost)} answer is left")
            return
        yield vote_of(
            Built(
                recipe="contrast",
                scores={place: float(side == "good") for place, side in labels.items()},
                labels=labels,
                criterion=self.criterion,
                rubric=self._rubric(),
                rationale=_RATIONALES[self.by],
                raw={"by": self.by},
            ),
            merged,
        )

    def _rubric(self) -> str:
        """What differs, and a hash of the system prompts."""
        systems = {} if self.by == "models" else {"good": self.good, "bad": self.bad}
        told = orjson.dumps(systems, option=orjson.OPT_SORT_KEYS)
        return f"{self.by}:{hashlib.sha256(told).hexdigest()[:12]}"

    def _label(self, one: Merged, place: int) -> str | Missing:
        parts = parts_of(one)
        if len(parts) > 1:
            return Missing("same_text", "both sides gave this answer", place)
        return spoilt(one.made, text_of(one), place) or parts.pop()

    def tags(self, prompt: Prompt, merged: Sequence[Merged]) -> tuple[tuple[str, str], ...]:
        """What differs between the sides."""
        del prompt, merged
        return (("contrast", self.by),)

    def warnings(self) -> Iterator[str]:
        """What tells the sides apart without reading."""
        for name in ("max_tokens", "temperature"):
            values = getattr(self, name)
            if values.good != values.bad:
                shown = [
                    "the model's own" if one is None else f"{one:g}"
                    for one in (values.good, values.bad)
                ]
                yield f"{name} is {shown[0]} for good and {shown[1]} for bad: {_TELLS[name]}"
        if self.by != "prompts":
            yield (
                "the good side always comes from the first model and the bad one from the second: "
                "whoever knows their habits knows the label"
            )


_RATIONALES = {
    "prompts": "made under a good and a bad system prompt; not measured",
    "models": "made by a stronger and a weaker model; not measured",
    "both": "made by a stronger model under a good and a weaker one under a bad system prompt; "
    "not measured",
}
_TELLS = {
    "max_tokens": "the side with the lower limit is shorter or cut",
    "temperature": "the side that was sampled hotter is told by its words",
}


def _told(system: str | None, turns: tuple[Message, ...]) -> tuple[Message, ...]:
    """The turns with a further system prompt; a second one is refused by most chat templates."""
    if system is None:
        return turns
    if turns and turns[0].role == "system":
        own = turns[0].content or ""
        return (turns[0]._replace(content=f"{own}\n\n{system}".strip()), *turns[1:])
    return (Message("system", system), *turns)
