"""A text as sentences, by simple rules that are told: for claims and for counts."""

from __future__ import annotations

import re

__all__ = ["first_sentences", "sentence_bounds", "sentences"]

_END = re.compile(r"[.!?…]{1,10}[\"'”’)\]*_]{0,4}(?=\s|$)")  # noqa: RUF001
_DENSE = re.compile(r"[。！？]")  # noqa: RUF001 - no blank follows these
_LEAD = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)]|#{1,6})\s+")
_SHORT = (
    "mr mrs ms dr prof st sr jr vs etc e.g i.e cf fig figs no vol pp approx inc ltd co corp dept "
    "est gen col capt lt sgt rev hon gov sen rep jan feb mar apr jun jul aug sep sept oct nov dec "
    "u.s u.k a.m p.m"
)
_INITIAL = re.compile(r"(?:^|[\s(\"'“‘\[*])[^\W\d_]$")  # noqa: RUF001
_INITIALS = re.compile(r"[^\W\d_]\.\s?[^\W\d_]$")
_OPENING = "(\"'“‘[* "  # noqa: RUF001
_NEXT_INITIAL = re.compile(r"\s*[^\W\d_]\.")
_ABBREVIATIONS = frozenset(_SHORT.split())


def sentences(text: str) -> list[str]:
    """The sentences in order, without marks of lists and headings.

    A line ends a sentence; a full stop does not after an abbreviation of a short list of English
    ones, nor after a single letter.
    """
    found = []
    for line in text.splitlines():
        found += [part for part in _of_line(_LEAD.sub("", line)) if _says_something(part)]
    return found


def sentence_bounds(text: str) -> tuple[int, int]:
    """The fewest and the most sentences that a reader may count.

    Fewest: lines without a full stop go on in the next, abbreviations end nothing. Most: every
    line and every full stop ends one.
    """
    joined = " ".join(_LEAD.sub("", line) for line in text.splitlines())
    fewest = sum(_says_something(part) for part in _of_line(joined))
    most = sum(
        _says_something(part)
        for line in text.splitlines()
        for dense in _DENSE.split(line)
        for part in _END.split(dense)
    )
    return min(fewest, most), max(fewest, most)


def first_sentences(line: str) -> list[str]:
    """The first sentence of a line; two readings, the longer first, where an initial may end it.

    A letter that begins the line ends a sentence unless another initial follows (`J. R. Tolkien`);
    behind a word it may be either (`vitamin C. It`, `George W. Bush`).
    """
    shorter: str | None = None
    for end in _END.finditer(line):
        before = line[max(0, end.start() - 20) : end.start()]
        is_initial = _INITIAL.search(before) is not None
        begins = is_initial and end.start() < 20 and not before.strip(_OPENING)[1:]
        if begins and not _NEXT_INITIAL.match(line, end.end()):
            return [line[: end.end()]]
        if not _is_abbreviation(line, end):
            return [line[: end.end()], *([shorter] if shorter else [])]
        if is_initial and not begins and not _INITIALS.search(before):
            shorter = shorter or line[: end.end()]
    return [line, *([shorter] if shorter else [])]


def _of_line(line: str) -> list[str]:
    line = _DENSE.sub(lambda sign: f"{sign.group()}\n", line)
    found, start = [], 0
    for end in _END.finditer(line):
        if not _is_abbreviation(line, end):
            found.append(line[start : end.end()])
            start = end.end()
    found.append(line[start:])
    return [part.strip() for whole in found for part in whole.split("\n")]


def _is_abbreviation(line: str, end: re.Match[str]) -> bool:
    if not end.group().startswith(".") or len(end.group().strip("\"'”’)]*_")) > 1:  # noqa: RUF001
        return False
    word = line[max(0, end.start() - 12) : end.start()].split()[-1:]
    last = word[0].lstrip("(\"'“‘[").lower() if word else ""  # noqa: RUF001
    return last in _ABBREVIATIONS or (len(last) == 1 and last.isalpha() and last != "i")


def _says_something(part: str) -> bool:
    return any(one.isalnum() for one in part)
