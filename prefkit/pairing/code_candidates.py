"""Candidates of a code task as their execution votes tell them: class, share of tests, program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.schema.columns import one_chunk

__all__ = ["FAILING", "Candidate", "Run", "tasks_of"]

FAILING = ("near_miss", "wrong", "slow", "crashing")
"""Classes of candidates that may be a rejected side."""

_NEITHER = ("trivial", "invalid")  # known classes that are no side of a pair
_NEAR = 0.5  # from this share of tests on a candidate without a class counts as a near miss


class Run(NamedTuple):
    """What one vote says of a candidate beside its score; all from the vote's `raw`.

    `shape`: digest of its normalised syntax tree. `tests`: a verdict for each test, in the order of
    the task. `times`: seconds of each repeat of all tests, in the order they were run. `calls`: how
    many calls one repeat makes. `killed`: share of mutants of the reference that the task's tests
    catch. `differing`: share of further inputs that it answers otherwise than the reference or most
    others that pass. Null where that was not tried.
    """

    shape: str | None = None
    tests: tuple[str, ...] = ()
    times: tuple[float, ...] = ()
    calls: int = 1
    killed: float | None = None
    differing: float | None = None


class Candidate(NamedTuple):
    """One response of a task; `place` as in `Standing`, `kind` a class or why it has none."""

    row: int
    place: int
    kind: str
    share: float
    run: Run
    response: str
    text: str


def tasks_of(
    table: pa.Table, responses: pl.DataFrame, ids: pl.DataFrame
) -> Iterator[tuple[int, list[Candidate]]]:
    """Row and candidates of every comparison with execution votes that give a share of tests.

    `responses` as in `Standing`, with positions in the flattened votes of `table`.
    Programs that are equal but for names and comments are one candidate, the first by id; where
    they have different verdicts, one of these is wrong, and none of them is in any class.
    """
    cells = _cells(table, responses)
    names = dict(ids.select("row", "responses").iter_rows())
    texts = _texts(table)
    found = (
        _candidate(row, place, list(lines), names[row][place], texts[row][place])
        for (row, place), lines in groupby(cells, key=lambda line: (line["row"], line["place"]))
    )
    for row, several in groupby(found, key=attrgetter("row")):
        yield row, _without_twins(list(several))


def _cells(table: pa.Table, responses: pl.DataFrame) -> list[dict[str, Any]]:
    """One line for each execution vote and response: row, place, score, label, trials, raw."""
    flat = one_chunk(table["votes"]).flatten()
    names = ("kind", "outcome", "scale", "scores", "labels", "trials", "raw")
    votes = pl.DataFrame({name: pl.from_arrow(pc.struct_field(flat, name)) for name in names})
    votes = votes.with_row_index("vote").filter(
        pl.col("kind") == "execution", pl.col("scale") == "pass_share"
    )
    lines = responses.select("row", "place", pl.col("votes").alias("vote")).explode("vote")
    lines = lines.with_columns(pl.col("vote").cast(pl.UInt32)).join(votes, on="vote")
    of_place = [
        pl.col(several).list.get(pl.col("place"), null_on_oob=True).alias(one)
        for several, one in (("scores", "score"), ("labels", "label"), ("trials", "trials"))
    ]
    return (
        lines.with_columns(of_place)
        .sort("row", "place", "vote")
        .select("row", "place", "score", "label", "trials", "raw")
        .to_dicts()
    )


def _texts(table: pa.Table) -> list[list[str]]:
    """Of every response what it says, its turns one after the other."""
    responses = one_chunk(table["responses"])
    lists = pl.Series(pl.from_arrow(pc.struct_field(responses.flatten(), "messages")))
    texts = iter(
        ["\n".join(turn["content"] or "" for turn in messages) for messages in lists.to_list()]
    )
    counts = pc.list_value_length(responses).to_pylist()
    return [[next(texts) for _ in range(count)] for count in counts]


def _candidate(
    row: int, place: int, votes: Sequence[Mapping[str, Any]], response: str, text: str
) -> Candidate:
    """Votes of several runs together: their tests add up, and their classes must agree."""
    kinds = {_kind(vote["label"], vote["score"], vote["trials"]) for vote in votes}
    trials = [vote["trials"] or 0 for vote in votes]
    # Without trials every vote counts alike.
    weights = trials if all(trials) else [1] * len(votes)
    passed = sum(vote["score"] * weight for vote, weight in zip(votes, weights, strict=True))
    run = next((one for one in map(_run, votes) if one != Run()), Run())
    kind = kinds.pop() if len(kinds) == 1 else "verdicts that differ from vote to vote"
    return Candidate(row, place, kind, passed / sum(weights), run, response, text)


def _kind(label: str | None, score: float, trials: int | None) -> str:
    """The class of one vote; a name that is none of ours is not guessed at."""
    if trials is not None and trials < 1:
        return "no test was counted"
    if label is None:
        return "pass" if score == 1 else "near_miss" if score >= _NEAR else "wrong"
    if label in _NEITHER:
        return label
    if label not in ("pass", *FAILING):
        return "labels that are no class of a candidate"
    agrees = (label == "pass") == (score == 1)
    return label if agrees else "verdicts that contradict their share of tests"


def _run(vote: Mapping[str, Any]) -> Run:
    """What `raw` holds, part by part; what is not as it should be is left out."""
    try:
        raw = orjson.loads(vote["raw"] or "null")
    except orjson.JSONDecodeError:
        return Run()
    if not isinstance(raw, dict):
        return Run()
    shape, calls = raw.get("shape"), raw.get("calls")
    tests, times = raw.get("tests"), raw.get("times")
    return Run(
        shape=shape if isinstance(shape, str) else None,
        tests=tuple(map(str, tests)) if isinstance(tests, list) else (),
        times=_seconds(times),
        calls=calls if isinstance(calls, int) and calls > 0 else 1,
        killed=_share(raw.get("adequacy")),
        differing=_share(raw.get("differs")),
    )


def _share(counts: Any) -> float | None:
    """The share that `[count, of how many]` says; null where it says none."""
    if not (isinstance(counts, list) and len(counts) == 2):
        return None
    count, whole = counts
    known = type(count) is int and type(whole) is int and 0 <= count <= whole and whole > 0
    return count / whole if known else None


def _seconds(times: Any) -> tuple[float, ...]:
    """The times, or none of them where one is no number of seconds."""
    if not isinstance(times, list):
        return ()
    numbers = [one for one in times if type(one) in (int, float) and one >= 0]
    return tuple(map(float, numbers)) if len(numbers) == len(times) else ()


def _without_twins(candidates: list[Candidate]) -> list[Candidate]:
    """One candidate for each program; places stay in order."""
    kinds: dict[str, set[str]] = {}
    for one in candidates:
        if one.run.shape is not None:
            kinds.setdefault(one.run.shape, set()).add(one.kind)
    kept, seen = [], set()
    for one in candidates:
        shape = one.run.shape
        if shape is None:
            kept.append(one)
        elif shape not in seen:
            seen.add(shape)
            agreed = len(kinds[shape]) == 1
            kept.append(one if agreed else one._replace(kind="equal programs, other verdicts"))
    return kept
