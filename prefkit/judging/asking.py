"""One judgement as a request: structured, by a forced tool call, or by its first token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from prefkit.errors import ConfigError
from prefkit.judging.framing import Shown
from prefkit.judging.rendering import names_of, rendered
from prefkit.judging.rubric import Rubric
from prefkit.judging.wording import FIELDS, JSON_ANSWER, ONE_LETTER, TOOL_ANSWER
from prefkit.llm.records import Request
from prefkit.schema.records import Message

__all__ = ["USUAL", "How", "Way", "asked", "letters_of", "schema_of"]

Way = Literal["schema", "tool", "first_token"]

_LETTERS = {"tie": "T", "both_good": "G", "both_bad": "N"}
_MEANINGS = {
    "T": "neither is better",
    "G": "both are fully satisfactory and neither is better",
    "N": "neither is fit for use",
}
_FIRST = 4  # tokens: a blank, the letter, and what shows that the letter began a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """In which way a judge answers, and how it is sampled."""

    way: Way = "schema"
    temperature: float | None = 0.0
    """Null where a model refuses any value."""
    max_tokens: int = 1024
    """Of a structured answer, reasoning included; a first token needs four."""
    seed: int | None = None
    alternatives: int = 20
    """Alternatives whose log-probs are asked for with a first token: 20 is the most of OpenAI."""
    least_mass: float = 0.9
    """Below this share of probability on the allowed tokens a first token is no verdict."""
    system_turn: bool = True
    """False: the words of the system turn come first in the user turn."""
    extra: Mapping[str, Any] | None = None
    """`Request.extra`: further fields of the request body."""


USUAL = How()
"""A structured answer at temperature 0."""


def asked(
    rubric: Rubric, shown: Shown, how: How = USUAL, *, draw: int | None = None, name: str = ""
) -> Request:
    """The request for one judgement; equal arguments give equal requests.

    `draw` and `name` are those of `Request`.

    Raises:
        ConfigError: the rubric is wrong, does not fit what is shown, or has no such way.
        SchemaError: the extra of a turn is no JSON object.
    """
    words = rendered(rubric, shown)
    count = len(shown.responses)
    user = f"{words.user}\n\n{_closing(rubric, count, how.way)}"
    turns: tuple[Message, ...] = (Message("system", words.system), Message("user", user))
    if not how.system_turn:
        turns = (Message("user", f"{words.system}\n\n{user}"),)
    first = how.way == "first_token"  # without choices: held to them, all mass lies on the letters
    return Request(
        messages=turns,
        max_tokens=_FIRST if first else how.max_tokens,
        temperature=how.temperature,
        seed=how.seed,
        schema=None if first else schema_of(rubric, count),
        by_tool=how.way == "tool",
        logprobs=how.alternatives if first else None,
        extra=how.extra,
        draw=draw,
        cache_prefix=1 if how.system_turn else 0,
        name=name,
    )


def schema_of(rubric: Rubric, responses: int) -> dict[str, Any]:
    """The JSON Schema of an answer: every field required, no other allowed, verdicts by name.

    Raises:
        ConfigError: the rubric does not judge so many together.
    """
    fields: dict[str, Any] = {"rationale": {"type": "string"}} if rubric.rationale else {}
    names = names_of(rubric, responses)
    if rubric.form == "pairwise":
        fields["verdict"] = {"type": "string", "enum": [*names, *rubric.outcomes]}
    elif rubric.form == "pointwise":
        fields["grade"] = {"type": "integer", "enum": [one.grade for one in rubric.scale]}
    else:
        ranks = list(range(1, responses + 1))
        fields |= {name: {"type": "integer", "enum": ranks} for name in names}
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def letters_of(rubric: Rubric, responses: int) -> dict[str, str]:
    """The characters that a first token may be, and the verdict that each stands for.

    Raises:
        ConfigError: no single character can say the verdict.
    """
    names = names_of(rubric, responses)
    if rubric.form == "pairwise":
        return {name: name for name in names} | {_LETTERS[one]: one for one in rubric.outcomes}
    if rubric.form == "listwise":
        raise _no_first_token(rubric, "a ranking")
    grades = [str(one.grade) for one in rubric.scale]
    if any(len(grade) > 1 for grade in grades):
        raise _no_first_token(rubric, f"the grade {grades[-1]}")
    return {grade: grade for grade in grades}


def _no_first_token(rubric: Rubric, what: str) -> ConfigError:
    return ConfigError(
        f"the rubric {rubric.name}: {what} cannot be read from one token",
        hint="ask for a structured answer or a tool call instead",
    )


def _closing(rubric: Rubric, responses: int, way: Way) -> str:
    """How the answer has to look; behind the material, so that it has the last word."""
    if way == "first_token":
        meanings = [
            f"{letter} = {_meaning(rubric, letter)}" for letter in letters_of(rubric, responses)
        ]
        return ONE_LETTER.format(meanings="\n".join(meanings))
    words = [JSON_ANSWER if way == "schema" else TOOL_ANSWER]
    names = names_of(rubric, responses)
    if rubric.rationale:
        words.append(FIELDS["rationale"])
    if rubric.form == "pairwise":
        words.append(FIELDS["verdict"].format(words=_listed([*names, *rubric.outcomes])))
    elif rubric.form == "pointwise":
        grades = [str(one.grade) for one in rubric.scale]
        words.append(FIELDS["grade"].format(words=_listed(grades)))
    else:
        words.append(FIELDS["rank"].format(words=", ".join(names), last=responses))
    return "\n- ".join(words)


def _meaning(rubric: Rubric, letter: str) -> str:
    if rubric.form == "pointwise":
        return f"grade {letter}"
    return _MEANINGS.get(letter, f"response {letter} is better")


def _listed(words: list[str]) -> str:
    return ", ".join(words[:-1]) + f" or {words[-1]}"
