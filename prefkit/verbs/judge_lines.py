"""What a judging run gave, as lines for people; loads nothing that asks or judges."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from prefkit.verbs.spending import spent_text
from prefkit.verbs.verb import listed

__all__ = ["certificate_lines", "lines_of"]

_WIDTH = 66
"""Characters beside the column of labels."""


def lines_of(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The counts for people."""
    counts = facts["counts"]
    less = f", {counts['left_out']:,} left out by the limit" if counts["left_out"] else ""
    yield "Comparisons", f"{counts['comparisons']:,}, {counts['judged']:,} judged{less}"
    yield "Asked", _asked(facts)
    read = {name: n for name, n in counts["outcomes"].items() if name != "failed"}
    failed = sum(counts["failed"].values())
    said = f" ({listed(read)})" if read else ""
    yield "Verdicts", f"{counts['verdicts']:,}{said}, {failed:,} unreadable"
    for label, name in (
        ("Unreadable", "failed"),
        ("Unanswered", "unanswered"),
        ("Not asked", "not_asked"),
    ):
        if counts[name]:
            yield label, listed(counts[name])
    if counts["votes_added"] < sum(counts["outcomes"].values()):
        there = sum(counts["outcomes"].values()) - counts["votes_added"]
        yield "Added", f"{counts['votes_added']:,} votes; {there:,} were there before"
    both = counts["both_orders"]
    if both["pairs"]:
        share = f" ({both['same'] / both['readable']:.0%})" if both["readable"] else ""
        yield (
            "Both orders",
            f"{both['pairs']:,} pairs, {both['readable']:,} readable in both; "
            f"{both['same']:,}{share} with the same verdict",
        )
    if gold := facts["certified_by"]:
        none = f", unanswered: {listed(gold['unanswered'])}" if gold["unanswered"] else ""
        yield "Gold", f"{gold['comparisons']:,} comparisons, {gold['verdicts']:,} verdicts{none}"
    yield from certificate_lines(facts)
    for judge, drift in facts["canary"].items():
        said = {True: "drifted", False: "no drift", None: "nothing to compare"}[drift["drifted"]]
        yield "Canary", f"{judge}: {said}"
    if facts["spend"]["spent_usd"] or facts["spend"]["doubtful_usd"]:
        yield "Spent", spent_text(facts["spend"])


def _asked(facts: Mapping[str, Any]) -> str:
    judging = facts["judging"]
    models = ", ".join(
        one["model"] + (" (not pinned)" if one["revision"] == "not pinned" else "")
        for one in facts["models"]
    )
    orders = {"both": "both orders", "one": "one order"}[judging["orders"]]
    many = judging["fitted"] or {"all": "all pairs", "tournament": "a tournament"}[judging["many"]]
    draws = f", {judging['draws']} draws" if judging["draws"] > 1 else ""
    return f"{models}\nby {', '.join(judging['rubrics'])}\n{orders}, {many}{draws}"


def certificate_lines(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a manifest says of certificates, for people; a reason a line."""
    found = facts["certificates"]
    if isinstance(found, str):
        yield "Certificate", found
        found = ()
    for one in found:
        status = one["status"]
        reasons = [_wrapped(reason.removeprefix(f"{status}: ")) for reason in one["reasons"]]
        yield "Certificate", "\n".join([f"{one['judge']}: {status}", *reasons])
    for one in facts["uncertified"]:
        who = f"{one['judge']} by {one['rubric']}"
        yield "Certificate", f"{who}: none, {one['votes']:,} votes and not one on gold"


def _wrapped(reason: str) -> str:
    """One reason, indented, in lines that end before the 80th column."""
    return textwrap.fill(reason, _WIDTH, initial_indent="  ", subsequent_indent="    ")
