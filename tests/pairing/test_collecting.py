"""Votes on contests as numbers: what one line stands for."""

from __future__ import annotations

import pyarrow as pa
import pytest
from comparison_rows import compare, table_of, vote

from prefkit.pairing.ballots import Selection
from prefkit.pairing.collecting import NOBODY, Contests, contest_votes, contests_of
from prefkit.registry import load
from prefkit.schema.arrow import COMPARISONS
from prefkit.schema.records import Comparison, Vote


def collected(*rows: Comparison) -> Contests:
    return contests_of([contest_votes(table_of(row), Selection()) for row in rows])


def stars(*scores: float | None, by: str | None = "p1") -> Vote:
    return vote(*scores, scale="rating:1-5", by=by)


def test_a_judge_has_one_vote_on_a_contest_its_own_majority() -> None:
    often = [stars(5.0, 1.0), stars(4.0, 2.0), stars(1.0, 3.0)]
    twice = [stars(5.0, 1.0, by="p2"), stars(1.0, 5.0, by="p2")]
    found = collected(compare("q", ["x", "y"], *often, *twice))
    assert found.votes.height == 1
    assert (found.undecided, found.names) == (1, ("p1", "p2"))
    # Responses are stored by digest, and y stands first.
    assert found.votes.select("a", "b", "judge", "said").row(0) == (0, 1, 0, -1)


def test_votes_of_nobody_stay_single() -> None:
    found = collected(compare("q", ["x", "y"], stars(5.0, 1.0, by=None), stars(1.0, 5.0, by=None)))
    assert found.votes["judge"].to_list() == [NOBODY, NOBODY]
    assert sorted(found.votes["said"].to_list()) == [-1, 1]
    assert found.counts() == {
        "votes": 0,
        "contests": 0,
        "not_identified": 2,
        "contests_of_nobody": 1,
        "of_two_minds": 0,
    }


def test_a_ranking_is_a_vote_on_each_of_its_contests() -> None:
    found = collected(compare("q", ["x", "y", "z"], stars(5.0, 3.0, 3.0)))
    assert sorted(found.votes["said"].to_list()) == [-1, 0, 1]
    assert len(found.responses) == 3


def test_ratings_of_single_responses_are_joined_by_judge() -> None:
    apart = [stars(5.0, None), stars(None, 2.0), stars(None, 5.0, by="p2")]
    found = collected(compare("q", ["x", "y"], *apart))
    assert found.votes.height == 1, "p2 compared nothing"


def test_judges_are_numbered_by_name_whatever_comes_first() -> None:
    one = compare("q", ["x", "y"], stars(5.0, 1.0, by="b"))
    other = compare("r", ["x", "y"], stars(5.0, 1.0, by="a"), stars(5.0, 1.0, by=None))
    found = collected(one, other)
    assert found.names == ("a", "b")
    assert found.votes["judge"].to_list() == [1, 0, NOBODY]


def test_a_comparison_without_a_prompt_teaches_nothing() -> None:
    assert collected(compare("", ["x", "y"], stars(5.0, 1.0))).votes.height == 0


def same_response_twice() -> pa.Table:
    """As a folder of others may have it: prefkit gives the second one an id of its own."""
    ranked = [stars(3.0, 2.0, 1.0, by=f"p{j}") for j in range(2)]
    (row,) = table_of(compare("q", ["x", "x", "y"], *ranked)).to_pylist()
    for response in row["responses"]:
        response["id"] = response["id"].removesuffix("-2")
    return pa.Table.from_pylist([row], schema=COMPARISONS)


def test_the_same_response_twice_is_no_contest() -> None:
    found = contests_of([contest_votes(same_response_twice(), Selection())])
    assert len(found.responses) == 2
    assert found.votes.height == 4  # of two judges y against either x


@pytest.mark.parametrize("name", ["bradley_terry", "plackett_luce"])
def test_the_same_response_twice_has_one_strength(name: str) -> None:
    aggregation = load("aggregation", name)()
    batch = aggregation.collect(same_response_twice(), Selection())
    assert aggregation.learn([batch], None).facts["responses"] == 2
