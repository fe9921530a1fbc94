"""What a reviewer sees of a pair, and nothing that tells its label.

No `pair_sha256` is among it: with both texts at hand it could be made for either orientation, so it
would be the answer key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from prefkit.pages.markdown import raw_html, rendered_html
from prefkit.schema.decision_lines import Side, Verdict

__all__ = ["COLUMNS", "REASONS", "VERDICTS", "shown_pair"]

COLUMNS = ("prompt", "chosen", "rejected", "tools", "criterion")

VERDICTS: tuple[tuple[Verdict, str, str], ...] = (
    ("a", "1", "A better"),
    ("b", "2", "B better"),
    ("tie", "3", "Tie"),
    ("both_bad", "4", "Both bad"),
    ("unsure", "5", "Unsure"),
)
"""Verdict, key and words, in the order of the buttons."""

REASONS = (
    "more correct", "follows the ask", "clearer", "shorter", "safer", "other is made up"
)  # fmt: skip

_OPEN_TURNS = 3
"""Turns of a prompt that stand open; of a longer one the first is, and the last two."""

_LONG = 1_500
"""Characters of a turn of the prompt that stand open; a longer one is folded behind its start."""

_START = 200


def shown_pair(row: Mapping[str, Any], left: Side) -> dict[str, Any]:
    """The prompt, folded where it is long, and the sides A and B, each rendered and raw.

    Args:
        row: the `COLUMNS` of a pair, messages as dictionaries.
        left: the side to show as A.

    Raises:
        MissingExtra: what renders Markdown is not installed.
    """
    turns = [_turn(message) for message in row["prompt"]]
    folded = turns[1:-2] if len(turns) > _OPEN_TURNS else []
    sides = ("chosen", "rejected") if left == "chosen" else ("rejected", "chosen")
    return {
        "criterion": row["criterion"],
        "tools": None if row["tools"] is None else raw_html(_indented(row["tools"])),
        "first": turns[:1] if folded else [],
        "folded": folded,
        "turns": turns[-2:] if folded else turns,
        "sides": [
            {"name": name, "turns": [_message(one) for one in row[side] or ()]}
            for name, side in zip("AB", sides, strict=True)
        ],
    }


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    content = message["content"]
    return {
        "role": message["role"],
        "rendered": None if content is None else rendered_html(content),
        "raw": None if content is None else raw_html(content),
        "extra": None if message["extra"] is None else raw_html(_indented(message["extra"])),
    }


def _turn(message: Mapping[str, Any]) -> dict[str, Any]:
    text = message["content"] or ""
    start = " ".join(text[:_START].split()) if len(text) > _LONG else None
    return {**_message(message), "start": start, "words": len(text.split())}


def _indented(text: str) -> str:
    """JSON on several lines; what is none as it is."""
    try:
        found: Sequence[Any] | Mapping[str, Any] = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return json.dumps(found, indent=1, ensure_ascii=False)
