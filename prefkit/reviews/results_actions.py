"""What to do next: at most four actions with their minutes, their effect and the command."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from prefkit.reviews.drawing import OTHERS
from prefkit.reviews.goal import Goal, minutes, rows_for_drop
from prefkit.reviews.rule import SHIP

__all__ = ["actions"]

_MOST = 4
_SLICES = 2  # more suspects are in the table of slices
_TO_SHOW = 0.005  # a cut that gains less is noise


def actions(found: Mapping[str, Any], dataset: str, review: str) -> list[dict[str, Any]]:
    """From the other results; `dataset` and `review` are the paths to put into commands."""
    return list(islice(_all(found, shlex.quote(dataset), shlex.quote(review)), _MOST))


def _all(found: Mapping[str, Any], dataset: str, review: str) -> Iterator[dict[str, Any]]:
    goal = _goal(found["goal"])
    yield from _finish(found, goal, dataset, review)
    yield from _settle(found, goal, dataset, review)
    yield from islice(_suspects(found, goal, dataset, review), _SLICES)
    yield from _cut(found, dataset)
    if found["verdict"]["verdict"] == SHIP:
        yield _action("Export", None, None, "the rule that was set before the review is met",
                      f"prefkit export {dataset} --help")  # fmt: skip


def _goal(facts: Mapping[str, Any]) -> Goal:
    return Goal(facts["target_lower"], facts["expected"], facts["seconds_a_pair"], 0.05, 0.1)


def _action(
    what: str, pairs: int | None, time: float | None, effect: str, command: str
) -> dict[str, Any]:
    return {"what": what, "pairs": pairs, "minutes": time, "effect": effect, "command": command,
            "too_rosy": False}  # fmt: skip


def _finish(
    found: Mapping[str, Any], goal: Goal, dataset: str, review: str
) -> Iterator[dict[str, Any]]:
    left = found["progress"]["untouched"]
    if left:
        yield _action(
            "Look at the rest of the sample", left, minutes(left, goal),
            f"{left:,} of {found['progress']['drawn']:,} drawn pairs have no vote; the headline "
            "number needs them",
            f"prefkit review {dataset} --out {review}",
        )  # fmt: skip


def _settle(
    found: Mapping[str, Any], goal: Goal, dataset: str, review: str
) -> Iterator[dict[str, Any]]:
    open_ = sum(one["proposed"] == "adjudicate" for one in found["to_decide"])
    if open_:
        yield _action(
            "Let the lead decide what is open", open_, minutes(open_, goal),
            "pairs that reviewers disagree about, or that one reviewer alone calls wrong",
            f"prefkit review {dataset} --out {review}",
        )  # fmt: skip
    counts = {what: sum(one["proposed"] == what for one in found["to_decide"])
              for what in ("flip", "drop")}  # fmt: skip
    mended = sum(counts.values())
    if mended:
        of, wrong = found["headline"]["of"], found["headline"]["right"]["value"]
        about = "" if wrong is None else f" of about {round((1 - wrong) * of):,} in all pairs"
        yield _action(
            "Apply what is decided", mended, None,
            f"flips {counts['flip']:,} and drops {counts['drop']:,}{about}; "
            "the rest of the data stays as it is",
            f"prefkit apply {dataset} {review} --out NEXT --dry-run",
        )  # fmt: skip


def _suspects(
    found: Mapping[str, Any], goal: Goal, dataset: str, review: str
) -> Iterator[dict[str, Any]]:
    """More pairs of what stands out: some settle a suspect, all of a bad slice are looked through.

    A top-up needs a dimension that `prefkit review --by` knows.
    """
    topped = {(one["dimension"], one["value"]) for one in found["top_ups"]}
    for one in found["slices"]:
        left = one["pairs"] - one["looked_at"]
        if one["dimension"] == "turns" or one["value"] == OTHERS or left <= 0:
            continue
        name = f"{one['dimension']}={one['value']}"
        command = f"prefkit review {dataset} --plan --out {review} --top-up {shlex.quote(name)} -n"
        if one["state"] == "proven low":
            effect = (
                f"{_percent(one['rate']['value'])} right, the others {_percent(one['rest'])}: "
                "flip or drop the wrong ones, or leave it out"
            )
            what = f"Look through {name}, proven low"
            yield _action(what, left, minutes(left, goal), effect, f"{command} {left}")
        elif one["state"] == "suspect" and (one["dimension"], one["value"]) not in topped:
            more = min(rows_for_drop(goal.expected, one["looked_at"]), left)
            effect = "proves a drop of ten points four times of five, if it is there"
            what = f"Settle the suspect {name}"
            yield _action(what, more, minutes(more, goal), effect, f"{command} {more}")


def _cut(found: Mapping[str, Any], dataset: str) -> Iterator[dict[str, Any]]:
    """The cut that keeps most of the pairs whose share right is at the target, where one helps."""
    target, verdict = found["goal"]["target_lower"], found["verdict"]["verdict"]
    if verdict == SHIP:
        return
    for table in found["cut_offs"]:
        start = table["points"][0]["right"]["value"]
        for point in table["points"][1:]:
            low, value = point["right"]["low"], point["right"]["value"]
            if low >= target and value - start >= _TO_SHOW:
                filter_ = _filter(table, point["at"])
                yield {
                    **_action(
                        f"Or cut at {table['column']} {point['at']:g}",
                        table["pairs"] - point["kept_pairs"], None,
                        f"keeps {_percent(point['kept'])} of its pairs, "
                        f"{_percent(value)} of them right",
                        f"prefkit curate {dataset} --out NEXT --dry-run --filter "
                        f"{shlex.quote(filter_)}",
                    ),
                    "too_rosy": True,
                }  # fmt: skip
                break


def _filter(table: Mapping[str, Any], at: float) -> str:
    """A filter that drops what is below the cut, and leaves pairs of another kind alone."""
    kind = json.dumps(table["margin_kind"], ensure_ascii=False)
    if table["column"] == "margin":
        return f"margin: {{min: {{{kind}: {at!r}}}}}"
    that = f"p_chosen is null or p_kind != {kind} or p_chosen >= {at!r}"
    return f"where: {{that: {json.dumps(that, ensure_ascii=False)}}}"


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share * 100:.0f} %"
