"""The plan of a review as a document, and the rows of its sample.

`plan.json` and `sample.jsonl` are described in docs/review.md. Equal options on equal data give
equal bytes: when and by whom stands in `manifest.json` alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from prefkit.judging.numbers import rounded
from prefkit.reviews.drawing import Drawn, simple, strata_of, stratified, topped_up
from prefkit.reviews.frame import FILTER, Frame, Only, hashes_of
from prefkit.reviews.goal import Goal, clean_facts, goal_facts, minutes, rows_for_drop, strata_ends
from prefkit.reviews.queue import Queue
from prefkit.reviews.rule import rule_facts
from prefkit.statistics.sampling import smallest_drop

__all__ = ["SCHEMA", "Planned", "new_plan", "with_queue", "with_top_up"]

SCHEMA = "prefkit.reviews/1"


class Planned(NamedTuple):
    """The document, the lines of the sample, and those of the targeted queues, kept apart."""

    plan: dict[str, Any]
    sample: list[dict[str, Any]]
    queue: list[dict[str, Any]]


def new_plan(
    frame: Frame,
    goal: Goal,
    dimensions: Mapping[str, pl.DataFrame],
    count: int | None,
    only: Only | None,
) -> Planned:
    """A plan with its random sample, the only part that the headline number is made of.

    Args:
        frame: what can be drawn.
        goal: what the sample is to show.
        dimensions: what to stratify by, as `dimensions.values_of`; none for a simple sample.
        count: how many to draw; null for as many as the goal needs, all if they would not do.
        only: the condition that the frame was read with.
    """
    population = frame.pairs.height
    facts = goal_facts(goal, population)
    wanted = count if count is not None else facts["pairs"] or population
    drawn = _stratified(frame, dimensions, wanted, None if count else goal)
    part = _part(1, "stratified" if dimensions else "simple", drawn, goal)
    part |= {
        "by": list(dimensions),
        "headline": True,
        "slices": _slices(frame, dimensions, drawn, goal),
    }
    plan = {
        "schema": SCHEMA,
        "dataset": _about(frame),
        "frame": {
            "filter": FILTER,
            "where": None if only is None else only.text,
            "pairs": population,
            "left_out": frame.left_out,
        },
        "seed": frame.seed,
        "goal": facts,
        "rule": rule_facts(facts, population),
        "clean": clean_facts(drawn.pairs.height, population),
        "risks": {"producer": goal.producer_risk, "consumer": goal.consumer_risk},
        "parts": [part],
        "queues": [],
    }
    return Planned(plan, _rows(frame, drawn, 1, headline=True), [])


def _stratified(
    frame: Frame, dimensions: Mapping[str, pl.DataFrame], count: int, goal: Goal | None
) -> Drawn:
    """A draw by strata, or a simple one; with a goal as many more as the strata take to reach it.

    Small strata get more than their share, so the same number of pairs says less of the whole.
    """
    if not dimensions:
        return simple(frame, count)
    pairs = strata_of(frame, dimensions, count)
    drawn = stratified(pairs, count)
    while goal is not None and drawn.pairs.height < pairs.height:
        ends = _expected_ends(drawn, goal)
        if ends is not None and ends[0] >= goal.target:
            break
        count += max(1, count // 20)
        drawn = stratified(pairs, count)
    return drawn


def with_top_up(
    planned: Planned,
    frame: Frame,
    goal: Goal,
    asked: tuple[str, str, pl.DataFrame],
    count: int | None,
) -> Planned:
    """The plan with more pairs of one slice, which never enter the headline number.

    Args:
        planned: what is there; unchanged by this.
        frame: read with the condition and the seed of the plan.
        goal: that of the plan.
        asked: dimension, value, and the values of all rows.
        count: how many more; null for what proves a drop of ten points.
    """
    dimension, value, values = asked
    before = [line["row"] for line in planned.sample]
    drawn, had = topped_up(frame, values, value, before, None)
    wanted = rows_for_drop(goal.expected, had) if count is None else count
    drawn, had = topped_up(frame, values, value, before, wanted)
    number = len(planned.plan["parts"]) + 1
    part = _part(number, "top-up", drawn, goal)
    together = had + drawn.pairs.height
    part |= {
        "by": [dimension],
        "headline": False,
        "slice": {
            "dimension": dimension,
            "value": value,
            "pairs": drawn.strata[0].pairs,
            "drawn_before": had,
            "drawn": together,
            "provable_drop": _drop(together, goal),
        },
    }
    plan = {**planned.plan, "parts": [*planned.plan["parts"], part]}
    return Planned(
        plan, [*planned.sample, *_rows(frame, drawn, number, headline=False)], planned.queue
    )


def with_queue(planned: Planned, queue: Queue, goal: Goal) -> Planned:
    """The plan with a targeted queue beside it; a pair of the sample is marked, not taken out."""
    number = len(planned.plan["queues"]) + 1
    sampled = {line["row"] for line in planned.sample}
    lines = [
        {
            "queue": number,
            "place": place,
            **entry,
            "targeted": True,
            "headline": False,
            "in_sample": entry["row"] in sampled,
        }
        for place, entry in enumerate(queue.entries, start=1)
    ]
    about = {
        "queue": number,
        "file": queue.name,
        "sha256": queue.sha256,
        "pairs": len(lines),
        "in_sample": sum(line["in_sample"] for line in lines),
        "minutes": minutes(sum(not line["in_sample"] for line in lines), goal),
        "left_out": queue.left_out,
        "targeted": True,
        "headline": False,
    }
    plan = {**planned.plan, "queues": [*planned.plan["queues"], about]}
    return Planned(plan, planned.sample, [*planned.queue, *lines])


def _about(frame: Frame) -> dict[str, Any]:
    dataset = frame.dataset
    return {
        "name": dataset.path.resolve().name,
        "content_hash": dataset.content_hash,
        "rows": dataset.rows,
    }


def _part(number: int, kind: str, drawn: Drawn, goal: Goal) -> dict[str, Any]:
    return {
        "part": number,
        "kind": kind,
        "pairs": drawn.pairs.height,
        "minutes": minutes(drawn.pairs.height, goal),
        "expected_interval": _expected_ends(drawn, goal),
        "strata": [
            {"name": name, "pairs": pairs, "drawn": count, "weight": _weight(pairs, count)}
            for name, pairs, count in drawn.strata
        ],
    }


def _expected_ends(drawn: Drawn, goal: Goal) -> list[float] | None:
    return strata_ends(
        [one.pairs for one in drawn.strata], [one.drawn for one in drawn.strata], goal.expected
    )


def _weight(pairs: int, drawn: int) -> float | None:
    """How many pairs of the frame a drawn one stands for; null where none was drawn."""
    return rounded(pairs / drawn) if drawn else None


def _slices(
    frame: Frame, dimensions: Mapping[str, pl.DataFrame], drawn: Drawn, goal: Goal
) -> list[dict[str, Any]]:
    """What the sample can prove of each slice; a pair counts for every slice that it is in."""
    found = []
    for name, values in dimensions.items():
        every = values.join(frame.pairs.select("row"), on="row", how="semi")
        mine = values.join(drawn.pairs.select("row"), on="row", how="semi")
        held = every.group_by("value").len("pairs")
        seen = mine.group_by("value").len("drawn")
        both = held.join(seen, on="value", how="left").with_columns(pl.col("drawn").fill_null(0))
        found += [
            {
                "dimension": name, "value": value, "pairs": pairs, "drawn": count,
                "provable_drop": _drop(count, goal),
            }
            for value, pairs, count in both.sort("value").iter_rows()
        ]  # fmt: skip
    return found


def _drop(rows: int, goal: Goal) -> float | None:
    return rounded(smallest_drop(rows, goal.expected)) if rows else None


def _rows(frame: Frame, drawn: Drawn, part: int, *, headline: bool) -> list[dict[str, Any]]:
    weights = {one.name: _weight(one.pairs, one.drawn) for one in drawn.strata}
    hashes = hashes_of(frame.dataset, drawn.pairs["row"].to_list())
    return [
        {
            "part": part,
            "place": place,
            "row": row,
            "pair": pair,
            "pair_sha256": hashes[row],
            "stratum": stratum,
            "weight": weights[stratum],
            "headline": headline,
            "targeted": False,
        }
        for place, (row, pair, stratum) in enumerate(_ordered(drawn), start=1)
    ]


def _ordered(drawn: Drawn) -> Sequence[tuple[int, str, str]]:
    return drawn.pairs.select("row", "id", "stratum").rows()
