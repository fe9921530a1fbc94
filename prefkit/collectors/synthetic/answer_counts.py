"""What checkers said, counted: the shares right, wrong and unsure, and who can be paired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["Counts"]

_OUTCOMES = ("right", "wrong", "unsure")


class Counts:
    """Counts over comparisons; a text that was drawn several times is one response."""

    def __init__(self) -> None:
        self._responses: Counter[str] = Counter()
        self._draws: Counter[str] = Counter()
        self._comparisons: Counter[str] = Counter()
        self._by: dict[str, Counter[str]] = {}

    def add(self, label: str, outcomes: Sequence[str], draws: Sequence[int]) -> None:
        """Count what the checker of that label said of one comparison."""
        of_checker = self._by.setdefault(label, Counter())
        for outcome, times in zip(outcomes, draws, strict=True):
            self._responses[outcome] += 1
            self._draws[outcome] += times
            of_checker[outcome] += 1
        said = {"right", "wrong"} & set(outcomes)
        of_checker["votes"] += bool(said)
        self._comparisons[_kind(said)] += 1

    def left_out(self, draws: Sequence[int]) -> None:
        """Count a comparison that was not checked."""
        self._comparisons["not_checked"] += 1
        self._responses["not_checked"] += len(draws)
        self._draws["not_checked"] += sum(draws)

    def facts(self) -> dict[str, Any]:
        """For the manifest.

        `shares` are of the draws that were checked; of `comparisons` those with `both` give pairs.
        """
        checked = sum(self._draws[name] for name in _OUTCOMES)
        shares = {name: self._draws[name] / checked for name in _OUTCOMES} if checked else None
        names = ("both", "no_right", "no_wrong", "neither", "not_checked")
        return {
            "responses": {name: self._responses[name] for name in (*_OUTCOMES, "not_checked")},
            "draws": {name: self._draws[name] for name in (*_OUTCOMES, "not_checked")},
            "shares": shares,
            "comparisons": {name: self._comparisons[name] for name in names},
            "checkers": {
                label: {name: found[name] for name in ("votes", *_OUTCOMES)}
                for label, found in sorted(self._by.items())
            },
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        """The same for people."""
        facts = self.facts()
        if facts["shares"] is not None:
            shares = ", ".join(f"{share:.0%} {name}" for name, share in facts["shares"].items())
            drawn = sum(self._draws[name] for name in _OUTCOMES)
            yield "Checked", f"{drawn:,} answers: {shares}"
        where = facts["comparisons"]
        alone = {
            "no_right": "without a right answer",
            "no_wrong": "without a wrong one",
            "neither": "with neither",
            "not_checked": "not checked",
        }
        rest = "".join(f"; {where[name]:,} {said}" for name, said in alone.items() if where[name])
        yield (
            "Right and wrong",
            f"in {where['both']:,} of {sum(where.values()):,} comparisons{rest}",
        )
        if len(self._by) > 1:
            votes = (f"{label} {found['votes']:,}" for label, found in sorted(self._by.items()))
            yield "Checkers", ", ".join(votes)


def _kind(said: set[str]) -> str:
    if len(said) == 2:
        return "both"
    if not said:
        return "neither"
    return "no_wrong" if "right" in said else "no_right"
