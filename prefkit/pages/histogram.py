"""The signed histogram: how far, and to which side, a difference leans."""

from __future__ import annotations

from collections.abc import Sequence

from prefkit.pages.svg import Scale, chart, element, line, text, titled

__all__ = ["signed_histogram"]

_WIDTH, _HEIGHT = 350.0, 190.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 20.0, 335.0, 26.0, 154.0


def signed_histogram(
    name: str, edges: Sequence[float], counts: Sequence[int], unit: str, sides: tuple[str, str]
) -> str:
    """Counts between edges that lie evenly around 0, which is one of them.

    Args:
        name: what the picture shows, in a sentence.
        edges: one more than counts; the first and the last stand for all that is beyond.
        counts: how many lie from one edge to the next.
        unit: what is counted off, as `tokens`.
        sides: what to say above the left and above the right half.
    """
    across = Scale(edges[0], edges[-1], _LEFT, _RIGHT)
    up = Scale(0, max(*counts, 1), 0, _BOTTOM - _TOP)
    marks = []
    for place, count in enumerate(counts):
        start, end = across(edges[place]), across(edges[place + 1])
        height = up(count)
        bar = element(
            "rect", x=start + 0.5, y=_BOTTOM - height, width=max(end - start - 1, 0.5),
            height=height, class_="bar" if edges[place] < 0 else "bar second",
        )  # fmt: skip
        told = f"{_range(edges, place)} {unit}: {count:,} pairs"
        marks.append(titled(told, bar))
    zero = across(0)
    marks.append(line(zero, _TOP - 8, zero, _BOTTOM, "reference"))
    marks.append(text(zero - 8, 14, sides[0], anchor="end"))
    marks.append(text(zero + 8, 14, sides[1]))
    for place in range(0, len(edges), max(1, len(edges) // 6)):
        shown = f"{edges[place]:+g}" if edges[place] else "0"
        marks.append(text(across(edges[place]), _BOTTOM + 18, shown, anchor="middle"))
    return chart(_WIDTH, _HEIGHT, name, "".join(marks))


def _range(edges: Sequence[float], place: int) -> str:
    if place == 0:
        return f"under {edges[1]:+g}"
    if place == len(edges) - 2:
        return f"from {edges[place]:+g}"
    return f"{edges[place]:+g} to {edges[place + 1]:+g}"
