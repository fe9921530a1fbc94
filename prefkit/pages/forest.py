"""The forest plot: a rate and how little is known of it, a row each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from prefkit.pages.svg import Scale, chart, element, label, line, text, ticks, titled

__all__ = ["STATES", "ForestRow", "Reference", "forest"]

STATES = ("fine", "suspect", "low")
"""How a row is drawn; a suspect gets `?` and one that is proven low `▼`, never colour alone."""

_SIGNS = {"suspect": " ?", "low": " ▼"}
_WIDTH = 560.0
_LEFT, _RIGHT = 190.0, 460.0
_ROW = 20.0
_TOP = 30.0


class ForestRow(NamedTuple):
    """One row: a group's heading where `value` is null, else a rate with its interval.

    `low` and `high` are null where there is no interval: the dot stands alone, hollow.
    """

    name: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""
    title: str = ""
    state: str = "fine"


class Reference(NamedTuple):
    """A line from top to bottom: a target, or the rate of all."""

    value: float
    name: str
    class_: str = "reference"


def forest(
    name: str, rows: Sequence[ForestRow], references: Sequence[Reference], *, percent: bool = True
) -> str:
    """The plot, rows in the order given; what lies beyond an end of the axis stands at that end."""
    known = [one for row in rows for one in (row.value, row.low, row.high) if one is not None]
    known += [reference.value for reference in references]
    low, high = _ends(known, percent=percent)
    scale = Scale(low, high, _LEFT, _RIGHT)
    bottom = _TOP + len(rows) * _ROW
    marks = [_reference(one, scale, bottom, place) for place, one in enumerate(references)]
    marks += [_row(row, scale, _TOP + place * _ROW) for place, row in enumerate(rows)]
    for tick in ticks(low, high, 6):
        shown = f"{tick:.0%}" if percent else f"{tick:g}"
        marks.append(text(scale(tick), bottom + 16, shown, anchor="middle"))
    return chart(_WIDTH, bottom + 22, name, "".join(marks))


def _ends(known: Sequence[float], *, percent: bool) -> tuple[float, float]:
    low, high = min(known, default=0.0), max(known, default=1.0)
    if not percent:
        margin = (high - low) * 0.05 or 1.0
        return low - margin, high + margin
    return max(0.0, int(low * 10) / 10), 1.0


def _reference(one: Reference, scale: Scale, bottom: float, place: int) -> str:
    x = scale(one.value)
    anchor, gap = ("end", -4.0) if place % 2 else ("start", 4.0)
    told = text(x + gap, 12, one.name, class_=f"note {one.class_}-name", anchor=anchor)
    return line(x, 18, x, bottom, one.class_) + told


def _row(row: ForestRow, scale: Scale, y: float) -> str:
    base = y + 14
    if row.value is None:
        return text(0, base, label(row.name, 60), class_="group")
    sign = _SIGNS.get(row.state, "")
    parts = [text(10, base, label(row.name, 24) + sign, class_="name")]
    hollow = row.low is None or row.high is None
    if row.low is not None and row.high is not None:
        parts.append(line(scale(row.low), y + 10, scale(row.high), y + 10, "interval"))
    dot = "dot hollow" if hollow else "dot"
    parts.append(element("circle", cx=scale(row.value), cy=y + 10, r=4.5, class_=dot))
    parts.append(text(_RIGHT + 14, base, row.note))
    return titled(row.title or row.name, *parts, class_=row.state)
