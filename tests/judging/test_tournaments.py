"""Tournaments over real servers: who meets whom, who goes on, and what stops a bracket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from judge_server import JudgeServer, first, larger
from number_judging import GRADE, HARM, PAIR, client_at, numbers, run

from prefkit.errors import ConfigError
from prefkit.judging.protocol import Judged, Protocol, judged

KNOCK_OUT = Protocol(rubrics=(PAIR,), many="tournament")


def winners(one: Judged) -> set[int]:
    """Who lost no match."""
    met = {place for vote in one.votes for place in vote.order or ()}
    lost = {place for vote in one.votes for place, score in enumerate(vote.scores) if score == 0.0}
    return met - lost


def test_a_tournament_finds_the_best_of_each_comparison_in_one_match_less(tmp_path: Path) -> None:
    comparisons = [
        numbers(30, 10, 20),
        numbers(1, 2),
        numbers(*range(100, 108)),
        numbers(90, 60, 70, 80, 50),
        numbers(7),
    ]
    with JudgeServer(larger) as server, client_at(server, tmp_path) as client:
        found = run(client, comparisons, KNOCK_OUT)
    assert [len(one.votes) for one in found] == [2 * 2, 2 * 1, 2 * 7, 2 * 4, 0]
    assert [winners(one) for one in found[:4]] == [{0}, {1}, {7}, {0}]
    assert len(server.record) == 4 + 2 + 14 + 8  # every match asked once though read many times
    for one in found:
        pairs = [frozenset(vote.order or ()) for vote in one.votes]
        assert all(pairs.count(pair) == 2 for pair in pairs)  # both orders
        assert all(vote.outcome == "scored" for vote in one.votes)


def test_each_rubric_has_its_own_bracket_and_listed_ones_have_none(tmp_path: Path) -> None:
    def rule(texts: list[str]) -> dict[str, Any]:
        body = server.bodies[-1]
        if len(texts) == 1:
            return {"grade": 5}
        said = larger(texts)["verdict"]
        if "Decide which one helps" in body["messages"][0]["content"]:
            return {"verdict": said}
        return {"verdict": {"A": "B", "B": "A"}[said]}  # the other rubric likes small numbers

    protocol = Protocol(rubrics=(PAIR, HARM, GRADE), many="tournament")
    with JudgeServer(rule) as server, client_at(server, tmp_path) as client:
        (one,) = run(client, [numbers(2, 4, 1, 3)], protocol)

    def of(criterion: str, votes: int) -> Judged:
        mine = tuple(
            vote for vote in one.votes if vote.criterion == criterion and vote.scale == "choice"
        )
        assert len(mine) == votes
        return Judged(mine, ())

    assert winners(of("helpfulness", 6)) == {1}
    assert winners(of("harmlessness", 6)) == {2}
    assert len(one.votes) == 6 + 6 + 4


def test_without_a_majority_the_first_goes_on_and_no_vote_says_so(tmp_path: Path) -> None:
    with JudgeServer(first) as server, client_at(server, tmp_path) as client:
        (one,) = run(client, [numbers(1, 2, 3, 4)], KNOCK_OUT)
    assert len(one.votes) == 6
    # every match: one verdict for each, by position
    assert all(vote.scores[(vote.order or ())[0]] == 1.0 for vote in one.votes)
    assert len(server.record) == 6


def test_equal_texts_are_not_asked_and_stop_no_bracket(tmp_path: Path) -> None:
    with JudgeServer(larger) as server, client_at(server, tmp_path) as client:
        (one,) = run(client, [numbers(5, 5, 5, 5)], KNOCK_OUT)
        (two,) = run(client, [numbers(5, 5, 9)], KNOCK_OUT)
    assert [missing.reason for missing in one.missing] == ["same_text"] * 6
    assert {place for vote in two.votes for place in vote.order or ()} > {2}
    assert len(two.votes) + len(two.missing) == 4
    assert winners(two) == {2}


def test_a_match_without_an_answer_stops_what_depends_on_it_until_it_has_one(
    tmp_path: Path,
) -> None:
    def ill(texts: list[str]) -> dict[str, Any] | int:
        return 503 if "It is 4" in texts else larger(texts)

    comparisons = [numbers(1, 2, 3, 4), numbers(10, 30, 20)]
    with JudgeServer(ill) as server, client_at(server, tmp_path) as client:
        one, two = run(client, comparisons, KNOCK_OUT)
        assert winners(two) == {1}  # nobody else waits
        assert [vote.order for vote in one.votes if 3 in (vote.order or ())] == []
        assert len(one.votes) == 2  # the other match of the first round
        reasons = [missing.reason for missing in one.missing]
        assert reasons == ["server", "server", "not_reached"]
        server.rule = larger
        kept = len(server.record)
        whole, _ = run(client, comparisons, KNOCK_OUT)
    assert winners(whole) == {3}
    assert len(whole.votes) == 6
    assert not whole.missing
    assert len(server.record) - kept == 4  # that match and the last one, in both orders


def test_a_tournament_run_again_asks_nothing_and_says_the_same(tmp_path: Path) -> None:
    comparisons = [numbers(*range(start, start + 6)) for start in range(0, 50, 10)]
    with JudgeServer(larger) as server:
        with client_at(server, tmp_path) as client:
            before = run(client, comparisons, KNOCK_OUT)
        asked = len(server.record)
        with client_at(server, tmp_path) as client:
            again = run(client, comparisons, KNOCK_OUT)
    assert before == again
    assert asked == len(server.record) == 5 * 5 * 2


def test_a_tournament_refuses_what_can_be_read_only_once(tmp_path: Path) -> None:
    with (
        JudgeServer(larger) as server,
        client_at(server, tmp_path) as client,
        pytest.raises(ConfigError, match="read only once"),
    ):
        judged(client, iter([numbers(1, 2, 3)]), KNOCK_OUT, revision=None)
    assert server.record == []
