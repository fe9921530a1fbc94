"""What a review is to show, set before anyone looks: the bound, its rows and minutes, risks."""

from __future__ import annotations

from typing import Any, NamedTuple

from prefkit.judging.numbers import rounded
from prefkit.statistics.acceptance import Risks, acceptance_plan
from prefkit.statistics.planning import clean_needed, most_errors
from prefkit.statistics.sampling import likely_rows_for_bound, rows_for_bound, smallest_drop
from prefkit.statistics.stratified import stratified_ends

__all__ = ["Goal", "clean_facts", "goal_facts", "minutes", "rows_for_drop", "strata_ends"]

_SIZES = (20, 50, 100, 200, 400)
_SHARES = (0.10, 0.05, 0.01)
_DROP = 0.10  # what a top-up is to prove, if nothing else is asked


class Goal(NamedTuple):
    """The lower end that is wanted, the share of right pairs that is expected, and the risks."""

    target: float
    expected: float
    seconds: float
    producer_risk: float
    consumer_risk: float


def minutes(pairs: int, goal: Goal) -> float:
    """The time of one person who looks at every pair once."""
    return rounded(pairs * goal.seconds / 60)


def goal_facts(goal: Goal, population: int) -> dict[str, Any]:
    """Rows and minutes for the bound, and the acceptance plan with the same two shares.

    `pairs`: enough if just the expected share is seen; `pairs_likely`: enough four times of five if
    it is the true one. Null where not even all pairs would do.
    """
    found: dict[str, Any] = {
        "target_lower": goal.target, "expected": goal.expected, "seconds_a_pair": goal.seconds
    }  # fmt: skip
    for name, rows in (
        ("pairs", rows_for_bound(goal.target, goal.expected, population)),
        ("pairs_likely", likely_rows_for_bound(goal.target, goal.expected, population)),
    ):
        found[name] = rows
        found[f"minutes{name.removeprefix('pairs')}"] = (
            None if rows is None else minutes(rows, goal)
        )
    return {**found, "acceptance": _acceptance(goal, population)}


def _acceptance(goal: Goal, population: int) -> dict[str, Any]:
    good, bad = rounded(1 - goal.expected), rounded(1 - goal.target)
    asked = {
        "good_share_wrong": good, "bad_share_wrong": bad,
        "producer_risk_limit": goal.producer_risk, "consumer_risk_limit": goal.consumer_risk,
    }  # fmt: skip
    try:
        found = acceptance_plan(
            Risks(good, bad, goal.producer_risk, goal.consumer_risk), population
        )
    except ValueError as error:
        return {**asked, "pairs": None, "reason": str(error)}
    return {
        **asked,
        "pairs": found.rows,
        "accept_up_to": found.wrong,
        "producer_risk": rounded(found.producer_risk),
        "consumer_risk": rounded(found.consumer_risk),
        "minutes": minutes(found.rows, goal),
    }


def clean_facts(planned: int, population: int) -> dict[str, Any]:
    """What a check without one error means, for usual sizes and the planned one (95 %).

    As of endless many pairs, which promises less than so many do; all of them leave no error.
    """
    sizes = sorted(size for size in {*_SIZES, planned} if 0 < size <= population)
    return {
        "no_errors_in": [
            {"pairs": size, "errors_up_to": _errors_up_to(size, population)} for size in sizes
        ],
        "to_claim_at_most": [
            {"errors": share, "clean_pairs": min(clean_needed(share), population)}
            for share in _SHARES
        ],
    }


def _errors_up_to(clean: int, population: int) -> float:
    return rounded(most_errors(0, clean)) if clean < population else 0.0


def rows_for_drop(rate: float, had: int) -> int:
    """How many more rows of a slice prove a drop of ten points below a rate, four times of five."""
    low, high = 0, 1
    while smallest_drop(high, rate) > _DROP:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if smallest_drop(middle, rate) <= _DROP else (middle, high)
    return max(1, high - had)


def strata_ends(sizes: list[int], drawn: list[int], expected: float) -> list[float] | None:
    """The interval of the whole if every stratum shows the expected share; null without rows."""
    there = [(size, count) for size, count in zip(sizes, drawn, strict=True) if size]
    if not there or not all(count for _, count in there):
        return None
    ends = stratified_ends(
        [size for size, _ in there], [count for _, count in there], [expected] * len(there)
    )
    return [rounded(end) for end in ends]
