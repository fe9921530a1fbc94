"""A text without what it quotes."""

from __future__ import annotations

import re
from functools import partial

__all__ = ["unquoted"]

_BLOCKS = re.compile(r"```.*?```|~~~.*?~~~", re.DOTALL)
_FENCES = ("```", "~~~")
_LINES = re.compile(r"(?m)^[^\S\n]*>.*$")
# Opening and closing marks: curly, angled, low and high, single angled, corners.
_PAIRS = (
    ("\u201c", "\u201d"),
    ("\u00ab", "\u00bb"),
    ("\u201e", "\u201c"),
    ("\u2039", "\u203a"),
    ("\u300c", "\u300d"),
)
_QUOTED = tuple(re.compile(f"{one}([^{one}{other}]*){other}") for one, other in _PAIRS)
_NAME_ONLY = re.compile(
    r"(?i)\s*(?:(?:response|output|answer|assistant|model)\s*)?\(?(?:[a-h]|[1-8])\)?\s*[.,]?\s*"
)
_SINGLE = re.compile(r"(?<!\w)['\u2018](?=\S)(.+?)(?<=\S)['\u2019](?!\w)", re.DOTALL)
_SINGLES = ("'", "\u2018", "\u2019")
_LAST = re.compile(r"['\u2019](?<=\S.)(?!\w)", re.DOTALL)  # the mark first: it is searched for
_OPENING = re.compile(r"(?<!\w)['\u2018](?=\w)|\u2018")
_CLOSING = re.compile(r"(?<=\w)['\u2019](?!\w)")


def unquoted(text: str) -> str | None:
    """The text with quotations blanked, or null where it cannot be told what is quoted.

    A quotation that is only a response's name (the winner is "A") stays, without its marks. Nested
    or unclosed marks cannot be told. Marks of emphasis (`*`, `_`) go too.
    """
    if any(mark in text for mark in _FENCES):
        text = _BLOCKS.sub(" ", text)
        if any(mark in text for mark in _FENCES):
            return None
    if ">" in text:
        text = _LINES.sub(" ", text)
    text = text.replace("*", "").replace("__", "")
    plain: str | None = text
    for step in _STEPS:
        if plain is None:
            return None
        plain = step(plain)
    return plain


def _without_pairs(text: str) -> str | None:
    """Blank what stands between marks that open and close differently; null if some are left."""
    if text.isascii():
        return text
    for found in _QUOTED:
        text = _without(text, found)
    return None if any(mark in text for pair in _PAIRS for mark in pair) else text


def _without(text: str, quoted: re.Pattern[str]) -> str:
    return quoted.sub(lambda match: match[1] if _NAME_ONLY.fullmatch(match[1]) else " … ", text)


def _between(text: str, mark: str) -> str | None:
    """Blank what stands between marks that open and close alike; null if they are not in pairs.

    An opening mark has no letter before it, a closing one none after it: quotes within quotes do
    not look like that.
    """
    parts = text.split(mark)
    if len(parts) % 2 == 0:
        return None
    for place in range(1, len(parts), 2):
        before, inside, after = parts[place - 1 : place + 2]
        opened = not before[-1:].isalnum() and not inside[:1].isspace()
        closed = not inside[-1:].isspace() and not after[:1].isalnum()
        if not (opened and closed):
            return None
        if not _NAME_ONLY.fullmatch(inside):
            parts[place] = " … "
    return "".join(parts)


def _without_single(text: str) -> str | None:
    """The same of single quotes, which are apostrophes as well: what may be either is not told."""
    if not any(mark in text for mark in _SINGLES):
        return text
    # Beyond the last closing mark no quotation ends, and to look for an end there is quadratic.
    closing = [match.end() for match in _LAST.finditer(text)]
    end = closing[-1] if closing else 0
    plain = _without(text[:end], _SINGLE) + text[end:]
    if plain == text:
        return None if _OPENING.search(text) else text
    return None if _OPENING.search(plain) or _CLOSING.search(plain) else plain


_STEPS = (
    _without_pairs,
    partial(_between, mark='"'),
    partial(_between, mark="`"),
    _without_single,
)
