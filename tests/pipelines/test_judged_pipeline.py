"""`pipelines/judged.yaml` and the demo's judge: from a clean folder, offline, to planned counts.

And `docs/judging.md`, whose commands begin where that pipeline ends.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pages import check_options, commands_of
from record_judge import SAMPLES

from prefkit.dataset import open_dataset
from prefkit.judging.library import load_rubric

pytestmark = pytest.mark.slow  # real processes: about ten seconds together

ROOT = SAMPLES.parent.parent
PLANTED: dict[str, int] = json.loads((SAMPLES / "planted.json").read_text(encoding="utf-8"))[
    "counts"
]["judge_verdicts.jsonl"]

PAGE = (ROOT / "docs/judging.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = commands_of(BLOCKS)

OFFLINE = """
import socket

def _refused(*_):
    raise OSError("this test is offline")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = _refused
"""


def _prefkit(home: Path, *words: str | Path) -> dict[str, Any]:
    """What a command of a new user prints with --json."""
    done = _called(home, *words)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _called(home: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """A command on a fresh machine that reaches no network."""
    home.mkdir(exist_ok=True)
    (home / "sitecustomize.py").write_text(OFFLINE, encoding="utf-8")
    known = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
    return subprocess.run(
        [sys.executable, "-m", "prefkit.cli", *map(str, words), "--json"],
        cwd=home,
        env={name: os.environ[name] for name in known if name in os.environ}
        | {"HOME": str(home), "PYTHONPATH": f"{home}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("judged") / "home"


@pytest.fixture(scope="module")
def steps(home: Path) -> dict[str, dict[str, Any]]:
    found = _prefkit(home, "run", ROOT / "pipelines/judged.yaml", "--out", home / "runs" / "judged")
    assert {step["status"] for step in found["steps"]} == {"done"}
    return {step["step"]: step["facts"] for step in found["steps"]}


@pytest.fixture(scope="module")
def demo(home: Path) -> Path:
    quickstart = ROOT / "pipelines/quickstart.yaml"
    _prefkit(home, "run", quickstart, "--out", home / "quickstart")
    return home / "quickstart"


def _votes_of_the_judge(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """By comparison what the sample judge said of it, in which order; not of equal sides."""
    found = {}
    for table in open_dataset(folder).batches():
        for row in table.to_pylist():
            sides = [response["messages"] for response in row["responses"]]
            votes = [vote for vote in row["votes"] if vote["by"] == "sample-judge"]
            if votes and sides[0] != sides[1]:
                found[row["id"]] = sorted(
                    (*vote["order"], vote["outcome"], *vote["scores"], vote["criterion"])
                    for vote in votes
                )
    return found


def test_the_pipeline_ends_with_the_pairs_that_were_planned(steps: dict[str, Any]) -> None:
    """44 pairs have different sides: 4 readable once, 8 locked, 1 a tie, 31 the same twice."""
    paired = steps["4 pair"]
    assert (paired["comparisons"], paired["paired"]) == (45, 31 + 4)
    assert paired["reasons"] == {"votes split evenly": 8, "tie": 1, "no vote that counts": 1}
    # one side is empty, 4 have one readable vote, and two chosen sides are over 8 times as long
    curated = steps["5 curate"]
    assert (curated["kept"], curated["dropped"]) == (35 - 1 - 4 - 2, 7)
    assert steps["6 export"]["counts"]["exported"] == 28
    assert steps["7 verify"]["verified"] is True


def test_the_report_finds_the_planted_faults(steps: dict[str, Any]) -> None:
    (judge,) = steps["3 report"]["judges"]
    assert (judge["by"], judge["criterion"], judge["votes"]) == ("sample-judge", "helpfulness", 88)
    assert judge["failures"]["failed"] == PLANTED["unreadable"]
    counts = judge["order"]["counts"]
    assert counts["pairs"] == PLANTED["both_orders_readable"]
    assert counts["locked_first"] == PLANTED["first_shown_in_both"]
    assert counts["locked_second"] == PLANTED["second_shown_in_both"]
    assert judge["order"]["consistency"]["value"] == PLANTED["same_in_both_orders"] / 40
    assert judge["rationale"]["contradicting"] == PLANTED["reasons_name_the_other"]
    # right on 24 of 30: wrong where the people prefer the shorter side, and on phone row 37
    assert judge["gold"]["ties_dropped"]["accuracy"]["value"] == 24 / 30


def test_too_few_labels_certify_nobody(steps: dict[str, Any]) -> None:
    (certificate,) = steps["3 report"]["certificates"]
    assert certificate["passed"] is False
    # 44 pairs, without 3 on which the people split and 4 that are not readable twice
    assert "gold pairs with a readable verdict is 37, must be >= 100" in certificate["reasons"]


def test_a_pipeline_that_requires_a_certificate_ends_without_one(home: Path) -> None:
    required = ("--set", "report.require_certificate=true")
    pipeline = ROOT / "pipelines/judged.yaml"
    done = _called(home, "run", pipeline, "--out", home / "required", *required)
    assert done.returncode == 3
    assert "1 of 1 judges have no certificate" in done.stderr + done.stdout
    assert not (home / "required" / "6-export").exists()


def test_the_demos_recorded_verdicts_show_the_same_faults(demo: Path, home: Path) -> None:
    told = _prefkit(home, "report", demo / "1-collect-human")
    judges = {one["by"]: one for one in told["judges"]}
    judge = judges["sample-judge"]
    assert judge["votes"] == PLANTED["rows"]
    assert set(judges) == {"sample-judge", "counter-judge"}
    assert judge["failures"]["failed"] == PLANTED["unreadable"]
    counts = judge["order"]["counts"]
    assert (counts["pairs"], counts["locked_first"], counts["locked_second"]) == (
        PLANTED["both_orders_readable"],
        PLANTED["first_shown_in_both"],
        PLANTED["second_shown_in_both"],
    )
    assert judge["rationale"]["contradicting"] == PLANTED["reasons_name_the_other"]


def test_asked_or_imported_the_judge_said_the_same(
    steps: dict[str, Any], demo: Path, home: Path
) -> None:
    asked = _votes_of_the_judge(home / "runs" / "judged" / "2-collect-judge")
    imported = _votes_of_the_judge(demo / "1-collect-human")
    assert len(asked) == 44
    assert asked == imported
    counts = steps["2 collect judge"]["counts"]
    assert (counts["votes_added"], counts["not_asked"]) == (88, {"same_text": 2})
    assert steps["2 collect judge"]["spend"]["spent_usd"] == 0


def test_the_demos_pairs_rest_on_people_alone(demo: Path) -> None:
    """The judge's votes are on helpfulness, pairs are made from overall votes."""
    kept = [row for table in open_dataset(demo / "2-pair").batches() for row in table.to_pylist()]
    sources = {source["name"] for row in kept for source in row["sources"]}
    assert len(kept) == 242
    assert not {"judge_verdicts.jsonl", "counter_verdicts.jsonl"} & sources


def test_the_pages_rubric_can_be_asked_by(tmp_path: Path) -> None:
    (text,) = [text for language, text in BLOCKS if language == "yaml"]
    (tmp_path / "tone.yaml").write_text(text, encoding="utf-8")
    assert load_rubric(str(tmp_path / "tone.yaml")).criterion == "tone"


@pytest.mark.usefixtures("steps")
def test_the_pages_commands_run_after_the_pipeline(home: Path) -> None:
    after = [words for words in COMMANDS if any(w.startswith("runs/judged/") for w in words)]
    assert [words[0] for words in after] == ["report", "pair"]
    for words in after:
        _prefkit(home, *words)


def test_the_pages_commands_name_options_that_exist() -> None:
    assert len(check_options(COMMANDS)) == 4
