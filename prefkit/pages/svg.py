"""SVG as text: elements with escaped attributes, scales from values to places, axes.

Colours and fonts are classes of the page's style, so charts follow dark mode and print. Every chart
has a name for those who do not see it; marks tell their numbers in a title.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import floor, log10
from typing import NamedTuple

from prefkit.pages.hidden import marked

__all__ = ["Scale", "chart", "element", "label", "line", "plain", "text", "ticks", "titled"]

_NARROW = frozenset("fijlrt.,:;'|!()[] ")


class Scale(NamedTuple):
    """From values to places on the page, both ends included."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of a value; one beyond the ends stands at the end."""
        inside = min(max(value, self.low), self.high)
        return self.start + (inside - self.low) / (self.high - self.low) * (self.end - self.start)


def plain(other: str) -> str:
    """Other people's text for an attribute or a text node: escaped, hidden characters named."""
    named = marked(other)
    return escape(_named(named))


def _named(text: str) -> str:
    """Marks as `[U+202E]`: where no element can stand."""
    return text.replace("\ue000", "[U+").replace("\ue001", "]")


def element(name: str, content: str = "", **attributes: str | float) -> str:
    """An element; `class_` is the class, underscores of other names become hyphens."""
    told = "".join(
        f' {"class" if key == "class_" else key.replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
    )
    return f"<{name}{told}>{content}</{name}>" if content else f"<{name}{told}/>"


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")


def titled(title: str, *marks: str, class_: str = "mark") -> str:
    """Marks that belong together, with what a pointer over them shows."""
    return element("g", element("title", plain(title)) + "".join(marks), class_=class_)


def text(x: float, y: float, content: str, *, class_: str = "note", anchor: str = "start") -> str:
    """A text at a place; `anchor`: start, middle or end."""
    return element("text", plain(content), x=x, y=y, class_=class_, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def label(name: str, width: int) -> str:
    """A name cut to about `width` narrow characters; the whole stands in the title of its mark."""
    room = float(width)
    for place, character in enumerate(name):
        room -= 0.6 if character in _NARROW else 1.0 if character.isascii() else 1.6
        if room < 0:
            return f"{name[:place].rstrip()}…"
    return name


def ticks(low: float, high: float, most: int) -> Sequence[float]:
    """Round values between two, at most `most` of them, steps of 1, 2 or 5."""
    rough = (high - low) / max(most - 1, 1)
    power = 10.0 ** floor(log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * (1 - 1e-9))
    first = -(-round(low / step, 9) // 1)
    found = []
    while (first * step) <= high + step * 1e-9:
        found.append(round(first * step, 12))
        first += 1
    return found


def chart(width: float, height: float, name: str, marks: str) -> str:
    """The picture; `name` says in a sentence what it shows, for those who do not see it."""
    return element(
        "svg",
        element("title", plain(name)) + marks,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=_named(marked(name)),
        class_="chart",
    )
