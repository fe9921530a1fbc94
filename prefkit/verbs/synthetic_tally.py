"""What a synthetic run made, counted on its way to the dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from prefkit.collectors.prompts import Unused
from prefkit.collectors.synthetic.comparing import Finished
from prefkit.collectors.synthetic.giveaway import Giveaway
from prefkit.llm.records import Failure
from prefkit.schema.records import Vote
from prefkit.verbs.verb import listed

__all__ = ["Tally", "lines_of"]


class Tally:
    """Counts of prompts, drafts, responses and votes, and of what there is none of."""

    def __init__(self) -> None:
        self.prompts = self.comparisons = self.drafts = self.answered = 0
        self.responses = self.cut = 0
        self.set_aside: Counter[str] = Counter()
        """Rows, by reason."""
        self.failed: Counter[str] = Counter()
        """Drafts without a response, by reason."""
        self.votes: Counter[str] = Counter()
        """By kind."""
        self.known = 0
        """Votes that a comparison had already; they are not added again."""
        self.unvoted: Counter[str] = Counter()
        """What recipe and caster have no vote on, by reason."""
        self.giveaway = Giveaway()
        self.first: Failure | None = None
        """The first draft that failed."""

    def made(self, row: Finished) -> None:
        """Count one row and all that was made for it."""
        self.prompts += not isinstance(row.work.row, Unused)
        if row.aside is not None:
            self.set_aside[row.aside.reason] += 1
        self.drafts += len(row.work.made)
        self.answered += sum(made.reason is None for made in row.work.made)
        self.cut += sum(made.reason is None and made.finish == "length" for made in row.work.made)
        for made, aside in row.unused:
            self.failed[aside.reason] += 1
            if made.reason is not None and self.first is None:
                self.first = Failure(made.reason, made.detail)  # type: ignore[arg-type]
        if row.comparison is not None:
            self.comparisons += 1
            self.responses += len(row.comparison.responses)

    def voted(self, votes: Iterable[Vote]) -> None:
        """Count votes."""
        self.votes.update(vote.kind for vote in votes)

    @property
    def unpaid(self) -> int:
        """What was not asked for want of money."""
        return self.failed["budget"] + self.unvoted["budget"]

    def facts(self) -> dict[str, Any]:
        """The counts of a manifest."""
        return {
            "prompts": self.prompts,
            "comparisons": self.comparisons,
            "set_aside": dict(sorted(self.set_aside.items())),
            "drafts": self.drafts,
            "answered": self.answered,
            "cut": self.cut,
            "failed": dict(sorted(self.failed.items())),
            "responses": self.responses,
            "votes": dict(sorted(self.votes.items())),
            "known_votes": self.known,
            "unvoted": dict(sorted(self.unvoted.items())),
        }


def lines_of(counts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The counts for people."""
    lines = [("Comparisons", f"{counts['comparisons']:,} of {counts['prompts']:,} prompts")]
    if counts.get("left_out"):
        lines.append(("Left out", f"{counts['left_out']:,} behind the limit"))
    if counts["set_aside"]:
        lines.append(("Set aside", listed(counts["set_aside"])))
    if counts["drafts"]:
        made = f"{counts['responses']:,} that differ, from {counts['answered']:,} answers"
        cut = f", {counts['cut']:,} of them cut at max_tokens" if counts["cut"] else ""
        lines.append(("Responses", f"{made} to {counts['drafts']:,} drafts{cut}"))
    if counts["failed"]:
        lines.append(("Failed", listed(counts["failed"])))
    known = counts["known_votes"]
    there = f"; {known:,} of them were there already" if known else ""
    lines.append(("Votes", (listed(counts["votes"]) or "none") + there))
    if counts["unvoted"]:
        lines.append(("No vote", listed(counts["unvoted"])))
    return lines
