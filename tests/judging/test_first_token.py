"""Probabilities of the allowed letters; what is not on them makes no verdict."""

from __future__ import annotations

from math import inf, log, nan

import pytest

from prefkit.judging.asking import How
from prefkit.judging.first_token import first_token, goes_on
from prefkit.judging.library import load_rubric
from prefkit.judging.verdicts import Verdict, read
from prefkit.llm.records import Reply, Token

FIRST = How(way="first_token")
PAIR = load_rubric("harmlessness")
GRADE = load_rubric("helpfulness_rating")


def token(**shares: float) -> Token:
    """A token sampled as the likeliest; `_` before a letter is a blank."""
    top = tuple(
        (text.replace("_", " "), log(share))
        for text, share in sorted(shares.items(), key=lambda pair: -pair[1])
    )
    return Token(top[0][0], top[0][1], top)


def verdict_of(*tokens: Token, text: str | None = None, how: How = FIRST) -> Verdict:
    said = "".join(one.text for one in tokens) if text is None else text
    return read(PAIR, Reply(text=said, tokens=tokens, finish="stop"), how)


def test_the_share_of_a_letter_is_its_probability_among_the_letters() -> None:
    verdict = verdict_of(token(A=0.6, B=0.3, x=0.05))
    assert verdict.mass == pytest.approx(0.9)
    assert verdict.probability == pytest.approx(2 / 3)
    assert verdict.logit == pytest.approx(log(2))
    assert verdict.scores == pytest.approx((2 / 3, 1 / 3))
    assert (verdict.outcome, verdict.scale, verdict.label) == ("scored", "probability", "A")
    assert verdict.probabilities == pytest.approx(
        {"A": 2 / 3, "B": 1 / 3, "tie": 0, "both_good": 0, "both_bad": 0}
    )


def test_blanks_and_case_are_added_up() -> None:
    verdict = verdict_of(token(A=0.2, _A=0.2, a=0.1, B=0.3, _b=0.15))
    assert verdict.mass == pytest.approx(0.95)
    assert verdict.probability == pytest.approx(0.5 / 0.95)


def test_the_marks_of_tokenizers_for_a_blank_are_blanks() -> None:
    top = (("\u2581A", log(0.5)), ("\u0120B", log(0.25)), ("\u010aA", log(0.25)))
    found = first_token([Token("\u2581A", log(0.5), top)], "AB")
    assert found is not None
    assert found.mass == pytest.approx(1)
    assert found.logprobs["A"] == pytest.approx(log(0.75))


def test_equal_tokens_of_different_ids_are_all_counted() -> None:
    top = (("A", log(0.4)), ("A", log(0.3)), ("B", log(0.25)))
    assert verdict_of(Token("A", log(0.4), top)).probability == pytest.approx(0.7 / 0.95)


def test_a_sampled_token_that_is_no_alternative_is_counted_once() -> None:
    top = (("A", log(0.5)), ("x", log(0.1)))
    found = first_token([Token("B", log(0.4), top)], "AB")
    assert found is not None
    assert found.mass == pytest.approx(0.9)
    again = first_token([Token("A", log(0.5), top)], "AB")
    assert again is not None
    assert again.mass == pytest.approx(0.5)


def test_too_little_on_the_letters_is_a_failed_verdict_that_keeps_its_mass() -> None:
    verdict = verdict_of(token(A=0.8, The=0.15), text="A")
    assert (verdict.outcome, verdict.reason) == ("failed", "low_mass")
    assert verdict.mass == pytest.approx(0.8)
    assert verdict.scores == (None, None)
    assert (verdict.probability, verdict.probabilities, verdict.label) == (None, None, None)
    assert verdict.raw == "A"
    assert (
        verdict_of(token(A=0.8, The=0.15), how=How(way="first_token", least_mass=0.7)).label == "A"
    )


def test_letters_that_the_rubric_does_not_allow_have_no_share() -> None:
    strict = PAIR.model_copy(update={"outcomes": ()})
    reply = Reply(text="T", tokens=(token(T=0.6, A=0.4),), finish="stop")
    assert read(strict, reply, FIRST).reason == "low_mass"
    assert read(PAIR, reply, FIRST).outcome == "tie"


@pytest.mark.parametrize(
    ("shares", "outcome", "label", "scores"),
    [
        ({"T": 0.6, "A": 0.3, "B": 0.1}, "tie", "tie", (0.5, 0.5)),
        ({"G": 0.6, "A": 0.3, "B": 0.1}, "both_good", "both_good", (None, None)),
        ({"N": 0.6, "A": 0.3, "B": 0.1}, "both_bad", "both_bad", (None, None)),
        ({"A": 0.5, "B": 0.5}, "tie", "tie", (0.5, 0.5)),
    ],
)
def test_the_likeliest_letter_is_the_verdict_and_equal_sides_are_a_tie(
    shares: dict[str, float], outcome: str, label: str, scores: tuple[float | None, ...]
) -> None:
    verdict = verdict_of(token(**shares))
    assert (verdict.outcome, verdict.label, verdict.scores) == (outcome, label, scores)
    assert verdict.probability == pytest.approx(shares["A"] / (shares["A"] + shares["B"]))


