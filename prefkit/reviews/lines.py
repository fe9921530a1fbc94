"""A plan for people: lines of labels and text, made of the document and of nothing else."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["lines_of"]

Line = tuple[str, str]

_WIDTH = 67  # of the text beside its label: together 80
_MOST = 8
_SHOWN = 50


def lines_of(plan: Mapping[str, Any]) -> Iterator[Line]:
    """The frame, the goal, both risks, what no error means, every part and queue; 80 columns."""
    for label, text in _lines(plan):
        yield label, "\n".join(map(_wrapped, text.split("\n")))


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, _WIDTH, break_on_hyphens=False, subsequent_indent="  "))


def _lines(plan: Mapping[str, Any]) -> Iterator[Line]:
    frame, goal = plan["frame"], plan["goal"]
    left = _counts(frame["left_out"])
    where = f", where {frame['where']}" if frame["where"] else ""
    about = plan["dataset"]
    yield ("Frame", f"{frame['pairs']:,} of {about['rows']:,} rows of {about['name']} "
                    f"({frame['filter']}{where}){left} · {about['content_hash'][:19]}")  # fmt: skip
    yield ("Goal", _goal(goal, frame["pairs"]))
    yield ("Accept", _acceptance(goal["acceptance"]))
    yield ("No errors", _clean(plan["clean"]))
    for part in plan["parts"]:
        yield from _part(part, plan)
    for queue in plan["queues"]:
        yield ("Targeted", _queue(queue))


def _queue(queue: Mapping[str, Any]) -> str:
    return (
        f"{queue['pairs']:,} pairs of {_cut(queue['file'])}{_counts(queue['left_out'])}, "
        f"{_time(queue['minutes'])}; they never enter the headline number"
    )


def _counts(found: Mapping[str, int]) -> str:
    told = ", ".join(f"{count:,} {why}" for why, count in found.items())
    return f"; left out: {told}" if told else ""


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"


def _time(minutes: float) -> str:
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _goal(goal: Mapping[str, Any], population: int) -> str:
    head = f"lower end of at least {_percent(goal['target_lower'])}"
    if goal["pairs"] is None:
        return f"{head}: not even all {population:,} pairs show it; look at all of them"
    text = (
        f"{head}: n = {goal['pairs']:,} if just {_percent(goal['expected'])} are seen to be right "
        f"({_time(goal['minutes'])} at {goal['seconds_a_pair']:g} s a pair)"
    )
    if goal["pairs_likely"] is None:
        return text
    return (
        f"{text}; n = {goal['pairs_likely']:,} to reach it four times of five if that is the truth "
        f"({_time(goal['minutes_likely'])})"
    )


def _acceptance(found: Mapping[str, Any]) -> str:
    if found["pairs"] is None:
        return f"no plan: {found['reason']}"
    return (
        f"look at {found['pairs']:,}, accept with at most {found['accept_up_to']:,} wrong "
        f"({_time(found['minutes'])}): data with {_percent(found['good_share_wrong'])} wrong are "
        f"refused {_percent(found['producer_risk'])} of the time, data with "
        f"{_percent(found['bad_share_wrong'])} wrong accepted {_percent(found['consumer_risk'])}"
    )


def _clean(found: Mapping[str, Any]) -> str:
    told = [f"{one['pairs']:,}: {_percent(one['errors_up_to'])}" for one in found["no_errors_in"]]
    need = [f"{_percent(one['errors'])} takes {one['clean_pairs']:,}"
            for one in found["to_claim_at_most"]]  # fmt: skip
    return f"none in n still leaves up to {', '.join(told)}; to claim at most {', '.join(need)}"


def _part(part: Mapping[str, Any], plan: Mapping[str, Any]) -> Iterator[Line]:
    number = f"{part['pairs']:,} pairs, {_time(part['minutes'])}"
    if part["kind"] == "top-up":
        yield ("Top-up", _top_up(part["slice"], number))
        return
    yield ("Sample", f"{part['kind']}, seed {plan['seed']}: {number}{_expected(part, plan)}")
    if part["by"]:
        yield ("  strata", _listed([f"{_cut(one['name'])}: {one['drawn']:,} of {one['pairs']:,}"
                                    for one in part["strata"]]))  # fmt: skip
        yield ("  slices", _listed([f"{one['dimension']} {_cut(one['value'])}: {_prove(one)}"
                                    for one in part["slices"]]))  # fmt: skip


def _top_up(one: Mapping[str, Any], number: str) -> str:
    return (
        f"{one['dimension']} {_cut(one['value'])}: {number}; with "
        f"the {one['drawn_before']:,} drawn before {_prove(one)}; "
        "it settles the slice and never enters the headline number"
    )


def _expected(part: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    if part["expected_interval"] is None:
        return ""
    low, high = part["expected_interval"]
    share = _percent(plan["goal"]["expected"])
    return f"; {share} right would mean {_percent(low)} to {_percent(high)}"


def _prove(one: Mapping[str, Any]) -> str:
    if one["provable_drop"] is None:
        return "no pair drawn: nothing will say that it is fine"
    return f"{one['drawn']:,} pairs can prove a drop of {one['provable_drop'] * 100:.0f} points"


def _listed(texts: list[str]) -> str:
    more = [f"{len(texts) - _MOST} more with --json"] if len(texts) > _MOST else []
    return "\n".join([*texts[:_MOST], *more])


def _cut(text: str) -> str:
    whole = " ".join(text.split())
    return whole if len(whole) <= _SHOWN else f"{whole[: _SHOWN - 3]}..."
