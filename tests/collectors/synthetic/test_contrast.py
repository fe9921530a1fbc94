"""`contrast`: what was meant to be good and bad, its votes, and what tells the sides apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from recipe_runs import prompt_of, recipe_of, run

from prefkit.errors import ConfigError
from prefkit.llm.records import Request

ROW = {"prompt": "Why is the sky blue?"}


def by_system(request: Request) -> str:
    system = request.messages[0].content or ""
    return "Off it goes." if "top of your head" in system else "Light scatters."


def test_the_good_system_prompt_is_chosen_by_construction(tmp_path: Path) -> None:
    found = run(recipe_of("contrast"), tmp_path, ROW, by_system)
    assert found.texts == ["Light scatters.", "Off it goes."]
    (vote,) = found.votes
    assert (vote.kind, vote.by, vote.outcome, vote.scale) == (
        "rule", "rule:contrast", "scored", "choice",
    )  # fmt: skip
    assert (vote.scores, vote.labels, vote.order) == ((1.0, 0.0), ("good", "bad"), None)
    assert (vote.criterion, vote.trials, vote.source.name) == (None, None, "synthetic:contrast")
    assert json.loads(vote.raw or "") == {"known_by": "construction", "by": "prompts"}
    assert "not measured" in (vote.rationale or "")
    assert found.missing == ()
    assert found.tags == (("contrast", "prompts"),)
    known = {"model": "m0", "finish": "stop", "max_tokens": 1024, "draw": 0}
    assert found.drafts(0) == [{**known, "part": "good", "system": "careful"}]
    assert found.drafts(1) == [{**known, "part": "bad", "system": "careless"}]


def test_own_system_prompts_come_behind_that_of_the_prompt(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "You are a baker."}, {"role": "user", "content": "Hi"}]
    recipe = recipe_of("contrast", good={"kind": "Be kind."}, bad={"curt": "Be curt."})
    drafts = list(recipe.drafts(prompt_of(tmp_path, {"messages": turns}), 1))
    systems = [draft.request.messages[0].content for draft in drafts]
    assert systems == ["You are a baker.\n\nBe kind.", "You are a baker.\n\nBe curt."]
    assert [len(draft.request.messages) for draft in drafts] == [2, 2]


def test_the_first_model_is_the_strong_one(tmp_path: Path) -> None:
    recipe = recipe_of("contrast", by="models", criterion="helpfulness")
    found = run(
        recipe, tmp_path, ROW, lambda _: "strong", lambda _: "weak", names=["large", "small"]
    )
    (vote,) = found.votes
    assert dict(zip(found.texts, vote.scores, strict=True)) == {"strong": 1.0, "weak": 0.0}
    assert [one.response.model for one in found.merged] == ["large", "small"]
    assert vote.criterion == "helpfulness"
    asked = [draft.request for draft in recipe.drafts(prompt_of(tmp_path, ROW), 2)]
    assert [len(request.messages) for request in asked] == [1, 1]  # no system prompt at all


def test_by_both_the_strong_model_has_the_good_system_prompts(tmp_path: Path) -> None:
    recipe = recipe_of("contrast", by="both")
    drafts = list(recipe.drafts(prompt_of(tmp_path, ROW), 2))
    assert [(draft.model, draft.sampling["system"]) for draft in drafts] == [
        (0, "careful"), (1, "careless"),
    ]  # fmt: skip


def test_several_draws_of_each_side_share_a_vote(tmp_path: Path) -> None:
    def numbered(request: Request) -> str:
        return f"{by_system(request)} {request.draw or 0}"

    found = run(recipe_of("contrast", n=2), tmp_path, ROW, numbered)
    (vote,) = found.votes
    assert dict(zip(found.texts, vote.scores, strict=True)) == {
        "Light scatters. 0": 1.0, "Off it goes. 0": 0.0,
        "Light scatters. 1": 1.0, "Off it goes. 1": 0.0,
    }  # fmt: skip


def test_one_text_on_both_sides_has_no_score(tmp_path: Path) -> None:
    found = run(recipe_of("contrast"), tmp_path, ROW, lambda _: "The same.")
    assert found.votes == ()
    assert [(one.reason, one.place) for one in found.missing] == [
        ("same_text", 0), ("no_sides", None),
    ]  # fmt: skip


def test_the_texts_that_differ_are_voted_on_beside_one_that_both_gave(tmp_path: Path) -> None:
    def says(request: Request) -> str:
        return "The same." if request.draw else by_system(request)

    found = run(recipe_of("contrast", n=2), tmp_path, ROW, says)
    (vote,) = found.votes
    assert dict(zip(found.texts, vote.scores, strict=True)) == {
        "Light scatters.": 1.0, "Off it goes.": 0.0, "The same.": None,
    }  # fmt: skip
    assert [one.reason for one in found.missing] == ["same_text"]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ({"text": "Off it go", "finish": "length"}, "cut"),
        ({"text": "No.", "finish": "content_filter"}, "refused"),
        ("I'm sorry, but I can't help with that.", "refused"),
    ],
)
def test_what_was_cut_or_refused_is_no_side(tmp_path: Path, reply: Any, reason: str) -> None:
    def says(request: Request) -> Any:
        text = by_system(request)
        return reply if text == "Off it goes." else text

    found = run(recipe_of("contrast"), tmp_path, ROW, says)
    assert found.votes == ()
    assert [(one.reason, one.place) for one in found.missing] == [(reason, 1), ("no_sides", None)]


@pytest.mark.parametrize(("by", "models"), [("prompts", 2), ("models", 1), ("both", 1)])
def test_a_wrong_number_of_models_is_said(tmp_path: Path, by: str, models: int) -> None:
    with pytest.raises(ConfigError, match=f"contrast by {by} takes"):
        list(recipe_of("contrast", by=by).drafts(prompt_of(tmp_path, ROW), models))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bad": {}}, "bad: a system prompt is needed"),
        ({"good": {"a": "  "}}, "none may be blank"),
        ({"good": {"a": "X"}, "bad": {"b": "X"}}, "among the good and the bad"),
        ({"by": "models", "good": {"a": "X"}}, "no system prompts are used"),
        ({"max_tokens": {"good": 10}}, "max_tokens: None for bad"),
        ({"max_tokens": 1.5}, "no number of tokens"),
    ],
)
def test_options_that_do_not_fit_are_said(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        recipe_of("contrast", **options)


def test_nothing_is_warned_of_where_both_sides_are_sampled_alike() -> None:
    assert list(recipe_of("contrast", temperature=0.7, max_tokens=200).warnings()) == []


def test_unequal_limits_temperatures_and_models_are_warned_of() -> None:
    recipe = recipe_of(
        "contrast",
        by="both",
        temperature={"good": 0.2, "bad": 1.2},
        max_tokens={"good": 512, "bad": 64},
    )
    said = list(recipe.warnings())
    assert said[0].startswith("max_tokens is 512 for good and 64 for bad")
    assert said[1].startswith("temperature is 0.2 for good and 1.2 for bad")
    assert said[2].startswith("the good side always comes from the first model")
    assert len(said) == 3


def test_options_survive_a_round_trip() -> None:
    recipe = recipe_of("contrast", by="models", temperature=0.5, n=3)
    told = recipe.model_dump(mode="json")
    assert told["max_tokens"] == {"good": 1024, "bad": 1024}
    assert recipe_of("contrast", **told) == recipe


def test_other_system_prompts_are_another_rubric(tmp_path: Path) -> None:
    one = run(recipe_of("contrast"), tmp_path, ROW, by_system).votes[0]
    again = run(recipe_of("contrast"), tmp_path, ROW, by_system).votes[0]
    own = recipe_of("contrast", good={"g": "Be exact."})
    other = run(own, tmp_path, ROW, by_system).votes[0]
    assert one == again
    assert one.rubric is not None
    assert one.rubric.startswith("prompts:")
    assert one.rubric != other.rubric
