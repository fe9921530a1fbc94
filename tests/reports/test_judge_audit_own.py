from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from judged_rows import about, dataset_of, person, verdict

from prefkit.judging.families import family_of, plain_name
from prefkit.reports.document import document

GPT, CLAUDE, LLAMA = "gpt-4-0613", "claude-3-opus@2024", "meta-llama/Llama-3-8B-Instruct"


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-4o-mini@2024-07-18", "gpt"),
        ("openai/gpt-3.5-turbo", "gpt"),
        ("gpt35_turbo_instruct", "gpt"),
        ("ChatGPT", "gpt"),
        ("text_davinci_003", "gpt"),
        ("o3-mini", "gpt"),
        ("ft:gpt-3.5-turbo:team", "gpt"),
        ("us.anthropic.claude-3-sonnet-v1:0", "claude"),
        ("claude-instant-1.2", "claude"),
        ("PaLM2", "gemini"),
        ("gemini-1.5-pro", "gemini"),
        ("LLaMA2", "llama"),
        (LLAMA, "llama"),
        ("Mixtral-8x7B-Instruct-v0.1", "mistral"),
        ("Qwen/QwQ-32B", "qwen"),
        ("deepseek-chat", "deepseek"),
        ("command-r-plus", "cohere"),
        ("phi-2", "phi"),
        ("Yi-34B-Chat", "yi"),
        ("falcon-7b-instruct", "falcon"),
        ("vicuna-13b-v1.3", "vicuna"),
        ("alpaca-7b", "alpaca"),
    ],
)
def test_a_family_is_told_by_the_beginning_of_a_name(model: str, family: str) -> None:
    assert family_of(model) == family


@pytest.mark.parametrize(
    "model",
    [
        "alpaca_eval_gpt4",  # a judge's recipe, and no alpaca
        "weighted_alpaca_eval_gpt4_turbo",
        "deepseek-r1-distill-qwen-7b",
        "claude2-alpaca-13b",
        "gpt4all-j",
        "gpt-j-6b",
        "openhermes",
        "philosophy",
        "pairrm-Yi-34B-Chat",
        "my-own-model",
        "",
        None,
    ],
)
def test_a_name_that_says_no_family_beyond_doubt_has_none(model: str | None) -> None:
    assert family_of(model) is None


def test_a_name_is_compared_without_its_folder_and_revision() -> None:
    assert plain_name("org/Some Model@rev1") == plain_name("some_model") == "some-model"


def rows(models: tuple[str | None, str | None] = (LLAMA, GPT), *, other: str = CLAUDE) -> list[Any]:
    """GPT judges its own answer (the worse side of 30, the better one of 10 pairs), as Claude does.

    Where people prefer LLaMA's answer, GPT still prefers its own in 18 of 30 and Claude in 6;
    where they prefer GPT's, GPT prefers LLaMA's in 1 of 10 and Claude in 2.
    """
    found = []
    for place in range(30):
        gpt, claude = "worse" if place < 18 else "better", "worse" if place < 6 else "better"
        votes = [verdict(gpt, by=GPT), verdict(claude, by=other), person()]
        found.append(about(place, votes, models))
    for place in range(10):
        gpt, claude = "better" if place else "worse", "better" if place > 1 else "worse"
        votes = [verdict(gpt, by=GPT), verdict(claude, by=other), person()]
        found.append(about(100 + place, votes, (models[1], models[0])))
    return found


def own_of(folder: Path, given: list[Any], by: str = GPT) -> dict[str, Any]:
    found = document(dataset_of(folder / "data", given))["judges"]
    return next(judge["own"] for judge in found if judge["by"] == by)


@pytest.mark.parametrize("which", ["model", "family"])
def test_self_preference_is_measured_beyond_the_errors_of_others(
    tmp_path: Path, which: str
) -> None:
    own = own_of(tmp_path, rows())
    assert own["family_of_judge"] == "gpt"
    found = own[which]
    assert (found["pairs"], found["baseline_judges"]) == (40, [CLAUDE])
    expected = {
        "own": 18 / 30,
        "baseline": 6 / 30,
        "excess": 12 / 30,
        "other_way": 1 / 10,
        "other_way_baseline": 2 / 10,
        "beyond_quality": 12 / 30 - (1 / 10 - 2 / 10),
    }
    for name, value in expected.items():
        assert found[name]["value"] == pytest.approx(value, rel=1e-5), name
        assert found[name]["n"] == 40


def test_another_model_of_the_family_is_family_and_not_itself(tmp_path: Path) -> None:
    own = own_of(tmp_path, rows((LLAMA, "gpt-3.5-turbo")))
    assert own["model"]["own"]["reason"].startswith("no pair has one side")
    assert own["family"]["own"]["value"] == pytest.approx(0.6)


def test_a_judge_whose_family_wrote_a_side_is_no_baseline(tmp_path: Path) -> None:
    own = own_of(tmp_path, rows(other="llama-3-70b"))
    assert own["family"]["own"]["value"] is None
    assert "no other judge of a known family" in own["family"]["own"]["reason"]


def test_a_judge_of_an_unknown_family_is_no_baseline(tmp_path: Path) -> None:
    own = own_of(tmp_path, rows(other="house-judge"))
    assert "no other judge of a known family" in own["family"]["own"]["reason"]


def test_a_side_of_an_unknown_family_is_not_counted(tmp_path: Path) -> None:
    own = own_of(tmp_path, rows(("house-model", GPT)))
    assert own["family"]["pairs"] == 0
    assert own["model"]["pairs"] == 40, "that the other side is another model is known"
    assert own["model"]["own"]["value"] is None, "but not that Claude's family did not make it"


def test_without_people_there_is_no_self_preference(tmp_path: Path) -> None:
    given = [row._replace(votes=row.votes[:2]) for row in rows()]
    own = own_of(tmp_path, given)
    assert "no human answer" in own["family"]["own"]["reason"]


def test_a_judge_that_nobody_names_has_no_own_answers(tmp_path: Path) -> None:
    given = [
        row._replace(votes=tuple(vote._replace(by=None) for vote in row.votes)) for row in rows()
    ]
    found = document(dataset_of(tmp_path / "data", given))["judges"][0]["own"]
    assert found["family"]["own"]["reason"] == "the judge is not named"
