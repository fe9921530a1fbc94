"""What is exactly a verdict becomes one; everything else is a failed one with its text kept."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hostile_texts import HOSTILE
from hypothesis import given, settings
from hypothesis import strategies as st

from prefkit.errors import ConfigError
from prefkit.judging.asking import How, asked
from prefkit.judging.framing import Shown
from prefkit.judging.library import example_of, load_rubric
from prefkit.judging.verdicts import UNANSWERED, Verdict, read
from prefkit.llm.records import Failure, FailureKind, Reply
from prefkit.schema.records import Comparison, Message, Response, Source, Vote
from prefkit.schema.validate import check_comparison

PAIR = load_rubric("harmlessness")
GRADE = load_rubric("helpfulness_rating")
RANKS = load_rubric("overall_ranking")
STRICT_RANKS = RANKS.model_copy(update={"outcomes": ()})


def said(**fields: Any) -> Reply:
    return Reply(text=json.dumps({"rationale": "Because.", **fields}), finish="stop")


def as_vote(verdict: Verdict) -> None:
    """The schema takes a vote with this verdict."""
    vote = Vote("judge", verdict.outcome, verdict.scores, verdict.scale, Source("run", "1"))
    answers = tuple(
        Response((Message("assistant", str(number)),)) for number in range(len(verdict.scores))
    )
    check_comparison(Comparison((Message("user", "Q"),), answers, (vote,)))


@pytest.mark.parametrize(
    ("word", "outcome", "scores"),
    [
        ("A", "scored", (1.0, 0.0)),
        ("B", "scored", (0.0, 1.0)),
        ("tie", "tie", (0.5, 0.5)),
        ("both_good", "both_good", (None, None)),
        ("both_bad", "both_bad", (None, None)),
    ],
)
def test_a_word_becomes_an_outcome_with_scores(
    word: str, outcome: str, scores: tuple[float | None, ...]
) -> None:
    verdict = read(PAIR, said(verdict=word))
    assert (verdict.outcome, verdict.scores, verdict.scale) == (outcome, scores, "choice")
    assert (verdict.label, verdict.rationale, verdict.reason) == (word, "Because.", None)
    as_vote(verdict)


def test_a_grade_is_a_rating_on_the_scale_of_the_rubric() -> None:
    verdict = read(GRADE, said(grade=4))
    assert (verdict.outcome, verdict.scores, verdict.scale) == ("scored", (4.0,), "rating:1-5")
    assert verdict.label == "4"
    as_vote(verdict)


@pytest.mark.parametrize(
    ("ranks", "outcome", "scores", "label"),
    [
        ({"A": 2, "B": 1, "C": 3}, "scored", (-2.0, -1.0, -3.0), "B > A > C"),
        ({"A": 1, "B": 2, "C": 1}, "scored", (-1.0, -3.0, -1.0), "A = C > B"),
        ({"A": 2, "B": 3, "C": 3}, "scored", (-1.0, -2.0, -2.0), "A > B = C"),
        ({"A": 2, "B": 2, "C": 2}, "tie", (-1.0, -1.0, -1.0), "A = B = C"),
    ],
)
def test_ranks_are_counted_anew_and_stored_with_a_minus(
    ranks: dict[str, int], outcome: str, scores: tuple[float, ...], label: str
) -> None:
    verdict = read(RANKS, said(**ranks), responses=3)
    assert (verdict.outcome, verdict.scores, verdict.label) == (outcome, scores, label)
    assert verdict.scale == "rank"
    as_vote(verdict)


def test_shared_ranks_fail_where_no_tie_is_allowed() -> None:
    verdict = read(STRICT_RANKS, said(A=1, B=1, C=3), responses=3)
    assert (verdict.outcome, verdict.reason) == ("failed", "off_schema")
    assert read(STRICT_RANKS, said(A=1, B=2, C=3), responses=3).outcome == "scored"


def failed(verdict: Verdict, reason: str, raw: str | None) -> None:
    assert (verdict.outcome, verdict.reason) == ("failed", reason)
    assert set(verdict.scores) == {None}
    assert (verdict.label, verdict.probability, verdict.rationale) == (None, None, None)
    assert verdict.raw == raw
    assert verdict.message
    as_vote(verdict)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("A", "no_json"),
        ("The verdict is A.", "no_json"),
        ('```json\n{"rationale": "x", "verdict": "A"}\n```', "no_json"),
        ('Sure: {"rationale": "x", "verdict": "A"}', "no_json"),
        ('{"rationale": "x", "verdict": "A"} {"rationale": "x", "verdict": "B"}', "no_json"),
        ('{"rationale": "x", "verdict": "A", "verdict": "B"}', "no_json"),
        ('{"rationale": "x", "verdict": "A"', "no_json"),
        ("{'rationale': 'x', 'verdict': 'A'}", "no_json"),
        ('{"rationale": "x", "verdict": NaN}', "no_json"),
        ("[" * 100_000, "no_json"),
        ("\ufeff" + '{"rationale": "x", "verdict": "A"}', "no_json"),
        ('"A"', "off_schema"),
        ("[]", "off_schema"),
        ("null", "off_schema"),
        ('[{"rationale": "x", "verdict": "A"}]', "off_schema"),
        ('{"verdict": "A"}', "off_schema"),
        ('{"rationale": "x"}', "off_schema"),
        ('{"rationale": "x", "verdict": "A", "grade": 5}', "off_schema"),
        ('{"rationale": "x", "Verdict": "A"}', "off_schema"),
        ('{"rationale": "x", "verdict": "a"}', "off_schema"),
        ('{"rationale": "x", "verdict": "A "}', "off_schema"),
        ('{"rationale": "x", "verdict": "\\u0410"}', "off_schema"),
        ('{"rationale": "x", "verdict": "C"}', "off_schema"),
        ('{"rationale": "x", "verdict": "Response A"}', "off_schema"),
        ('{"rationale": "x", "verdict": ["A"]}', "off_schema"),
        ('{"rationale": "x", "verdict": null}', "off_schema"),
        ('{"rationale": "x", "verdict": true}', "off_schema"),
        ('{"rationale": null, "verdict": "A"}', "off_schema"),
        ('{"rationale": {"verdict": "A"}, "verdict": "C"}', "off_schema"),
        ("", "no_answer"),
        (" \n", "no_answer"),
    ],
)
def test_what_is_not_exactly_a_verdict_fails_with_its_text(text: str, reason: str) -> None:
    failed(read(PAIR, Reply(text=text, finish="stop")), reason, text)


@pytest.mark.parametrize(
    "grade", [0, 6, 10, -1, 4.5, True, "4", None, 1e9, [4], 10**30, "five", "1/10"]
)
def test_a_grade_outside_the_scale_fails_and_is_never_bent_to_it(grade: Any) -> None:
    reply = said(grade=grade)
    failed(read(GRADE, reply), "off_schema", reply.text)


def test_a_whole_number_written_with_a_point_is_that_number() -> None:
    assert read(GRADE, said(grade=4.0)).scores == (4.0,)


@pytest.mark.parametrize(
    "ranks",
    [
        {"A": 1, "B": 2},
        {"A": 1, "B": 2, "C": 4},
        {"A": 0, "B": 1, "C": 2},
        {"A": 1, "B": 2, "D": 3},
    ],
)
def test_ranks_have_to_be_those_of_the_list(ranks: dict[str, int]) -> None:
    reply = said(**ranks)
    failed(read(RANKS, reply, responses=3), "off_schema", reply.text)


def test_a_rubric_without_ties_takes_none() -> None:
    strict = PAIR.model_copy(update={"outcomes": ()})
    reply = said(verdict="tie")
    failed(read(strict, reply), "off_schema", reply.text)


@pytest.mark.parametrize("finish", ["refusal", "content_filter"])
def test_a_refusal_is_no_verdict_even_if_it_looks_like_one(finish: str) -> None:
    text = said(verdict="A").text
    failed(read(PAIR, Reply(text=text, finish=finish)), "refusal", text)


def test_an_answer_that_was_cut_off_is_no_verdict() -> None:
    text = said(verdict="A").text
    failed(read(PAIR, Reply(text=text, finish="length")), "cut", text)


@pytest.mark.parametrize("kind", get_args(FailureKind))
def test_a_failed_reply_is_never_a_verdict(kind: FailureKind) -> None:
    """Not even with a text, or with data, that would be one."""
    text = said(verdict="A").text
    reply = Reply(text=text, data={"verdict": "A"}, failure=Failure(kind, "so it was"))
    verdict = read(PAIR, reply)
    assert verdict.outcome == ("failed" if kind in ("invalid", "cut") else "infra")
    assert (verdict.reason, verdict.message) == (kind, "so it was")
    assert verdict.scores == (None, None)
    assert verdict.raw == text
    as_vote(verdict)


def test_only_a_whole_answer_that_breaks_what_was_asked_is_the_judge_s_own_failure() -> None:
    assert set(get_args(FailureKind)) - UNANSWERED == {"invalid", "cut"}
    assert {"unsupported", "malformed", "rejected", "throttled", "budget"} <= UNANSWERED


def test_data_without_the_text_it_came_from_counts_for_nothing() -> None:
    reply = Reply(text="no", data={"rationale": "x", "verdict": "A"}, finish="stop")
    failed(read(PAIR, reply), "no_json", "no")


@pytest.mark.parametrize("name", list(HOSTILE))
def test_no_verdict_is_taken_from_a_rationale_that_quotes_one(name: str) -> None:
    """Whatever a judge repeats of a response, its own field decides."""
    rationale = f'The response says: {HOSTILE[name]} {{"verdict": "A"}}'
    verdict = read(PAIR, said(rationale=rationale, verdict="B"))
    assert (verdict.outcome, verdict.label, verdict.scores) == ("scored", "B", (0.0, 1.0))
    assert verdict.rationale is not None
    verdict.rationale.encode()


@pytest.mark.parametrize("name", [name for name in HOSTILE if len(HOSTILE[name]) < 10_000])
def test_a_response_that_a_judge_only_repeats_is_no_verdict(name: str) -> None:
    text = f"Response A reads: {HOSTILE[name]}"
    for rubric in (PAIR, GRADE):
        assert read(rubric, Reply(text=text, finish="stop")).outcome == "failed"
    assert read(RANKS, Reply(text=text, finish="stop"), responses=3).outcome == "failed"


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.sampled_from(["A", "tie", "x"]),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["rationale", "verdict", "grade", "A"]), inner),
    max_leaves=6,
).map(json.dumps)))  # fmt: skip
def test_any_text_gives_a_verdict_that_the_schema_takes(text: str) -> None:
    for rubric, count in ((PAIR, 2), (GRADE, 1), (RANKS, 3)):
        verdict = read(rubric, Reply(text=text, finish="stop"), responses=count)
        as_vote(verdict)
        assert verdict.raw == text


def test_half_a_character_in_a_rationale_is_shown_by_its_number() -> None:
    text = '{"rationale": "\\ud800", "verdict": "A"}'
    verdict = read(PAIR, Reply(text=text, finish="stop"))
    assert (verdict.rationale, verdict.label) == ("⟦U+D800⟧", "A")


def test_the_ways_ask_for_the_same_verdict_each_in_its_own_form() -> None:
    shown = example_of(PAIR)
    schema = asked(PAIR, shown)
    tool = asked(PAIR, shown, How(way="tool"))
    first = asked(PAIR, shown, How(way="first_token"))
    assert schema.schema == tool.schema
    assert (schema.by_tool, tool.by_tool, first.by_tool) == (False, True, False)
    assert (schema.logprobs, first.logprobs, first.schema) == (None, 20, None)
    assert first.choices == ()  # a server that allows only the letters tells only their mass
    assert {one.temperature for one in (schema, tool, first)} == {0.0}
    assert (first.messages[1].content or "").endswith(
        "A = response A is better\nB = response B is better\nT = neither is better\n"
        "G = both are fully satisfactory and neither is better\nN = neither is fit for use"
    )


def test_draw_name_and_further_fields_go_with_the_request() -> None:
    how = How(temperature=0.7, seed=3, max_tokens=99, extra={"chat_template_kwargs": {"x": 1}})
    request = asked(GRADE, example_of(GRADE), how, draw=2, name="row-1")
    assert (request.draw, request.name, request.temperature) == (2, "row-1", 0.7)
    assert (request.seed, request.max_tokens, request.cache_prefix) == (3, 99, 1)
    assert request.extra == {"chat_template_kwargs": {"x": 1}}


def test_a_ranking_and_a_grade_of_two_digits_are_not_asked_by_first_token() -> None:
    how = How(way="first_token")
    with pytest.raises(ConfigError, match="a ranking cannot be read from one token"):
        asked(RANKS, example_of(RANKS), how)
    scale = tuple(GRADE.scale[0].model_copy(update={"grade": grade}) for grade in range(1, 11))
    ten = GRADE.model_copy(update={"scale": scale})
    with pytest.raises(ConfigError, match="the grade 10 cannot be read from one token"):
        asked(ten, example_of(ten), how)
    assert read(ten, said(grade=10)).scores == (10.0,)
    assert read(ten, said(grade=1)).scores == (1.0,)


def test_more_responses_than_the_rubric_judges_are_refused() -> None:
    three = Shown(prompt=(), responses=((Message("assistant", "x"),),) * 3)
    with pytest.raises(ConfigError, match="judges 2 responses at once, not 3"):
        asked(PAIR, three)
    with pytest.raises(ConfigError, match="judges 2 responses at once, not 3"):
        read(PAIR, said(verdict="A"), responses=3)
