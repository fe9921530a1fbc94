"""Cycles in what was said of the responses to one prompt: a over b, b over c, c over a."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from prefkit.judging.duel_names import JUDGED_BY, JudgeName, judges_of
from prefkit.judging.numbers import number
from prefkit.reports.contradiction_votes import (
    PAIR,
    Entry,
    Found,
    by_people,
    response_name,
    said_of,
    vote_of,
)
from prefkit.statistics.cycles import BY_COIN, MOST_RESPONSES, circular_triads, triad_counts
from prefkit.statistics.prediction import Ints
from prefkit.statistics.rates import ratio

__all__ = ["LISTED", "cycles"]

LISTED = 1_000
"""Cycles that are listed of each voice: they grow with the cube of the responses."""

_GROUP = ["criterion", "cluster", "voter"]


class _Voice(NamedTuple):
    """Whose choices must not run in a circle."""

    who: str
    choices: pl.DataFrame
    """`PAIR`, voter (null where several speak together), said (1 or -1), one line each."""

    lines: pl.DataFrame
    """The votes behind them, with `voter`."""


def cycles(duels: pl.DataFrame, *, seed: int = 0) -> Found:
    """Circular triads of each prompt and criterion, beside the quarter that coins would give.

    Of most people together, of each named person, of labels, and of each judge. A single vote on a
    list and single grades cannot run in a circle, so a person's, label's or judge's own come from
    duels alone, and of people together a pair counts where two spoke or one saw only the pair.
    """
    told = [
        (voice, criterion, groups)
        for voice in _voices(duels)
        for criterion, groups in _by_criterion(voice)
    ]
    by_voice = [_facts(voice, criterion, groups, seed) for voice, criterion, groups in told]
    by_voice = [entry for entry in by_voice if entry["triads"] or entry["left_out"]]
    facts = {
        "found": sum(entry["circular"] for entry in by_voice),
        "by_coin": BY_COIN,
        "by_voice": by_voice,
    }
    return Found(facts, partial(_entries, told))


def _voices(duels: pl.DataFrame) -> Iterator[_Voice]:
    lines = said_of(duels, ("human", "label"))
    people = lines.filter(pl.col("kind") == "human")
    heads = by_people(people)
    together = heads.group_by(PAIR, maintain_order=True).agg(
        pl.col("said").sum().sign(), ((pl.len() > 1) | ~pl.col("listed").all()).alias("free")
    )
    nobody = pl.lit(None, pl.String).alias("voter")
    together = together.filter("free").with_columns(nobody)
    yield _Voice("most people", _decided(together), people.with_columns(nobody))
    pairwise = people.filter(pl.col("form") == "pairwise", pl.col("judge").is_not_null())
    pairwise = pairwise.with_columns(voter="judge")
    yield _Voice("one person", _own(pairwise), pairwise)
    labels = lines.filter(pl.col("kind") == "label", pl.col("form") == "pairwise")
    labels = labels.with_columns(nobody)
    # A score that was made of all votes has an order: it says nothing of choices beside it.
    for scale in labels["scale"].unique().sort().to_list():
        same = labels.filter(pl.col("scale") == scale)
        yield _Voice(f"labels by {scale}", _own(same), same)
    for name, frame in judges_of(duels):
        mine = said_of(frame.filter(pl.col("form") == "pairwise"), JUDGED_BY)
        mine = mine.with_columns(pl.lit(_who(name)).alias("voter"))
        yield _Voice(name.shown, _own(mine), mine)


def _who(name: JudgeName) -> str:
    return name.by if name.by is not None else name.shown


def _own(lines: pl.DataFrame) -> pl.DataFrame:
    """The side that most of one's own votes on a pair prefer."""
    sums = lines.group_by([*PAIR, "voter"], maintain_order=True).agg(pl.col("said").sum().sign())
    return _decided(sums)


def _decided(sums: pl.DataFrame) -> pl.DataFrame:
    return sums.filter(pl.col("said") != 0).select(*PAIR, "voter", "said").sort(*PAIR, "voter")


def _by_criterion(voice: _Voice) -> Iterator[tuple[str | None, pl.DataFrame]]:
    """Criteria, and the choices about each with `group`: a prompt and who chose."""
    for criterion in voice.choices["criterion"].unique().sort().to_list():
        same = pl.col("criterion").eq_missing(pl.lit(criterion, pl.String))
        mine = voice.choices.filter(same)
        yield criterion, mine.with_columns(group=pl.struct(_GROUP).rank("dense").cast(pl.Int64))


def _edges(choices: pl.DataFrame) -> tuple[Ints, Ints, Ints]:
    low, high = (choices[side].to_numpy().view(np.int64) for side in ("low", "high"))
    first = choices["said"].to_numpy() > 0
    return (
        choices["group"].to_numpy(), np.where(first, low, high), np.where(first, high, low)
    )  # fmt: skip


def _facts(
    voice: _Voice, criterion: str | None, choices: pl.DataFrame, seed: int
) -> dict[str, Any]:
    found = triad_counts(*_edges(choices))
    of = choices.unique("group", keep="first", maintain_order=True).sort("group")
    places = np.searchsorted(of["group"].to_numpy(), found.groups)
    clusters = of["cluster"].to_numpy()[places]
    share = ratio(found.circular.astype(float), found.decided.astype(float), clusters, seed=seed)
    return {
        "who": voice.who,
        "criterion": criterion,
        "prompts": len(np.unique(clusters)),
        "triads": int(found.decided.sum()),
        "circular": int(found.circular.sum()),
        "share": number(share),
        "left_out": found.left_out,
        "left_out_because": f"more than {MOST_RESPONSES:,} responses" if found.left_out else None,
    }


def _entries(told: Iterable[tuple[_Voice, str | None, pl.DataFrame]]) -> Iterator[Entry]:
    for voice, criterion, choices in told:
        listed = (
            (circle, votes, voter)
            for group, votes, voter in _groups(voice, choices)
            for circle in circular_triads(*_edges(group)[1:])
        )
        for circle, votes, voter in islice(listed, LISTED):
            names = [one % 2**64 for one in circle]
            steps = zip(names, [*names[1:], names[0]], strict=True)
            yield {
                "kind": "cycle",
                "criterion": criterion,
                "who": voice.who,
                "by": voter,
                "circle": [response_name(one) for one in names],
                "votes": [vote_of(line) for step in steps for line in votes[min(step), max(step)]],
            }


_Votes = dict[tuple[int, int], list[dict[str, Any]]]


def _groups(
    voice: _Voice, choices: pl.DataFrame
) -> Iterator[tuple[pl.DataFrame, _Votes, str | None]]:
    """The groups with circles, the most circular first: choices, the votes behind them, whose.

    No more groups than `LISTED`, for each has a circle.
    """
    found = triad_counts(*_edges(choices))
    share = found.circular / np.maximum(found.decided, 1)
    order = np.lexsort((found.groups, -found.circular, -share))
    there = found.groups[order][found.circular[order] > 0][:LISTED]
    mine = choices.filter(pl.col("group").is_in(there.tolist()))
    keys = [*PAIR, "voter"]
    behind = voice.lines.join(mine.select(*keys, "group"), on=keys, nulls_equal=True).sort("line")
    groups = mine.partition_by("group", as_dict=True)
    votes = behind.partition_by("group", as_dict=True)
    for group in there.tolist():
        by_pair: _Votes = {}
        for line in votes[(group,)].iter_rows(named=True):
            by_pair.setdefault((line["low"], line["high"]), []).append(line)
        yield groups[(group,)], by_pair, groups[(group,)]["voter"][0]
