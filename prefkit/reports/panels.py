"""Several judges of the same pairs: how they agree, how many independent ones they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, groupby
from typing import Any

import numpy as np
import polars as pl

from prefkit.judging.columns import categories, clusters, coded
from prefkit.judging.duels import JudgeName
from prefkit.judging.gold import Gold
from prefkit.judging.numbers import missing, number
from prefkit.reports.judge_own import pair_verdicts
from prefkit.statistics.agreement import VERDICTS, agreement
from prefkit.statistics.panels import leave_one_out, majority, panel_errors
from prefkit.statistics.shares import Coded

__all__ = ["panel"]

_PAIR = ["comparison", "a", "b"]
_WORTH = ("correlation", "effective_size", "accuracy", "majority")

Judges = Sequence[tuple[JudgeName, pl.DataFrame]]


def panel(judges: Judges, golds: Sequence[Gold], *, seed: int = 0) -> dict[str, Any]:
    """The judges of each criterion as a panel, with one verdict a pair as for a certificate.

    `numbers` are the places of its judges in the report, from 1; `agreement` and `leave_one_out`
    name them by their places in `judges`, from 0.

    Args:
        judges: as `judges_of` gives them.
        golds: the gold of each judge, in the same order.
        seed: another seed gives other draws.
    """
    order = sorted(range(len(judges)), key=lambda place: judges[place][0].criterion or "")
    groups = []
    for criterion, places in groupby(order, key=lambda place: judges[place][0].criterion):
        members = sorted(places)
        if len(members) > 1:
            found = _group([judges[place] for place in members], golds[members[0]], seed)
            numbers = [place + 1 for place in members]
            groups.append({"criterion": criterion, "numbers": numbers, **found})
    reason = None if groups else "a panel needs two judges of one criterion"
    return {"groups": groups, "reason": reason}


def _group(judges: Judges, gold: Gold, seed: int) -> dict[str, Any]:
    table = _side_by_side([frame for _, frame in judges])
    raters = [coded(table[f"judge_{place}"]) for place in range(len(judges))]
    names = [name.shown for name, _ in judges]
    known = np.stack([one.known for one in raters], axis=1)
    codes = np.stack([np.where(one.known, one.codes + 1, 0) for one in raters], axis=1)
    each = leave_one_out(codes, known, clusters(table), seed=seed)
    return {
        "judges": names,
        "pairs": len(table),
        "pairs_of_all": int(known.all(axis=1).sum()),
        "gold": gold.said,
        **_worth(table, raters, gold, seed),
        "agreement": [
            {"one": one, "other": other, **_agreed(table, raters, one, other, seed)}
            for one, other in combinations(range(len(judges)), 2)
        ],
        "leave_one_out": [
            {"judge": place, "agrees": number(one)} for place, one in enumerate(each)
        ],
    }


def _side_by_side(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """A pair a row, a column of verdicts for each judge: null where it has no readable one."""
    verdicts = [pair_verdicts(frame) for frame in frames]
    keys = pl.concat([one.select(*_PAIR, "cluster") for one in verdicts])
    table = keys.unique(maintain_order=True)
    for place, one in enumerate(verdicts):
        column = one.select(*_PAIR, pl.col("verdict").alias(f"judge_{place}"))
        table = table.join(column, on=_PAIR, how="left", maintain_order="left")
    return table


def _agreed(
    table: pl.DataFrame, raters: Sequence[Coded], one: int, other: int, seed: int
) -> dict[str, Any]:
    """Agreement of two judges; ties are a class of their own."""
    first, second = categories(raters[one]), categories(raters[other])
    found = agreement(first, second, clusters(table), VERDICTS, seed=seed)["class"]
    return {name: number(estimate) for name, estimate in found.items()}


def _worth(table: pl.DataFrame, raters: Sequence[Coded], gold: Gold, seed: int) -> dict[str, Any]:
    """Effective size and accuracy against the gold answers that are no ties."""
    if gold.kind is None:
        empty = missing("there is no gold to say which verdicts are errors")
        return {**dict.fromkeys(_WORTH, empty), "majority_if_independent": None}
    answers = gold.frame.filter(pl.col("verdict") != 0)
    joined = table.join(
        answers.select(*_PAIR, pl.col("verdict").alias("gold")),
        on=_PAIR, how="left", maintain_order="left",
    )  # fmt: skip
    right = coded(joined["gold"])
    rows = right.known
    wrong = np.stack([np.abs(one.codes - right.codes) / 2 for one in raters], axis=1)[rows]
    known = np.stack([one.known for one in raters], axis=1)[rows]
    found = panel_errors(wrong, known, clusters(table)[rows], seed=seed)
    mean = found["accuracy"].value
    independent = None if mean is None else float(f"{majority(mean, len(raters)):.6g}")
    return {
        **{name: number(found[name]) for name in _WORTH},
        "majority_if_independent": independent,
    }
