"""Plain tables: names to the left, numbers to the right."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["number", "table"]


def number(value: float) -> str:
    """Seconds: three decimals below one, then one."""
    return f"{value:.3f}" if value < 1 else f"{value:.1f}"


def table(lines: Sequence[tuple[str, ...]], *, names: int = 2) -> str:
    """The lines in columns of equal width, the first `names` of them to the left."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_line(cells, widths, names) for cells in lines)


def _line(cells: tuple[str, ...], widths: list[int], names: int) -> str:
    padded = [
        cell.ljust(width) if place < names else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()
