"""Answers to one prompt as responses: equal texts are one, with their count and their draws."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prefkit.collectors.synthetic.recipe import Made, Merged
from prefkit.schema.records import Message, Response, to_json

__all__ = ["merged"]


def merged(texts: Iterable[tuple[str, Made]]) -> list[Merged]:
    """One response for each text that differs in any character, in the order of the first of each.

    `Response.sampling` is `{"count": n, "draws": [...]}`, a draw with its model, why the model
    stopped and how it was sampled. The model of a response is null where several wrote it.
    """
    found: dict[str, list[Made]] = {}
    for text, made in texts:
        found.setdefault(text, []).append(made)
    return [Merged(_response(text, several), tuple(several)) for text, several in found.items()]


def _response(text: str, several: list[Made]) -> Response:
    names = {made.model for made in several}
    draws = [_draw(made) for made in several]
    return Response(
        (Message("assistant", text),),
        names.pop() if len(names) == 1 else None,
        to_json({"count": len(draws), "draws": draws}),
    )


def _draw(made: Made) -> dict[str, Any]:
    said = {"model": made.model, "finish": made.finish}
    known = {name: value for name, value in said.items() if value is not None}
    return {**known, **made.draft.sampling}
