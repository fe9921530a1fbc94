"""The headline number, its four outcomes, and the verdict by the rule of the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from prefkit.judging.numbers import Number, number
from prefkit.reviews.estimate import headline
from prefkit.reviews.plan import Planned
from prefkit.reviews.results_votes import OUTCOMES, Ruling, headline_rows, right_rows
from prefkit.reviews.rule import FIX, NOT_ENOUGH, SHIP, STOP, rule_facts
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.weighted import weighted_share

__all__ = ["headline_facts", "progress", "verdict"]


def headline_facts(planned: Planned, found: Mapping[int, Ruling]) -> dict[str, Any]:
    """The share that is right, and all four outcomes scaled to the pairs of the frame."""
    of = planned.plan["frame"]["pairs"]
    rows = headline_rows(planned)
    right = number(headline(planned, right_rows(found)))
    outcomes = []
    for outcome in OUTCOMES:
        mine = right_rows(found, outcome)
        share = number(headline(planned, mine))
        outcomes.append(
            {
                "outcome": outcome,
                "pairs": sum(mine.get(row, False) for row in rows),
                "share": share,
                "whole": _whole(share, of),
            }
        )
    return {"right": right, "of": of, "outcomes": outcomes}


def _whole(share: Number, of: int) -> dict[str, int] | None:
    if share["value"] is None:
        return None
    ends = {"pairs": share["value"], "low": share["low"], "high": share["high"]}
    return {name: round(value * of) for name, value in ends.items()}


def progress(planned: Planned, found: Mapping[int, Ruling]) -> dict[str, Any]:
    """How far the random sample is: settled, waiting for somebody, untouched."""
    rows = headline_rows(planned)
    seen = [found[row] for row in rows if row in found and found[row].blind]
    settled = sum(one.outcome is not None for one in seen)
    return {
        "drawn": len(rows),
        "settled": settled,
        "waiting": len(seen) - settled,
        "untouched": len(rows) - len(seen),
    }


class _Ends(NamedTuple):
    """The interval as it is, and as it would be whatever the pairs that are not settled say."""

    now: Estimate
    worst: Estimate
    best: Estimate


def verdict(
    planned: Planned, found: Mapping[int, Ruling], bad_rows: Sequence[int]
) -> dict[str, Any]:
    """Ship, fix, stop or not enough data, and the sentence that says why.

    Args:
        planned: whose `rule` was kept before anyone looked.
        found: as `rulings`.
        bad_rows: rows in slices that are proven low.
    """
    plan = planned.plan
    rule = plan.get("rule") or rule_facts(plan["goal"], plan["frame"]["pairs"])
    right, rows = right_rows(found), headline_rows(planned)
    ends = _Ends(
        headline(planned, right),
        headline(planned, dict.fromkeys(rows, False) | right),
        headline(planned, dict.fromkeys(rows, True) | right),
    )
    without = _without(planned, right, bad_rows)
    word, why = _decided(ends, rule, len(rows), sum(row not in right for row in rows), without)
    return {
        "verdict": word,
        "reason": why,
        "rule": rule["words"],
        "target_lower": rule["target_lower"],
        "pairs_needed": rule["pairs_needed"],
        "lower": number(ends.now)["low"],
        "if_rest_wrong": {name: number(ends.worst)[name] for name in ("low", "high")},
        "if_rest_right": {name: number(ends.best)[name] for name in ("low", "high")},
        "without_proven_low": None if without is None else number(without),
        "acceptance": _acceptance(planned, right),
    }


def _without(
    planned: Planned, right: Mapping[int, bool], bad_rows: Sequence[int]
) -> Estimate | None:
    """The share that is right of the pairs in no slice that is proven low."""
    bad = set(bad_rows)
    if not bad:
        return None
    lines = [one for one in planned.sample if one["headline"] and one["row"] in right]
    left = [line for line in lines if line["row"] not in bad]
    good = np.array([right[line["row"]] for line in left], dtype=bool)
    return weighted_share(good, np.array([line["weight"] for line in left], dtype=float))


def _decided(
    ends: _Ends,
    rule: Mapping[str, Any],
    drawn: int,
    open_: int,
    without: Estimate | None,
) -> tuple[str, str]:
    """The verdict that holds whatever the open pairs say; without one there are not enough data."""
    worst, best = (_interval(one) for one in (ends.worst, ends.best))
    if worst is None or best is None:
        return NOT_ENOUGH, f"there is no number: {ends.worst.reason}"
    rest = 0.0 if without is None or without.high is None else without.high
    if (word := _word(worst, rule, drawn, rest)) != _word(best, rule, drawn, rest):
        return NOT_ENOUGH, f"{open_:,} of {drawn:,} drawn pairs are not settled, and they decide it"
    return word, _why(word, (worst, _interval(ends.now) or best, best), rule, drawn, open_)


def _word(ends: tuple[float, float], rule: Mapping[str, Any], drawn: int, rest: float) -> str:
    """By one interval; `rest` is the upper end without what is proven low."""
    target = rule["target_lower"]
    if ends[0] >= target:
        return SHIP
    if ends[1] < target:
        return FIX if rest >= target else STOP
    return FIX if drawn >= rule["pairs_needed"] else NOT_ENOUGH


def _why(
    word: str,
    ends: tuple[tuple[float, float], tuple[float, float], tuple[float, float]],
    rule: Mapping[str, Any],
    drawn: int,
    open_: int,
) -> str:
    worst, now, best = ends
    asked = f"the {_percent(rule['target_lower'])} that was asked for"
    if word == SHIP:
        even = _even(open_, "wrong")
        return f"the lower end, {_percent(worst[0])}, is at or above {asked}{even}"
    if word == STOP:
        even = _even(open_, "right")
        return f"the upper end, {_percent(best[1])}, is below {asked}{even}"
    if word == NOT_ENOUGH:
        needs = f"{drawn:,} pairs were drawn and the plan needs {rule['pairs_needed']:,}"
        return f"{needs}: the interval holds {asked}"
    if now[1] < rule["target_lower"]:
        head = f"the upper end, {_percent(now[1])}, is below {asked}"
        return f"{head}; without what is proven low it could be reached"
    return f"the lower end, {_percent(now[0])}, is below {asked}"


def _interval(found: Estimate) -> tuple[float, float] | None:
    return None if found.low is None or found.high is None else (found.low, found.high)


def _even(open_: int, what: str) -> str:
    return f", even if the {open_:,} pairs not settled were {what}" if open_ else ""


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _acceptance(planned: Planned, right: Mapping[int, bool]) -> dict[str, Any]:
    """Acceptance sampling: the first pairs of a simple sample, and at most so many wrong."""
    asked = planned.plan["goal"]["acceptance"]
    found: dict[str, Any] = {
        "pairs": asked["pairs"], "accept_up_to": asked.get("accept_up_to"),
        "looked_at": 0, "wrong": 0, "passed": None, "reason": asked.get("reason"),
    }  # fmt: skip
    rows, need = headline_rows(planned), asked["pairs"]
    kind = next((part["kind"] for part in planned.plan["parts"] if part["headline"]), None)
    if need is None:
        return found
    if kind != "simple":
        return {**found, "reason": "counts of a sample by strata are no counts of the whole"}
    seen = [right[row] for row in rows[:need] if row in right]
    wrong, most = len(seen) - sum(seen), asked["accept_up_to"]
    found |= {"looked_at": len(seen), "wrong": wrong}
    if wrong > most:
        return {**found, "passed": False}
    if wrong + need - len(seen) <= most:
        return {**found, "passed": True}
    short = f"{len(seen):,} of {need:,} pairs are settled"
    return {**found, "reason": short if len(rows) >= need else f"{short}, {len(rows):,} are drawn"}
