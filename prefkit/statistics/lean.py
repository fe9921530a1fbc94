"""What a judge leans to beyond what humans chose on the same rows: length, and its own family.

A judge that prefers the longer side proves nothing by it, for longer answers may be better. So each
rate stands beside the same rate of the humans, or of other judges, on the same rows, and the
difference is drawn together: rows that are easy for one are easy for the other.

Verdicts are 1 for the fixed side, -1 for the other, 0 for a tie, which counts half.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import Coded
from prefkit.statistics.sums import Draws, sum_estimates, supported, withheld

__all__ = ["longer_lean", "own_lean"]

_OF_OTHERS = ("own", "baseline", "excess", "beyond_quality")
_OF_OWN = ("other_way", "other_way_baseline", "beyond_quality")


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
    shown = [(rater.codes[rows] * sign + 1) / 2 for rater in (judge, human)]
    found = sum_estimates(
        _to_longer(*shown), clusters[rows], _lean_to_longer,
        shares=("judge", "human"), draws=Draws(seed),
    )  # fmt: skip
    found, own = withheld(found), clusters[rows]
    for side in (0, 1):
        found = supported(found, {"agreement_gap": shown[1] == side}, own)
    return found


def _to_longer(judge: Floats, human: Floats) -> Floats:
    """What each row adds to the sums of `_lean_to_longer`."""
    # Agreement with a human who chose: a judge's tie agrees half.
    longer, shorter = human == 1, human == 0
    return np.column_stack(
        [np.ones(len(judge)), judge, human, longer, longer * judge, shorter, shorter * (1 - judge)]
    )


def _lean_to_longer(sums: Floats) -> dict[str, Floats]:
    rows, judge, human, longer, with_longer, shorter, with_shorter = sums.T
    return {
        "judge": judge / rows,
        "human": human / rows,
        "difference": (judge - human) / rows,
        "agreement_gap": with_longer / longer - with_shorter / shorter,
    }


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
    shares = (judge.codes[rows] + 1) / 2, (means + 1) / 2
    columns = []
    for there in (human.codes[rows] == -1, human.codes[rows] == 1):
        columns += [there, *(there * share for share in shares)]
    parts, own = np.column_stack(columns), clusters[rows]
    found = withheld(sum_estimates(parts, own, _lean_to_own, draws=Draws(seed)))
    not_own, is_own = columns[0], columns[3]
    found = supported(found, dict.fromkeys(_OF_OTHERS, not_own), own)
    return supported(found, dict.fromkeys(_OF_OWN, is_own), own)


def _lean_to_own(sums: Floats) -> dict[str, Floats]:
    not_own, own, baseline, is_own, kept, kept_baseline = sums.T
    errors = own / not_own, baseline / not_own
    back = 1 - kept / is_own, 1 - kept_baseline / is_own
    return {
        "own": errors[0],
        "baseline": errors[1],
        "excess": errors[0] - errors[1],
        "other_way": back[0],
        "other_way_baseline": back[1],
        "beyond_quality": (errors[0] - errors[1]) - (back[0] - back[1]),
    }
