"""The headline number of a review: the random sample alone, weighted to the frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prefkit.errors import DataError
from prefkit.reviews.plan import Planned
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.stratified import Stratum, stratified_share

__all__ = ["headline", "slice_share"]

Right = Mapping[int, bool]
"""By row: whether blind review chose the chosen side; a row without a verdict is not in it."""


def headline(planned: Planned, right: Right) -> Estimate:
    """The share of right pairs in the whole frame, from the parts that are marked so.

    Verdicts on other rows, those of a targeted queue or a top-up, count for nothing here.

    Raises:
        DataError: a part that is no random sample of the frame claims the headline.
    """
    parts = {part["part"]: part for part in planned.plan["parts"]}
    lines = [line for line in planned.sample if parts[line["part"]]["headline"]]
    kinds = {parts[line["part"]]["kind"] for line in lines}
    if any(line["targeted"] or not line["headline"] for line in lines) or len(kinds) > 1:
        raise DataError("the headline would count pairs that are no random sample of the frame")
    if not kinds <= {"simple", "stratified"}:
        raise DataError(f"a part of the kind {kinds.pop()} cannot enter the headline")
    strata: list[dict[str, Any]] = next(
        (part["strata"] for part in parts.values() if part["headline"]), []
    )
    return stratified_share([_stratum(one, lines, right) for one in strata])


def _stratum(about: Mapping[str, Any], lines: Iterable[Mapping[str, Any]], right: Right) -> Stratum:
    rows = [line["row"] for line in lines if line["stratum"] == about["name"]]
    seen = [right[row] for row in rows if row in right]
    return Stratum(about["pairs"], len(seen), sum(seen))


def slice_share(planned: Planned, part: int, right: Right) -> Estimate:
    """The share of right pairs in a topped-up slice, by its top-up alone.

    The first sample made somebody look at the slice because it looked bad there, so its rows
    would make the slice look worse than it is.

    Raises:
        DataError: there is no such top-up.
    """
    about = next((one for one in planned.plan["parts"] if one["part"] == part), None)
    if about is None or about["kind"] != "top-up":
        raise DataError(f"part {part} of the review is no top-up")
    rows = [line["row"] for line in planned.sample if line["part"] == part]
    seen = [right[row] for row in rows if row in right]
    left = about["slice"]["pairs"] - about["slice"]["drawn_before"]
    return stratified_share([Stratum(left, len(seen), sum(seen))])
