"""`failures`: one pair for each prompt and way to fail, by a list of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from recipe_runs import between_marks, prompt_of, recipe_of, run

from prefkit.errors import ConfigError
from prefkit.llm.records import Request

ROW = {"prompt": "Give me three fruits as a list.", "reference": "- apple\n- pear\n- plum"}
LIST = """
- name: prose
  description: "The answer is {right}, but not a list."
  example: Apple, pear and plum.
- name: two
  description: One item is missing.
  length: shorter
"""


def by_mode(request: Request) -> str:
    is_prose = "not a list" in (request.messages[0].content or "")
    text = "An apple, a pear, a plum." if is_prose else "- apple\n- pear"
    return between_marks(request, text)


def test_each_way_to_fail_is_a_pair_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "modes.yaml").write_text(LIST)
    recipe = recipe_of("failures", file=str(tmp_path / "modes.yaml"))
    found = run(recipe, tmp_path, ROW, by_mode)
    assert found.texts == [ROW["reference"], "An apple, a pear, a plum.", "- apple\n- pear"]
    prose, two = found.votes
    assert (prose.scores, prose.labels) == ((1.0, 0.0, None), ("good", "prose", None))
    assert (two.scores, two.labels) == ((1.0, None, 0.0), ("good", None, "two"))
    assert {prose.by, two.by} == {"rule:failures"}
    assert [(vote.rubric or "").split(":")[0] for vote in found.votes] == ["prose", "two"]
    assert json.loads(two.raw or "")["flaw"] == "two"
    assert found.tags == (("failures", "prose+two"),)
    assert [found.drafts(place)[0]["part"] for place in range(3)] == ["good", "prose", "two"]


def test_descriptions_and_examples_reach_the_model_as_they_are(tmp_path: Path) -> None:
    seen: list[str] = []

    def says(request: Request) -> str:
        seen.append(request.messages[0].content or "")
        return by_mode(request)

    (tmp_path / "modes.yaml").write_text(LIST)
    run(recipe_of("failures", file=str(tmp_path / "modes.yaml")), tmp_path, ROW, says)
    assert "The answer is {right}, but not a list.\n\nFor example: Apple, pear" in seen[0]
    assert "about as long as the good one" in seen[0]
    assert "shorter than the good one" in seen[1]


def test_one_flaw_that_failed_leaves_the_others(tmp_path: Path) -> None:
    def says(request: Request) -> str:
        text = by_mode(request)
        return text if "not a list" in (request.messages[0].content or "") else ROW["reference"]

    modes = [{"name": "prose", "description": "It is not a list."},
             {"name": "two", "description": "One is missing."}]  # fmt: skip
    found = run(recipe_of("failures", modes=modes), tmp_path, ROW, says)
    assert [vote.scores for vote in found.votes] == [(1.0, 0.0)]
    assert [(one.reason, one.detail) for one in found.missing] == [
        ("unchanged", "two: the answer came back as it was")
    ]


def test_one_text_for_two_ways_to_fail_has_two_votes(tmp_path: Path) -> None:
    modes = [{"name": name, "description": f"It is {name}."} for name in ("odd", "even")]
    found = run(
        recipe_of("failures", modes=modes), tmp_path, ROW, lambda r: between_marks(r, "Fruit.")
    )
    assert found.texts == [ROW["reference"], "Fruit."]
    assert [vote.labels for vote in found.votes] == [("good", "odd"), ("good", "even")]
    assert found.drafts(1)[1]["part"] == "even"


def test_the_list_that_comes_with_prefkit_loads_and_can_be_narrowed() -> None:
    every = [flaw.name for flaw in recipe_of("failures").flaws()]
    assert len(every) == 6
    assert [flaw.name for flaw in recipe_of("failures", only=["vague_step"]).flaws()] == [
        "vague_step"
    ]
    with pytest.raises(ConfigError, match="no vague among"):
        recipe_of("failures", only=["vague"]).flaws()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "a list that is not empty"),
        ("name: x", "a list that is not empty"),
        ("- x", "entry 1: not a mapping"),
        ("- {name: x}", "entry 1: the option 'description' is needed"),
        ("- {name: X y, description: d}", "entry 1: name"),
        ("- {name: x, description: ' '}", "entry 1: description"),
        ("- {name: x, description: d, sample: e}", "no option 'sample'"),
        ("- {name: good, description: d}", "'good' is what the good answer is called"),
        ("- {name: x, description: d}\n- {name: x, description: e}", "'x' stands there twice"),
        ("- {name: x, description: d", "modes.yaml"),
    ],
)
def test_a_list_that_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "modes.yaml").write_text(text)
    with pytest.raises(ConfigError, match=said):
        recipe_of("failures", file=str(tmp_path / "modes.yaml")).flaws()


def test_a_list_that_is_missing_or_no_text_is_said(tmp_path: Path) -> None:
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    for name in ("bytes.yaml", "nowhere.yaml"):
        with pytest.raises(ConfigError, match=f"{name} cannot be read"):
            recipe_of("failures", file=str(tmp_path / name)).flaws()


def test_a_list_in_two_places_is_refused() -> None:
    modes = [{"name": "x", "description": "d"}]
    with pytest.raises(ConfigError, match="give one of them"):
        recipe_of("failures", file="a.yaml", modes=modes)
    with pytest.raises(ConfigError, match="stands there twice"):
        recipe_of("failures", modes=modes * 2)


def test_the_manifest_names_the_file_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "modes.yaml").write_text(LIST)
    told: Any = recipe_of("failures", file=str(tmp_path / "modes.yaml")).told()
    assert told["file"]["name"] == "modes.yaml"
    assert len(told["file"]["sha256"]) == 64


def test_a_list_that_changes_between_two_runs_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "ways.yaml"
    file.write_text("- {name: one, description: First.}\n", encoding="utf-8")
    first = recipe_of("failures", file=str(file))
    assert [flaw.name for flaw in first.flaws()] == ["one"]
    told = first.told()
    file.write_text("- {name: two, description: Second.}\n", encoding="utf-8")
    second = recipe_of("failures", file=str(file))
    assert [flaw.name for flaw in second.flaws()] == ["two"]
    assert [flaw.name for flaw in first.flaws()] == ["one"]  # all of a run goes by one list
    assert first.told() == told != second.told()


def test_without_a_model_nothing_can_fail(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a model is needed"):
        list(recipe_of("failures").drafts(prompt_of(tmp_path, ROW), 0))
