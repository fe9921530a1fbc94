"""A pattern that the response has to match, or that its answer is cut out by."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from prefkit.errors import ConfigError, MissingExtra
from prefkit.judging.answers.checking import Checked, Checker, Unsure, shown
from prefkit.patterns import compiled

__all__ = ["Regex"]

_FEATURE = "checking answers by patterns"


class Regex(Checker):
    """Search the response with a regular expression in RE2's syntax, in linear time.

    Without a group the pattern is a condition: right where it holds. With one group it cuts the
    answer out, which is right if it is the reference, blanks at the ends aside; no match is then
    unsure, and so are different ones. Without the option the reference is a pattern without
    groups. Needs the extra `re2`.
    """

    pattern: str | None = Field(None, description="The pattern; null: the reference is it.")
    where: Literal["anywhere", "whole"] = Field("anywhere", description="What it has to match.")

    needs_reference: ClassVar[bool] = False

    def decide(self, response: str, reference: str) -> Checked:
        """Right where the pattern holds, or what it cuts out is the reference."""
        program = self._program(reference)
        if program.groups == 0:
            return self._holds(program, response)
        if not reference.strip():
            raise Unsure("there is no reference")
        found = self._matches(program, response)
        answers = {answer for match in found if (answer := (match.group(1) or "").strip())}
        if len(answers) != 1:
            raise Unsure("the pattern finds no answer" if not answers else "different answers")
        (answer,) = answers
        if answer == reference.strip():
            return Checked("right", answer, "the same text")
        return Checked("wrong", answer, f"{shown(answer)} is not {shown(reference.strip())}")

    def _program(self, reference: str) -> Any:
        if self.pattern is None:
            if not reference.strip():
                raise Unsure("there is no reference")
            try:
                program = compiled(reference, _FEATURE)
            except MissingExtra:
                raise
            except ConfigError as error:
                raise Unsure(f"the reference is no pattern: {error}") from error
            if program.groups:
                raise Unsure("the reference is a pattern with groups; write (?:...)")
            return program
        program = compiled(self.pattern, _FEATURE)
        if program.groups > 1:
            raise ConfigError(
                f"pattern: {self.pattern!r} has {program.groups} groups; one is the answer",
                hint="write (?:...) for the others",
            )
        return program

    def _holds(self, program: Any, response: str) -> Checked:
        match = program.fullmatch(response) if self.where == "whole" else program.search(response)
        if match is None:
            return Checked("wrong", None, "the pattern does not match")
        return Checked("right", match.group()[:400], "the pattern matches")

    def _matches(self, program: Any, response: str) -> list[Any]:
        if self.where == "anywhere":
            return list(program.finditer(response))
        match = program.fullmatch(response)
        return [] if match is None else [match]
