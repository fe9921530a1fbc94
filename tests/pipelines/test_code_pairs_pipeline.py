"""`pipelines/code_pairs.yaml` to planned counts, and its twin that goes on from recorded votes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from prefkit.dataset import open_dataset
from prefkit.sandbox.levels import check_level

pytestmark = pytest.mark.slow  # some five hundred programs: about 20 seconds

ROOT = Path(__file__).parent.parent.parent
SAMPLES = ROOT / "pipelines" / "samples"
PLANTED: dict[str, Any] = json.loads((SAMPLES / "planted.json").read_text(encoding="utf-8"))
CODE: dict[str, Any] = PLANTED["code"]
CLASSES = ("pass", "near_miss", "wrong", "slow", "crashing", "trivial", "invalid")


def _run(pipeline: str, out: Path) -> dict[str, dict[str, Any]]:
    """Its steps with their facts, as a user without any key sees them."""
    file = str(ROOT / "pipelines" / pipeline)
    known = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "prefkit.cli", "run", file, "--out", str(out), "--json"],
        env=known | {"HOME": str(out.parent), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {step["step"]: step["facts"] for step in json.loads(done.stdout)["steps"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("code")


@pytest.fixture(scope="module")
def steps(folder: Path) -> dict[str, dict[str, Any]]:
    return _run("code_pairs.yaml", folder / "run")


@pytest.fixture(scope="module")
def recorded(folder: Path) -> dict[str, dict[str, Any]]:
    return _run("code_pairs_recorded.yaml", folder / "recorded")


def _rows(folder: Path) -> list[dict[str, Any]]:
    return [row for table in open_dataset(folder).batches() for row in table.to_pylist()]


def _labels(folder: Path) -> dict[str, str]:
    """What was said of the candidate of each line: a label, or why there is none."""
    aside = {
        (line["comparison"], line["response"]): line["reason"]
        for line in open_dataset(folder).set_aside()
        if "comparison" in line
    }
    found = {}
    for row in _rows(folder):
        said = {
            place: label
            for vote in row["votes"]
            for place, label in enumerate(vote["labels"])
            if label is not None
        }
        for place, response in enumerate(row["responses"]):
            (draw,) = json.loads(response["sampling"])["draws"]
            key = (row["id"], response["id"])
            # a line is set aside with its task, or by itself
            found[draw["from"]] = said.get(place) or aside.get(key) or aside[row["id"], None]
    return found


def _said_of(labels: dict[str, str]) -> dict[int, str]:
    """By the number of the line."""
    return {int(re.findall(r"\d+", where)[-1]): label for where, label in labels.items()}


def test_every_candidate_is_what_it_was_written_to_be(steps: dict[str, Any], folder: Path) -> None:
    assert steps["1 collect synthetic"]["counts"]["votes"] == {
        "execution": sum(CODE["code_candidates.jsonl"][name] for name in CLASSES)
    }
    found = _said_of(_labels(folder / "run" / "1-collect-synthetic"))
    wanted = {number: label for number, label in enumerate(CODE["labels"], 1) if label}
    assert {number: found.get(number) for number in wanted} == wanted
    # of a task whose reference fails nothing is said: its candidate may be right
    assert {found[number] for number in set(found) - set(wanted)} == {"reference_fails"}


def test_the_planted_faults_of_the_files_are_set_aside_and_the_rest_goes_on(
    steps: dict[str, Any],
) -> None:
    counts = steps["1 collect synthetic"]["counts"]
    aside = counts["set_aside"]
    assert {name: aside[name] for name in ("no_tests", "broken_tests", "unsupported_language")} == {
        "no_tests": 1,
        "broken_tests": 1,
        "unsupported_language": 1,
    }
    assert aside["no_task"] == 1
    # two lines that were cut off, one in each file
    assert sum(aside.values()) == 6
    assert counts["unvoted"] == {"flaky": 1, "no_code": 1, "reference_fails": 1}


def test_the_pairs_are_those_that_were_planned(steps: dict[str, Any]) -> None:
    """20 tasks of two right programs and three or more failing ones give three pairs each."""
    paired = steps["2 pair"]
    assert (paired["comparisons"], paired["paired"]) == (21, 20)
    rejected = paired["policy_found"]["rejected"]
    assert {name: rejected[name]["pairs"] for name in CLASSES[1:5]} == {
        name: CODE["pairs"][name] for name in CLASSES[1:5]
    }
    assert steps["3 curate"]["kept"] == CODE["pairs"]["pairs"]
    assert steps["4 export"]["counts"]["exported"] == CODE["pairs"]["pairs"]
    assert steps["5 verify"]["verified"] is True


@pytest.mark.usefixtures("steps")
def test_no_side_is_trivial_unreadable_or_left_to_chance(folder: Path) -> None:
    pairs = _rows(folder / "run" / "2-pair")
    notes = Counter(check["note"] for row in pairs for check in row["checks"])
    assert notes == {name: CODE["pairs"][name] for name in CLASSES[1:5]}
    texts = {row[side][-1]["content"] for row in pairs for side in ("chosen", "rejected")}
    assert not [text for text in texts if "random.random()" in text or "known = {\n" in text]
    # passes its three weak tests, and differs from the reference on most further inputs
    chosen = {row["chosen"][-1]["content"] for row in pairs}
    assert not [text for text in chosen if "return text.isdigit()" in text]


def test_every_pair_says_how_likely_the_chosen_one_is_the_better(
    folder: Path, steps: dict[str, Any]
) -> None:
    assert steps["2 pair"]["paired"]
    for row in _rows(folder / "run" / "2-pair"):
        assert row["p_kind"] == "jeffreys"
        assert 0.5 < row["p_chosen"] < 1


def test_recorded_votes_give_the_same_pairs_and_nothing_is_executed(
    steps: dict[str, Any], recorded: dict[str, Any], folder: Path
) -> None:
    assert "collect synthetic" not in " ".join(recorded)
    assert recorded["4 verify"]["verified"] is True
    ids = [
        sorted(row["id"] for row in _rows(path))
        for path in (folder / "run" / "2-pair", folder / "recorded" / "1-pair")
    ]
    assert ids[0] == ids[1]
    assert steps["2 pair"]["paired"] == recorded["1 pair"]["paired"]


def test_the_recorded_votes_are_those_that_are_cast_now(
    steps: dict[str, Any], folder: Path
) -> None:
    assert steps
    if not check_level("bubblewrap").holds:
        pytest.skip("they were recorded in a sandbox of bubblewrap, and none can be had here")
    now = open_dataset(folder / "run" / "1-collect-synthetic")
    assert open_dataset(SAMPLES / "code_votes").content_hash == now.content_hash, (
        "record them again: pipelines/samples/README.md"
    )
