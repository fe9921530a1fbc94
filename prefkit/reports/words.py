"""Numbers of a document in words, and small tables of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["cells", "counts", "line", "listed", "methods", "name", "shown", "told"]

_LONGEST_NAME = 60


def shown(found: Mapping[str, Any], *, bare: bool = False, signed: bool = False) -> str:
    """`0.71 (0.66 to 0.76, n 412 in 120 prompts, design effect 1.6)`; without a value why.

    Where every row is a prompt of its own `n 412` says all. The method is in `methods`.

    Args:
        found: a number of a document.
        bare: only the value, for a cell of a table.
        signed: a plus before what is above 0.
    """
    value = found["value"]
    if value is None:
        return "-" if bare else f"- ({found['reason']})"
    text = _number(value, signed=signed)
    if bare:
        return text
    if found["low"] is None or found["high"] is None:
        return f"{text} ({_rows(found)}, no interval: {found['reason']})"
    ends = " to ".join(_number(found[end], signed=signed) for end in ("low", "high"))
    return f"{text} ({ends}, {_rows(found)})"


def _rows(found: Mapping[str, Any]) -> str:
    text = f"n {found['n']:,}"
    if found.get("clusters") in (None, found["n"]):
        return text
    effect = found.get("design_effect")
    text += f" in {found['clusters']:,} prompts"
    return text if effect is None else f"{text}, design effect {effect:.2g}"


def methods(document: Any) -> list[str]:
    """How the intervals in a document were made, each once, in the order of the alphabet."""
    return sorted(set(_methods(document)))


def _methods(document: Any) -> Iterator[str]:
    if isinstance(document, Mapping):
        if isinstance(document.get("method"), str) and document.get("low") is not None:
            yield document["method"]
        parts: Iterable[Any] = document.values()
    elif isinstance(document, list | tuple):
        parts = document
    else:
        return
    for part in parts:
        yield from _methods(part)


def told(found: Mapping[str, Any], after: str, *, signed: bool = False) -> str:
    """A number and what it is of; where there is no number, only why."""
    text = shown(found, signed=signed)
    return text if found["value"] is None else f"{text} {after}"


def line(text: str) -> str:
    """A text with somebody's names in it as one line, so that it cannot pose as several."""
    return " ".join(text.split())


def name(text: str) -> str:
    """Somebody's name as one line, cut if it is long: the whole is in the document."""
    return _cut(text, _LONGEST_NAME) or '""'


def _number(value: float, *, signed: bool) -> str:
    """Two decimals; more where a small number would vanish."""
    small = 0 < abs(value) < 0.005
    text = f"{value:+.2g}" if small else f"{value:+.2f}"
    return text if signed else text.removeprefix("+")


def listed(found: Mapping[str, int]) -> str:
    """`84 tie, 29 blank`: all of them, the largest first."""
    ordered = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in ordered)


def counts(found: Mapping[str, int]) -> str:
    """The same without those that are zero."""
    return listed({name: count for name, count in found.items() if count}) or "none"


def cells(rows: Sequence[Sequence[str]], *, widest: int) -> str:
    """A table with aligned columns; a cell that is too long is cut with dots."""
    cut = [[_cut(cell, widest) for cell in row] for row in rows]
    widths = [max(len(row[place]) for row in cut) for place in range(len(cut[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cut
    )


def _cut(text: str, widest: int) -> str:
    whole = line(text)
    return whole if len(whole) <= widest else f"{whole[: widest - 3]}..."
