"""Numbers as people and models write them, read exactly or not at all.

What could be read in two ways is not read: `1,23`, `3:4`, `5 or 6`, `18k`, `2x`.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from typing import Literal, NamedTuple

from prefkit.judging.answers.checking import Unsure, shown

__all__ = ["Decimal", "Numeral", "last_number", "read_number"]

Decimal = Literal["point", "comma"]

_READ = 400  # characters of an answer: no number is longer
_DIGITS = 100  # of a number
_EXPONENT = 300

_GROUPS = str.maketrans(dict.fromkeys("\u00a0\u202f\u2009\u2019", "_"))
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_WRITTEN = (
    (re.compile(r"\\left|\\right|\\!|\\;|\\displaystyle"), ""),
    (re.compile(r"\\,"), "_"),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\\(?:text|mathrm|textbf|mathbf)\{\s*([^{}]*?)\s*\}"), r" \1"),
    (re.compile(r"\^\s?\{?\\circ\}?"), "°"),
    (re.compile(r"\^\{([^{}]*)\}"), r"^\1"),
    (re.compile(r"\\[dtc]?frac\{(\d+)\}\{(\d+)\}"), r" \1/\2"),
    (re.compile(r"\\[dtc]?frac(\d)(\d)"), r" \1/\2"),
    (re.compile(r"\\(?:times|cdot)(?![a-z])|[×·∙⋅]"), " x "),  # noqa: RUF001
    (re.compile(r"\\(?:approx|simeq)(?![a-z])|≈"), "="),
    (re.compile(r"\\([$%€£])"), r"\1"),
    (re.compile(r"\*(?=\d)(?<=\d\*)"), " x "),
    (re.compile(r"[*`]+"), ""),
)
_SUPERS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]{1,20}")
_MINUS = re.compile("[−‐‑–—]")  # noqa: RUF001 - the signs that stand for it

_PLAIN = {
    "point": r"\d{1,3}(?:[,_']\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?(?!\d)|\.\d+",
    "comma": r"\d{1,3}(?:[._']\d{3})+(?!\d)(?:,\d+)?|\d+(?:,\d+)?(?!\d)|,\d+",
}
_HEADS = {
    kind: re.compile(
        r"\s*(?:(?:about|approximately|approx\.|roughly|around|exactly|only|just|a total of)\s+)?"
        r"(?P<sign>[-+])?\s?(?P<currency>US\$|[$€£¥]|USD|EUR|GBP)?\s?(?P<inner>[-+])?"
        rf"(?:(?P<whole>\d+)(?:\s+|\s?and\s+))?(?:(?P<over>{one})\s?/\s?(?P<under>{one})"
        rf"|(?(whole)(?!))(?P<plain>{one})"
        r"(?:[eE](?P<e>[-+]?\d+)|\s*[x*]\s*10\s?\^\s?(?P<ten>[-+]?\d+))?)"
    )
    for kind, one in _PLAIN.items()
}
_POWER = re.compile(r"\^\s?([-+]?\d{1,3})(?!\d)")
_TIMES = re.compile(r"\s*(hundred|thousand|million|billion|trillion)\b", re.IGNORECASE)
_FACTORS = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_MORE = re.compile(
    r"\s*(?:[:/*^,.<>~±_]|x\b|[-+]|to\b|or\b|and\b|through\b)?\s*[$€£(]?\.?\d"
    r"|\s*[\\^√]|\s*[-+*/]\s*[a-z(\\]|\(|±|[eE]\d|!|\.{2}|[.,]?\s?\\|\s?_|[٫٬+]",  # noqa: RUF001
    re.IGNORECASE,
)
_GLUED = re.compile(r"(?:[kKMB]|bn|mn)(?![A-Za-z°/])|[abcdefijnopqrtuvwxyzπ](?![A-Za-z])")
_CHANGED = re.compile(
    r"\s*(?:(?:[kKMBT]|[bm]ln)(?![A-Za-z°/])|(?:bn|mn|mil|mio|mrd|lakh|crore|dozen|score|ten|hundred"
    r"|thousand|million|billion|trillion|(?:ten|hundred|thousand|million)th|third|fourth|fifth)s?\b"
    r"|(?:halves|half|squared|cubed|factorial|plus|minus|divided|multiplied|choose|mod|point|over)\b"
    r"|(?:and|&)\s(?:a\s)?(?:half|quarter|third)|or\s(?:more|less|fewer|so)\b|at\s(?:least|most)\b)",
)
"""Words that make another number of the one before them."""

_UNIT = re.compile(
    r"\s*(%|¢|°\s?[CFcf]?(?![a-z])|[$€£¥]"
    r"|(?:(?:square|cubic|sq\.?)\s)?[A-Za-z]+(?:\^?[23])?(?:(?:\s?/\s?|\sper\s)[A-Za-z]+)?)"
)
_NEXT = re.compile(r"(?:,|\s+and)?\s*[$€£]?\d")  # of `5 ft 3 in`
_LAST = re.compile(r"[-+−]?[$€£]?\s?(?:\d{1,9} )?\d[\d.,/^'_]*(?:[eE][-+]?\d+)?")  # noqa: RUF001


class Numeral(NamedTuple):
    """A number and the word or sign that it comes with."""

    value: Fraction
    unit: str
    """Empty if there is none."""


def read_number(text: str, decimal: Decimal = "point") -> Numeral:
    """The number that a short answer begins with, or that stands behind its last equals sign.

    Raises:
        Unsure: there is none, or it could be read in more than one way.
    """
    plain = _written(text)
    head = _HEADS[decimal].match(plain)
    if head is None:
        raise Unsure(f"no number begins {shown(text)}", text[:_READ])
    value, rest = _value(head, decimal, text), plain[head.end() :]
    if (power := _POWER.match(rest)) and value == 10:
        value, rest = Fraction(10) ** _exponent(power[1], text), rest[power.end() :]
    if times := _TIMES.match(rest):
        value, rest = value * 10 ** _FACTORS[times[1].lower()], rest[times.end() :]
    unit = _UNIT.match(rest)
    after = " ".join(unit[1].split()) if unit else ""
    if after.lower() in _NO_UNITS.split():
        after = ""
    has_next = unit is not None and after and _NEXT.match(rest, unit.end())
    if _MORE.match(rest) or _GLUED.match(rest) or _CHANGED.match(rest) or has_next:
        raise Unsure(f"{shown(text)} can be read in more than one way", text[:_READ])
    said = (head["currency"] or "").replace("US$", "$")
    return Numeral(value, said or after)


_NO_UNITS = (
    "is are was were for in on at of because since so as which that this and or but by with from "
    "if when after before more less left each total altogether"
)


def last_number(text: str, decimal: Decimal = "point") -> str | None:
    """The last number of a text with what follows it; null if there is none.

    Raises:
        Unsure: it is part of a larger expression.
    """
    found = None
    for found in _LAST.finditer(text):  # noqa: B007 - the last one
        pass
    if found is None:
        return None
    before = text[max(0, found.start() - 3) : found.start()].rstrip()
    if before and before[-1] in "*x×^·/{_":  # noqa: RUF001
        raise Unsure("the last number is part of an expression", found.group())
    return text[found.start() : found.start() + _READ].partition("\n")[0]


def _written(text: str) -> str:
    """The answer in plain signs: one kind of digit, of minus, of fraction."""
    if len(text) > _READ and "=" in text:
        raise Unsure(f"the answer has more than {_READ} characters", text[:_READ])
    text = text[:_READ]
    text = "".join(_fraction(one) for one in text.translate(_GROUPS))
    text = _SUPERS.sub(lambda found: "^" + found.group().translate(_SUPERSCRIPT), text)
    text = unicodedata.normalize("NFKC", text)
    text = "".join(
        str(unicodedata.decimal(one)) if one.isdecimal() and not one.isascii() else one
        for one in text
    )
    for pattern, plain in _WRITTEN:
        text = pattern.sub(plain, text)
    before, _, after = _MINUS.sub("-", text).replace("$$", "$").rpartition("=")
    return text if before.rstrip()[-1:] in ("<", ">", "!", "~") else after


def _fraction(sign: str) -> str:
    """`½` as ` 1/2`: NFKC would glue it to a digit before it."""
    if not unicodedata.decomposition(sign).startswith("<fraction>"):
        return sign
    return " " + unicodedata.normalize("NFKC", sign).replace("⁄", "/")  # noqa: RUF001


def _value(head: re.Match[str], decimal: Decimal, text: str) -> Fraction:
    if head.end() - head.start() > _DIGITS:
        raise Unsure("a number has too many digits", text[:_READ])
    if head["over"]:
        under = _plain(head["under"], decimal)
        if under == 0:
            raise Unsure(f"{shown(text)} divides by zero", text[:_READ])
        value = int(head["whole"] or 0) + _plain(head["over"], decimal) / under
    else:
        value = _plain(head["plain"], decimal)
        if exponent := head["e"] or head["ten"]:
            value *= Fraction(10) ** _exponent(exponent, text)
    negative = (head["sign"] == "-") != (head["inner"] == "-")
    return -value if negative else value


def _plain(digits: str, decimal: Decimal) -> Fraction:
    group, point = (",", ".") if decimal == "point" else (".", ",")
    digits = digits.replace(group, "").replace("_", "").replace("'", "")
    return Fraction(digits.replace(point, "."))


def _exponent(digits: str, text: str) -> int:
    exponent = int(digits)
    if abs(exponent) > _EXPONENT:
        raise Unsure(f"the exponent of {shown(text)} is too large", text[:_READ])
    return exponent
