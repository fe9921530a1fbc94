"""The recipe `sample`: answers over models, temperatures, top-p, seeds and system prompts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count, islice, product
from typing import Any, NamedTuple

from pydantic import Field, field_validator, model_validator

from prefkit.collectors.prompts import Prompt
from prefkit.collectors.synthetic.recipe import Draft, Recipe
from prefkit.llm.records import Request
from prefkit.schema.records import Message

__all__ = ["Sample"]

_DRAWS = 4


class _Cell(NamedTuple):
    """One combination of what is varied; null: left to the model."""

    model: int
    temperature: float | None
    top_p: float | None
    system: str | None
    """Its name; null where no system prompt was named."""


class Sample(Recipe):
    """Several answers to each prompt, over models and sampling parameters.

    Every combination of model, temperature, top-p and system prompt is drawn `n` times, or `total`
    answers are dealt over the combinations in turn. Each is its own paid answer.
    """

    n: int | None = Field(
        None,
        ge=1,
        description="Answers of each combination; by default 4, or one for each seed.",
    )
    total: int | None = Field(
        None, ge=1, description="Answers to a prompt in all, dealt over the combinations in turn."
    )
    temperature: tuple[float | None, ...] = Field(
        (None,), min_length=1, description="One or several; null leaves it to the model."
    )
    top_p: tuple[float | None, ...] = Field(
        (None,), min_length=1, description="One or several; null leaves it to the model."
    )
    seed: int | tuple[int, ...] | None = Field(
        None,
        description="The first seed, every further answer of a combination adds 1; or all of them.",
    )
    system: dict[str, str | None] = Field(
        {},
        description="System prompts by name; each stands in place of the prompt's own, null keeps "
        "it.",
    )
    max_tokens: int = Field(1024, ge=1, description="Most tokens of an answer.")

    @field_validator("temperature", "top_p", mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, given: Any) -> Any:
        return given if isinstance(given, list | tuple) else (given,)

    @field_validator("temperature", "top_p", "seed")
    @classmethod
    def _none_twice(cls, given: Any) -> Any:
        if isinstance(given, tuple) and len(set(given)) < len(given):
            raise ValueError("a value stands there twice; n says how often each is drawn")
        return given

    @model_validator(mode="after")
    def _fits(self) -> Sample:
        for name, low in (("temperature", True), ("top_p", False)):
            for value in getattr(self, name):
                _check_range(name, value, zero_allowed=low)
        if self.n is not None and self.total is not None:
            raise ValueError("n is for each combination and total for all: give one of them")
        if isinstance(self.seed, tuple):
            self._check_seeds(self.seed)
        if len(set(self.system.values())) < len(self.system):
            raise ValueError("system: two names have one text; n says how often each is drawn")
        return self

    def _check_seeds(self, seeds: tuple[int, ...]) -> None:
        if not seeds:
            raise ValueError("seed is a number or several, not an empty list")
        if self.total is not None:
            raise ValueError("total needs one first seed, not a list of them")
        if self.n not in (None, len(seeds)):
            raise ValueError(
                f"{len(seeds)} seeds are {len(seeds)} answers of each combination, n says {self.n}"
            )

    def drafts(self, prompt: Prompt, models: int) -> Iterator[Draft]:
        """Every combination, all of draw 0 first.

        A system prompt that this prompt has itself is one with the null that keeps it.
        """
        turns = self.turns(prompt)
        systems = self._systems(turns)
        cells = [
            _Cell(*cell) for cell in product(range(models), self.temperature, self.top_p, systems)
        ]
        every = ((draw, cell) for draw in count() for cell in cells)
        most = self.total if self.total is not None else self._draws() * len(cells)
        for draw, cell in islice(every, most):
            yield self._draft(prompt, turns, cell, draw)

    def turns(self, prompt: Prompt) -> tuple[Message, ...]:
        """What is asked, without the system prompts of these options.

        Raises:
            UnusableError: this row is no prompt of this recipe.
        """
        return prompt.messages

    def _systems(self, turns: tuple[Message, ...]) -> list[str | None]:
        """The names of the system prompts, each conversation once: an equal one is no new draw."""
        found = {turns if text is None else _under(text, turns): name
                 for name, text in reversed(self.system.items())}  # fmt: skip
        return [name for name in self.system if name in found.values()] or [None]

    def _draws(self) -> int:
        if isinstance(self.seed, tuple):
            return len(self.seed)
        return self.n or _DRAWS

    def _draft(self, prompt: Prompt, turns: tuple[Message, ...], cell: _Cell, draw: int) -> Draft:
        text = None if cell.system is None else self.system[cell.system]
        seed = self.seed[draw] if isinstance(self.seed, tuple) else self.seed
        if isinstance(self.seed, int):
            seed = self.seed + draw
        request = Request(
            messages=turns if text is None else _under(text, turns),
            max_tokens=self.max_tokens,
            temperature=cell.temperature,
            top_p=cell.top_p,
            seed=seed,
            # the first draw is what `ask` asked: a journal is shared
            draw=draw or None,
            cache_prefix=0 if text is None else 1,
            name=f"{prompt.source}, {prompt.where}",
        )
        return Draft(cell.model, request, _sampling(cell, seed, draw, self.max_tokens))


def _sampling(cell: _Cell, seed: int | None, draw: int, max_tokens: int) -> Mapping[str, Any]:
    given = {
        "temperature": cell.temperature,
        "top_p": cell.top_p,
        "seed": seed,
        "system": cell.system,
    }
    known = {name: value for name, value in given.items() if value is not None}
    return {**known, "max_tokens": max_tokens, "draw": draw}


def _under(system: str, turns: tuple[Message, ...]) -> tuple[Message, ...]:
    """The turns under another system prompt; a second one is refused by most chat templates."""
    rest = turns[1:] if turns and turns[0].role == "system" else turns
    return (Message("system", system), *rest)


def _check_range(name: str, value: float | None, *, zero_allowed: bool) -> None:
    if value is None:
        return
    if not (value >= 0 if zero_allowed else 0 < value <= 1):
        wanted = "a number from 0 upwards" if zero_allowed else "above 0 and at most 1"
        raise ValueError(f"{name} {value} is not {wanted}")
