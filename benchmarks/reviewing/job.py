"""The job `reviewing`: the time from a vote to the next pair, and whether every vote is there."""

from __future__ import annotations

import shutil
import statistics
import sys
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.claims import Claim, claims_table
from benchmarks.reviewing.cases import write_case
from benchmarks.reviewing.clients import Voted, vote_all
from prefkit.reviews.events import read_decisions

__all__ = ["HELD_FROM", "REVIEWING", "Outcome", "run"]

REVIEWING = "reviewing"
HELD_FROM = 2_000
"""Votes from which claims are held."""

_PAIRS = 6_000
_THERE = 8_000  # votes before anybody comes, so that 2,000 more make ten thousand


class Outcome(NamedTuple):
    """What was measured on a new review and on one with many votes."""

    votes: int
    new: Voted
    full: Voted
    lost: int

    @property
    def claims(self) -> list[Claim]:
        """What the desk promises."""
        return [
            Claim("ms from a vote to the next pair, median", _ms(self.new), 100, at_least=False),
            Claim(
                f"the same with {_THERE:,} votes there", _ms(self.full), 100, at_least=False
            ),
            Claim("kB to the first pair", self.new.first_bytes / 1000, 50, at_least=False),
            Claim("acknowledged votes that are lost", self.lost, 0, at_least=False),
        ]  # fmt: skip

    @property
    def holds(self) -> bool:
        """Whether no claim fails, where there were enough votes to say so."""
        return self.votes < HELD_FROM or not any(one.holds is False for one in self.claims)

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return self._asdict() | {"new": self.new._asdict(), "full": self.full._asdict()}

    def text(self) -> str:
        """The claims, and how many votes a second came in."""
        held = claims_table(self.claims, held=self.votes >= HELD_FROM)
        pace = self.votes / self.new.whole_s
        slow = 1000 * statistics.quantiles(self.new.each_s, n=100)[98]
        return f"{held}\nten people at once, {pace:.0f} votes a second; 99 of 100 in {slow:.0f} ms"


def run(votes: int, data: Path) -> Outcome:
    """Vote so often on a new review and on one that is nearly done."""
    work = data / "reviewing"
    found, lost = [], 0
    for there in (0, _THERE):
        print(f"{REVIEWING}: {there:,} votes there ...", file=sys.stderr, flush=True)
        shutil.rmtree(work, ignore_errors=True)
        places = write_case(work, _PAIRS, there)
        found.append(vote_all(*places, votes))
        kept = len(read_decisions(places[1])) - there
        lost += len(found[-1].each_s) - kept
    shutil.rmtree(work)
    return Outcome(votes, found[0], found[1], lost)


def _ms(voted: Voted) -> float:
    return 1000 * statistics.median(voted.each_s)
