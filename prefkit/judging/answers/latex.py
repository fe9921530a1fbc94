"""The same mathematics, written in LaTeX; compared by math-verify in a process of its own."""

from __future__ import annotations

import re

from pydantic import Field

from prefkit.judging.answers.checking import Checked, Checker, Unsure, shown
from prefkit.judging.answers.latex_process import compare
from prefkit.judging.answers.marks import EXPLICIT, Mark, Several, cut_answer, cuts, reference_cut

__all__ = ["Latex"]

_POWER_OF_TEN = re.compile(r"\d[eE][-+]?\d")
_BASE = re.compile(r"\d\}?\s*_\s*\{?\s*(\w+)")
_APART = re.compile(r"(?<=\d)\s+(?=\d)")
_OF_FRACTION = re.compile(r"frac\s*\d\s+\d")
_GROUP = re.compile(r"(?<=\d)(?:\\[,;! ]|~)(?=\d{3}(?!\d))")
_UNIT = re.compile(
    r"[\d})]\s*(?:\\[,;! ~]|~)?\s*"
    r"(?:\\(?:text|textrm|textup|mathrm|mbox|rm)\s*\{([^{}]*)\}|\s([A-Za-z]+))"
    r"(?:\s*\^\s*\{?([23])\}?)?\s*\.?$"
)
_MOST = 2_000  # characters of a formula
_DEEPEST = 40  # braces and brackets in each other: the parser's time grows steeply with them


class Latex(Checker):
    """Compare formulas by what they mean: fractions, roots, sets, intervals, matrices, equations.

    Wrong is what differs at some point or is another set or tuple; what was neither shown to be
    equal nor to differ is unsure. Of an equation held against a value the last side counts. The
    reference is a formula, or a text with a marked one. Where both have a unit and it is not the
    same, that is unsure. Needs the extra `answers`.
    """

    marks: tuple[Mark, ...] = Field(
        EXPLICIT, min_length=1, description="Where the answer stands, tried in this order."
    )
    several: Several = Field("unsure", description="Different answers behind the same mark.")
    limit_s: float = Field(5.0, gt=0, le=600, description="Seconds for one comparison.")

    def decide(self, response: str, reference: str) -> Checked:
        """Right if mathematically equal."""
        wanted = reference_cut(reference).text
        answer = cut_answer(
            cuts(response, self.marks), self.several, lambda cut: "".join(cut.text.split())
        ).text
        for name, text in (("reference", wanted), ("answer", answer)):
            _check_size(name, text)
            if _POWER_OF_TEN.search(text):
                raise Unsure(f"the {name} has an e that may be a number or a power of ten", text)
        answered, asked = _formula(answer), _formula(wanted)
        _check_marks(answered, asked)
        outcome, reason = compare(answered, asked, self.limit_s)
        if outcome == "unsure":
            raise Unsure(reason, answer)
        return Checked("right" if outcome == "right" else "wrong", answer, reason)


def _check_size(name: str, text: str) -> None:
    if len(text) > _MOST:
        raise Unsure(f"the {name} has more than {_MOST} characters")
    depth = deepest = 0
    for sign in text:
        if sign in "{([":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in "})]":
            depth -= 1
    if deepest > _DEEPEST:
        raise Unsure(f"the {name} is nested more than {_DEEPEST} deep", text)


def _formula(text: str) -> str:
    """Without dollar signs, which would end the formula in which it is handed over.

    What parts thousands goes too: the parser would multiply them.
    """
    plain = " ".join(text.replace("\\$", "").replace("$", "").split()).rstrip(".")
    return _GROUP.sub("", plain)


def _check_marks(answer: str, reference: str) -> None:
    """That nothing stands in them that the parser drops or takes for a product."""
    for name, text in (("reference", reference), ("answer", answer)):
        if _APART.search(_OF_FRACTION.sub("", text)):
            raise Unsure(f"the {name} has two numbers side by side", text)
    if _BASE.findall(answer) != _BASE.findall(reference):
        raise Unsure("a number has an index, which may be its base", answer)
    units = [_unit(text) for text in (answer, reference)]
    if all(units) and units[0] != units[1]:
        raise Unsure(f"{shown(units[0])} against {shown(units[1])}", answer)


def _unit(text: str) -> str:
    found = _UNIT.search(text)
    if found is None:
        return ""
    return f"{(found[1] or found[2]).strip().lower().removesuffix('s')}{found[3] or ''}"
