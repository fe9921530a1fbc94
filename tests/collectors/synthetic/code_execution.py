"""Programs executed by the caster of the recipe `code`, in a real sandbox."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from prefkit.collectors.prompts import Prompt
from prefkit.collectors.synthetic.code import Code
from prefkit.collectors.synthetic.recipe import Cast, Caster, Draft, Made, Setting
from prefkit.errors import ConfigError
from prefkit.sandbox.levels import strongest_level
from prefkit.schema.records import Comparison, Message, Response, Vote
from prefkit.step import make

sys.path.insert(0, str(Path(__file__).parents[2] / "sandbox"))

from callers import cannot

__all__ = [
    "ADD",
    "BLANK",
    "Told",
    "as_prompt",
    "code_caster",
    "comparison",
    "executed",
    "own_task",
]

ADD = "def add(a, b):\n    return a + b\n"

BLANK = Made(Draft(None, None, {}, ""), "")

_QUICK: dict[str, Any] = {"call_s": 0.5, "total_s": 2.0, "mutants": 0, "variants": 0}


class Told(NamedTuple):
    """What a caster said."""

    casts: list[Cast]
    facts: dict[str, Any]
    lines: dict[str, str]
    timings: dict[str, Any]

    @property
    def votes(self) -> list[Vote]:
        return [vote for cast in self.casts for vote in cast.votes]

    @property
    def missing(self) -> list[tuple[str, int | None]]:
        return [(one.reason, one.place) for cast in self.casts for one in cast.missing]

    @property
    def labels(self) -> list[str | None]:
        """Of the response that each vote is about."""
        return [next(one for one in vote.labels or () if one) for vote in self.votes]

    @property
    def shares(self) -> list[tuple[float | None, int | None]]:
        return [
            (
                next(one for one in vote.scores if one is not None),
                next(one for one in vote.trials or () if one is not None),
            )
            for vote in self.votes
        ]

    @property
    def raw(self) -> list[dict[str, Any]]:
        return [json.loads(vote.raw or "") for vote in self.votes]


def own_task(*tests: Any, reference: str | None = ADD, **more: Any) -> dict[str, Any]:
    row = {"task_id": "t", "prompt": "Add two numbers.", "entry_point": "add", **more}
    return {**row, "tests": list(tests), "reference": reference}


def comparison(task: Any, *codes: str | tuple[str, dict[str, Any]]) -> Comparison:
    """Programs as the responses to a task; a pair is a text and how it was sampled."""
    responses = []
    for one in codes:
        text, sampling = one if isinstance(one, tuple) else (f"```python\n{one}\n```", None)
        held = None if sampling is None else json.dumps(sampling)
        responses.append(Response((Message("assistant", text),), None, held))
    prompt = (Message("user", "Add two numbers."),)
    return Comparison(prompt, tuple(responses), (), reference=json.dumps(task))


def as_prompt(task: dict[str, Any]) -> Prompt:
    """The prompt of a task, as `comparison` puts it where the task says nothing else."""
    words = Message("user", task["prompt"])
    return Prompt("tasks.jsonl", "line 1", None, (words,), reference=json.dumps(task))


def code_caster(*, unsafe: bool = False, **options: Any) -> Caster:
    try:
        strongest_level()
    except ConfigError as error:
        cannot(str(error))
    recipe = make(Code, {**_QUICK, **options}, "code")
    return recipe.caster(Setting("synthetic:code", {}, unsafe, 2))


def executed(comparisons: Sequence[Comparison], *, unsafe: bool = False, **options: Any) -> Told:
    caster = code_caster(unsafe=unsafe, **options)
    with caster:
        casts = list(caster.cast(comparisons))
    return Told(casts, caster.facts(), dict(caster.lines()), caster.timings())
