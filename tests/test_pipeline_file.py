from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from small_pipeline import QUICKSTART, SMALL, pipeline, ran, refused, write_small

from prefkit.pipeline import Run
from prefkit.pipeline.file import read_document
from prefkit.yaml import load_yaml


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_small(tmp_path)


@pytest.mark.parametrize(
    ("change", "step", "place", "value"),
    [
        ("pair.tie=soft", 1, ("tie",), "soft"),
        ("2.tie=soft", 1, ("tie",), "soft"),
        ("collect_human.limit=3", 0, ("limit",), 3),
        ("curate.filter.length_ratio.max=2.5", 2, ("filter", 1, "length_ratio", "max"), 2.5),
        ("curate.filter.1.length_ratio.max=2.5", 2, ("filter", 1, "length_ratio", "max"), 2.5),
        ("curate.filter=[turns]", 2, ("filter",), ["turns"]),
        ("curate.filter.0=turns", 2, ("filter", 0), "turns"),
    ],
)
def test_set_changes_one_option(
    small: Path, change: str, step: int, place: tuple[Any, ...], value: Any
) -> None:
    changed: Any = read_document(small, (change,)).steps[step]
    ((_, found),) = changed.items()
    for key in place:
        found = found[key]
    assert found == value
    before, after = read_document(small, ()).steps, read_document(small, (change,)).steps
    assert [n for n in range(5) if before[n] != after[n]] == [step]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("pair.tie", "it is not STEP.OPTION=VALUE"),
        ("pair=soft", "it is not STEP.OPTION=VALUE"),
        ("pair..tie=soft", "it is not STEP.OPTION=VALUE"),
        ("=", "it is not STEP.OPTION=VALUE"),
        ("pare.tie=soft", "the pipeline has no step 'pare'. Did you mean 'pair'?"),
        ("9.tie=soft", "the pipeline has steps 1 to 5"),
        ("curate.filter.9=turns", "the list has items 0 to 1, not 9"),
        ("curate.filter.lenght_ratio.max=3", "no items named 'lenght_ratio'. Did you mean 'le"),
        ("curate.filter.-1=turns", "the list has no items named '-1'"),
        ("curate.filter.1.length_ratio.max.x=3", "there is no 'x' in 4"),
        ("pair.tie=[", "--set pair.tie, line 1, column 2: "),
        ("pair.tei=soft", "steps[1]: pair has no option 'tei'. Did you mean 'tie'?"),
        ("pair.force=true", "steps[1]: 'force' is a consent, which never comes from a file"),
    ],
)
def test_a_change_that_fits_nothing_is_refused(small: Path, change: str, message: str) -> None:
    error = refused(small, set=(change,))
    assert message in str(error)
    assert error.hint or "line 1" in str(error)


