"""Characters that a reader cannot see, made visible: a reversed or split word must show.

Control, bidirectional and zero-width characters, soft hyphens, tags and private characters are
marked with their number. Joiners stay between letters that need them (Persian, Indic scripts,
emoji): there they shape what is seen.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["marked", "spelled"]

_OPEN, _CLOSE = "\ue000", "\ue001"
_JOINERS = "\u200c\u200d\ufe0f"
_BLANKS = "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u2800\u3164\uffa0\ufffc"
_KEPT = "\n\t"
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_MARK = re.compile(f"{_OPEN}([0-9A-F]+){_CLOSE}")
_ASCII = re.compile(r"[\n\t -~]*\Z")


def marked(text: str) -> str:
    """The text with a mark in place of each character that cannot be seen; `spelled` shows them.

    Line ends become plain ones. A mark is made of private characters, which no text can forge:
    its own are marked too.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _ASCII.match(text):
        return text
    around = f"a{text}a"
    return "".join(
        f"{_OPEN}{ord(character):04X}{_CLOSE}"
        if _is_hidden(character, around[place], around[place + 2])
        else character
        for place, character in enumerate(text)
    )


def _is_hidden(character: str, before: str, after: str) -> bool:
    if character in _JOINERS:
        return before.isascii() or (character != "\ufe0f" and after.isascii())
    if character.isascii() and (character in _KEPT or character.isprintable()):
        return False
    variation = "\ufe00" <= character <= "\ufe0e" or character >= "\U000e0100"
    return unicodedata.category(character) in _UNSEEN or character in _BLANKS or variation


def spelled(html: str) -> str:
    """Finished HTML with its marks as boxes that name the character, `U+202E`."""
    return _MARK.sub(r'<span class="hidden-character" title="hidden character">U+\1</span>', html)
