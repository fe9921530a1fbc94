"""Comparisons as Python values become Arrow rows, with ids, sorted responses and aligned votes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from prefkit.schema.arrow import COMPARISONS
from prefkit.schema.columns import table
from prefkit.schema.ids import comparison_id, messages_digest
from prefkit.schema.records import Comparison, Response, Vote
from prefkit.schema.validate import check_comparison

__all__ = ["ComparisonRow", "comparison_row", "comparisons_table"]

ComparisonRow = tuple[Any, ...]


def comparison_row(comparison: Comparison) -> ComparisonRow:
    """One row in the field order of `COMPARISONS`.

    Responses are sorted by id, so the order a source lists them in leaves no trace outside
    `Vote.order`; scores, labels and trials move with their responses. Two responses with the same
    messages get ids `DIGEST` and `DIGEST-2`, told apart by model, sampling and extra.

    Raises:
        SchemaError: the record breaks a rule of the schema.
    """
    check_comparison(comparison)
    digests = [messages_digest(response.messages) for response in comparison.responses]
    places = sorted(
        range(len(digests)),
        key=lambda place: _sort_key(digests[place], comparison.responses[place]),
    )
    ids = _distinct([digests[place] for place in places])
    names = dict(zip(places, ids, strict=True))
    responses = [(names[place], *comparison.responses[place]) for place in places]
    return (
        comparison_id(messages_digest(comparison.prompt), comparison.tools, ids),
        comparison.prompt,
        responses,
        [_vote_row(vote, places, names) for vote in comparison.votes],
        comparison.tools,
        comparison.template_kwargs,
        comparison.reference,
        comparison.extra,
        tuple(sorted(comparison.tags)),
    )


def comparisons_table(rows: Sequence[ComparisonRow]) -> pa.Table:
    """Rows of `comparison_row` as one Arrow table."""
    return table(COMPARISONS, rows)


def _sort_key(digest: str, response: Response) -> tuple[str, str, str, str]:
    return (digest, response.model or "", response.sampling or "", response.extra or "")


def _distinct(digests: list[str]) -> list[str]:
    """Ids for sorted digests: the second equal one gets `-2`, the third `-3`."""
    ids: list[str] = []
    repeat = 1
    for place, value in enumerate(digests):
        repeat = repeat + 1 if place and digests[place - 1] == value else 1
        ids.append(value if repeat == 1 else f"{value}-{repeat}")
    return ids


def _vote_row(vote: Vote, places: list[int], names: dict[int, str]) -> tuple[Any, ...]:
    def moved(values: Sequence[Any] | None) -> list[Any] | None:
        return None if values is None else [values[place] for place in places]

    return (
        vote.by,
        vote.kind,
        vote.outcome,
        moved(vote.scores),
        vote.scale,
        moved(vote.labels),
        moved(vote.trials),
        vote.draw,
        vote.criterion,
        None if vote.order is None else [names[place] for place in vote.order],
        vote.source,
        vote.rationale,
        vote.rubric,
        vote.seconds,
        vote.cost_usd,
        vote.at,
        vote.raw,
    )
