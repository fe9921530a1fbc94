from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from command_line import Prefkit, labelled, write_jsonl

import prefkit
from prefkit.dataset import open_dataset
from prefkit.errors import ConfigError, GateFailed
from prefkit.registry import names

SAMPLES = Path(__file__).parent.parent / "pipelines" / "samples"
SUPPORT = SAMPLES / "support_label_studio.json"
READER = {"label_studio": {"prompt": "prompt", "responses": ["answer1", "answer2"]}}
FILTERS = ["empty_sides", "identical_sides", {"length_ratio": {"max": 4}}, "duplicates"]
PIPELINE = """
steps:
  - collect human:
      paths: support_label_studio.json
      reader: {label_studio: {prompt: prompt, responses: [answer1, answer2]}}
  - pair: {policy: best_worst}
  - curate: {filter: [empty_sides, identical_sides, {length_ratio: {max: 4}}, duplicates]}
  - export: {files: [jsonl]}
"""
STEPS = ("1-collect-human", "2-pair", "3-curate", "4-export")


def hashes(folder: Path) -> list[Any]:
    outcomes = [prefkit.show(folder / step).facts for step in STEPS]
    return [facts["content_hash"] for facts in outcomes]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """One key for all, so that the people have the same pseudonyms."""
    path = tmp_path / "people.key"
    path.write_bytes(b"k" * 32)
    path.chmod(0o600)
    return path


def by_functions(out: Path, key: Path) -> None:
    prefkit.collect_human(SUPPORT, out=out / STEPS[0], reader=READER, pseudonym_key=key)
    prefkit.pair(out / STEPS[0], out=out / STEPS[1], policy="best_worst")
    prefkit.curate(out / STEPS[1], out=out / STEPS[2], filter=FILTERS)
    prefkit.export(out / STEPS[2], out=out / STEPS[3], files=["jsonl"])


def by_commands(run: Prefkit, out: Path, key: Path) -> None:
    reader = "{label_studio: {prompt: prompt, responses: [answer1, answer2]}}"
    options = ["empty_sides", "identical_sides", "length_ratio: {max: 4}", "duplicates"]
    filters = [word for option in options for word in ("--filter", option)]
    commands: list[list[object]] = [
        ["collect", "human", SUPPORT, "--reader", reader, "--pseudonym-key", key],
        ["pair", out / STEPS[0], "--policy", "best_worst"],
        ["curate", out / STEPS[1], *filters],
        ["export", out / STEPS[2], "--files", "jsonl"],
    ]
    for step, command in zip(STEPS, commands, strict=True):
        result = run(*command, "--out", out / step)
        assert result.code == 0, result.err


def by_file(out: Path, key: Path) -> None:
    place = out.parent / "file"
    place.mkdir()
    (place / SUPPORT.name).write_bytes(SUPPORT.read_bytes())
    (place / "p.yaml").write_text(PIPELINE, encoding="utf-8")
    prefkit.run(place / "p.yaml", out=out, pseudonym_key=key)


def test_python_the_command_line_and_a_file_give_the_same_rows(
    tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_functions(tmp_path / "python", key)
    by_commands(Prefkit(capsys), tmp_path / "commands", key)
    by_file(tmp_path / "yaml", key)
    found = [hashes(tmp_path / way) for way in ("python", "commands", "yaml")]
    assert len(set(found[0])) == len(STEPS)
    assert found[0] == found[1] == found[2]


def test_every_verb_is_a_function() -> None:
    verbs = [name.replace(" ", "_") for name in names("verb")]
    assert set(verbs) <= set(dir(prefkit))
    for verb in verbs:
        function = getattr(prefkit, verb)
        assert function.__name__ == verb
        assert function.__doc__


def test_what_is_given_by_place_on_the_command_line_is_so_in_python() -> None:
    parameters = inspect.signature(prefkit.pair).parameters
    places = [p.name for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert places == ["dataset"]
    assert parameters["tie"].default == "drop"


def test_a_call_returns_counts_and_hash(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "votes.jsonl", [labelled(n) for n in range(3)])
    outcome = prefkit.collect_human([path, str(path)], out=str(tmp_path / "out"))
    assert outcome.facts["rows"] == 3  # a file that is named twice is read once
    assert outcome.facts["content_hash"] == open_dataset(tmp_path / "out").content_hash


def test_a_verb_or_an_argument_that_does_not_exist_is_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match="prefkit has no verb 'colect_human'"):
        prefkit.colect_human  # noqa: B018 - looking it up is the test
    with pytest.raises(TypeError, match="polcy"):
        prefkit.pair("x", out="y", polcy="z")
    with pytest.raises(TypeError, match="out"):
        prefkit.pair("x")


def test_a_wrong_value_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pair: tie: Input should be 'drop'"):
        prefkit.pair("x", out=tmp_path / "y", tie="sotf")
    with pytest.raises(ConfigError, match="there is no dataset folder"):
        prefkit.pair(tmp_path / "nowhere", out=tmp_path / "y")


def test_errors_carry_their_exit_code_and_hint(tmp_path: Path) -> None:
    empty = write_jsonl(tmp_path / "empty.jsonl", [])
    with pytest.raises(GateFailed) as caught:
        prefkit.collect_human(empty, out=tmp_path / "out")
    assert caught.value.exit_code == 3
    assert caught.value.hint
