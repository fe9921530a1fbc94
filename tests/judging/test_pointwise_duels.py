"""Votes on one response each: which of them meet, and where a failure stands."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from comparison_rows import compare
from duel_lines import LABEL, failed, judge, lines, named, winner

from prefkit.schema.records import Vote as Ballot


def test_pointwise_votes_of_one_judge_meet_and_equal_scores_are_a_tie() -> None:
    rated = {"scale": "rating:1-5", "rubric": LABEL}
    found = named(
        compare(
            "Hi", ("a", "b", "c"),
            judge(4.0, None, None, cost_usd=0.1, seconds=1.0, **rated),
            judge(None, 2.0, None, cost_usd=0.2, seconds=2.0, order=(1,), **rated),
            judge(None, None, 4.0, cost_usd=0.4, seconds=4.0, **rated),
        )
    )  # fmt: skip
    assert {frozenset((line["a"], line["b"])): winner(line) for line in found} == {
        frozenset("ab"): "a",
        frozenset("bc"): "c",
        frozenset("ac"): "tie",
    }
    assert {line["form"] for line in found} == {"pointwise"}
    assert {line["order"] for line in found} == {"none"}
    assert all(line["first"] is None for line in found)
    assert {abs(line["difference"]) for line in found} == {2.0, 0.0}
    assert sum(line["cost_usd"] or 0 for line in found) == pytest.approx(0.7)
    assert sum(line["seconds"] or 0 for line in found) == pytest.approx(7.0)
    assert all(line["other_vote"] is not None for line in found)


def test_two_votes_are_as_sure_as_the_less_sure_of_them() -> None:
    rated = {"scale": "rating:1-5", "rubric": LABEL}
    sure, unsure = json.dumps({"mass": 0.99}), json.dumps({"mass": 0.91})
    for raws in ((sure, unsure), (unsure, sure)):
        one, other = judge(4.0, None, raw=raws[0], **rated), judge(None, 2.0, raw=raws[1], **rated)
        [line] = lines(compare("Hi", ("a", "b"), one, other))
        assert line["mass"] == 0.91


@pytest.mark.parametrize(
    "apart",
    [
        {"by": "other"}, {"rubric": "x@1:0123456789ab"}, {"criterion": "honesty"}, {"draw": 1},
        {"scale": "rating:1-9"}, {"kind": "reward"},
    ],
)  # fmt: skip
def test_pointwise_votes_of_two_judgements_never_meet(apart: dict[str, Any]) -> None:
    rated = {"scale": "rating:1-5", "rubric": LABEL}
    one, other = judge(4.0, None, **rated), judge(None, 2.0, **{**rated, **apart})
    assert lines(compare("Hi", ("a", "b"), one, other)) == []


def test_where_nobody_is_named_only_votes_of_one_record_meet() -> None:
    def rated(*scores: float | None, record: str) -> Ballot:
        return judge(*scores, by=None, scale="rating", record=record)

    same = compare("Hi", ("a", "b"), rated(4.0, None, record="x"), rated(None, 2.0, record="x"))
    assert len(lines(same)) == 1
    other = compare("Hi", ("a", "b"), rated(4.0, None, record="x"), rated(None, 2.0, record="y"))
    assert lines(other) == []


def test_a_second_score_for_a_response_is_a_second_judgement() -> None:
    rated = {"scale": "rating:1-5"}
    found = named(
        compare(
            "Hi", ("a", "b"),
            judge(4.0, None, **rated), judge(None, 2.0, **rated),
            judge(1.0, None, **rated), judge(None, 5.0, **rated),
        )
    )  # fmt: skip
    assert sorted(str(winner(line)) for line in found) == ["a", "b"]


@pytest.mark.parametrize("told", [True, False])
def test_a_failed_pointwise_vote_is_against_all_that_it_would_have_met(told: bool) -> None:
    rated = {"scale": "rating:1-5", "rubric": LABEL}
    order = {"order": (1,)} if told else {}
    found = named(
        compare(
            "Hi", ("a", "b", "c"),
            judge(4.0, None, None, cost_usd=0.1, **rated),
            failed(3, cost_usd=0.2, **rated, **order),
            judge(None, None, 1.0, cost_usd=0.4, **rated),
        )
    )  # fmt: skip
    assert {frozenset((line["a"], line["b"])): winner(line) for line in found} == {
        frozenset("ab"): None,
        frozenset("bc"): None,
        frozenset("ac"): "a",
    }
    unread = [line for line in found if line["verdict"] is None]
    assert {line["vote"] for line in unread} == {1}, "the vote that failed, not the one it met"
    assert {line["outcome"] for line in unread} == {"failed"}
    assert sum(line["cost_usd"] or 0 for line in found) == pytest.approx(0.7)


def test_a_failed_pointwise_vote_meets_responses_that_nobody_judged() -> None:
    rated = {"scale": "rating:1-5", "rubric": LABEL}
    found = named(compare("Hi", ("a", "b", "c"), failed(3, order=(1,), **rated)))
    assert {frozenset((line["a"], line["b"])) for line in found} == {
        frozenset("ab"),
        frozenset("bc"),
    }
    assert all(line["verdict"] is None and line["other_vote"] is None for line in found)
    both = lines(compare("Hi", ("a", "b"), failed(**rated), failed(**rated)))
    assert [(line["form"], line["vote"], line["other_vote"]) for line in both] == [
        ("pointwise", 0, 1)
    ]


def test_a_response_that_failed_and_was_rated_later_keeps_both_lines() -> None:
    rated = {"scale": "rating:1-5", "rubric": LABEL}
    found = named(
        compare(
            "Hi", ("a", "b"),
            failed(order=(0,), **rated), judge(4.0, None, **rated), judge(None, 2.0, **rated),
        )
    )  # fmt: skip
    assert Counter(winner(line) for line in found) == {"a": 1, None: 1}


def test_which_of_many_failed_is_not_guessed() -> None:
    rated = {"scale": "rating:1-5", "rubric": LABEL}
    found = named(
        compare("Hi", ("a", "b", "c"), judge(4.0, None, None, **rated), failed(3, **rated))
    )
    assert found == [], "b or c failed, and the other was never answered"


def test_a_failed_vote_of_a_judge_that_rates_one_at_a_time_is_pointwise() -> None:
    rated = {"scale": "rating"}
    found = lines(
        compare("One", ("a", "b"), judge(4.0, None, **rated), judge(None, 1.0, **rated)),
        compare("Two", ("c", "d"), judge(4.0, None, **rated), failed(**rated)),
        compare("Three", ("e", "f"), failed(by="pairs")),
    )
    assert [(line["form"], line["verdict"] is None) for line in found] == [
        ("pointwise", False),
        ("pointwise", True),
        ("pairwise", True),
    ]
