"""The same mathematics, written in LaTeX; compared by math-verify in a process of its own."""

from __future__ import annotations

import re

from pydantic import Field

from prefkit.judging.answers.checking import Checked, Checker, Unsure
from prefkit.judging.answers.latex_process import compare
from prefkit.judging.answers.marks import EXPLICIT, Mark, Several, cut_answer, cuts

__all__ = ["Latex"]

_POWER_OF_TEN = re.compile(r"\d[eE][-+]?\d")
_MOST = 2_000  # characters of a formula
_DEEPEST = 40  # braces and brackets in each other: the parser's time grows steeply with them


class Latex(Checker):
    """Compare formulas by what they mean: fractions, roots, sets, intervals, matrices, equations.

    Wrong is what differs at some point or is another set or tuple; what was neither shown to be
    equal nor to differ is unsure. Of an equation held against a value the last side counts. The
    reference is a formula, or a text with a marked one. Needs the extra `answers`.
    """

    marks: tuple[Mark, ...] = Field(
        EXPLICIT, min_length=1, description="Where the answer stands, tried in this order."
    )
    several: Several = Field("unsure", description="Different answers behind the same mark.")
    limit_s: float = Field(5.0, gt=0, le=600, description="Seconds for one comparison.")

    def decide(self, response: str, reference: str) -> Checked:
        """Right if mathematically equal."""
        wanted = (cuts(reference, EXPLICIT) or cuts(reference, ("whole",)))[-1].text
        answer = cut_answer(
            cuts(response, self.marks), self.several, lambda cut: "".join(cut.text.split())
        ).text
        for name, text in (("reference", wanted), ("answer", answer)):
            _check_size(name, text)
            if _POWER_OF_TEN.search(text):
                raise Unsure(f"the {name} has an e that may be a number or a power of ten", text)
        outcome, reason = compare(_formula(answer), _formula(wanted), self.limit_s)
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
    """Without dollar signs: they would end the formula in which it is handed over."""
    return " ".join(text.replace("\\$", "").replace("$", "").split()).rstrip(".")
