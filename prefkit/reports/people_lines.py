"""How far people agree, in lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefkit.reports.words import cells, line, name, shown

__all__ = ["people_lines"]

Line = tuple[str, str]
Facts = Mapping[str, Any]

_HEAD = ("annotator", "n", "agrees", "first", "longer", "seconds", "drift", "state")
_NAME_WIDTH = 20
_MOST = 12  # annotators that are shown; the rest is counted, and in --json
_TIES = {"class": "ties a class", "dropped": "without ties", "half": "ties half"}


def people_lines(people: Facts) -> Iterator[Line]:
    """A block for each criterion that people judged, and one for their grades."""
    for one in people["criteria"]:
        yield ("", "")
        yield ("People", _head(one))
        yield from _agreement(one)
        yield from _rankings(one["rankings"])
        yield from _annotators(one["annotators"])
    for one in people["grades"]:
        if one["responses_by_several"]:
            yield ("", "")
            yield ("Grades", _graded(one))
            yield ("  beyond chance", _coefficients(one["agreement"]))


def _head(one: Facts) -> str:
    about = "overall" if one["criterion"] is None else name(one["criterion"])
    text = f"{about}: {one['votes']:,} votes on {one['pairs']:,} pairs of {one['prompts']:,} "
    text += f"prompts, {one['pairs_by_several']:,} pairs by two people or more; "
    text += f"{one['named']:,} people named"
    nobody = one["votes_by_nobody_named"]
    return text + (f", {nobody:,} votes by nobody named" if nobody else "")


def _agreement(one: Facts) -> Iterator[Line]:
    found = one["agreement"]
    tied = found["class"]
    if tied["percent"]["value"] is None:
        yield ("  they agree", shown(tied["percent"]))
        return
    alike = len({str(found[ties]["percent"]) for ties in _TIES}) == 1
    readings = {"class": "no ties:"} if alike else _TIES
    percents = [(said, found[ties]["percent"]) for ties, said in readings.items()]
    yield ("  they agree", _together(percents))
    yield ("  beyond chance", _coefficients(tied))
    if not alike:
        yield ("  without ties", _coefficients(found["dropped"]))
    yield ("  one is right", shown(one["ceiling"]["ceiling"]))


_COEFFICIENTS = {
    "fleiss": "Fleiss",
    "ac": "AC",
    "alpha_nominal": "alpha",
    "alpha_ordinal": "alpha of an order",
    "alpha_interval": "alpha of distances",
}


def _coefficients(found: Facts) -> str:
    return _together([(said, found[key]) for key, said in _COEFFICIENTS.items() if key in found])


def _together(numbers: Sequence[tuple[str, Facts]]) -> str:
    """A number a line; where none has an interval for one and the same reason, all in one line."""
    bare = {found["reason"] for _, found in numbers if found["low"] is None}
    if len(bare) == 1 and all(found["low"] is None for _, found in numbers):
        told = ", ".join(f"{said} {shown(found, bare=True)}" for said, found in numbers)
        return f"{told}; no interval: {bare.pop()}"
    return "\n".join(f"{said} {shown(found)}" for said, found in numbers)


def _rankings(found: Facts) -> Iterator[Line]:
    if not found:
        return
    names = {"tau_b": "tau-b", "gamma": "tau without ties", "spearman": "Spearman", "w": "W"}
    yield ("  rankings", _together([(said, found[key]) for key, said in names.items()]))


def _graded(one: Facts) -> str:
    about = "overall" if one["criterion"] is None else name(one["criterion"])
    return (
        f"{about}, {line(one['scale'])}: {one['grades']:,} grades of {one['responses']:,} "
        f"responses, {one['responses_by_several']:,} by two people or more"
    )


def _annotators(table: Sequence[Facts]) -> Iterator[Line]:
    if not table:
        return
    rows = [
        (
            name(one["annotator"]),
            f"{one['n']:,}",
            *(shown(one[key], bare=True) for key in ("consensus", "first", "longer")),
            "-" if one["seconds"]["value"] is None else f"{one['seconds']['value']:.3g}",
            _drift(one["drift"]),
            one["state"],
        )
        for one in table[:_MOST]
    ]
    yield ("", cells([_HEAD, *rows], widest=_NAME_WIDTH))
    if len(table) > _MOST:
        states = [one["state"] for one in table[_MOST:]]
        more = ", ".join(f"{states.count(one):,} {one}" for one in dict.fromkeys(states))
        yield ("  more", f"{more} with --json")
    low = [one for one in table if one["state"] == "proven low"]
    for one in low[:_MOST]:
        text = f"{name(one['annotator'])} agrees {shown(one['consensus'])}, the rest "
        yield ("  proven low", text + f"{one['rest']:.2f} (q {one['q']:.2g})")


def _drift(found: Facts) -> str:
    if found["p"] is None:
        return "-"
    text = shown(found["change"], bare=True, signed=True)
    return f"{text} drifts" if found["drifts"] else text
