"""What decisions make of a dataset, for people: the difference first, then what is only listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefkit.verbs.verb import listed

__all__ = ["difference", "lines_of"]

_MOST = 10
Line = tuple[str, str]


def difference(facts: Mapping[str, Any]) -> str:
    """What changes, in one line."""
    changed = facts["rows_changed"]
    return listed(changed) if changed else "no row changes: every answer was there before"


def lines_of(facts: Mapping[str, Any], desk: str) -> Iterator[Line]:
    """The lines of what `apply` found; `desk` is the command that settles what is open."""
    read = facts["read"]
    yield ("Read", f"{read['decisions']:,} decisions ({listed(read['by_role'])})")
    yield ("Difference", difference(facts))
    yield ("Answers", f"{listed(facts['answers']) or 'none'}{_before(facts['as_before'])}")
    if facts["still_dropped"]:
        yield ("Stay out", f"{facts['still_dropped']:,} that a filter dropped: blind votes say "
                           "which side is better, not whether the filter is wrong")  # fmt: skip
    yield from _waiting(facts["waiting"], desk)
    for label, name in (("Moved on", "moved"), ("Refused", "refused")):
        if facts[name]:
            yield (label, _cut(Counter(entry["reason"] for entry in facts[name]), facts[name]))


def _before(count: int) -> str:
    return f"; {count:,} were applied before" if count else ""


def _waiting(waiting: Sequence[Mapping[str, Any]], desk: str) -> Iterator[Line]:
    if not waiting:
        return
    shown = "\n".join(f"{entry['pair'][:12]}  {entry['reason']}" for entry in waiting[:_MOST])
    more = f"\n{len(waiting) - _MOST:,} more with --json" if len(waiting) > _MOST else ""
    yield ("Second look", f"{len(waiting):,} pairs come to no answer and stay as they are\n"
                          f"{shown}{more}")  # fmt: skip
    yield ("Next", f"{desk}  (the lead settles them), then apply again")


def _cut(reasons: Counter[str], entries: Sequence[Mapping[str, Any]]) -> str:
    places = [str(entry.get("pair") or f"line {entry['line']}")[:12] for entry in entries[:_MOST]]
    more = " ..." if len(entries) > _MOST else ""
    return f"{listed(reasons)}\n{', '.join(places)}{more}"
