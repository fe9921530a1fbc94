"""A vote says who judged, by what, in which order and for how much, and names no place on disk."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from comparison_rows import compare

from prefkit.judging.asking import USUAL, How
from prefkit.judging.library import load_rubric
from prefkit.judging.showings import Showing
from prefkit.judging.verdicts import read
from prefkit.judging.votes import Heard, Judge, vote_of
from prefkit.llm.connect import connect
from prefkit.llm.names import plain_model, plain_spec
from prefkit.llm.records import Failure, Reply, Token, Usage
from prefkit.schema.records import Vote
from prefkit.schema.validate import check_comparison

PAIR = load_rubric("helpfulness")
GRADE = load_rubric("helpfulness_rating")
RANKS = load_rubric("overall_ranking")
FIRST = How(way="first_token")
JUDGE = Judge("openai:gpt-x", "gpt-x", None, lambda usage: (usage.input or 0) / 1000)


def cast(showing: Showing, reply: Reply, *, how: How = USUAL, **options: Any) -> Vote:
    """The vote on a comparison of four responses, taken by the schema."""
    verdict = read(showing.rubric, reply, how, responses=len(showing.places))
    judge = options.pop("judge", JUDGE)
    vote = vote_of(judge, Heard(showing, options.pop("draw", None), verdict, reply), 4)
    check_comparison(compare("Q", ["w", "x", "y", "z"], vote))
    return vote


def said(**fields: Any) -> Reply:
    return Reply(
        text=json.dumps({"rationale": "Because.", **fields}),
        finish="stop",
        usage=Usage(250, 9),
        model="gpt-x-2026",
        revision="fp_7",
        seconds=1.5,
        key="k1",
    )


def test_every_field_of_a_vote_by_hand() -> None:
    reply = said(verdict="A")
    assert cast(Showing(PAIR, (3, 1)), reply) == Vote(
        kind="judge",
        outcome="scored",
        scores=(None, 0.0, None, 1.0),  # A was place 3
        scale="choice",
        source=("openai:gpt-x", "k1", None, None),  # type: ignore[arg-type]
        by="gpt-x-2026",
        criterion="helpfulness",
        order=(3, 1),
        rationale="Because.",
        rubric=PAIR.label,
        seconds=1.5,
        cost_usd=0.25,
        raw=json.dumps(
            {"text": reply.text, "finish": "stop", "label": "A", "fingerprint": "fp_7"},
            separators=(",", ":"),
        ),
    )


@pytest.mark.parametrize(
    ("fields", "outcome", "scores"),
    [
        ({"verdict": "B"}, "scored", (1.0, None, 0.0, None)),
        ({"verdict": "tie"}, "tie", (0.5, None, 0.5, None)),
        ({"verdict": "both_bad"}, "both_bad", (None, None, None, None)),
        ({"verdict": "both_good"}, "failed", (None, None, None, None)),  # not one of this rubric
    ],
)
def test_what_is_said_of_two_becomes_scores_in_the_places_of_the_responses(
    fields: dict[str, str], outcome: str, scores: tuple[float | None, ...]
) -> None:
    vote = cast(Showing(PAIR, (2, 0)), said(**fields))
    assert (vote.outcome, vote.scores, vote.order) == (outcome, scores, (2, 0))


def test_a_grade_is_the_score_of_the_one_that_was_shown() -> None:
    vote = cast(Showing(GRADE, (2,)), said(grade=4))
    assert (vote.scores, vote.scale) == ((None, None, 4.0, None), "rating:1-5")
    assert vote.order == (2,)


def test_a_ranking_is_scored_in_the_order_of_the_responses() -> None:
    vote = cast(Showing(RANKS, (3, 1, 0, 2)), said(A=1, B=3, C=2, D=3))
    assert (vote.scores, vote.scale) == ((-2.0, -3.0, -3.0, -1.0), "rank")
    assert json.loads(vote.raw or "")["label"] == "A > C > B = D"


def token(**shares: float) -> Reply:
    top = tuple((letter, math.log(share)) for letter, share in shares.items())
    return Reply(text=top[0][0], tokens=(Token(*top[0], top),), usage=Usage(100, 1), key="k2")


def test_a_first_token_gives_probabilities_and_keeps_what_they_were_made_of() -> None:
    vote = cast(Showing(PAIR, (1, 0)), token(B=0.72, A=0.24, T=0.02), how=FIRST)
    assert (vote.outcome, vote.scale, vote.order) == ("scored", "probability", (1, 0))
    assert vote.scores == (pytest.approx(0.75), pytest.approx(0.25), None, None)  # B was place 0
    raw = json.loads(vote.raw or "")
    assert raw["probability"] == pytest.approx(0.25)
    assert raw["logit"] == pytest.approx(math.log(0.24 / 0.72))
    assert raw["mass"] == pytest.approx(0.98)
    assert raw["probabilities"]["tie"] == pytest.approx(0.02 / 0.98)
    assert {"reason", "message", "expected", "fingerprint", "finish"}.isdisjoint(raw)


def test_a_tie_by_first_token_has_equal_probabilities_and_keeps_its_logit() -> None:
    vote = cast(Showing(PAIR, (0, 3)), token(T=0.9, A=0.06, B=0.03), how=FIRST)
    assert (vote.outcome, vote.scores) == ("tie", (0.5, None, None, 0.5))
    assert json.loads(vote.raw or "")["logit"] == pytest.approx(math.log(2))


def test_too_little_mass_is_a_failed_vote_that_says_how_much_there_was() -> None:
    vote = cast(Showing(PAIR, (0, 1)), token(Well=0.7, A=0.2), how=FIRST)
    assert (vote.outcome, vote.scores) == ("failed", (None,) * 4)
    raw = json.loads(vote.raw or "")
    assert (raw["reason"], raw["mass"]) == ("low_mass", pytest.approx(0.2))


def test_an_unreadable_answer_is_a_failed_vote_with_its_text_its_order_and_its_price() -> None:
    vote = cast(Showing(PAIR, (2, 3)), Reply(text="I prefer B", usage=Usage(100, 4), key="k"))
    assert (vote.outcome, vote.scores, vote.order) == ("failed", (None,) * 4, (2, 3))
    assert (vote.cost_usd, vote.rationale, vote.by) == (0.1, None, "gpt-x")
    raw = json.loads(vote.raw or "")
    assert (raw["text"], raw["reason"]) == ("I prefer B", "no_json")


def test_a_cut_answer_of_an_unnamed_model_is_a_failed_vote_of_the_client_s_own() -> None:
    reply = Reply(text="{", failure=Failure("cut", "after 9 tokens"), key="k")
    vote = cast(Showing(GRADE, (1,)), reply)
    assert (vote.outcome, vote.by, vote.order) == ("failed", "gpt-x", (1,))
    assert json.loads(vote.raw or "") == {
        "text": "{", "reason": "cut", "message": "after 9 tokens",
    }  # fmt: skip


def test_the_draw_is_kept() -> None:
    assert cast(Showing(PAIR, (0, 1)), said(verdict="A"), draw=2).draw == 2


def test_a_pinned_revision_is_part_of_the_name_and_a_path_is_not() -> None:
    reply = Reply(text="x", model="/models/judges/small", key="k")
    pinned = Judge("vllm:small", "small", "abc123", lambda _: 0.0)
    assert cast(Showing(PAIR, (0, 1)), reply, judge=pinned).by == "small@abc123"
    assert cast(Showing(PAIR, (0, 1)), reply).by == "small"


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("gpt-x-2026", "gpt-x-2026"),
        ("org/model", "org/model"),
        ("ft:gpt-x:org::id", "ft:gpt-x:org::id"),
        ("/srv/models/small", "small"),
        ("/srv/models/small/", "small"),
        ("./models/small", "small"),
        ("../small", "small"),
        ("~/models/small", "small"),
        ("C:\\models\\small", "small"),
        ("file:///srv/models/small", "small"),
        ("\\\\server\\share\\small", "small"),
    ],
)
def test_a_model_that_is_named_by_its_place_keeps_its_own_name(name: str, plain: str) -> None:
    assert plain_model(name) == plain


def test_a_client_is_named_without_the_folder_of_its_model(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    assert plain_spec(f"vllm:{tmp_path}/small") == "vllm:small"
    assert plain_spec(f"transformers:{tmp_path}/small/") == "transformers:small"
    assert plain_spec("vllm:org/model") == "vllm:org/model"
    assert plain_spec("openai:gpt-x") == "openai:gpt-x"
    assert plain_spec("http://host:8000#/srv/models/small") == "http://host:8000#small"
    assert plain_spec("http://host:8000/v1#org/model") == "http://host:8000/v1#org/model"


def test_a_judge_of_a_recording_is_named_by_its_file(tmp_path: Path) -> None:
    place = tmp_path / "answers.jsonl"
    place.write_text('{"request": {"messages": "Q"}, "reply": "A"}\n')
    with connect(f"replay:{place}", cache=tmp_path / "cache") as client:
        judge = Judge.of(client, None)
    assert (judge.source, judge.model) == ("replay:answers.jsonl", "answers")
    assert str(tmp_path) not in f"{judge.source}{judge.model}"