def test_of_two_equal_steps_a_change_names_the_number(small: Path) -> None:
    file = pipeline(small.parent, SMALL + "  - export: {dataset: 3-curate, shape: unpaired}\n")
    message = "steps 4 and 6 are export: name one by its number"
    assert message in str(refused(file, set=("export.seed=1",)))
    assert ran(file, dry_run=True, set=("6.seed=1",))["6 export"] == "would run"


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("pare", "there is no verb 'pare'. Did you mean 'pair'?"),
        ("show", "there is no verb 'show'"),
        ("run: {file: x.yaml}", "there is no verb 'run'"),
        ("7", "a verb is a name or one name with its options, not 7"),
        ("pair: soft", "a verb is a name or one name with its options, not {'pair': 'soft'}"),
        ("{pair: {}, verify: {}}", "a verb is a name or one name with its options"),
        ("pair: {tei: soft}", "pair has no option 'tei'. Did you mean 'tie'?"),
        ("pair: {tie: sotf}", "pair: tie: Input should be 'drop'"),
        ("pair: {policy: bestworst}", "pair: there is no policy 'bestworst'. Did you mean 'best_"),
        ("pair: {policy: {all: {cup: 3}}}", "pair: all has no option 'cup'. Did you mean 'cap'?"),
        ("pair: {dataset: 1-colect}", "there is no step or folder '1-colect'. Did you mean '1-co"),
        (
            "curate: {filter: [{length_ratio: {mx: 3}}]}",
            "curate: length_ratio has no option 'mx'. Did you mean 'max'?",
        ),
        ("curate: {filter: [{turns: {}, duplicates: {}}]}", "curate: a filter is a name or one"),
        ("curate: {filter: [{where: {that: 'n_votes >'}}]}", "curate: where: that: "),
        ("curate", "curate: no filter and no measure is named"),
        ("export: {format: tlr}", "export: there is no writer 'tlr'. Did you mean 'trl'?"),
        ("collect human: {paths: [none.jsonl]}", "there is no file "),
        ("collect human: {paths: ['-']}", "a pipeline does not read standard input; name a file"),
        (
            "collect human: {paths: votes.jsonl, format: clumns}",
            "collect human: there is no reader 'clumns'. Did you mean 'columns'?",
        ),
        (
            "collect human: {paths: votes.jsonl, reader: {columns: {promt: q}}}",
            "collect human: columns has no option 'promt'. Did you mean 'prompt'?",
        ),
        ("pair: {force: true}", "'force' is a consent, which never comes from a file"),
        ("pair: {dry_run: true}", "'dry_run' is a consent, which never comes from a file"),
        ("curate: {filter: [turns], allow_code: true}", "'allow_code' is a consent"),
        ("pair: {out: x}", "'out' holds for the whole run"),
        ("collect human: {paths: votes.jsonl, pseudonym_key: k}", "'pseudonym_key' holds for the"),
    ],
)
def test_a_wrong_step_is_refused_with_its_place_before_anything_runs(
    small: Path, step: str, message: str
) -> None:
    text = f"steps:\n  - collect human: {{paths: votes.jsonl}}\n  - {step}\n"
    error = refused(pipeline(small.parent, text))
    assert str(error).startswith(f"{small}, steps[1]: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "small.yaml is no pipeline: it has no keys"),
        ("- pair", "small.yaml is no pipeline"),
        ("steps: []", "small.yaml has no list of steps"),
        ("steps: pair", "small.yaml has no list of steps"),
        ("stesp: [pair]", "there is no key 'stesp'. Did you mean 'steps'?"),
        ("steps: [pair]", "steps[0]: there is no step before it whose output it could take"),
        ("name: ../../x\nsteps: [verify]", "the name '../../x' is no plain name"),
        ("name: .x\nsteps: [verify]", "the name '.x' is no plain name"),
        ("name: [x]\nsteps: [verify]", "is no plain name"),
        (
            "steps: [verify]\nsteps: [pair]",
            "small.yaml, line 2, column 1: the key 'steps' is given",
        ),
        ("a: &x [1]\nsteps: *x", "small.yaml, line 2, column 8: aliases are not used here"),
        ("steps: !!python/name:os.system ''", "small.yaml, line 1, column 8: tags are not used"),
    ],
)
def test_a_file_that_is_no_pipeline_is_refused(tmp_path: Path, text: str, message: str) -> None:
    assert message in str(refused(pipeline(tmp_path, text)))


def schema_errors(text: str) -> list[str]:
    validator = jsonschema.Draft202012Validator(Run.file_schema())
    return [error.message for error in validator.iter_errors(load_yaml(text, "x"))]


def test_the_schema_for_editors_takes_what_runs_and_refuses_what_does_not() -> None:
    jsonschema.Draft202012Validator.check_schema(Run.file_schema())
    right = [
        QUICKSTART.read_text(encoding="utf-8"),
        SMALL,
        "steps: [{pair: {policy: {all: {cap: 3}}}}]",
        "steps: [{curate: {filter: duplicates}}]",
        "steps: [{collect human: {paths: x, format: auto, reader: {columns: {prompt: q}}}}]",
    ]
    wrong = [
        "steps: []",
        "steps: [pare]",
        "steps: [show]",
        "steps: [{pair: {}, verify: {}}]",
        "steps: [{pair: {polcy: x}}]",
        "steps: [{pair: {policy: bestworst}}]",
        "steps: [{pair: {force: true}}]",
        "steps: [{pair: {out: x}}]",
        "steps: [{curate: {filter: [{length_ratio: {mx: 3}}]}}]",
        "steps: [{collect human: {paths: x, format: csv}}]",
        "{steps: [verify], name: ../x}",
    ]
    assert [schema_errors(text) for text in right] == [[]] * len(right)
    assert [text for text in wrong if not schema_errors(text)] == []
