"""A knock-out among the responses of one comparison: the best of k in k - 1 matches.

Who goes on decides only what is asked next. What a judge said of a match is a vote like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

__all__ = ["NOBODY", "Match", "bracket", "nominal", "rounds_of", "seeded", "winner_of"]

NOBODY = -1
"""In the place of a winner: the match has not been decided."""


class Match(NamedTuple):
    """Two responses that meet; the first stands before the second in the bracket."""

    number: int
    """Among all matches of the bracket, round by round, from 0."""
    first: int
    second: int
    """Places, or `NOBODY` where the match before it has not been decided."""

    @property
    def is_known(self) -> bool:
        """Whether both responses are known."""
        return NOBODY not in (self.first, self.second)


def seeded(whole: str, responses: Sequence[str]) -> tuple[int, ...]:
    """The places of the responses as chance draws them, from the names of `showings.Identity`."""

    def drawn(place: int) -> tuple[bytes, int]:
        said = f"{whole}\nbracket\n{responses[place]}"
        return blake2b(said.encode(), digest_size=16).digest(), place

    return tuple(sorted(range(len(responses)), key=drawn))


def rounds_of(responses: int) -> int:
    """How many rounds it takes: after the first, half of those left go on."""
    return (responses - 1).bit_length()


def _matches_in(responses: int) -> int:
    """Matches in a round with so many left: in the first, only those that make it a power of 2."""
    return responses - (1 << (rounds_of(responses) - 1)) if responses > 1 else 0


def bracket(seeds: Sequence[int], winners: Sequence[int]) -> list[list[Match]]:
    """All matches, round by round, as far as the winners are known.

    `winners` has a place, or `NOBODY`, for every match by its number.
    """
    left = list(seeds)
    found: list[list[Match]] = []
    number = 0
    while len(left) > 1:
        count = _matches_in(len(left))
        played = [Match(number + at, left[2 * at], left[2 * at + 1]) for at in range(count)]
        left = [winners[match.number] for match in played] + left[2 * count :]
        number += count
        found.append(played)
    return found


def winner_of(match: Match, verdicts: Sequence[int]) -> int:
    """Who goes on: whom more verdicts name (each a place, or `NOBODY`), else the first."""
    ahead = verdicts.count(match.second) > verdicts.count(match.first)
    return match.second if ahead else match.first


def nominal(seeds: Sequence[int]) -> list[list[Match]]:
    """The bracket in which the lower place always goes on: so many matches, whoever wins."""
    winners = [NOBODY] * (len(seeds) - 1)
    for number in range(rounds_of(len(seeds))):
        for match in bracket(seeds, winners)[number]:
            winners[match.number] = min(match.first, match.second)
    return bracket(seeds, winners)
