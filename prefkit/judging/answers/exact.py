"""The same words, but for case, blanks and what else the options say."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from pydantic import Field

from prefkit.judging.answers.checking import Checked, Checker, shown
from prefkit.judging.answers.marks import EXPLICIT, Mark, Several, cut_answer, cuts, reference_cut

__all__ = ["Exact"]

_ARTICLES = re.compile(r"\b(?:a|an|the)\s+(?=\S)", re.IGNORECASE)
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]")
_SENTENCE_SIGNS = ".,;:!?…。、।؟"
_MARKDOWN = "*_`"


class Exact(Checker):
    """Compare the answer's words with those of the reference, letter by letter.

    Both are brought into Unicode's form NFKC (but a raised digit stays another than a plain one)
    and their blanks made single ones. The reference is
    the answer itself; if it has one of the explicit marks, what stands behind it.
    """

    marks: tuple[Mark, ...] = Field(
        EXPLICIT, min_length=1, description="Where the answer stands, tried in this order."
    )
    several: Several = Field("unsure", description="Different answers behind the same mark.")
    case: Literal["ignore", "keep"] = Field("ignore", description="Upper and lower case.")
    articles: Literal["ignore", "keep"] = Field(
        "keep", description="The words a, an, the before another."
    )
    punctuation: Literal["ignore", "ends", "keep"] = Field(
        "ends",
        description="`ends`: quotes and brackets around it, and the signs that end a sentence, do "
        "not count.",
    )

    def decide(self, response: str, reference: str) -> Checked:
        """Right if the words are the same."""
        wanted = self._plain(reference_cut(reference).text)
        answer = cut_answer(
            cuts(response, self.marks), self.several, lambda cut: self._plain(cut.text)
        ).text
        if self._plain(answer) == wanted:
            return Checked("right", answer, "the same words")
        return Checked("wrong", answer, f"{shown(answer)} is not {shown(wanted)}")

    def _plain(self, text: str) -> str:
        text = unicodedata.normalize("NFKC", _RAISED.sub(r"^\g<0>", text))
        if self.case == "ignore":
            text = unicodedata.normalize("NFKC", text.casefold())
        if self.punctuation == "ignore":
            text = "".join(" " if _is_sign(one) else one for one in text)
        if self.articles == "ignore":
            text = _ARTICLES.sub(" ", text)
        text = " ".join(text.split())
        return _without_end_signs(text) if self.punctuation == "ends" else text


def _is_sign(character: str) -> bool:
    return unicodedata.category(character).startswith("P")


def _without_end_signs(text: str) -> str:
    start, end = 0, len(text)
    while start < end and (_is_around(text[start]) or text[start] in "¿¡ "):
        start += 1
    while end > start and (_is_around(text[end - 1]) or text[end - 1] in f"{_SENTENCE_SIGNS} "):
        end -= 1
    return text[start:end] or text


def _is_around(character: str) -> bool:
    """A quote, a bracket or a sign of Markdown: `-5`, `50%`, `C#` and `.5` keep their signs."""
    kinds = ("Ps", "Pe", "Pi", "Pf")
    return character in f"\"'{_MARKDOWN}" or unicodedata.category(character) in kinds
