"""Where in a response its answer stands: explicit marks, looked for one after the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from prefkit.judging.answers.checking import Unsure
from prefkit.judging.answers.reasoning import without_reasoning
from prefkit.judging.answers.sentences import first_sentences

__all__ = ["EXPLICIT", "Cut", "Mark", "Several", "cut_answer", "cuts", "reference_cut"]

Mark = Literal["hashes", "boxed", "answer_line", "answer_is", "whole"]
"""`hashes` is `#### 18` at the end (with text after it, it is a heading), `boxed` `\\boxed{18}`,
`answer_line` a line `A: 18` or `Answer: 18` (beside a line `B:`, the former is an option),
`answer_is` the words "the answer is 18", `whole` the whole response.

Reasoning in `<think>` is not looked at. What is denied, doubted or asked in its own sentence, or
taken back by the next words ("Wait"), is no answer."""

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
    r"\b(?:the|my|final|correct) {1,3}answer {1,3}is(?![a-z])[ \t]{0,5}:?", re.IGNORECASE
)
_OPTION_B = re.compile(r"^[ \t*_>#]{0,20}b[*_]{0,3}[ \t]{0,5}:", re.IGNORECASE | re.MULTILINE)
_NOT = re.compile(
    r"n['’]t\b|\b(?:not|never|no|if|whether|unless|cannot|false|wrong|incorrect|mistak\w{1,4}|might"  # noqa: RUF001
    r"|may|could|would|is)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"(?:not|never|no longer|neither)\b|.*[,;—]\s*(?:but|though|although|however)\b"
    r"|.*\b(?:that|this|which|it)(?:['’]s| is| was| would be) (?:wrong|incorrect|false|not)\b"  # noqa: RUF001
    r"|.*\?\s*$",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(
    r"[\s.!?$*_`)}\]]{0,20}(?:no\b\s?[,.!]|wait\b|hmm|oops"
    r"|(?:but )?(?:that|this|it)(?:['’]s| is| was) (?:wrong|incorrect|not (?:right|correct|true)))",  # noqa: RUF001
    re.IGNORECASE,
)
_SENTENCE = 2_000  # characters of an answer in words
_BEFORE = 60  # characters of the same sentence that may turn its meaning round
_BRACES = re.compile(r"\\(?:f?boxed)[ \t]{0,5}\{|\\[\\{}]|[{}]")
_END = re.compile(r"(?<=[^\d\s])[.!?](?=\s|$)|(?<=\d)[.!?](?=\s|$)")


_Found = tuple[str, int]
"""An answer, and where the text goes on behind it."""


class Cut(NamedTuple):
    """One answer, and the mark that it stood behind."""

    mark: Mark
    text: str


def cuts(text: str, marks: Sequence[Mark]) -> list[Cut]:
    """Every answer behind the first of the marks that the text has; empty if it has none."""
    text = without_reasoning(text)
    for mark in marks:
        stood = _FINDERS[mark](text)
        parts = (part for part, end in stood if not _TAKEN_BACK.match(text, end))
        found = [Cut(mark, answer) for part in parts if (answer := _bare(part))]
        if found:
            return found
    return []


def reference_cut(reference: str) -> Cut:
    """The answer that a reference gives: behind its last mark, or the whole of it.

    Raises:
        Unsure: there is none in it, as in a lone asterisk.
    """
    found = cuts(reference, EXPLICIT) or cuts(reference, ("whole",))
    if not found:
        raise Unsure("the reference holds no answer")
    return found[-1]


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


def _boxed(text: str) -> Iterable[_Found]:
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
                    yield text[start : brace.start()], brace.end()


def _last_hashes(text: str) -> Iterable[_Found]:
    """The lines of hashes that nothing else follows, in order."""
    found: list[_Found] = []
    for line in reversed(text.splitlines()):
        mark = _HASHES.search(line)
        if mark is not None:
            found.append((mark[1], len(text)))
        elif line.strip():
            break
    return reversed(found)


def _lines(text: str) -> Iterable[_Found]:
    has_options = _OPTION_B.search(text) is not None
    for found in _LINE.finditer(text):
        is_option = has_options and found[1].lower() == "a"
        if not is_option and not _DENIED.match(found[2].strip()):
            yield found[2], found.end()


def _said(text: str) -> Iterable[_Found]:
    """What follows the words, to the end of the sentence; both, where that may be in two places."""
    for found in _IS.finditer(text):
        before = text[max(0, found.start() - _BEFORE) : found.start()]
        if _NOT.search(_END.split(before)[-1].rpartition("\n")[2]):
            continue
        rest = text[found.end() : found.end() + _SENTENCE].partition("\n")[0]
        for part in first_sentences(rest):
            if not _DENIED.match(part.strip()):
                yield part.strip().rstrip(".!"), found.end() + len(part)


_FINDERS: dict[Mark, Callable[[str], Iterable[_Found]]] = {
    "hashes": _last_hashes,
    "boxed": _boxed,
    "answer_line": _lines,
    "answer_is": _said,
    "whole": lambda text: ((text, len(text)),),
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
