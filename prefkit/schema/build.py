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
    places, ids = _sorted_places(digests, comparison.responses)
    names = dict(zip(places, ids, strict=True))
    return (
        comparison_id(messages_digest(comparison.prompt), comparison.tools, ids),
        comparison.prompt,
        [(names[place], *comparison.responses[place]) for place in places],
        [_vote_row(vote, places, names) for vote in comparison.votes],
        comparison.tools,
        comparison.template_kwargs,
        comparison.reference,
        comparison.extra,
        tuple(sorted(comparison.tags)) if comparison.tags else (),
    )


def comparisons_table(rows: Sequence[ComparisonRow]) -> pa.Table:
    """Rows of `comparison_row` as one Arrow table."""
    return table(COMPARISONS, rows)


def _sorted_places(
    digests: list[str], responses: Sequence[Response]
) -> tuple[list[int], list[str]]:
    """Places of the responses in stored order, and their ids: a second equal digest gets `-2`."""
    if len(digests) == 2 and digests[0] != digests[1]:
        places = [0, 1] if digests[0] < digests[1] else [1, 0]
        return places, [digests[place] for place in places]
    places = sorted(
        range(len(digests)), key=lambda place: _sort_key(digests[place], responses[place])
    )
    ids: list[str] = []
    repeat = 1
    for number, place in enumerate(places):
        same = number > 0 and digests[places[number - 1]] == digests[place]
        repeat = repeat + 1 if same else 1
        ids.append(digests[place] if repeat == 1 else f"{digests[place]}-{repeat}")
    return places, ids


def _sort_key(digest: str, response: Response) -> tuple[str, str, str, str]:
    return (digest, response.model or "", response.sampling or "", response.extra or "")


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
