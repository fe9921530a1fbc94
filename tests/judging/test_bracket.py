"""A knock-out finds the best in k - 1 matches, and knows what it does not know."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from prefkit.judging.bracket import NOBODY, Match, bracket, nominal, rounds_of, seeded, winner_of


def names(count: int) -> list[str]:
    return [f"response {number}" for number in range(count)]


def played(seeds: tuple[int, ...], strengths: list[float]) -> tuple[int, int]:
    """Who is left when the stronger always wins, and how many matches it took."""
    winners = [NOBODY] * (len(seeds) - 1)
    count = 0
    for number in range(rounds_of(len(seeds))):
        for match in bracket(seeds, winners)[number]:
            count += 1
            winners[match.number] = max(match.first, match.second, key=strengths.__getitem__)
    return winners[-1], count


@pytest.mark.parametrize(
    ("responses", "rounds", "matches"),
    # by hand: of 5 two meet so that 4 are left, of 6 four meet, of 7 six; then halves
    [(2, 1, [1]), (3, 2, [1, 1]), (4, 2, [2, 1]), (5, 3, [1, 2, 1]), (6, 3, [2, 2, 1])],
)
def test_the_first_round_leaves_a_power_of_two(
    responses: int, rounds: int, matches: list[int]
) -> None:
    assert rounds_of(responses) == rounds
    assert [len(one) for one in nominal(tuple(range(responses)))] == matches


def test_a_bracket_of_five_by_hand() -> None:
    seeds = (3, 0, 4, 1, 2)
    assert bracket(seeds, [NOBODY] * 4) == [
        [Match(0, 3, 0)],
        [Match(1, NOBODY, 4), Match(2, 1, 2)],
        [Match(3, NOBODY, NOBODY)],
    ]
    assert bracket(seeds, [0, NOBODY, 2, NOBODY])[1:] == [
        [Match(1, 0, 4), Match(2, 1, 2)],
        [Match(3, NOBODY, 2)],
    ]
    assert nominal(seeds) == [
        [Match(0, 3, 0)],
        [Match(1, 0, 4), Match(2, 1, 2)],
        [Match(3, 0, 1)],
    ]


@pytest.mark.parametrize("responses", range(2, 40))
def test_the_best_of_k_is_found_in_one_match_less_than_k(responses: int) -> None:
    chance = random.Random(responses)
    for trial in range(5):
        strengths = [chance.random() for _ in range(responses)]
        best = strengths.index(max(strengths))
        assert played(seeded(f"{trial}", names(responses)), strengths) == (best, responses - 1)


def test_the_matches_are_numbered_through_and_every_response_but_one_loses_once() -> None:
    matches = [match for one in nominal(tuple(range(11))) for match in one]
    assert [match.number for match in matches] == list(range(10))
    losers = Counter(max(match.first, match.second) for match in matches)
    assert losers == dict.fromkeys(range(1, 11), 1)


def test_alone_there_is_no_match() -> None:
    assert nominal((0,)) == []
    assert rounds_of(1) == 0


def test_the_places_are_drawn_by_name_and_every_place_comes_first_about_as_often() -> None:
    assert seeded("a", names(6)) == seeded("a", names(6))
    assert sorted(seeded("a", names(6))) == list(range(6))
    backwards = seeded("a", names(6)[::-1])  # the same responses meet, however they are listed
    assert tuple(5 - place for place in backwards) == seeded("a", names(6))
    first = Counter(seeded(str(number), names(4))[0] for number in range(2000))
    assert all(430 <= first[place] <= 570 for place in range(4))  # 500 each, three deviations of 19


@pytest.mark.parametrize(
    ("verdicts", "winner"),
    [
        ([7, 7], 7),
        ([2, 2], 2),
        ([7, 2], 7),  # no majority: who stands first
        ([2, NOBODY], 2),
        ([NOBODY, NOBODY], 7),
        ([2, 2, 7], 2),
        ([], 7),
    ],
)
def test_who_wins_more_verdicts_goes_on_and_else_who_stands_first(
    verdicts: list[int], winner: int
) -> None:
    assert winner_of(Match(0, 7, 2), verdicts) == winner
