"""What checks and rules read of a stored response: its text, how often it was drawn, its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from prefkit.schema.records import Response

__all__ = ["ended", "text_of", "times_drawn"]


def text_of(response: Response) -> str:
    """The assistant's last turn with text; empty where there is none."""
    said = [turn.content for turn in response.messages if turn.role == "assistant"]
    return next((text for text in reversed(said) if text and text.strip()), "")


def times_drawn(response: Response) -> int:
    """How many answers were this text; 1 where it is not recorded."""
    count = _sampling(response).get("count")
    return count if isinstance(count, int) and count > 0 else 1


def ended(response: Response) -> Sequence[str]:
    """Why the model stopped, for each draw of the text that says so."""
    draws = _sampling(response).get("draws")
    several = draws if isinstance(draws, list) else []
    known = (draw.get("finish") for draw in several if isinstance(draw, dict))
    return [finish for finish in known if isinstance(finish, str)]


def _sampling(response: Response) -> dict[str, Any]:
    """Of a dataset that others wrote it may be anything."""
    if response.sampling is None:
        return {}
    try:
        found = orjson.loads(response.sampling)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
