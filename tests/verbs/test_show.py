from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pair_rows import simple_pairs, write_pairs

from prefkit.dataset import open_dataset
from prefkit.errors import ConfigError, DataError
from prefkit.verbs.curate import Curate
from prefkit.verbs.export import Export
from prefkit.verbs.show import Show


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pairs, curated and exported."""
    place = tmp_path_factory.mktemp("show")
    write_pairs(place / "pairs", simple_pairs(40), batch=10)
    Curate(dataset=place / "pairs", out=place / "curated", filter=("identical_sides",))()
    Export(dataset=place / "curated", out=place / "export", files=("jsonl", "arrow"))()
    Export(dataset=place / "curated", out=place / "arrow", files=("arrow",))()
    return place


def test_a_dataset_shows_its_hash_its_parent_and_its_steps(folders: Path) -> None:
    outcome = Show(folder=folders / "curated")()
    parent = open_dataset(folders / "pairs").content_hash
    assert outcome.facts["content_hash"] == open_dataset(folders / "curated").content_hash
    assert outcome.facts["parents"] == [parent]
    assert "shown" not in outcome.facts
    lines = dict(outcome.lines)
    assert lines["Rows"] == "40"
    assert lines["Parent"] == parent
    assert lines["identical_sides"] == "0 marked of 40"


def test_as_many_rows_are_shown_as_asked_for(folders: Path) -> None:
    outcome = Show(folder=folders / "pairs", rows=25)()
    prompts = [row["prompt"][0]["content"] for row in outcome.facts["shown"]]
    assert prompts == [f"Question {n}?" for n in range(25)]
    assert [json.loads(text) for label, text in outcome.lines if not label] == outcome.facts[
        "shown"
    ]


@pytest.mark.parametrize("export", ["export", "arrow"])
def test_the_rows_of_an_export_are_shown_whatever_its_files(folders: Path, export: str) -> None:
    shown = Show(folder=folders / export, rows=39)().facts["shown"]
    assert len(shown) == 39
    assert set(shown[0]) == {"prompt", "chosen", "rejected"}
    assert shown[0]["chosen"][0]["role"] == "assistant"


def test_an_export_shows_its_splits(folders: Path) -> None:
    lines = dict(Show(folder=folders / "export")().lines)
    shown = {name: int(lines[name].split()[0]) for name in ("train", "validation", "test")}
    assert sum(shown.values()) == 40


def test_a_folder_that_is_none_of_prefkit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no manifest\.json, so it is no prefkit folder"):
        Show(folder=tmp_path)()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": None, "verb": None, "steps": [7]},
        {"counts": []},
        {"inputs": [{}]},
        {"rows": "many"},
        {"parents": 3},
        {"split": {"rows": []}},
    ],
    ids=str,
)
def test_a_manifest_of_another_shape_is_an_error_in_words(
    folders: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    manifest = json.loads((folders / "pairs" / "manifest.json").read_text(encoding="utf-8"))
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | change), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        Show(folder=tmp_path)()
    assert caught.value.hint == f"prefkit verify {tmp_path}"


def test_a_file_name_in_a_manifest_does_not_lead_out_of_the_folder(
    folders: Path, tmp_path: Path
) -> None:
    manifest = json.loads((folders / "arrow" / "manifest.json").read_text(encoding="utf-8"))
    outside = next((folders / "arrow" / "arrow" / "train").glob("*.arrow"))
    (tmp_path / "export" / "arrow" / "train").mkdir(parents=True)
    (tmp_path / outside.name).write_bytes(outside.read_bytes())
    manifest["files"] = [{"name": f"arrow/train/../../../{outside.name}"}]
    (tmp_path / "export" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert Show(folder=tmp_path / "export", rows=5)().facts["shown"] == []
