"""What a judging run gave, as lines for people; loads nothing that asks or judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prefkit.verbs.spending import spent_text
from prefkit.verbs.verb import listed

__all__ = ["certificate_lines", "lines_of"]


def lines_of(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The counts for people."""
    counts = facts["counts"]
    yield "Comparisons", f"{counts['comparisons']:,}, {counts['judged']:,} judged"
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
    both = counts["both_orders"]
    if both["pairs"]:
        share = f" ({both['same'] / both['readable']:.0%})" if both["readable"] else ""
        yield (
            "Both orders",
            f"{both['pairs']:,} pairs, {both['readable']:,} readable in both; "
            f"{both['same']:,}{share} with the same verdict",
        )
    yield from certificate_lines(facts["certificates"])
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
    return f"{models} by {', '.join(judging['rubrics'])}; {orders}, {many}{draws}"


def certificate_lines(found: Any) -> Iterator[tuple[str, str]]:
    """What a manifest says of certificates, for people."""
    if isinstance(found, str):
        yield "Certificate", found
        return
    for one in found:
        reasons = f": {'; '.join(one['reasons'])}" if one["reasons"] else ""
        yield "Certificate", f"{one['judge']}: {one['status']}{reasons}"
