from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import SCRIPT, Prefkit, script
from pair_rows import simple_pairs, write_pairs
from report_rows import dataset, rows, vote

from prefkit.reports.lines import lines_of
from prefkit.schema.records import Source, Vote
from prefkit.verbs.pair import Pair
from prefkit.verbs.report import Report


@pytest.fixture
def prefkit(capsys: pytest.CaptureFixture[str]) -> Prefkit:
    return Prefkit(capsys)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two judges of 120 pairs, people on all of them."""
    place = tmp_path_factory.mktemp("judged")
    return dataset(place / "data", rows(120, people=120, judges=("judge-x", "judge-y")))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judge of 120 pairs, and nobody else."""
    return dataset(tmp_path_factory.mktemp("alone") / "data", rows(120))


def test_a_report_is_one_document(prefkit: Prefkit, judged: Path) -> None:
    result = prefkit("report", judged, "--json")
    assert (result.code, result.err) == (0, "")
    document = result.document
    assert document["schema"] == "prefkit.report/1"
    parts = {"dataset", "gold", "judges", "panel", "certificates", "win_rates", "planner",
             "published", "calibrated", "limits", "schema"}  # fmt: skip
    assert parts <= set(document)
    assert document["calibrated"] is True
    assert document["dataset"]["name"] == "data"
    assert (document["dataset"]["rows"], document["dataset"]["clusters"]) == (120, 120)
    assert [one["judge"] for one in document["judges"]] == ["judge-x", "judge-y"]
    accuracy = document["judges"][0]["gold"]["ties_as_class"]["accuracy"]
    assert accuracy["value"] == pytest.approx(0.95)
    assert accuracy["low"] < 0.95 < accuracy["high"]
    # 17 of 120 pairs have one of three pairs of people agreeing, the rest all three.
    ceiling = document["gold"]["criteria"][0]["ceiling"]["dropped.percent"]
    assert ceiling["value"] == pytest.approx((103 * 3 + 17) / 360, rel=1e-5)


def numbers(part: Any) -> Iterator[dict[str, Any]]:
    """Everything in a document that is a number with its interval."""
    if isinstance(part, dict) and {"value", "low", "high"} <= set(part):
        yield part
    for each in part.values() if isinstance(part, dict) else part:
        if isinstance(each, dict | list):
            yield from numbers(each)


def test_every_number_in_the_document_has_rows_or_a_reason(judged: Path, alone: Path) -> None:
    for folder in (judged, alone):
        found = list(numbers(Report(dataset=folder)().facts))
        assert len(found) > 30
        for one in found:
            made = {"method", "design_effect"}
            assert set(one) == {"value", "low", "high", "n", "clusters", "reason"} | made
            assert one["value"] is not None or one["reason"]
            if one["value"] is not None and one["low"] is None:
                assert one["reason"], "a number without an interval says why"
            elif one["value"] is not None:
                assert one["low"] <= one["value"] <= one["high"]


def values(part: Any) -> Iterator[float]:
    """Every number of a document, those in its texts among them."""
    if isinstance(part, dict):
        for name, each in part.items():
            yield from values(name)
            yield from values(each)
    elif isinstance(part, list):
        yield float(len(part))
        for each in part:
            yield from values(each)
    elif isinstance(part, str):
        yield from map(float, re.findall(r"\d+(?:\.\d+)?", part.replace(",", "")))
    elif isinstance(part, int | float) and not isinstance(part, bool):
        yield abs(float(part))


def test_every_number_on_the_terminal_is_in_the_document(judged: Path) -> None:
    outcome = Report(dataset=judged, seed=3)()
    document = json.loads(json.dumps(outcome.facts))
    assert tuple(lines_of(document)) == outcome.lines, "lines are made of the document alone"
    known = list(values(document))
    # The places of judges are counted, `below 0.9` and intervals of 95 % are the rules of the line.
    known += [0.9, 1.0, 2.0, 95.0]
    text = "\n".join(f"{label} {text}" for label, text in outcome.lines)
    told = re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:e-?\d+)?", text.replace("sha256:", ""))
    assert len(told) > 100
    for shown in told:
        number = float(shown.replace(",", ""))
        places = len(shown.partition(".")[2])
        near = [one for one in known if abs(one - number) <= 0.5001 * 10**-places]
        assert near, f"{shown} is nowhere in the document"


def test_a_judge_without_gold_is_uncalibrated_and_said_to_be(prefkit: Prefkit, alone: Path) -> None:
    result = prefkit("report", alone)
    assert result.code == 0
    assert "uncalibrated" in result.out
    assert "name a dataset of human votes" in " ".join(result.out.split())
    document = prefkit("report", alone, "--json").document
    assert document["calibrated"] is False
    assert document["certificates"][0]["status"] == "uncalibrated"
    assert document["certificates"][0]["passed"] is None


