"""Corruptions without a model: a sentence less, empty sentences more.

Drawn from a number, so that the same answer is always corrupted in the same way. Code between
fences stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from prefkit.judging.answers.sentences import sentences

__all__ = ["padded", "with_a_sentence_less"]

_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_UNSAID = re.compile(r"[ \t]*(?:\||#{1,6}\s)")  # a line of a table or a heading
_MARK = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)]|#{1,6}|>)?\s*")
_FOREIGN = 0.2  # share of letters outside of Latin script above which English padding stands out
_PADDED = 3  # one empty sentence for so many
_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH = "the and that with this you are it from which your these they there have not"
_COMMON = 0.05  # share of words that are of these in any longer English text; 0.1 to 0.2 is usual


class _Span(NamedTuple):
    start: int
    end: int


def with_a_sentence_less(text: str, draw: int) -> str | None:
    """The text without one of its sentences, never the first; null if it has but one.

    A list item or a line that held nothing else goes as a whole; headings and tables stay.
    """
    spans = _sentences(text)
    if len(spans) < 2:
        return None
    start, end = spans[1 + draw % (len(spans) - 1)]
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    if _MARK.fullmatch(text[line_start:start]) and not text[end:line_end].strip():
        # the break before it, so that a text ends as it did
        return text[: max(0, line_start - 1)] + text[line_end:]
    rest = text[end:line_end].lstrip(" ") + text[line_end:]
    before = text[:start]
    return (before if rest[:1].strip() else before.rstrip(" ")) + rest


def padded(text: str, draw: int, padding: Mapping[str, Sequence[str]]) -> str | None:
    """The text with empty sentences before, behind and between its own; null if not in English.

    One between for every three sentences, and one at least; none inside of a line of a list. An
    answer is in English where its commonest words are in it; a word or two may not tell.
    """
    if not _is_english(text):
        return None
    spans = [span for span in _sentences(text) if _is_prose(text, span)]
    if not spans:
        return None
    rng = np.random.default_rng(draw)
    count = min(max(1, len(spans) // _PADDED), len(padding["between"]))
    fillers = rng.permutation(len(padding["between"]))[:count].tolist()
    places = sorted(rng.choice(len(spans), min(count, len(spans)), replace=False).tolist())
    opening, closing = (
        padding[name][int(rng.integers(len(padding[name])))] for name in ("opening", "closing")
    )
    for place, filler in reversed(list(zip(places, fillers, strict=False))):
        end = spans[place].end
        text = f"{text[:end]} {padding['between'][filler]}{text[end:]}"
    return f"{opening}\n\n{text.rstrip()}\n\n{closing}"


def _is_english(text: str) -> bool:
    letters = [sign for sign in text if sign.isalpha()]
    if sum(not "a" <= sign.lower() <= "\u024f" for sign in letters) > _FOREIGN * len(letters):
        return False
    common = _ENGLISH.split()
    found = [word in common for word in _WORD.findall(text.casefold())]
    return sum(found) > _COMMON * len(found)


def _sentences(text: str) -> list[_Span]:
    """Where the sentences stand, those in fenced code, headings and tables left out."""
    fences = [found.start() for found in _FENCE.finditer(text)]
    if len(fences) % 2:
        fences.append(len(text))
    code = [_Span(*pair) for pair in zip(fences[::2], fences[1::2], strict=True)]
    found, start = [], 0
    for sentence in sentences(text):
        start = text.find(sentence, start)
        if start < 0:  # never so far: a sentence is a piece of its line
            break
        span = _Span(start, start + len(sentence))
        start = span.end
        line_start = text.rfind("\n", 0, span.start) + 1
        in_code = any(span.start < fence.end and fence.start < span.end for fence in code)
        if not in_code and not _UNSAID.match(text, line_start):
            found.append(span)
    return found


def _is_prose(text: str, span: _Span) -> bool:
    """Whether a sentence ends as one and does not stand in a list or quotation."""
    line_start = text.rfind("\n", 0, span.start) + 1
    head = text[line_start : span.end].lstrip()
    is_marked = bool(re.match(r"(?:[-*+•]\s|>|\d{1,3}[.)]\s)", head))
    return not is_marked and text[span.end - 1] in ".!?…\"'”’)"  # noqa: RUF001
