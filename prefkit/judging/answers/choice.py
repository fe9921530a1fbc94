"""A letter of several."""

from __future__ import annotations

import re

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

__all__ = ["Choice"]

_SHORT = 300  # characters: an answer that is a letter is not longer, its wording included
_HEAD = re.compile(
    r"(?:(?:option|choice|answer|letter)\s{1,3})?"
    r"(?P<opened>[\s*_`\"'(\[{$]|\\(?:text|mathrm|mathbf|textbf)\s?\{|\\\()*"
    r"(?P<letter>[A-Za-z])(?![A-Za-z0-9'’])"  # noqa: RUF001
    r"(?P<closed>[*_`\"')\]}$.:]|\\\))*",
    re.IGNORECASE,
)
_OTHER = (
    r"(?:^|[\s(\[*,/&])(?:or|and|/|,|&)\s{0,3}(?:option\s{1,3})?[(\[*\"]{0,3}([A-Z])(?![A-Za-z'])"
)
_NEXT = re.compile(_OTHER)
_GOES_ON = re.compile(r"\s*(?:is|isn|was|are|can|cannot|would|does|seems|or|and)\b", re.IGNORECASE)
_DECORATED = re.compile(r"[(\[]([A-Za-z])[)\]]|\*([A-Z])\*")
_ADJACENT = re.compile(r"\s*[;+|]?\s*[(\[*]{0,3}([A-Z])(?:[)\].:*]|$)")
_DENIED = re.compile(
    r"[\s.:,;–—-]*(?:\?|(?:wrong|incorrect|false|no|not|never|but|wait)\b)"  # noqa: RUF001
    r"|.*?\b(?:is|was|are|be)(?:n['’]t| not)? "  # noqa: RUF001
    r"(?:wrong|incorrect|false|untrue|right|correct|true)\b",
    re.IGNORECASE | re.DOTALL,
)
_LINE = re.compile(r"^[ \t*(\[]{0,5}([A-Z])[)\].:*]{1,4}(?=\s|$)", re.MULTILINE)


class Choice(Checker):
    r"""Compare the letter that a response chooses with that of the reference.

    Read are `(B)`, `B.`, `**B**`, `\boxed{B}`, `option B`, with or without its wording, behind a
    mark or, as `whole`, at the head of the response. Two letters are unsure, and so are one that is
    talked about and an A that may be the article.
    """

    letters: str = Field("ABCDEFGHIJ", min_length=2, description="The letters there are.")
    marks: tuple[Mark, ...] = Field(
        (*EXPLICIT, "whole"), min_length=1, description="Where the answer stands, in this order."
    )
    several: Several = Field("unsure", description="Different answers behind the same mark.")

    def decide(self, response: str, reference: str) -> Checked:
        """Right if it is the letter of the reference."""
        try:
            wanted = self._letter(reference_cut(reference))
        except Unsure as unsure:
            raise Unsure(f"the reference is no letter: {unsure}") from unsure
        letter = self._letter(cut_answer(cuts(response, self.marks), self.several, self._same))
        if letter == wanted:
            return Checked("right", letter, f"the letter is {wanted}")
        return Checked("wrong", letter, f"the letter is {letter}, not {wanted}")

    def _same(self, cut: Cut) -> object:
        try:
            return self._letter(cut)
        except Unsure:
            return cut.text

    def _letter(self, cut: Cut) -> str:
        head, text = _HEAD.match(cut.text[:_SHORT]), cut.text[:_SHORT]
        if head is None or (letter := head["letter"].upper()) not in self.letters.upper():
            raise Unsure(f"{shown(text)} does not begin with one of the letters", text)
        rest = text[head.end() :]
        is_bare = not head["opened"] and not head["closed"] and not head.group()[:-1].strip()
        if is_bare and rest.lstrip()[:1] not in ("", ",", ";"):
            raise Unsure(f"{shown(text)}: the letter may be a word", text)
        is_whole = cut.mark == "whole"
        if (is_whole and len(cut.text) > _SHORT) or _GOES_ON.match(rest) or _DENIED.match(rest):
            raise Unsure(f"{shown(text)} talks of a letter", text)
        if (_others(rest, cut if is_whole else None) & set(self.letters.upper())) - {letter}:
            raise Unsure(f"{shown(text)} names several letters", text)
        return letter


def _others(rest: str, whole: Cut | None) -> set[str]:
    """The letters named behind the first; in a whole response those of its lines too."""
    found = set(_NEXT.findall(rest))
    if adjacent := _ADJACENT.match(rest):
        found.add(adjacent[1])
    if whole is not None:
        found |= set(_LINE.findall(whole.text))
        found |= {one or other for one, other in _DECORATED.findall(rest)}
    return {letter.upper() for letter in found}
