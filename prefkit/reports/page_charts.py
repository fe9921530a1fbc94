"""The pictures of the page, drawn from the document alone; empty where there is nothing to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prefkit.pages.forest import ForestRow, Reference, forest
from prefkit.pages.histogram import signed_histogram
from prefkit.pages.series import CutOff, Period, control_chart, trade_off

__all__ = ["annotators_forest", "cut_off_lines", "drift_chart", "length_histogram", "slices_forest"]

_STATES = {"proven low": "low", "suspect": "suspect"}
_MOST_ROWS = 30


def slices_forest(review: Mapping[str, Any]) -> str:
    """Share right by slice, worst first within each dimension, those not covered left out."""
    rows: list[ForestRow] = []
    shown = [one for one in review["slices"] if one["rate"]["value"] is not None][:_MOST_ROWS]
    for dimension in dict.fromkeys(one["dimension"] for one in shown):
        rows.append(ForestRow(dimension))
        rows += [_row(one, "value", "rate") for one in shown if one["dimension"] == dimension]
    if not rows:
        return ""
    references = [Reference(review["goal"]["target_lower"], "target", "target")]
    right = review["headline"]["right"]["value"]
    if right is not None:
        references.append(Reference(right, "all"))
    return forest("Share right by slice, with 95 percent intervals", rows, references)


def annotators_forest(criterion: Mapping[str, Any]) -> str:
    """Agreement of each annotator with what the others say, in the order of the document."""
    known = [one for one in criterion["annotators"] if one["consensus"]["value"] is not None]
    if not known:
        return ""
    rows = [_row(one, "annotator", "consensus") for one in known[:_MOST_ROWS]]
    return forest("Agreement of each annotator with what the others say", rows, [])


def _row(one: Mapping[str, Any], name: str, number: str) -> ForestRow:
    found = one[number]
    ends = "" if found["low"] is None else f", 95% {found['low']:.1%} to {found['high']:.1%}"
    q = "" if one.get("q") is None else f", q {one['q']:.2f}"
    return ForestRow(
        str(one[name]),
        found["value"],
        found["low"],
        found["high"],
        f"{found['value']:.0%} · n {found['n']:,}",
        f"{one[name]}: {found['value']:.1%}{ends}, n {found['n']:,}{q}, {one['state']}",
        _STATES.get(one["state"], "fine"),
    )


def cut_off_lines(review: Mapping[str, Any]) -> str:
    """What is right and what is left as the cut-off rises, of the first margin that has points."""
    for found in review["cut_offs"]:
        points = [
            CutOff(
                one["at"], one["right"]["value"], one["right"]["low"], one["right"]["high"],
                one["kept"],
            )
            for one in found["points"]
            if one["right"]["value"] is not None
        ]  # fmt: skip
        if len(points) > 1:
            name = f"Share right and share kept by {found['column']} ({found['margin_kind']})"
            return trade_off(name, points, review["goal"]["target_lower"])
    return ""


def drift_chart(drift: Mapping[str, Any]) -> str:
    """Share right by period, with the limits that chance keeps."""
    points: Sequence[Mapping[str, Any]] = drift.get("points", ())
    if len(points) < 2 or drift["centre"] is None:
        return ""
    periods = [
        Period(
            str(one["period"]), one["right"] / one["pairs"], one["pairs"], one["lower"],
            one["upper"], ", ".join(one.get("events", ())),
        )
        for one in points
        if one["pairs"]
    ]  # fmt: skip
    name = f"Share right by {drift['unit']}, with three-sigma limits"
    return control_chart(name, periods, drift["centre"]) if len(periods) > 1 else ""


def length_histogram(bias: Mapping[str, Any]) -> str:
    """Characters of chosen minus rejected."""
    length = bias.get("length")
    if length is None:
        return ""
    edges, counts = length["edges"], length["counts"]
    return signed_histogram(
        "Length of chosen minus rejected, in characters", edges, counts, "characters",
        ("chosen is shorter", "chosen is longer"),
    )  # fmt: skip
