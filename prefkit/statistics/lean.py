"""What a judge leans to beyond what humans chose on the same rows: length, and its own family.

A judge that prefers the longer side proves nothing by it, for longer answers may be better. So each
rate stands beside the same rate of the humans, or of other judges, on the same rows, and the
difference is drawn together: rows that are easy for one are easy for the other.

Verdicts are 1 for the fixed side, -1 for the other, 0 for a tie, which counts half.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from prefkit.statistics.bootstrap import Columns, Estimate, estimates
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import Coded, bounded, share

__all__ = ["longer_lean", "own_lean"]


def longer_lean(
    judge: Coded, human: Coded, longer: Ints, clusters: np.ndarray[Any, Any], *, seed: int = 0
) -> dict[str, Estimate]:
    """How often a judge chooses the longer side, beside humans on the same rows.

    Rows of unequal length that both judged. `judge` and `human` are their rates, `difference` the
    first minus the second. `agreement_gap` is verbosity bias as it is published: the agreement with
    the human where the human chose the longer side, minus that where the shorter (GPT-4 0.328 and
    GPT-3.5 0.428 in one study, much less in others).

    Args:
        judge: the judge's verdicts for the fixed side.
        human: the humans' verdicts for it.
        longer: 1 where the fixed side is the longer, -1 where the other is, 0 for equal lengths.
        clusters: the prompt cluster of each row.
        seed: another seed gives other draws.
    """
    rows = judge.known & human.known & (longer != 0)
    sign = longer[rows]
    columns = {"judge": judge.codes[rows] * sign, "human": human.codes[rows] * sign}
    ones = np.ones(int(rows.sum()))
    found = estimates(columns, clusters[rows], ones, _lean_to_longer, seed=seed)
    return bounded(found, ("judge", "human"))


def _lean_to_longer(columns: Columns) -> Callable[[Floats], Mapping[str, float]]:
    judge, human = ((columns[name] + 1) / 2 for name in ("judge", "human"))
    # Agreement with a human who chose: a judge's tie agrees half.
    chose_longer, chose_shorter, every = human == 1, human == 0, np.ones(len(human))

    def of(weights: Floats) -> dict[str, float]:
        rates = share(judge, every, weights), share(human, every, weights)
        gap = share(judge, chose_longer, weights) - share(1 - judge, chose_shorter, weights)
        return {
            "judge": rates[0],
            "human": rates[1],
            "difference": rates[0] - rates[1],
            "agreement_gap": gap,
        }

    return of


def own_lean(
    judge: Coded, others: Sequence[Coded], human: Coded, clusters: np.ndarray[Any, Any], *,
    seed: int = 0,
) -> dict[str, Estimate]:  # fmt: skip
    """How far a judge favours its own answers (or its family's) where humans prefer the other.

    Every row has one side that is the judge's own, the fixed side of all verdicts. `own` is how
    often the judge prefers its own where the human prefers the other; `baseline` is that rate of
    the other judges (their mean on each row), and `excess` the difference: rows that are hard
    deceive them too. A judge may just be worse than they are, so `other_way` and
    `other_way_baseline` are the rates of preferring the other side where the human prefers the
    judge's own, and `beyond_quality` is the excess minus the excess of these errors: zero for a
    judge that errs more often but in both directions alike.

    Args:
        judge: the judge's verdicts for its own side.
        others: the verdicts of other judges for that side, of families that did not write either.
        human: the humans' verdicts for that side; rows they tied say nothing here.
        clusters: the prompt cluster of each row.
        seed: another seed gives other draws.

    Raises:
        ValueError: no other judge; without a baseline self-preference has no meaning.
    """
    if not others:
        raise ValueError("self-preference needs at least one other judge to compare with")
    codes = np.stack([other.codes for other in others], axis=1)
    known = np.stack([other.known for other in others], axis=1)
    rows = judge.known & human.known & (human.codes != 0) & known.any(axis=1)
    means = np.where(known, codes, 0)[rows].sum(axis=1) / known[rows].sum(axis=1)
    columns = {"judge": judge.codes[rows], "others": means, "human": human.codes[rows]}
    ones = np.ones(int(rows.sum()))
    return bounded(estimates(columns, clusters[rows], ones, _lean_to_own, seed=seed))


def _lean_to_own(columns: Columns) -> Callable[[Floats], Mapping[str, float]]:
    judge, others = ((columns[name] + 1) / 2 for name in ("judge", "others"))
    not_own, is_own = columns["human"] == -1, columns["human"] == 1

    def of(weights: Floats) -> dict[str, float]:
        own, baseline = (share(rate, not_own, weights) for rate in (judge, others))
        back, back_baseline = (share(1 - rate, is_own, weights) for rate in (judge, others))
        return {
            "own": own,
            "baseline": baseline,
            "excess": own - baseline,
            "other_way": back,
            "other_way_baseline": back_baseline,
            "beyond_quality": (own - baseline) - (back - back_baseline),
        }

    return of
