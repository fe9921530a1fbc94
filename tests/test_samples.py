"""The samples that ship: every planted fault is found by what `planted.json` says finds it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import prefkit
from prefkit.dataset import open_dataset
from prefkit.registry import names
from prefkit.yaml import load_yaml

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "pipelines" / "samples"
PLANTED: dict[str, Any] = json.loads((SAMPLES / "planted.json").read_text(encoding="utf-8"))
FILTERED = [entry for entry in PLANTED["planted"] if entry["found_by"] in names("filter")]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples collected and paired, with the options of the quickstart."""
    folder = tmp_path_factory.mktemp("samples")
    quickstart = load_yaml(
        (ROOT / "pipelines/quickstart.yaml").read_text(encoding="utf-8"), "quickstart"
    )
    collect = quickstart["steps"][0]["collect human"]
    paths = [str(ROOT / "pipelines" / path) for path in collect["paths"]]
    key = folder / "key"
    prefkit.collect_human(
        paths, out=folder / "comparisons", reader=collect["reader"], pseudonym_key=key
    )
    prefkit.pair(folder / "comparisons", out=folder / "pairs")
    return folder


def _records(entry: dict[str, Any]) -> set[str]:
    """How the planted rows are named in `sources`: tasks by number, others by file and place."""
    found = {f"task {task}" for task in entry.get("tasks", [])}
    for file, where in (
        (entry["file"], entry["where"]),
        (entry.get("other_file"), entry.get("other_where")),
    ):
        if file and file != "support_label_studio.json":
            found |= {f"{file} {place}" for place in where or []}
    return found


def _names_of(source: dict[str, str]) -> set[str]:
    task = " ".join(source["record"].split(" ")[:2])
    return {task, f"{source['name']} {source['record']}"}


def _rows(folder: Path) -> list[dict[str, Any]]:
    return [row for table in open_dataset(folder).batches() for row in table.to_pylist()]


@pytest.mark.parametrize(
    "entry", FILTERED, ids=lambda e: f"{e['found_by']}-{e['file']}-{e['where'][0]}"
)
def test_the_filter_finds_the_planted_fault(
    runs: Path, tmp_path: Path, entry: dict[str, Any]
) -> None:
    step = {entry["found_by"]: entry["options"]}
    prefkit.curate(runs / "pairs", out=tmp_path / "curated", filter=[step])
    records = _records(entry)
    planted = [
        row
        for row in _rows(tmp_path / "curated")
        if any(records & _names_of(s) for s in row["sources"])
    ]
    dropped = [row for row in planted if (row["dropped"] or "").startswith(entry["found_by"])]
    # Of a repeated pair one copy stays; every other fault goes wherever it stands.
    repeats = entry["found_by"] == "duplicates" and "opposite" not in entry["fault"]
    assert planted
    assert len(dropped) == len(planted) - repeats


EVEN = [
    entry
    for entry in PLANTED["planted"]
    if entry["found_by"] == "pair"
    and any(word in entry["fault"] for word in ("1:1", "tie", "both bad"))
]


@pytest.mark.parametrize("entry", EVEN, ids=lambda e: f"{e['file']}-{e['where'][0]}")
def test_a_planted_tie_or_split_gives_no_pair(runs: Path, entry: dict[str, Any]) -> None:
    records = _records(entry)
    voted = [
        row["id"]
        for row in _rows(runs / "comparisons")
        if any(records & _names_of(vote["source"]) for vote in row["votes"])
    ]
    aside = {line["comparison"] for line in open_dataset(runs / "pairs").set_aside()}
    assert voted
    assert set(voted) <= aside


def test_sides_that_part_early_are_marked_with_where(runs: Path) -> None:
    (entry,) = [e for e in PLANTED["planted"] if "diverge" in e["fault"]]
    records = _records(entry)
    (row,) = [r for r in _rows(runs / "pairs") if any(records & _names_of(s) for s in r["sources"])]
    assert [(check["check"], check["value"]) for check in row["checks"]] == [("diverges", 1.0)]


def test_the_counts_are_those_that_were_planted(runs: Path) -> None:
    counts = open_dataset(runs / "comparisons").manifest["counts"]
    planted = PLANTED["counts"]
    assert counts["rows"] == sum(file["rows"] for file in planted.values())
    assert counts["set_aside"] == sum(file["set_aside"] for file in planted.values())
    assert counts["reasons"]["blank"] == planted["phone_ratings.csv"]["blank"]
    assert counts["reasons"]["unknown winner"] == planted["phone_ratings.csv"]["undeclared_verdict"]
    assert counts["reasons"]["not JSON"] == planted["older_pairs.jsonl"]["broken"]
    assert (
        counts["parts_set_aside"]["prediction"]
        == planted["support_label_studio.json"]["predictions"]
    )


def test_no_name_of_an_annotator_reaches_the_dataset(runs: Path) -> None:
    source = json.loads((SAMPLES / "support_label_studio.json").read_text(encoding="utf-8"))
    people = [a["completed_by"] for task in source for a in task["annotations"]]
    emails = {person["email"] for person in people if isinstance(person, dict)}
    assert emails
    folder = runs / "comparisons"
    text = json.dumps(_rows(folder), default=str) + (folder / "set_aside.jsonl").read_text(
        encoding="utf-8"
    )
    assert not [email for email in emails if email in text]