def test_gold_of_another_dataset_is_joined_by_comparison(
    prefkit: Prefkit, alone: Path, judged: Path
) -> None:
    document = prefkit("report", alone, "--gold", judged, "--json").document
    gold = document["gold"]["dataset"]
    assert (gold["comparisons"], gold["matched"]) == (120, 120)
    assert document["calibrated"] is True
    assert document["judges"][0]["gold"]["pairs"]["gold"] == 120
    assert len(document["judges"]) == 1, "judges of the other dataset are none of this one"


def test_gold_of_another_dataset_takes_the_place_of_the_own(tmp_path: Path) -> None:
    mine = [row._replace(votes=(*row.votes, vote("worse", "eve", "human"))) for row in rows(30)]
    other = rows(20, people=20, judges=())
    found = Report(
        dataset=dataset(tmp_path / "mine", mine), gold=dataset(tmp_path / "other", other)
    )().facts
    assert found["gold"]["dataset"]["matched"] == 20
    assert found["judges"][0]["gold"]["pairs"]["gold"] == 20
    accuracy = found["judges"][0]["gold"]["ties_as_class"]["accuracy"]["value"]
    assert accuracy == pytest.approx(0.95)


def test_a_required_certificate_that_is_missing_is_exit_3_after_the_whole_report(
    prefkit: Prefkit, alone: Path, tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    result = prefkit("report", alone, "--require-certificate", "--out", file)
    assert result.code == 3
    assert "Swap" in result.out
    assert "Refused" in result.out
    written = json.loads(file.read_text())
    assert "judge-x" in written["refused"]
    assert written["judges"][0]["by"] == "judge-x"
    shown = prefkit("report", alone, "--require-certificate", "--json")
    assert shown.code == 3
    assert "uncalibrated" in shown.document["refused"]


def test_a_required_certificate_that_is_there_is_exit_0(prefkit: Prefkit, judged: Path) -> None:
    result = prefkit("report", judged, "--require-certificate", "--json")
    assert (result.code, result.document["refused"]) == (0, None)
    assert [one["status"] for one in result.document["certificates"]] == ["passed", "passed"]


def test_limits_of_a_file_are_held_and_their_marks_are_shown(
    prefkit: Prefkit, judged: Path, tmp_path: Path
) -> None:
    from prefkit.judging import thresholds

    usual = Path(thresholds.__file__).with_name("thresholds.yaml").read_text()
    file = tmp_path / "strict.yaml"
    file.write_text(usual.replace("accuracy: 0.6\n", "accuracy: 0.96\n"))
    result = prefkit("report", judged, "--thresholds", file, "--require-certificate")
    assert result.code == 3
    # 0.95 of 120 pairs: the certificate refuses for the lower end, and that is what is marked.
    assert re.search(r"Right +0\.95 .*\n? *<- 0\.89\d* below 0\.96", result.out)
    assert "refused" in result.out


def test_the_same_seed_gives_the_same_document_and_another_one_other_intervals(
    judged: Path,
) -> None:
    one, same, other = (Report(dataset=judged, seed=seed)().facts for seed in (0, 0, 1))
    assert one == same
    accuracies = [found["judges"][0]["gold"]["ties_as_class"]["accuracy"] for found in (one, other)]
    assert accuracies[0]["value"] == accuracies[1]["value"]
    assert one["judges"] != other["judges"]


def test_a_dataset_without_judges_still_tells_how_far_people_agree(
    prefkit: Prefkit, tmp_path: Path
) -> None:
    folder = dataset(tmp_path / "people", rows(40, people=40, judges=()))
    result = prefkit("report", folder)
    assert result.code == 0
    assert re.search(r"Judges +none has voted here", result.out)
    assert re.search(r"people agree +0\.92 \(0\.\d\d to 0\.\d\d, n 120 in 40 prompts", result.out)
    document = prefkit("report", folder, "--json").document
    assert (document["judges"], document["calibrated"]) == ([], False)
    assert document["gold"]["criteria"][0]["pairs"] == 40


def test_a_dataset_without_judges_has_no_certificate_to_require(
    prefkit: Prefkit, tmp_path: Path
) -> None:
    folder = dataset(tmp_path / "people", rows(40, people=40, judges=()))
    result = prefkit("report", folder, "--require-certificate")
    assert result.code == 3
    assert "no judge has voted here" in result.out


def test_pairs_are_reported_by_the_comparisons_beside_them(prefkit: Prefkit, judged: Path) -> None:
    pairs = judged.with_name("pairs")
    Pair(dataset=judged, out=pairs, kind=("human",))()
    document = prefkit("report", pairs, "--json").document
    assert document["dataset"]["kind"] == "pairs"
    assert document["dataset"]["comparisons_from"]["name"] == "data"
    assert [one["judge"] for one in document["judges"]] == ["judge-x", "judge-y"]
    assert "not only on these pairs" in document["dataset"]["note"]


def test_pairs_without_their_comparisons_say_where_the_votes_are(
    prefkit: Prefkit, tmp_path: Path
) -> None:
    write_pairs(tmp_path / "pairs", simple_pairs(5))
    result = prefkit("report", tmp_path / "pairs")
    assert result.code == 0
    assert "they were not found" in " ".join(result.out.split())


def test_an_empty_dataset_is_reported_as_empty(prefkit: Prefkit, tmp_path: Path) -> None:
    result = prefkit("report", dataset(tmp_path / "none", []))
    assert (result.code, result.err) == (0, "")
    assert "none has voted here" in result.out


def test_two_judges_of_few_pairs_have_counts_and_reasons(prefkit: Prefkit, tmp_path: Path) -> None:
    folder = dataset(tmp_path / "few", rows(3, people=3, judges=("one", "two")))
    result = prefkit("report", folder)
    assert result.code == 0
    assert "3 prompt clusters, an interval needs 20" in result.out


@pytest.mark.parametrize("place", ["there", "inside", "folder"])
def test_a_file_that_may_not_be_written_is_refused_before_any_work(
    prefkit: Prefkit, alone: Path, tmp_path: Path, place: str
) -> None:
    files = {"there": tmp_path / "r.json", "inside": alone / "r.json", "folder": tmp_path}
    (tmp_path / "r.json").write_text("mine")
    result = prefkit("report", alone, "--out", files[place])
    assert (result.code, result.out) == (2, "")
    assert "--out" in result.err
    assert (tmp_path / "r.json").read_text() == "mine"


def test_a_file_is_replaced_by_force(prefkit: Prefkit, alone: Path, tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    file.write_text("old")
    assert prefkit("report", alone, "--out", file, "--force").code == 0
    assert json.loads(file.read_text())["schema"] == "prefkit.report/1"


def test_published_numbers_are_recomputed_and_contradicted(
    prefkit: Prefkit, judged: Path, tmp_path: Path
) -> None:
    file = tmp_path / "published.json"
    name = "judges.judge-x.gold.ties_as_class.accuracy"
    file.write_text(json.dumps({name: 0.99, "judges.judge-x.order.consistency": 1.0}))
    result = prefkit("report", judged, "--published", file)
    assert result.code == 0
    assert re.search(r"Published +1 confirmed, 1 contradicted", result.out)
    claims = {
        one["name"]: one
        for one in prefkit("report", judged, "--published", file, "--json").document["published"]
    }
    assert claims[name]["contradicts"] is True
    assert claims[name]["recomputed"] == pytest.approx(0.95)


def test_a_published_share_above_1_is_refused(
    prefkit: Prefkit, judged: Path, tmp_path: Path
) -> None:
    file = tmp_path / "published.json"
    file.write_text(json.dumps({"judges.judge-x.gold.ties_as_class.accuracy": 1.4}))
    result = prefkit("report", judged, "--published", file)
    assert (result.code, result.out) == (1, "")
    assert "1.4" in result.err


def test_judges_whose_votes_compare_nothing_are_named(prefkit: Prefkit, tmp_path: Path) -> None:
    # Of an unnamed judge only the record tells which grades belong together: here none do.
    grades = [
        Vote(
            "judge", "scored", scores, "rating:1-5",
            Source("grades.json", f"item {place}, score {number}"),
        )
        for place in (1,)
        for number, scores in enumerate([(4.0, None), (None, 2.0)])
    ]  # fmt: skip
    given = [row._replace(votes=(*row.votes, *grades)) for row in rows(20)]
    folder = dataset(tmp_path / "graded", given)
    assert "unnamed in grades.json: 40 votes" in prefkit("report", folder).out
    (found,) = prefkit("report", folder, "--json").document["dataset"]["without_duels"]
    assert (found["judge"], found["votes"]) == ("unnamed in grades.json", 40)


def test_names_of_others_cannot_act_on_a_terminal(tmp_path: Path) -> None:
    name = "evil\x1b[2J\u202ename\nJudge 9   trusted"
    folder = dataset(tmp_path / "evil", rows(25, judges=(name, "x" * 200)))
    result = script("report", folder)
    assert result.code == 0
    assert "\x1b" not in result.out
    assert "\u202e" not in result.out
    assert not re.search(r"^Judge 9", result.out, re.MULTILINE)
    assert script("report", folder, "--json").document["judges"][0]["by"] == name


def test_the_table_fits_a_terminal(judged: Path) -> None:
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [SCRIPT, "report", str(judged)], stdout=follower, stderr=subprocess.PIPE
    ) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:  # the other end is closed
                break
            shown += part
            if not part:
                break
        assert process.wait() == 0
    os.close(leader)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())
    lines = plain.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("Judge 2") for line in lines)
