"""Lines over a quantity: the trade-off of a cut-off, and a share that drifts over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from prefkit.pages.svg import Scale, chart, element, line, text, ticks, titled

__all__ = ["CutOff", "Period", "control_chart", "trade_off"]

_WIDTH, _HEIGHT = 350.0, 190.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 335.0, 16.0, 158.0


class CutOff(NamedTuple):
    """What is left above a cut-off: the share that is right, with its interval, and the kept."""

    at: float
    right: float
    low: float | None
    high: float | None
    kept: float


class Period(NamedTuple):
    """The share of one week: of `n` votes, within its own limits of three standard errors."""

    name: str
    share: float
    n: int
    lower: float
    upper: float
    event: str = ""


def trade_off(name: str, points: Sequence[CutOff], target: float | None) -> str:
    """Two lines over the cut-off: solid the share right with its band, dashed the share kept."""
    across = Scale(points[0].at, max(points[-1].at, points[0].at + 1e-9), _LEFT + 14, _RIGHT - 5)
    least = min([one.kept for one in points] + [one.low or one.right for one in points])
    up = Scale(int(least * 10) / 10, 1.0, _BOTTOM, _TOP)
    known = [one for one in points if one.low is not None and one.high is not None]
    marks = [_band([(across(p.at), up(p.low or 0), up(p.high or 0)) for p in known])]
    marks.append(_path([(across(p.at), up(p.right)) for p in points], "line"))
    marks.append(_path([(across(p.at), up(p.kept)) for p in points], "line second"))
    if target is not None:
        marks.append(line(_LEFT, up(target), _RIGHT, up(target), "target"))
    for point in points:
        told = f"from {point.at:g}: {point.right:.0%} right, {point.kept:.0%} of pairs kept"
        dot = element("circle", cx=across(point.at), cy=up(point.right), r=3.5, class_="dot")
        marks.append(titled(told, dot, class_="fine"))
    marks += [text(across(x), _BOTTOM + 18, f"{x:g}", anchor="middle") for x in _few(points)]
    return chart(_WIDTH, _HEIGHT, name, "".join([*marks, *_shares(up)]))


def _few(points: Sequence[CutOff]) -> list[float]:
    return [one.at for one in points[:: max(1, len(points) // 5)]]


def control_chart(name: str, periods: Sequence[Period], centre: float) -> str:
    """A share by period with the limits that chance keeps; a period beyond them is marked."""
    lower = min([one.lower for one in periods] + [one.share for one in periods])
    up = Scale(max(0.0, int(lower * 10) / 10), 1.0, _BOTTOM, _TOP)
    across = Scale(0, max(len(periods) - 1, 1), _LEFT + 16, _RIGHT - 10)
    places = [across(place) for place in range(len(periods))]
    limits = [(x, up(p.lower), up(p.upper)) for x, p in zip(places, periods, strict=True)]
    marks = [_band(limits), line(_LEFT, up(centre), _RIGHT, up(centre), "reference")]
    shares = [(x, up(p.share)) for x, p in zip(places, periods, strict=True)]
    marks.append(_path(shares, "line"))
    every = max(1, -(-len(periods) // 8))
    for place, (x, period) in enumerate(zip(places, periods, strict=True)):
        marks.append(_period(x, up(period.share), period))
        if place % every == 0:
            marks.append(text(x, _BOTTOM + 18, period.name, anchor="middle"))
    return chart(_WIDTH, _HEIGHT, name, "".join([*marks, *_shares(up)]))


def _period(x: float, y: float, period: Period) -> str:
    inside = period.lower <= period.share <= period.upper
    told = f"{period.name}: {period.share:.0%} of {period.n}"
    dot = element("circle", cx=x, cy=y, r=3.5, class_="dot")
    marks = [dot] if inside else [dot, text(x, y - 8, "▼", class_="sign", anchor="middle")]
    if period.event:
        marks += [line(x, _TOP, x, _BOTTOM, "event"), text(x + 3, _TOP + 8, period.event)]
    return titled(told, *marks, class_="fine" if inside else "low")


def _band(points: Sequence[tuple[float, float, float]]) -> str:
    if len(points) < 2:
        return ""
    edge = [(x, high) for x, _, high in points] + [(x, low) for x, low, _ in reversed(points)]
    return element("polygon", points=_points(edge), class_="band")


def _path(points: Sequence[tuple[float, float]], class_: str) -> str:
    return element("polyline", points=_points(points), class_=class_)


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _shares(up: Scale) -> list[str]:
    return [text(2, up(tick) + 4, f"{tick:.0%}") for tick in ticks(up.low, up.high, 6)]
