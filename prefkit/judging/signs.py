"""Other people's texts as a judge may see them: nothing invisible, nothing that acts.

A character that is shown by its number stands as `⟦U+200B⟧`. The sign's own bracket is shown in the
same way, so that `restored(visible(text))` is always `text`.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["folded", "restored", "visible"]

_BRACKET = "⟦"
_SIGN = re.compile(r"⟦U\+([0-9A-F]{4,6})⟧")
_KEPT = frozenset("\n\t")
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")

# What Unicode calls default-ignorable without being a format character: fillers and selectors.
_IGNORED = frozenset(
    [chr(0x034F), chr(0x115F), chr(0x1160), chr(0x17B4), chr(0x17B5), chr(0x3164), chr(0xFFA0)]
    + [chr(number) for number in range(0x180B, 0x1810)]
)
_SELECTORS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_KEYCAP = "\u20e3"

_SPECIAL = (
    r"<(?=[|\uff5c][^<>\n]{0,80}[|\uff5c]>"
    r"|/?(?:s|bos|eos|pad|unk|mask|think|tool_call|tool_response|sep|cls)>"
    r"|<SYS>>|</SYS>>"
    r"|(?:start|end)_of_(?:turn|image|role|text)>|fim_(?:prefix|middle|suffix|pad)>"
    r"|(?:extra_id_|unused|reserved_)[0-9]+>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|TOOL_CALLS|TOOL_CONTENT|TOOL_RESULTS|AVAILABLE_TOOLS|CLS"
    r"|SEP|MASK|PAD|UNK|ARGS|CALL_ID)\])"
)
"""Starts of what tokenizers read as one special token, wherever it stands in a text."""


def visible(text: str) -> str:
    """The text with control, bidirectional and invisible characters shown by their numbers.

    Line ends, tabs, the joiners and selectors that scripts and emoji are written with, stay. The
    first character of what tokenizers take for special tokens is shown by number as well.
    """
    signs = {one for one in set(text) if _is_sign(one)}
    pattern = _SPECIAL
    if signs:
        pattern = f"[{re.escape(''.join(sorted(signs)))}]|{_SPECIAL}"
    return re.sub(pattern, _shown, text)


def restored(text: str) -> str:
    """What `visible` was given."""
    return _SIGN.sub(lambda found: chr(int(found[1], 16)), text)


def _is_sign(character: str) -> bool:
    if character in _KEPT:
        return False
    if unicodedata.category(character) in _HIDDEN or character in _IGNORED:
        return True
    if character == _BRACKET or character in _SELECTORS:
        return True
    return ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF


def _shown(found: re.Match[str]) -> str:
    character = found[0]
    before = found.string[found.start() - 1 : found.start()] if found.start() else ""
    after = found.string[found.end() : found.end() + 1]
    if _belongs(character, before, after):
        return character
    return f"{_BRACKET}U+{ord(character):04X}⟧"


def _belongs(character: str, before: str, after: str) -> bool:
    """Whether an invisible character does its ordinary work where it stands."""
    if character == "\r":
        return after == "\n"
    if character in _JOINERS:
        return _is_drawn(before) and _is_drawn(after)
    if character in _SELECTORS:
        return (_is_drawn(before) and before not in _SELECTORS) or after == _KEYCAP
    return False


def _is_drawn(character: str) -> bool:
    """A visible character beyond ASCII, with which joiners and selectors make sense."""
    return (
        character > "\x7f"
        and not character.isspace()
        and unicodedata.category(character)[0] in "LMS"
        and character not in _IGNORED
        and character != _BRACKET
    )


_ALIKE = str.maketrans(
    "oil\u0430\u03b1\u0441\u03c3\u0435\u0501\u044c\u043e\u03bf\u0456\u03b9\u04cf\u0437\u0431",
    "011aaccedb0011136",
)
"""Letters of three scripts, as `folded` leaves them, that look like hexadecimal digits."""


def folded(text: str) -> str:
    """The text as look-alikes of it are: no case, width, marks, blanks or signs, digits plain."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
    text = text.casefold()
    table = {ord(one): _plain(one) for one in set(text) if not (one.isascii() and one.isalnum())}
    return text.translate(table).translate(_ALIKE)


def _plain(character: str) -> str | None:
    if not character.isalnum():
        return None
    number = unicodedata.decimal(character, None)
    return character if number is None else str(number)
