"""Judging comparisons over real servers: what is asked, what votes come of it, what is missing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from judge_server import JudgeServer, first, larger
from number_judging import GRADE, HARM, PAIR, RANKS, client_at, numbers, run

# Their folder is on the path by now: number_judging put it there.
from fault_server import FaultServer, Rule  # isort: skip
from faulty import client_of  # isort: skip

from prefkit.errors import ClientError
from prefkit.judging.asking import How
from prefkit.judging.library import load_rubric
from prefkit.judging.protocol import Judged, Missing, Protocol, judged, requests_of
from prefkit.llm.connect import connect
from prefkit.schema.records import Comparison

FACTS = load_rubric("factuality")


def test_a_judge_that_always_says_a_prefers_both_and_the_orders_say_so(tmp_path: Path) -> None:
    with JudgeServer(first) as server, client_at(server, tmp_path) as client:
        (one,) = run(client, [numbers(1, 2)], Protocol(rubrics=(PAIR,)))
    assert sorted(server.record) == [["It is 1", "It is 2"], ["It is 2", "It is 1"]]
    assert [(vote.order, vote.scores) for vote in one.votes] == [
        ((0, 1), (1.0, 0.0)),
        ((1, 0), (0.0, 1.0)),
    ]
    assert {vote.by for vote in one.votes} == {"judge-2026"}
    assert {vote.rubric for vote in one.votes} == {PAIR.label}
    assert one.missing == ()


@pytest.mark.parametrize(
    ("options", "asked"),
    # of k = 2 and k = 4: pairs 1 + 6, responses 2 + 4, lists 1 + 1
    [
        ({"rubrics": (PAIR,)}, 14),
        ({"rubrics": (PAIR,), "orders": "one"}, 7),
        ({"rubrics": (PAIR,), "draws": 3}, 42),
        ({"rubrics": (PAIR, HARM)}, 28),
        ({"rubrics": (GRADE,)}, 6),
        ({"rubrics": (GRADE,), "orders": "one"}, 6),
        ({"rubrics": (RANKS,)}, 4),
        ({"rubrics": (RANKS,), "orders": "one"}, 2),
        ({"rubrics": (PAIR,), "many": "tournament"}, 8),  # 2 x (1 + 3)
        ({"rubrics": (PAIR, GRADE, RANKS), "many": "tournament", "orders": "one"}, 12),
    ],
)
def test_as_many_requests_as_the_protocol_says(
    tmp_path: Path, options: dict[str, Any], asked: int
) -> None:
    def rule(texts: list[str]) -> dict[str, Any]:
        if len(texts) == 1:
            return {"grade": 3}
        asked_for = server.bodies[-1]["response_format"]["json_schema"]["schema"]["properties"]
        if "verdict" in asked_for:
            return larger(texts)
        return dict(zip("ABCD", range(1, len(texts) + 1), strict=False))

    comparisons = [numbers(1, 2), numbers(5, 8, 7, 6)]
    protocol = Protocol(**options)
    with JudgeServer(rule) as server, client_at(server, tmp_path) as client:
        assert len(list(requests_of(comparisons, protocol))) == asked
        found = run(client, comparisons, protocol, total=asked)
    assert len(server.record) == asked == sum(len(one.votes) for one in found)
    assert not any(one.missing for one in found)


def test_the_votes_stand_in_the_order_of_rubrics_showings_and_draws(tmp_path: Path) -> None:
    protocol = Protocol(rubrics=(HARM, GRADE), draws=2)

    def rule(texts: list[str]) -> dict[str, Any]:
        return {"grade": 2} if len(texts) == 1 else {"verdict": "both_good"}

    with JudgeServer(rule) as server, client_at(server, tmp_path) as client:
        (one,) = run(client, [numbers(1, 2)], protocol)
    assert [(vote.criterion, vote.order, vote.draw) for vote in one.votes] == [
        *[("harmlessness", (0, 1), 0), ("harmlessness", (0, 1), 1)],
        *[("harmlessness", (1, 0), 0), ("harmlessness", (1, 0), 1)],
        *[("helpfulness", (0,), 0), ("helpfulness", (0,), 1)],
        *[("helpfulness", (1,), 0), ("helpfulness", (1,), 1)],
    ]
    assert [vote.outcome for vote in one.votes] == ["both_good"] * 4 + ["scored"] * 4
    assert len({vote.source.record for vote in one.votes}) == 8  # each draw its own answer


def test_more_draws_pay_for_the_further_ones_only(tmp_path: Path) -> None:
    with JudgeServer(larger) as server, client_at(server, tmp_path) as client:
        run(client, [numbers(1, 2)], Protocol(rubrics=(PAIR,)))
        run(client, [numbers(1, 2)], Protocol(rubrics=(PAIR,), draws=3))
    assert len(server.record) == 2 * 3


def test_running_again_gives_the_same_votes_their_price_and_time_included(tmp_path: Path) -> None:
    comparisons = [numbers(n, n + 1, n + 2) for n in range(0, 60, 10)]
    protocol = Protocol(rubrics=(PAIR,), draws=2)
    with JudgeServer(larger) as server:
        with client_at(server, tmp_path, paid=True) as client:
            before = run(client, comparisons, protocol)
        with client_at(server, tmp_path, paid=True) as client:
            again = run(client, comparisons, protocol)
            assert client.desk.ledger.spent_usd == 0
    assert len(server.record) == 6 * 3 * 2 * 2
    assert before == again
    (cost,) = {vote.cost_usd for one in again for vote in one.votes}
    assert cost == pytest.approx(100 * 1e-6 + 10 * 10e-6)  # tokens by their prices


def test_comparisons_come_back_in_order_whatever_was_not_asked_of_them(tmp_path: Path) -> None:
    comparisons = [
        numbers(1),
        numbers(2, 2),
        numbers(3, 4),
        numbers(5),
        numbers(6, 7, 6),
        numbers(8),
    ]
    with JudgeServer(larger) as server, client_at(server, tmp_path) as client:
        found = run(client, comparisons, Protocol(rubrics=(PAIR,)))
    assert [len(one.votes) for one in found] == [0, 0, 2, 0, 4, 0]
    assert [[one.reason for one in each.missing] for each in found] == [
        ["too_few_responses"],
        ["same_text", "same_text"],
        [],
        ["too_few_responses"],
        ["same_text", "same_text"],
        ["too_few_responses"],
    ]
    assert found[4].missing[1][:3] == (PAIR.label, (2, 0), None)
    assert len(server.record) == 4  # 6 beside 7 is one question, whichever 6 it is


def test_nothing_to_ask_asks_nobody(tmp_path: Path) -> None:
    with JudgeServer(first) as server, client_at(server, tmp_path) as client:
        (one,) = run(client, [numbers(1, 2)], Protocol(rubrics=(FACTS,)))
        assert run(client, [], Protocol(rubrics=(FACTS,))) == []
    assert [missing.reason for missing in one.missing] == ["no_reference"]
    assert server.record == []


def test_one_order_of_each_rubric_is_the_one_that_was_forecast(tmp_path: Path) -> None:
    protocol = Protocol(rubrics=(PAIR, HARM), orders="one")
    comparisons = [numbers(n, n + 1) for n in range(20)]

    with JudgeServer(first) as server, client_at(server, tmp_path) as client:
        found = run(client, comparisons, protocol)
        forecast = client.forecast(requests_of(comparisons, protocol))
    assert (forecast.cached, forecast.estimate.requests) == (40, 0)
    orders = [vote.order for one in found for vote in one.votes]
    assert set(orders) == {(0, 1), (1, 0)}


def test_a_failed_reply_is_missing_and_is_asked_again(tmp_path: Path) -> None:
    def ill(texts: list[str]) -> dict[str, Any] | int:
        return 503 if texts[0] == "It is 2" else larger(texts)

    protocol = Protocol(rubrics=(PAIR,))
    comparisons = [numbers(1, 2), numbers(3, 4)]
    with JudgeServer(ill) as server, client_at(server, tmp_path) as client:
        one, two = run(client, comparisons, protocol)
        assert [vote.order for vote in one.votes] == [(0, 1)]
        (missing,) = one.missing
        assert missing[:4] == (PAIR.label, (1, 0), None, "server")
        assert "503" in missing.detail
        assert len(two.votes) == 2
        server.rule = larger
        again = run(client, comparisons, protocol)
    assert [len(each.votes) for each in again] == [2, 2]
    assert again[0].votes[0] == one.votes[0]
    assert len(server.record) == 4 + 1  # only what had failed


def test_a_reply_that_is_no_verdict_is_a_failed_vote_and_is_not_paid_twice(tmp_path: Path) -> None:
    with JudgeServer(lambda _: "Both are fine.") as server, client_at(server, tmp_path) as client:
        (one,) = run(client, [numbers(1, 2)], Protocol(rubrics=(PAIR,)))
        asked = len(server.record)
        (again,) = run(client, [numbers(1, 2)], Protocol(rubrics=(PAIR,)))
    assert one == again
    assert len(server.record) == asked
    assert [vote.outcome for vote in one.votes] == ["failed", "failed"]
    assert all('"text":"Both are fine."' in str(vote.raw) for vote in one.votes)


def test_a_request_that_the_provider_rejects_is_missing_and_is_no_fault_of_the_judge(
    tmp_path: Path,
) -> None:
    """Too long for its model, say: it had no say, and may have one in another run."""

    def narrow(texts: list[str]) -> dict[str, Any] | int:
        return 400 if "It is 1" in texts else first(texts)

    comparisons = [numbers(9), numbers(1, 2), numbers(3, 4)]
    with JudgeServer(narrow) as server, client_at(server, tmp_path) as client:
        found = run(client, comparisons, Protocol(rubrics=(PAIR,)))
        assert [len(one.votes) for one in found] == [0, 0, 2]
        assert [missing[1:4] for missing in found[1].missing] == [
            ((0, 1), None, "rejected"),
            ((1, 0), None, "rejected"),
        ]
        server.rule = first
        again = run(client, comparisons, Protocol(rubrics=(PAIR,)))
    assert [len(one.votes) for one in again] == [0, 2, 2]
    assert len(server.record) == 2 + 2 + 2


def test_what_a_recording_does_not_hold_is_missing(tmp_path: Path) -> None:
    recording = tmp_path / "answers.jsonl"
    recording.write_text('{"request": {"messages": "Q"}, "reply": "A"}\n')
    with connect(f"replay:{recording}", cache=tmp_path / "cache") as client:
        (one,) = run(client, [numbers(1, 2)], Protocol(rubrics=(PAIR,)))
    assert one.votes == ()
    assert [missing.reason for missing in one.missing] == ["unsupported"] * 2
    assert "not recorded in answers.jsonl" in one.missing[0].detail


def test_an_unreadable_verdict_is_of_the_model_that_gave_it(tmp_path: Path) -> None:
    def half(texts: list[str]) -> dict[str, Any] | str:
        return "Neither." if "It is 1" in texts else first(texts)

    with JudgeServer(half) as server, client_at(server, tmp_path) as client:
        found = run(client, [numbers(1, 2), numbers(3, 4)], Protocol(rubrics=(PAIR,)))
    outcomes = [[vote.outcome for vote in one.votes] for one in found]
    assert outcomes == [["failed"] * 2, ["scored"] * 2]
    assert {vote.by for one in found for vote in one.votes} == {"judge-2026"}


def test_where_the_money_ends_votes_are_missing_and_the_rest_is_valid(tmp_path: Path) -> None:
    comparisons = [numbers(n, n + 1) for n in range(30)]
    protocol = Protocol(rubrics=(PAIR,), how=How(max_tokens=100))
    with FaultServer() as server:
        with client_of("openai", server, tmp_path, budget=0.02) as client:
            found = run(client, comparisons, protocol)
        with client_of("openai", server, tmp_path, budget=10) as client:
            whole = run(client, comparisons, protocol)
    reasons = {missing.reason for one in found for missing in one.missing}
    assert reasons == {"budget"}
    paid = [vote for one in found for vote in one.votes]
    assert 0 < len(paid) < 60
    assert len([vote for one in whole for vote in one.votes]) == 60
    assert {vote.source.record for vote in paid} < {
        vote.source.record for one in whole for vote in one.votes
    }
    assert set(server.answered().values()) == {1}  # nothing was answered twice


def test_faults_of_every_kind_cost_no_order_and_no_vote(tmp_path: Path) -> None:
    rules = [
        Rule(fault="429", value="0.01", share=0.2, each=1),
        Rule(fault="500", share=0.2, each=1),
    ]
    comparisons = [numbers(n, n + 1) for n in range(40)]
    protocol = Protocol(rubrics=(PAIR,))
    with FaultServer() as calm, client_of("server", calm, tmp_path / "calm") as client:
        expected = run(client, comparisons, protocol)
    with FaultServer(rules) as server, client_of("server", server, tmp_path / "ill") as client:
        found = run(client, comparisons, protocol)
    assert not any(one.missing for one in found)

    def told(each: list[Judged]) -> list[Any]:
        return [(vote.order, vote.scores, vote.raw) for one in each for vote in one.votes]

    assert told(found) == told(expected)


def test_a_refused_key_stops_the_run(tmp_path: Path) -> None:
    with (
        FaultServer([Rule(fault="401")]) as server,
        client_of("openai", server, tmp_path) as client,
        pytest.raises(ClientError),
    ):
        run(client, [numbers(1, 2)], Protocol(rubrics=(PAIR,)))


def test_judging_streams_and_holds_few_comparisons(tmp_path: Path) -> None:
    drawn = 0

    def endless() -> Iterator[Comparison]:
        nonlocal drawn
        for number in itertools.count():
            drawn += 1
            yield numbers(number) if number % 2 else numbers(number, number + 1)

    with JudgeServer(larger) as server, client_at(server, tmp_path) as client:
        stream = judged(client, endless(), Protocol(rubrics=(PAIR,)), revision="r1")
        found = list(itertools.islice(stream, 20))
        stream.close()  # type: ignore[attr-defined]
    assert [len(one.votes) for one in found] == [2, 0] * 10
    assert found[0].votes[0].by == "judge-2026@r1"
    assert drawn < 4000


@pytest.mark.parametrize("kind", ["openai", "anthropic", "server"])
def test_every_client_is_asked_alike(tmp_path: Path, kind: str) -> None:
    comparisons = [numbers(n, n + 1, n + 2) for n in range(0, 30, 10)]
    with FaultServer() as server, client_of(kind, server, tmp_path) as client:
        found = run(client, comparisons, Protocol(rubrics=(PAIR, GRADE), how=How(way="tool")))
    assert [len(one.votes) for one in found] == [9, 9, 9]
    assert {vote.outcome for one in found for vote in one.votes} <= {"scored", "tie", "both_bad"}


def test_a_missing_judgement_names_its_draw(tmp_path: Path) -> None:
    with JudgeServer(lambda _: 503) as server, client_at(server, tmp_path) as client:
        (one,) = run(client, [numbers(1, 2)], Protocol(rubrics=(PAIR,), draws=2, orders="one"))
    assert [(missing.draw, missing.reason) for missing in one.missing] == [
        (0, "server"),
        (1, "server"),
    ]
    assert all(isinstance(missing, Missing) for missing in one.missing)