def test_a_letter_that_was_not_told_is_as_likely_as_the_least_that_was() -> None:
    """So the odds are a bound, and never without end."""
    verdict = verdict_of(token(A=0.98, x=0.01, y=0.002))
    assert verdict.logit == pytest.approx(log(0.98 / 0.002))
    assert verdict.probability == pytest.approx(0.98 / 0.982)
    assert verdict_of(token(T=0.98, x=0.01)).logit is None
    assert verdict_of(token(T=0.98, x=0.01)).outcome == "tie"


@pytest.mark.parametrize(
    ("shares", "rest"),
    [
        ({"A": 0.95}, 0.05),  # the only alternative told: all that is left could be B
        ({"A": 0.6, "T": 0.39}, 0.01),
        ({"A": 0.95, "The": 0.03}, 0.03),  # what was told comes before B
        ({"A": 1.0}, 0.001),  # no less is left than servers round off
    ],
)
def test_a_letter_that_was_not_told_has_no_more_than_the_others_leave(
    shares: dict[str, float], rest: float
) -> None:
    verdict = verdict_of(token(**shares))
    assert (verdict.outcome, verdict.label) == ("scored", "A")
    assert verdict.logit == pytest.approx(log(shares["A"] / rest))


def test_odds_beyond_what_a_number_between_0_and_1_can_hold_stay_finite() -> None:
    top = (("A", 0.0), ("B", -9999.0))
    verdict = verdict_of(Token("A", 0.0, top))
    assert (verdict.logit, verdict.probability, verdict.scores) == (9999.0, 1.0, (1.0, 0.0))


def test_a_blank_token_first_counts_into_the_mass() -> None:
    blank = Token(" ", log(0.95), ((" ", log(0.95)),))
    verdict = verdict_of(blank, token(A=0.98, B=0.01))
    assert verdict.mass == pytest.approx(0.95 * 0.99)
    assert verdict.probability == pytest.approx(98 / 99)
    assert verdict_of(Token("\n", log(0.5), (("\n", log(0.5)),)), token(A=1.0)).reason == "low_mass"


@pytest.mark.parametrize(
    "tokens",
    [
        (),
        None,
        (Token(" ", 0.0, ((" ", 0.0),)),),
        (Token("A", 0.0),),  # no alternatives: nothing to compare with
        (Token("A", nan, (("A", nan),)),),
        (Token("A", inf, (("A", inf),)),),
        (Token("A", 3.0, (("A", 3.0), ("B", 2.0))),),
        (Token("A", -inf, (("A", -inf),)),),
        (Token("A", log(0.9), (("A", log(0.9)), ("B", log(0.9)))),),
    ],
)
def test_without_true_log_probs_there_is_no_verdict(tokens: tuple[Token, ...] | None) -> None:
    verdict = read(PAIR, Reply(text="A", tokens=tokens, finish="stop"), FIRST)
    assert (verdict.outcome, verdict.reason, verdict.raw) == ("failed", "no_logprobs", "A")


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("A", False),
        (" A\n", False),
        ("A.", False),
        ("A\n\nResponse", False),
        ("**", False),
        ("A good", True),
        ("As an", True),
        ("A/B", True),
        ("A or B", True),
        ("A, B", True),
        ("Both", True),
        ("a", False),
        ("The", False),
    ],
)
def test_a_letter_that_begins_something_else_is_seen(text: str, more: bool) -> None:
    assert goes_on(text, "AB") is more


@pytest.mark.parametrize("text", ["10", "4.5", "4/5", "3-4", "50"])
def test_a_digit_that_begins_another_number_is_no_grade(text: str) -> None:
    """1 is not read from 10."""
    one = token(**{"1": 0.9, "4": 0.05, "3": 0.05})
    verdict = read(GRADE, Reply(text=text, tokens=(one,), finish="length"), FIRST)
    assert (verdict.outcome, verdict.reason, verdict.raw) == ("failed", "unclear", text)


def test_a_grade_by_first_token_is_the_likeliest_with_the_mean_beside_it() -> None:
    one = token(**{"4": 0.5, "5": 0.25, "3": 0.25})
    verdict = read(GRADE, Reply(text="4", tokens=(one,), finish="length"), FIRST)
    assert (verdict.scores, verdict.scale, verdict.label) == ((4.0,), "rating:1-5", "4")
    assert verdict.expected == pytest.approx(4.0)
    assert verdict.probability is None
    assert verdict.mass == pytest.approx(1)


def test_a_tokens_letter_outside_the_scale_has_no_share() -> None:
    one = token(**{"6": 0.95, "5": 0.05})
    verdict = read(GRADE, Reply(text="6", tokens=(one,), finish="stop"), FIRST)
    assert (verdict.outcome, verdict.reason) == ("failed", "low_mass")
