"""Where in a response its answer stands: explicit marks, looked for one after the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from prefkit.judging.answers.checking import Unsure

__all__ = ["EXPLICIT", "Cut", "Mark", "Several", "cut_answer", "cuts"]

Mark = Literal["hashes", "boxed", "answer_line", "answer_is", "whole"]
"""`hashes` is `#### 18` at the end (with text after it, it is a heading), `boxed` `\\boxed{18}`,
`answer_line` a line `A: 18` or `Answer: 18` (beside a line `B:`, the former is an option),
`answer_is` the words "the answer is 18" without a not, if or whether before them, `whole` the whole
response."""

Several = Literal["unsure", "last"]
"""What holds where the same mark comes with different answers."""

EXPLICIT: tuple[Mark, ...] = ("hashes", "boxed", "answer_line", "answer_is")

# Every repetition is bounded or followed by what it cannot match: no text takes quadratic time.
_HASHES = re.compile(r"####[ \t]{0,20}([^\s#][^\n]*)")
_LINE = re.compile(
    r"^[ \t*_>#]{0,20}(a|answer|final answer|the final answer)[*_]{0,3}[ \t]{0,5}:([^\n]+)",
    re.IGNORECASE | re.MULTILINE,
)
_IS = re.compile(
    r"\b(?:the|my|final|correct) {1,3}answer {1,3}is(?![a-z])[ \t]{0,5}:?([^\n]+)", re.IGNORECASE
)
_OPTION_B = re.compile(r"^[ \t*_>#]{0,20}b[*_]{0,3}[ \t]{0,5}:", re.IGNORECASE | re.MULTILINE)
_NOT = re.compile(r"n['’]t\b|\b(?:not|never|if|whether|unless|cannot)\b", re.IGNORECASE)  # noqa: RUF001
_BEFORE = 60  # characters of the same sentence that may turn its meaning round
_BRACES = re.compile(r"\\(?:f?boxed)[ \t]{0,5}\{|\\[\\{}]|[{}]")
_END = re.compile(r"(?<=[^\d\s])[.!?](?=\s|$)|(?<=\d)[.!?](?=\s|$)")


class Cut(NamedTuple):
    """One answer, and the mark that it stood behind."""

    mark: Mark
    text: str


def cuts(text: str, marks: Sequence[Mark]) -> list[Cut]:
    """Every answer behind the first of the marks that the text has; empty if it has none."""
    for mark in marks:
        found = [Cut(mark, answer) for part in _FINDERS[mark](text) if (answer := _bare(part))]
        if found:
            return found
    return []


def cut_answer(found: Sequence[Cut], several: Several, same: Callable[[Cut], object]) -> Cut:
    """The one answer among several; `same` gives equal values for what is the same answer.

    Raises:
        Unsure: there is none, or they differ.
    """
    if not found:
        raise Unsure("no answer was found")
    if several == "unsure" and len({same(cut) for cut in found}) > 1:
        raise Unsure("the response gives different answers", found[-1].text)
    return found[-1]


def _boxed(text: str) -> Iterable[str]:
    """What stands in boxes whose braces match; of boxes in a box the outer one."""
    starts: list[int | None] = []
    boxes = 0
    for brace in _BRACES.finditer(text):
        sign = brace.group()
        if sign.endswith("{") and sign != "\\{":
            is_box = len(sign) > 1
            starts.append(brace.end() if is_box else None)
            boxes += is_box
        elif sign == "}" and starts:
            start = starts.pop()
            if start is not None:
                boxes -= 1
                if not boxes:
                    yield text[start : brace.start()]


def _last_hashes(text: str) -> Iterable[str]:
    """The lines of hashes that nothing else follows, in order."""
    found: list[str] = []
    for line in reversed(text.splitlines()):
        mark = _HASHES.search(line)
        if mark is not None:
            found.append(mark[1])
        elif line.strip():
            break
    return reversed(found)


def _lines(text: str) -> Iterable[str]:
    has_options = _OPTION_B.search(text) is not None
    for found in _LINE.finditer(text):
        if not (has_options and found[1].lower() == "a"):
            yield found[2]


def _said(text: str) -> Iterable[str]:
    """What follows the words, to the end of the sentence."""
    for found in _IS.finditer(text):
        before = text[max(0, found.start() - _BEFORE) : found.start()]
        if not _NOT.search(_END.split(before)[-1].rpartition("\n")[2]):
            yield _END.split(found[1], maxsplit=1)[0]


_FINDERS: dict[Mark, Callable[[str], Iterable[str]]] = {
    "hashes": _last_hashes,
    "boxed": _boxed,
    "answer_line": _lines,
    "answer_is": _said,
    "whole": lambda text: (text,),
}


def _bare(part: str) -> str:
    """Without the signs of Markdown and of mathematics around it."""
    part = part.strip().strip("*_` \t")
    for opened, closed in (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
        if len(part) > len(opened) + len(closed) and part.startswith(opened):
            inner = part[len(opened) :].rstrip(".")
            if inner.endswith(closed):
                return inner.removesuffix(closed).strip()
    return part
