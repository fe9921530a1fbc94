"""Which responses a judge sees together, in which orders, and what is not asked at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from comparison_rows import compare

from prefkit.errors import ConfigError
from prefkit.judging.asking import How, asked
from prefkit.judging.framing import Shown
from prefkit.judging.library import load_rubric
from prefkit.judging.protocol import Protocol
from prefkit.judging.rubric import Rubric
from prefkit.judging.showings import Missing, Showing, request_of, showings_of, why_none
from prefkit.llm.records import Request
from prefkit.schema.records import Comparison, Message, Response

PAIR = load_rubric("helpfulness")
GRADE = load_rubric("helpfulness_rating")
RANKS = load_rubric("overall_ranking")
FACTS = load_rubric("factuality")
PROTOCOL = Protocol(rubrics=(PAIR,))
ONE = Protocol(rubrics=(PAIR,), orders="one")


def places(comparison: Comparison, rubric: Rubric, protocol: Protocol) -> list[tuple[int, ...]]:
    return [showing.places for showing in showings_of(comparison, rubric, protocol)]


def of_messages(*turns: Message) -> Comparison:
    return Comparison((Message("user", "Q"),), tuple(Response((turn,)) for turn in turns), ())


def test_every_pair_is_shown_in_both_orders() -> None:
    assert places(compare("Q", ["x", "y", "z"]), PAIR, PROTOCOL) == [
        *[(0, 1), (1, 0)],
        *[(0, 2), (2, 0)],
        *[(1, 2), (2, 1)],
    ]


def test_a_response_judged_alone_is_shown_once_whatever_the_orders() -> None:
    three = compare("Q", ["x", "y", "z"])
    assert places(three, GRADE, PROTOCOL) == [(0,), (1,), (2,)] == places(three, GRADE, ONE)


def test_a_list_is_shown_forwards_and_backwards_so_that_every_pair_stands_in_both_orders() -> None:
    assert places(compare("Q", ["x", "y", "z"]), RANKS, PROTOCOL) == [(0, 1, 2), (2, 1, 0)]


def test_one_order_shows_every_pair_and_every_list_once() -> None:
    three = compare("Q", ["x", "y", "z"])
    assert [set(one) for one in places(three, PAIR, ONE)] == [{0, 1}, {0, 2}, {1, 2}]
    (listed,) = places(three, RANKS, ONE)
    assert sorted(listed) == [0, 1, 2]


def test_the_drawn_order_is_that_of_the_texts_however_they_are_listed() -> None:
    texts = [f"answer {number}" for number in range(5)]
    forwards, backwards = compare("Q", texts), compare("Q", texts[::-1])

    def shown(comparison: Comparison, rubric: Rubric) -> set[tuple[str | None, ...]]:
        return {
            tuple(comparison.responses[place].messages[0].content for place in one)
            for one in places(comparison, rubric, ONE)
        }

    assert shown(forwards, PAIR) == shown(backwards, PAIR)
    assert shown(forwards, RANKS) == shown(backwards, RANKS)


def test_the_drawn_order_is_no_function_of_the_prompt_and_favours_no_place() -> None:
    first = [places(compare("Q", ["x", f"y{n}"]), PAIR, ONE)[0][0] for n in range(1000)]
    # 1000 fair draws lie within 450 and 550 but for one time in 600; these are always the same
    assert 450 <= first.count(0) <= 550
    assert first == [places(compare("Q", ["x", f"y{n}"]), PAIR, ONE)[0][0] for n in range(1000)]


def test_two_rubrics_draw_their_own_orders() -> None:
    other = load_rubric("harmlessness")
    pairs = [compare("Q", ["x", f"y{number}"]) for number in range(200)]
    equal = sum(places(one, PAIR, ONE) == places(one, other, ONE) for one in pairs)
    assert 70 <= equal <= 130


@pytest.mark.parametrize(
    ("rubric", "count", "reason"),
    [
        (PAIR, 1, "too_few_responses"),
        (RANKS, 1, "too_few_responses"),
        (RANKS, 5, "too_many_responses"),
        (RANKS, 4, None),
        (PAIR, 9, None),
        (GRADE, 1, None),
    ],
)
def test_what_does_not_fit_a_rubric_is_told_and_not_asked(
    rubric: Rubric, count: int, reason: str | None
) -> None:
    missing = why_none(compare("Q", [str(n) for n in range(count)]), rubric, PROTOCOL)
    assert (missing and missing.reason) == reason
    if missing:
        assert missing[:3] == (rubric.label, None, None)
        assert str(count) in missing.detail


@pytest.mark.parametrize(
    ("reference", "is_missing"),
    [(None, True), ("", True), ('" "', True), ("Water boils at 100 C.", False), ('"Yes."', False)],
)
def test_a_rubric_that_needs_a_reference_is_not_asked_without_one(
    reference: str | None, is_missing: bool
) -> None:
    missing = why_none(compare("Q", ["x", "y"], reference=reference), FACTS, PROTOCOL)
    assert (missing is not None and missing.reason == "no_reference") == is_missing


def test_the_same_text_twice_is_nothing_to_judge() -> None:
    made = request_of(compare("Q", ["x", "x"]), Showing(PAIR, (1, 0)), PROTOCOL)
    assert isinstance(made, Missing)
    assert (made.order, made.reason) == ((1, 0), "same_text")
    assert isinstance(
        request_of(compare("Q", ["x", "x", "y"]), Showing(RANKS, (0, 1, 2)), PROTOCOL), Request
    )
    assert isinstance(request_of(compare("Q", ["x", "x"]), Showing(GRADE, (1,)), PROTOCOL), Request)


def call(name: str, call_id: str) -> Message:
    calls = [{"id": call_id, "type": "function", "function": {"name": name}}]
    return Message("assistant", None, json.dumps({"tool_calls": calls}))


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        # what only the record knows is shown to no judge
        (Message("assistant", "x", '{"score": 1}'), Message("assistant", "x"), True),
        (call("look", "call_1"), call("look", "toolu_9"), True),
        (call("look", "call_1"), call("find", "call_1"), False),
        (Message("assistant", "x"), Message("assistant", "x "), False),
    ],
)
def test_texts_are_the_same_if_a_judge_sees_no_difference(
    one: Message, other: Message, is_same: bool
) -> None:
    made = request_of(of_messages(one, other), Showing(PAIR, (0, 1)), PROTOCOL)
    assert isinstance(made, Missing) == is_same


def test_a_turn_that_cannot_be_shown_costs_its_own_judgement_only() -> None:
    broken = of_messages(Message("assistant", "x", "no json"), Message("assistant", "y"))
    made = request_of(broken, Showing(PAIR, (0, 1)), PROTOCOL)
    assert isinstance(made, Missing)
    assert (made.reason, made.order) == ("unshowable", (0, 1))
    assert "no JSON object" in made.detail


def test_a_request_shows_the_responses_in_their_order_and_the_reference_if_wanted() -> None:
    comparison = compare("Q", ["first", "second"], reference="The truth.")
    made = request_of(comparison, Showing(PAIR, (1, 0)), PROTOCOL)
    assert made == asked(PAIR, Shown.of(comparison, (1, 0)))
    user = str(made.messages[-1].content)
    assert user.index("second") < user.index("first")
    assert "The truth." in user
    without = request_of(
        comparison, Showing(PAIR, (1, 0)), Protocol(rubrics=(PAIR,), reference=False)
    )
    assert isinstance(without, Request)
    assert "The truth." not in str(without.messages[-1].content)


def test_the_first_draw_is_what_one_judgement_asks_and_further_ones_have_their_own_seed() -> None:
    protocol = Protocol(rubrics=(PAIR,), draws=3, how=How(seed=7))
    comparison = compare("Q", ["x", "y"])
    made = [request_of(comparison, Showing(PAIR, (0, 1)), protocol, draw=n) for n in range(3)]
    assert [(one.draw, one.seed) for one in made if isinstance(one, Request)] == [
        (None, 7),
        (1, 8),
        (2, 9),
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rubrics": ()}, "one rubric"),
        ({"rubrics": (PAIR, PAIR)}, "different"),
        ({"draws": 0}, "1 or more, not 0"),
        ({"most_listed": 1}, "2 to 26"),
        ({"most_listed": 27}, "2 to 26"),
        ({"rubrics": (RANKS,), "how": How(way="first_token")}, "one token"),
        ({"rubrics": (FACTS,), "reference": False}, "needs references"),
    ],
)
def test_a_protocol_that_fits_nothing_is_refused_at_once(
    options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        Protocol(**({"rubrics": (PAIR,)} | options))
