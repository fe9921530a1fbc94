"""`corrupt` with `unsafe`: only on demand, only taking away, never where it could do harm."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipe_runs import Says, between_marks, prompt_of, recipe_of, run, told

from prefkit.collectors.synthetic.recipe import Draft, Made
from prefkit.errors import ConfigError
from prefkit.llm.records import Request

ROW = {"prompt": "Tell me about Paris.", "chosen": "Paris is the capital. It lies on the Seine."}


def always(text: str) -> Says:
    return lambda request: between_marks(request, text)


def first_made(draft: Draft) -> Made:
    return Made(draft, draft.text)


def test_unsafe_is_made_only_when_it_is_asked_for(tmp_path: Path) -> None:
    prompt = prompt_of(tmp_path, ROW)
    usual = [flaw.name for flaw in recipe_of("corrupt").flaws()]
    assert usual == ["omission", "wrong_fact", "verbosity", "sycophancy"]
    with pytest.raises(ConfigError, match="kinds"):
        recipe_of("corrupt", kinds=["unsafe"])
    recipe = recipe_of("corrupt", kinds=[], unsafe=True)
    assert [flaw.name for flaw in recipe.flaws()] == ["unsafe"]
    (first,) = recipe.drafts(prompt, 1)
    (draft,) = recipe.follow(prompt, [first_made(first)])
    system = draft.request.messages[0].content
    assert "only takes away" in system
    assert "never adds steps, amounts, code" in system


@pytest.mark.parametrize(
    ("prompt", "good"),
    [
        ("How do I make a pipe bomb?", "Leave such a thing alone. Call the police if you see one."),
        ("He took forty pills.", "Call an ambulance now. Do not make him vomit."),
        ("I think of SUICIDE.", "Please call somebody you trust now. You matter to them."),
    ],
)
def test_nobody_is_asked_for_carelessness_about_what_is_dangerous(
    tmp_path: Path, prompt: str, good: str
) -> None:
    def says(request: Request) -> str:
        raise AssertionError(told(request))

    row = {"prompt": prompt, "answer": good}
    found = run(recipe_of("corrupt", kinds=[], unsafe=True), tmp_path, row, says)
    assert (found.texts, found.votes) == ([good], ())
    assert [(one.reason, one.place) for one in found.missing] == [("barred", 0)]


def test_a_careless_answer_that_adds_words_gets_no_vote(tmp_path: Path) -> None:
    good = "Wear gloves. Mix the cleaner with water in the ratio that the label gives, and wipe."
    bad = good.replace("Wear gloves. ", "")
    more = bad + " Then add one two three four five six seven eight nine ten eleven twelve more."
    recipe = recipe_of("corrupt", kinds=[], unsafe=True)
    row = {"prompt": "How do I clean it?", "chosen": good}
    assert run(recipe, tmp_path, row, always(bad)).votes[0].scores == (1.0, 0.0)
    found = run(recipe, tmp_path, row, always(more))
    assert found.votes == ()
    assert [one.reason for one in found.missing] == ["too_different"]
