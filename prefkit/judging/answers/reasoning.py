"""What of a reply is meant for its reader: a model's reasoning is no part of the answer."""

from __future__ import annotations

import re

__all__ = ["without_reasoning"]

_MARK = re.compile(r"<(/?)(?:think|thinking|reasoning)>", re.IGNORECASE)


def without_reasoning(text: str) -> str:
    """The text without what stands in `<think>`, `<thinking>` or `<reasoning>`.

    A template may have opened the mark, so what stands before a closing one is reasoning too; so is
    all of a text that begins with one which is never closed, as where the tokens ended.
    """
    kept: list[str] = []
    start = opened = 0
    is_inside = False
    for mark in _MARK.finditer(text):
        if mark[1]:
            if not is_inside:
                kept.clear()
            start, is_inside = mark.end(), False
        elif not is_inside:
            kept.append(text[start : mark.start()])
            opened, is_inside = mark.start(), True
    if not is_inside:
        kept.append(text[start:])
    elif any(part.strip() for part in kept):
        kept.append(text[opened:])  # words about such a mark
    return "".join(kept)
