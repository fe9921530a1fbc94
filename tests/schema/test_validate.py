"""Every rule of the records, and what its message says."""

from __future__ import annotations

import math
from typing import Any

import pytest
from comparison_rows import answer, compare, turns, vote

from prefkit.errors import SchemaError
from prefkit.schema.records import KINDS, OUTCOMES, Comparison, Message, Response
from prefkit.schema.validate import check_comparison, scale_bounds

PLAIN = compare("q", ["x", "y"], vote(1.0, 0.0))


def test_a_sound_comparison_passes() -> None:
    check_comparison(PLAIN)
    check_comparison(PLAIN._replace(prompt=(), votes=()))


@pytest.mark.parametrize(
    ("comparison", "message"),
    [
        (PLAIN._replace(responses=()), "a comparison needs at least one response"),
        (PLAIN._replace(responses=(answer("x"), Response(()))), "response 1 has no messages"),
        (
            PLAIN._replace(prompt=(Message("user", "q"), Message("", "x"))),
            "prompt, turn 1: the role is '', not a name",
        ),
        (
            PLAIN._replace(prompt=(Message(None, "q"),)),  # type: ignore[arg-type]
            "prompt, turn 0: the role is None, not a name",
        ),
        (
            PLAIN._replace(responses=(Response((Message("assistant", 7),)), answer("y"))),  # type: ignore[arg-type]
            "response 0, turn 0: the content is int, not text",
        ),
    ],
)
def test_messages_and_responses_are_checked(comparison: Comparison, message: str) -> None:
    with pytest.raises(SchemaError) as error:
        check_comparison(comparison)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "person"}, f"kind 'person' is not one of {', '.join(KINDS)}"),
        ({"outcome": "won"}, f"outcome 'won' is not one of {', '.join(OUTCOMES)}"),
        ({"scores": (1.0,)}, "1 scores for 2 responses"),
        ({"scores": (1.0, 0.0, 0.0)}, "3 scores for 2 responses"),
        ({"labels": ("a",)}, "1 labels for 2 responses"),
        ({"trials": (1, 2, 3)}, "3 trials for 2 responses"),
        ({"scores": (2.0, 0.0)}, "score 2.0 is outside the scale choice"),
        (
            {"scores": (-0.1, None), "scale": "probability"},
            "score -0.1 is outside the scale probability",
        ),
        ({"scores": (6, 1), "scale": "rating:1-5"}, "score 6 is outside the scale rating:1-5"),
        ({"scores": (math.inf, 0.0), "scale": "logit"}, "score inf is not a finite number"),
        ({"scores": (math.nan, 0.0), "scale": "logit"}, "score nan is not a finite number"),
        ({"scores": (None, None)}, "outcome scored needs at least one score"),
        ({"outcome": "tie"}, "outcome tie needs two or more equal scores, not [1.0, 0.0]"),
        (
            {"outcome": "tie", "scores": (None, None)},
            "outcome tie needs two or more equal scores, not []",
        ),
        (
            {"outcome": "failed", "scores": (0.0, None)},
            "outcome failed carries scores [0.0]; it must have none",
        ),
        ({"outcome": "both_bad"}, "outcome both_bad carries scores [1.0, 0.0]; it must have none"),
        (
            {"scale": "Rating 1-5"},
            "scale 'Rating 1-5' is not NAME or NAME:LOW-HIGH (for example rating:1-5)",
        ),
        ({"scale": "rating:5-1"}, "scale 'rating:5-1' has its ends in the wrong order"),
        ({"order": (0, 0)}, "the order shown [0, 0] does not name each response once"),
        ({"order": (0, 2)}, "the order shown [0, 2] does not name each response once"),
        ({"seconds": -1.0}, "seconds is -1.0, not a number from 0 upwards"),
        ({"seconds": math.nan}, "seconds is nan, not a number from 0 upwards"),
        ({"cost_usd": math.inf}, "cost_usd is inf, not a number from 0 upwards"),
    ],
)
def test_votes_are_checked_and_the_message_says_which_one(
    changes: dict[str, Any], message: str
) -> None:
    second = vote(1.0, 0.0, record="line 9")._replace(**changes)
    with pytest.raises(SchemaError) as error:
        check_comparison(PLAIN._replace(votes=(vote(1.0, 0.0), second)))
    assert str(error.value) == f"vote 1 (line 9): {message}"


@pytest.mark.parametrize("outcome", ["both_good", "both_bad"])
def test_both_needs_two_responses(outcome: str) -> None:
    with pytest.raises(SchemaError, match=f"outcome {outcome} needs two or more responses, not 1"):
        check_comparison(compare("q", ["x"], vote(None, outcome=outcome)))


@pytest.mark.parametrize("outcome", ["both_good", "both_bad", "skip", "failed", "infra"])
def test_outcomes_without_scores_pass(outcome: str) -> None:
    check_comparison(compare("q", ["x", "y"], vote(None, None, outcome=outcome)))


def test_an_order_may_leave_out_what_was_not_shown() -> None:
    check_comparison(compare("q", ["x", "y", "z"], vote(1.0, 0.0, None, order=(1, 0))))


def test_a_turn_may_have_no_text() -> None:
    call = Response((Message("assistant", None, '{"tool_calls":[]}'),))
    check_comparison(Comparison(turns("q"), (call,), ()))


@pytest.mark.parametrize(
    ("scale", "bounds"),
    [
        ("choice", (0.0, 1.0)),
        ("thumbs", (0.0, 1.0)),
        ("pass_share", (0.0, 1.0)),
        ("probability", (0.0, 1.0)),
        ("rating:1-5", (1.0, 5.0)),
        ("strength:0-3", (0.0, 3.0)),
        ("score:-2.5-2.5", (-2.5, 2.5)),
        ("score:-3--1", (-3.0, -1.0)),
        ("rank", None),
        ("logit", None),
        ("seconds", None),
    ],
)
def test_a_scale_says_its_bounds(scale: str, bounds: tuple[float, float] | None) -> None:
    assert scale_bounds(scale) == bounds
