from __future__ import annotations

from pathlib import Path

import pytest

from prefkit.errors import ConfigError
from prefkit.judging.library import rubric_names
from prefkit.registry import ROLES, names
from prefkit.verbs.catalog import Catalog


def test_everything_is_listed_by_role_with_its_first_line() -> None:
    facts = Catalog()().facts
    assert {role: list(entries) for role, entries in facts.items()} == {
        **{role: names(role) for role in ROLES},
        "rubric": rubric_names(),
    }
    silent = [name for entries in facts.values() for name, text in entries.items() if not text]
    assert not silent


def test_one_role_is_listed_alone() -> None:
    outcome = Catalog(role="filter")()
    assert list(outcome.facts) == ["filter"]
    assert [label for label, _ in outcome.lines] == [f"filter {name}" for name in names("filter")]


@pytest.mark.parametrize("role", list(ROLES))
def test_everything_can_be_asked_for_its_options(role: str) -> None:
    for name in names(role):
        facts = Catalog(role=role, name=name)().facts
        assert facts["name"] == name
        assert facts["description"]


def test_the_options_of_a_filter_have_their_defaults() -> None:
    lines = dict(Catalog(role="filter", name="where")().lines)
    assert lines["  that"] == "The expression. (needed)"
    assert lines["  null"].endswith("(default drop)")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"role": "filtr"}, "there is no role 'filtr'. Did you mean 'filter'?"),
        ({"role": "rubrik"}, "Did you mean 'rubric'?"),
        ({"role": "rubrics", "name": "helpfullness"}, "Did you mean 'helpfulness'?"),
        ({"role": "pipeline_schema"}, "Did you mean 'pipeline-schema'?"),
        (
            {"role": "filter", "name": "lenght_ratio"},
            "there is no filter named 'lenght_ratio'. Did you mean 'length_ratio'?",
        ),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Catalog(**options)()
    assert message in str(caught.value)
    assert caught.value.hint


def test_a_rubric_is_shown_as_a_judge_gets_it() -> None:
    outcome = Catalog(role="rubrics", name="factuality")()
    lines = dict(outcome.lines)
    assert lines["  label"].startswith("factuality@1:")
    assert "BEGIN reference ===\nNeil Armstrong, in 1969.\n" in lines["  user"]
    assert "- agreement: Its answer to the question is" in lines["  system"]
    assert outcome.facts["answer"]["properties"]["verdict"]["enum"] == [
        *("A", "B", "tie", "both_good", "both_bad")
    ]


def test_a_rubric_of_ones_own_is_shown_by_its_path(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    text = (Path(__file__).resolve().parents[2] / "rubrics" / "honesty.yaml").read_text()
    own.write_text(text.replace("name: honesty", "name: candour", 1))
    assert Catalog(role="rubric", name=str(own))().facts["name"] == "candour"
