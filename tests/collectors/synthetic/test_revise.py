"""`revise`: the revised answer is chosen where it changed little, and something."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recipe_runs import between_marks, is_rewriting, prompt_of, recipe_of, run, told

from prefkit.errors import ConfigError
from prefkit.llm.records import Request

FIRST = "Water boils at ninety degrees at sea level, whatever the weather."
BETTER = "Water boils at hundred degrees at sea level, whatever the weather."
ROW = {"prompt": "When does water boil?", "response": FIRST, "critique": "It is 100 degrees."}


def test_the_revised_answer_is_chosen_and_its_change_recorded(tmp_path: Path) -> None:
    found = run(recipe_of("revise"), tmp_path, ROW, lambda request: between_marks(request, BETTER))
    assert found.texts == [FIRST, BETTER]
    (vote,) = found.votes
    assert (vote.kind, vote.by, vote.scores) == ("rule", "rule:revise", (0.0, 1.0))
    assert (vote.labels, vote.rationale) == (("first", "revised"), "It is 100 degrees.")
    assert json.loads(vote.raw or "") == {
        "known_by": "construction", "critique_by": "row",
        "changed_words": 1, "changed_share": 0.090909,  # one of 11 words
    }  # fmt: skip
    assert (vote.rubric or "").startswith("minimal_edits:")
    assert found.tags == (("critique", "row"),)


def test_without_a_critique_the_model_writes_its_own(tmp_path: Path) -> None:
    asked: list[Request] = []

    def says(request: Request) -> str:
        asked.append(request)
        if not is_rewriting(request):
            return FIRST
        return between_marks(request, BETTER, "The temperature is wrong.\n")

    found = run(recipe_of("revise"), tmp_path, {"prompt": "When?"}, says)
    (vote,) = found.votes
    assert (found.texts, vote.rationale) == ([FIRST, BETTER], "The temperature is wrong.")
    assert "say in at most three sentences" in told(asked[1])
    assert "critique of it" not in (asked[1].messages[0].content or "")
    assert (asked[0].max_tokens, asked[1].max_tokens) == (1024, 1536)
    assert found.tags == (("critique", "model"),)


def test_a_critique_without_marks_is_no_answer(tmp_path: Path) -> None:
    row = {"prompt": "When?", "response": FIRST}
    found = run(recipe_of("revise"), tmp_path, row, lambda _: f"It is wrong. {BETTER}")
    assert (found.texts, found.votes) == ([FIRST], ())
    assert [one.reason for one in found.missing] == ["no_sides"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (FIRST, "unchanged"),
        (FIRST.replace(",", ""), "unchanged"),
        ("It depends on the pressure; at sea level it is one hundred.", "too_different"),
        ("I'm sorry, but I can't help with that.", "refused"),
        ("NONE", "no_sides"),
        ("", "no_sides"),
    ],
)
def test_a_revision_that_is_none_gets_no_vote(tmp_path: Path, text: str, reason: str) -> None:
    found = run(recipe_of("revise"), tmp_path, ROW, lambda request: between_marks(request, text))
    assert found.votes == ()
    assert [one.reason for one in found.missing] == [reason]


def test_blanks_around_the_first_answer_do_not_tell_it_from_the_revised_one(tmp_path: Path) -> None:
    row = {**ROW, "response": f"\n{FIRST}\n\n"}
    found = run(recipe_of("revise"), tmp_path, row, lambda request: between_marks(request, BETTER))
    assert found.texts == [FIRST, BETTER]


def test_the_limit_of_change_is_an_option(tmp_path: Path) -> None:
    def says(request: Request) -> str:
        return between_marks(request, BETTER)

    assert run(recipe_of("revise", most_changed=0.1), tmp_path, ROW, says).votes
    found = run(recipe_of("revise", most_changed=0.09), tmp_path, ROW, says)  # 1 of 11 is 0.0909
    assert [(one.reason, one.place) for one in found.missing] == [("too_different", 1)]
    assert found.missing[0].detail == "9% of the words changed, limit 9%"


def test_a_first_answer_that_was_cut_is_not_revised(tmp_path: Path) -> None:
    found = run(
        recipe_of("revise"),
        tmp_path,
        {"prompt": "When?"},
        lambda _: {"text": "Water boi", "finish": "length"},
    )
    assert (found.texts, found.votes) == (["Water boi"], ())


def test_another_field_can_hold_the_answer_and_the_critique(tmp_path: Path) -> None:
    row = {"prompt": "When?", "draft": FIRST, "notes": ["too low", {"by": 10}]}
    recipe = recipe_of("revise", answer=["draft"], critique="notes")
    found = run(recipe, tmp_path, row, lambda request: between_marks(request, BETTER))
    assert found.votes[0].rationale == '["too low",{"by":10}]'
    (draft,) = recipe.drafts(prompt_of(tmp_path, row), 1)
    assert (draft.text, draft.sampling) == (FIRST, {"part": "first", "from": "draft"})


def test_a_share_beyond_one_is_no_limit() -> None:
    with pytest.raises(ConfigError, match="most_changed"):
        recipe_of("revise", most_changed=1.5)
