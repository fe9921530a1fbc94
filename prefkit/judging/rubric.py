"""A rubric: by which criteria a judge judges, in which form, and in which words it is asked."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Annotated, Literal, Self

import orjson
from pydantic import Field, StringConstraints, model_validator

from prefkit.judging.wording import USER, WORDING
from prefkit.step import Options

__all__ = ["LETTERS", "Criterion", "Example", "Form", "Grade", "Rubric"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Names of the responses, in the order shown: no list is longer."""

Form = Literal["pairwise", "pointwise", "listwise"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]

_SHARES = 100  # what weights add up to


class Criterion(Options):
    """One thing that a judge looks at."""

    name: Name
    text: Text
    weight: int | None = Field(
        None, gt=0, strict=True, description="Of 100 in the whole; null = no weights."
    )


class Grade(Options):
    """One grade of a scale, and what earns it."""

    grade: int = Field(strict=True, ge=0, le=100)
    text: Text


class Example(Options):
    """What a rubric is shown with in the catalog, and tried with when it is loaded."""

    request: Text
    responses: tuple[Text, ...]
    reference: Text | None = None


class Rubric(Options):
    """What a judge is told, and the answers that it may give; one YAML file."""

    name: Name
    version: int = Field(strict=True, ge=1)
    form: Form
    purpose: Text = Field(description="What it is for, in one line; no judge sees it.")
    criterion: Name | None = Field(
        None, description="The aspect that its votes are about; null = the response as a whole."
    )
    criteria: tuple[Criterion, ...] = Field(min_length=1)
    scale: tuple[Grade, ...] = Field((), description="The grades of a pointwise rubric, upwards.")
    outcomes: tuple[Literal["tie", "both_good", "both_bad"], ...] = Field(
        (), description="What may be said beside naming the better one; a ranking may only tie."
    )
    needs_reference: bool = Field(False, strict=True)
    rationale: bool = Field(
        True, strict=True, description="Reasons come before the verdict; never by first token."
    )
    system: Text = Field(description="Jinja2, without request and responses.")
    user: Text = Field(USER, description="Jinja2: how the marked texts follow each other.")
    example: Example

    @model_validator(mode="after")
    def _the_parts_fit_together(self) -> Self:
        for problem in (*_form_problems(self), *_part_problems(self)):
            raise ValueError(problem)
        return self

    @property
    def digest(self) -> str:
        """Sha256 of all that changes what a judge is told or may answer.

        Not of comments, purpose, example, name and version; the standing words are part of it.
        """
        return _digest(self)

    @property
    def label(self) -> str:
        """`NAME@VERSION:HASH`, the first 12 digits of the hash: what every vote carries."""
        return f"{self.name}@{self.version}:{self.digest[:12]}"

    @property
    def vote_scale(self) -> str:
        """The scale of its scores in a vote, where they are not probabilities."""
        if self.form == "pointwise":
            return f"rating:{self.scale[0].grade}-{self.scale[-1].grade}"
        return "choice" if self.form == "pairwise" else "rank"


@lru_cache(maxsize=64)
def _digest(rubric: Rubric) -> str:
    seen = rubric.model_dump(
        mode="json", exclude={"name", "version", "purpose", "criterion", "example"}
    )
    return hashlib.sha256(orjson.dumps([seen, WORDING], option=orjson.OPT_SORT_KEYS)).hexdigest()


def _form_problems(rubric: Rubric) -> list[str]:
    grades = [entry.grade for entry in rubric.scale]
    if rubric.form != "pointwise":
        wrong = ["scale is for pointwise rubrics only"] if grades else []
        if rubric.form == "listwise" and set(rubric.outcomes) - {"tie"}:
            wrong.append("outcomes: a ranking can only tie")
        return wrong
    wrong = ["outcomes: a grade has none"] if rubric.outcomes else []
    if len(grades) < 2 or grades != list(range(grades[0], grades[-1] + 1)):
        wrong.append(f"scale: describe every grade once, upwards and without gaps, not {grades}")
    return wrong


def _part_problems(rubric: Rubric) -> list[str]:
    wrong = []
    names = [entry.name for entry in rubric.criteria]
    if len(set(names)) < len(names):
        wrong.append("criteria: a name is given twice")
    if len(set(rubric.outcomes)) < len(rubric.outcomes):
        wrong.append("outcomes: one is given twice")
    weights = [entry.weight for entry in rubric.criteria if entry.weight is not None]
    if weights and (len(weights) < len(names) or sum(weights) != _SHARES):
        wrong.append("criteria: weights are given to all or to none, and add up to 100")
    shown = len(rubric.example.responses)
    fits = {"pairwise": shown == 2, "pointwise": shown == 1, "listwise": 2 <= shown <= len(LETTERS)}
    if not fits[rubric.form]:
        wrong.append(f"example: {shown} responses are no {rubric.form} example")
    if rubric.needs_reference and rubric.example.reference is None:
        wrong.append("example: the rubric needs a reference")
    return wrong
