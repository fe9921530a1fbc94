"""Streams of several clients that are asked at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

from prefkit.errors import BatchPending

__all__ = ["begun"]

ValueT = TypeVar("ValueT")


def begun(openings: Sequence[Callable[[], Iterator[ValueT]]]) -> list[Iterator[ValueT]]:
    """All streams under way before the first is waited for: batches of all are then submitted.

    Raises:
        BatchPending: the first of those that are not done; the others were submitted too.
    """
    found: list[Iterator[ValueT]] = []
    pending: BatchPending | None = None
    for opening in openings:
        try:
            stream = opening()
            found.append(chain([next(stream)], stream))
        except StopIteration:
            found.append(iter(()))
        except BatchPending as error:
            pending = pending or error
    if pending is not None:
        raise pending
    return found
