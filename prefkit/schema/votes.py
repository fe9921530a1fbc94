"""Comparisons out of a table as records, and further votes into it, all else untouched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.errors import SchemaError
from prefkit.schema.arrow import VOTE
from prefkit.schema.columns import column, one_chunk, with_values
from prefkit.schema.records import Comparison, Message, Response, Source, Vote
from prefkit.schema.validate import check_vote

__all__ = ["comparisons_of", "with_votes"]

_ROWS = 256
"""Rows that are Python values at a time."""

_PLAIN = tuple(name for name in Vote._fields if name not in ("scores", "order", "source"))


def comparisons_of(table: pa.Table) -> Iterator[Comparison]:
    """The rows of a table as records, responses in the order they are stored in.

    About 50 µs a row: for what is asked of a model, not for a pass over a million rows.
    """
    for batch in table.to_batches(max_chunksize=_ROWS):
        for row in batch.to_pylist():
            yield _comparison(row)


def with_votes(table: pa.Table, votes: Sequence[Sequence[Vote]]) -> pa.Table:
    """The table with these votes behind those of each row.

    A vote that the row has already is not added again: it has the same record of its source, judge,
    rubric and order. The draw tells nothing more: another draw is another record, and the first of
    several is the record of a single one. Scores and orders stand as in `comparisons_of`.

    Args:
        table: comparisons.
        votes: one sequence for each row, empty where there is nothing to add.

    Raises:
        SchemaError: a vote breaks a rule of the schema; the message names the row's id.
    """
    if len(votes) != len(table):
        raise SchemaError(f"votes for {len(votes)} rows, the table has {len(table)}")
    if not any(votes):
        return table
    responses = [
        [response["id"] for response in row] for row in _parts(table, "responses", ("id",))
    ]
    known = _parts(table, "votes", ("source", "by", "rubric", "order"))
    ids = table["id"].to_pylist()
    added = [_rows(*row) for row in zip(ids, responses, map(_keys, known), votes, strict=True)]
    return with_values(table, "votes", _appended(one_chunk(table["votes"]), added))


def _comparison(row: Mapping[str, Any]) -> Comparison:
    places = {response["id"]: place for place, response in enumerate(row["responses"])}
    return Comparison(
        prompt=_messages(row["prompt"]),
        responses=tuple(
            Response(_messages(one["messages"]), *(one[n] for n in ("model", "sampling", "extra")))
            for one in row["responses"]
        ),
        votes=tuple(_vote(vote, places) for vote in row["votes"]),
        tools=row["tools"],
        template_kwargs=row["template_kwargs"],
        reference=row["reference"],
        extra=row["extra"],
        tags=tuple(row["tags"]),
    )


def _messages(turns: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
    return tuple(Message(turn["role"], turn["content"], turn["extra"]) for turn in turns)


def _vote(vote: Mapping[str, Any], places: Mapping[str, int]) -> Vote:
    plain = {name: vote[name] for name in _PLAIN}
    for name in ("labels", "trials"):
        plain[name] = None if plain[name] is None else tuple(plain[name])
    order = vote["order"]
    return Vote(
        **plain,
        scores=tuple(vote["scores"]),
        order=None if order is None else tuple(places[name] for name in order),
        source=Source(**vote["source"]),
    )


def _parts(table: pa.Table, name: str, fields: Sequence[str]) -> list[list[dict[str, Any]]]:
    """Some fields of the structs in a list column, a list for each row."""
    lists = one_chunk(table[name])
    flat = lists.flatten()
    parts = [pc.struct_field(flat, field) for field in fields]
    small = pa.StructArray.from_arrays(parts, list(fields))
    offsets = np.concatenate([[0], np.cumsum(lists.value_lengths().to_numpy())])
    values = small.to_pylist()
    return [values[start:end] for start, end in pairwise(offsets)]


def _keys(votes: Sequence[Mapping[str, Any]]) -> set[tuple[Any, ...]]:
    return {_key(vote["source"]["record"], vote, vote["order"]) for vote in votes}


def _key(record: str, vote: Mapping[str, Any], order: Sequence[str] | None) -> tuple[Any, ...]:
    """Equal texts judged alone share one answer: only the order says about which it is."""
    return record, vote["by"], vote["rubric"], None if order is None else tuple(order)


def _rows(
    name: str, responses: Sequence[str], known: set[tuple[Any, ...]], votes: Sequence[Vote]
) -> list[tuple[Any, ...]]:
    """The new votes of one comparison, in the field order of `VOTE`."""
    found = []
    for vote in votes:
        try:
            check_vote(vote, len(responses))
        except SchemaError as error:
            raise SchemaError(f"comparison {name}: vote {vote.source.record}: {error}") from error
        order = None if vote.order is None else [responses[place] for place in vote.order]
        values = {**vote._asdict(), "order": order}
        if _key(vote.source.record, values, order) not in known:
            found.append(tuple(values[field.name] for field in VOTE))
    return found


def _appended(lists: pa.ListArray, added: Sequence[Sequence[tuple[Any, ...]]]) -> pa.ListArray:
    """Each list, and behind it its new entries."""
    before = lists.value_lengths().to_numpy().astype(np.int64)
    after = np.array([len(rows) for rows in added], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(before + after)])
    old = lists.flatten()
    new = column(VOTE, [row for rows in added for row in rows])
    # of every entry: its place among the old ones, with the new ones behind them
    is_new = np.zeros(offsets[-1], dtype=bool)
    starts = np.repeat(offsets[1:] - after, after)
    is_new[starts + np.arange(after.sum()) - np.repeat(np.cumsum(after) - after, after)] = True
    take = np.empty(offsets[-1], dtype=np.int64)
    take[~is_new] = np.arange(len(old))
    take[is_new] = len(old) + np.arange(len(new))
    merged = pa.concat_arrays([old, new.cast(old.type)]).take(pa.array(take))
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), merged, type=lists.type)
