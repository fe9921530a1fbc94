"""The same number: whatever its notation, and its unit where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from pydantic import Field

from prefkit.judging.answers.checking import Checked, Checker, Unsure, shown
from prefkit.judging.answers.marks import (
    EXPLICIT,
    Cut,
    Mark,
    Several,
    cut_answer,
    cuts,
    reference_cut,
)
from prefkit.judging.answers.numerals import Decimal, Numeral, last_number, read_number
from prefkit.judging.answers.units import unit_of

__all__ = ["Number"]


class Number(Checker):
    """Compare the number that a response gives as its answer with that of the reference.

    Read are signs, thousands, fractions, mixed fractions, powers of ten, percent and currencies;
    exactly, not as floats. The reference is a number or a text that ends in a marked one. A
    reference without a unit does not ask for one; with one, units of the same kind are converted.
    """

    marks: tuple[Mark | Literal["last_number"], ...] = Field(
        EXPLICIT,
        min_length=1,
        description="Where the answer stands, tried in this order; `last_number` is a guess.",
    )
    several: Several = Field("unsure", description="Different answers behind the same mark.")
    absolute: float = Field(0.0, ge=0, allow_inf_nan=False, description="Difference allowed.")
    relative: float = Field(
        0.0, ge=0, lt=1, allow_inf_nan=False, description="Share of the reference allowed."
    )
    units: Literal["convert", "ignore"] = Field("convert", description="What units mean.")
    decimal: Decimal = Field("point", description="The sign before the decimals.")

    def decide(self, response: str, reference: str) -> Checked:
        """Right if the values are equal, within what is allowed."""
        wanted = self._wanted(reference)
        cut = cut_answer(self._cuts(response), self.several, self._same)
        answer = read_number(cut.text, self.decimal)
        text = cut.text[:400]
        if self._is_equal(answer, wanted, text):
            return Checked("right", text, f"equal to {_said(wanted)}")
        return Checked("wrong", text, f"{_said(answer)} is not {_said(wanted)}")

    def _wanted(self, reference: str) -> Numeral:
        try:
            return read_number(reference_cut(reference).text, self.decimal)
        except Unsure as unsure:
            raise Unsure(f"the reference is no number: {unsure}") from unsure

    def _cuts(self, response: str) -> list[Cut]:
        for mark in self.marks:
            if mark != "last_number":
                found = cuts(response, (mark,))
            else:
                last = last_number(response, self.decimal)
                found = [] if last is None else [Cut("whole", last)]
            if found:
                return found
        return []

    def _same(self, cut: Cut) -> object:
        try:
            return read_number(cut.text, self.decimal).value
        except Unsure:
            return cut.text

    def _is_equal(self, answer: Numeral, wanted: Numeral, text: str) -> bool:
        if self.units == "ignore" or not wanted.unit:
            return any(self._near(value, wanted.value) for value in _readings(answer))
        asked, given = unit_of(wanted.unit), unit_of(answer.unit)
        if asked is None:  # a noun, such as eggs
            if answer.unit and (given or _noun(answer.unit) != _noun(wanted.unit)):
                raise Unsure(f"{shown(answer.unit)} against {shown(wanted.unit)}", text)
            return self._near(answer.value, wanted.value)
        if not answer.unit:
            if asked.dimension == "share" and self._near(answer.value, wanted.value / 100):
                return True
            raise Unsure(f"the answer has no unit, the reference {shown(wanted.unit)}", text)
        if given is None or given.dimension != asked.dimension:
            raise Unsure(f"{shown(answer.unit)} against {shown(wanted.unit)}", text)
        return self._near(answer.value * given.factor / asked.factor, wanted.value)

    def _near(self, value: Fraction, wanted: Fraction) -> bool:
        allowed = max(Fraction(self.absolute), Fraction(self.relative) * abs(wanted))
        return abs(value - wanted) <= allowed


def _readings(answer: Numeral) -> Sequence[Fraction]:
    """What a number may mean where nobody said in which unit: 50% is also one half."""
    if answer.unit in ("%", "percent"):
        return (answer.value, answer.value / 100)
    return (answer.value,)


def _noun(words: str) -> str:
    return words.lower().removesuffix("s")


def _said(numeral: Numeral) -> str:
    value = numeral.value
    text = str(value) if len(str(value)) < 40 else f"{float(value):.6g}"
    return f"{text} {numeral.unit}".strip()
