"""How many human labels a win rate needs, by what the dataset itself shows of its judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from prefkit.judging.duel_names import JudgeName
from prefkit.judging.gold import gold_for
from prefkit.judging.numbers import number
from prefkit.reports.judged_pairs import Sides, judged_pairs, sides_of_all
from prefkit.statistics.bootstrap import Columns, Estimate, estimates
from prefkit.statistics.design_effect import design_effect
from prefkit.statistics.planning import Help, labels_for_half_width, labels_for_power
from prefkit.statistics.ppi import FEWEST_LABELLED
from prefkit.statistics.ranks import Floats, pearson
from prefkit.statistics.shares import unmeasured

__all__ = ["HALF_WIDTHS", "SHARES", "plan"]

HALF_WIDTHS = (0.10, 0.05, 0.03)
SHARES = (0.55, 0.60, 0.65)
"""True win rates to tell from one half with 80 % power."""

_Labels = Callable[[float, Help | None], int]
"""Human labels by the design effect and a judge's help."""


class _Judge(NamedTuple):
    """What a plan takes from the dataset: see `plan`."""

    rho: Estimate
    pairs: int
    design: float
    assumed: tuple[str, ...]


def plan(
    duels: pl.DataFrame,
    judges: list[tuple[JudgeName, pl.DataFrame]],
    *,
    half_widths: Sequence[float] = HALF_WIDTHS,
    shares: Sequence[float] = SHARES,
    seed: int = 0,
) -> dict[str, Any]:
    """Human labels for a 95 % interval of plus or minus so much, and for 80 % power.

    `humans_alone` is of independent labels without a judge. For each judge: `alone` the same with
    the design effect of this dataset, `labels` with the judge's help at the correlation `rho` with
    the gold that was measured, `labels_if_low` at the lower end of its interval. Labels are taken
    from the pairs that the judge has judged; null where all of them would not do. `assumed` says
    what was not measured: a judge without a measured rho helps nothing.

    Raises:
        ValueError: a half-width or share that is not between 0 and 1, or a share of one half.
    """
    questions = _questions(half_widths, shares)
    return {
        "humans_alone": [
            {**asked, "labels": labels(1.0, None)} for asked, labels in questions
        ],
        "judges": [_of_judge(name, _measured(duels, name, rows, seed), questions)
                   for name, rows in judges],
    }  # fmt: skip


def _questions(
    half_widths: Sequence[float], shares: Sequence[float]
) -> list[tuple[dict[str, float], _Labels]]:
    def width(half: float) -> _Labels:
        return lambda effect, helper: labels_for_half_width(
            half, design_effect=effect, help_of=helper
        )

    def power(share: float) -> _Labels:
        return lambda effect, helper: labels_for_power(share, design_effect=effect, help_of=helper)

    return [
        *(({"half_width": half}, width(half)) for half in half_widths),
        *(({"share": share, "power": 0.8}, power(share)) for share in shares),
    ]


def _measured(duels: pl.DataFrame, name: JudgeName, rows: pl.DataFrame, seed: int) -> _Judge:
    gold = gold_for(duels, name)
    sides = sides_of_all(judged_pairs(rows, gold.frame if gold.kind is not None else None))
    rho = _rho(sides, seed)
    design, assumed = _design(sides)
    said = [] if assumed is None else [assumed]
    if rho.value is None:
        said.append(f"the judge helps nothing, as its rho is not measured: {rho.reason}")
    elif rho.value <= 0:
        said.append("the judge helps nothing, as its rho is not above 0")
    return _Judge(rho, len(sides.judged), design, tuple(said))


def _rho(sides: Sides, seed: int) -> Estimate:
    """The correlation of judge and gold, over prompts."""
    there, clusters = sides.labelled, sides.clusters[sides.labelled]
    if not there.any():
        return unmeasured("uncalibrated: no gold", clusters)

    def statistic(columns: Columns) -> Callable[[Floats], Mapping[str, float]]:
        return lambda weights: {"rho": pearson(columns["judged"], columns["label"], weights)}

    columns = {"judged": sides.judged[there], "label": sides.labels[there]}
    return estimates(columns, clusters, np.ones(len(clusters)), statistic, seed=seed)["rho"]


def _design(sides: Sides) -> tuple[float, str | None]:
    """The design effect to plan with, at least 1, and what it rests on if not on labels."""
    there = sides.labelled
    choices = (
        (sides.labels[there], sides.clusters[there], None),
        (sides.judged, sides.clusters, "the design effect is that of the judge's values"),
    )
    for values, clusters, said in choices:
        if len(np.unique(clusters)) >= FEWEST_LABELLED:
            found = design_effect(values, clusters)
            if found is not None:
                # A plan luckier than independent labels would promise too much.
                return max(1.0, found), said
    return 1.0, "the design effect is taken for 1: too few prompts measure it"


def _of_judge(
    name: JudgeName, judge: _Judge, questions: list[tuple[dict[str, float], _Labels]]
) -> dict[str, Any]:
    answers = []
    for asked, labels in questions:
        likely, low = (_with_help(labels, judge, rho) for rho in (judge.rho.value, judge.rho.low))
        alone = labels(judge.design, None)
        answers.append({**asked, "alone": alone, "labels": likely, "labels_if_low": low})
    return {
        "judge": name.shown,
        "rho": number(judge.rho),
        "pairs": judge.pairs,
        "design_effect": float(f"{judge.design:.6g}"),
        "assumed": list(judge.assumed),
        "answers": answers,
        "said": _sentence(name.shown, judge, answers),
    }  # fmt: skip


def _with_help(labels: _Labels, judge: _Judge, rho: float | None) -> int | None:
    """The fewest of the judged pairs to label; null where all of them are too few.

    A label takes its pair from those that the judge alone has seen, so more labels leave less
    help: the fewest n that are enough with the help of the others, by halving.
    """
    helpful = min(1.0, max(0.0, rho or 0.0))

    def enough(count: int) -> bool:
        return labels(judge.design, Help(helpful, judge.pairs - count)) <= count

    if judge.pairs == 0 or not enough(judge.pairs):
        return None
    low, high = 0, judge.pairs
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _sentence(shown: str, judge: _Judge, answers: list[dict[str, Any]]) -> str:
    """The middle one of the half-widths in words."""
    widths = [answer for answer in answers if "half_width" in answer]
    if not widths:
        return f"{shown}: no half-width was asked for"
    one = widths[len(widths) // 2]
    text = (
        f"{shown}: a win rate of plus or minus {one['half_width']:g} takes {one['alone']:,} human"
    )
    text += f" labels alone (design effect {judge.design:.2f})"
    if one["labels"] is None:
        text += f", more than the {judge.pairs:,} judged pairs"
    elif judge.rho.value is not None and judge.rho.value > 0:
        text += f", {one['labels']:,} with this judge (rho {judge.rho.value:.2f}"
        text += f" on {judge.rho.n} labels)"
    return "; assumed: ".join((text, *judge.assumed[:1]))
