"""The demo's report page: the planted rater and the planted flips can be seen on it."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

import prefkit
from prefkit.yaml import load_yaml

ROOT = Path(__file__).parent.parent.parent
SAMPLES = ROOT / "pipelines" / "samples"
FILE = "counter_ratings.csv"
PLANTED: dict[str, Any] = json.loads((SAMPLES / "planted.json").read_text(encoding="utf-8"))
COUNTS: dict[str, int] = PLANTED["counts"][FILE]


def _rows() -> list[dict[str, str]]:
    with (SAMPLES / FILE).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _places(fault: str) -> list[list[int]]:
    return [
        [int(place.removeprefix("row ")) for place in entry["where"]]
        for entry in PLANTED["planted"]
        if entry["file"] == FILE and entry["fault"] == fault
    ]


def _preferred(row: dict[str, str]) -> str:
    return row["reply_1" if row["verdict"] == "first" else "reply_2"]


def _flipped() -> list[str]:
    rows = _rows()
    return [rows[places[0] - 1]["question"] for places in _places("flipped label")]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the last command of `make demo` writes, of the quickstart's first three steps."""
    folder = tmp_path_factory.mktemp("planted")
    quickstart = load_yaml(
        (ROOT / "pipelines/quickstart.yaml").read_text(encoding="utf-8"), "quickstart"
    )
    collect, paired, curated = (next(iter(step.values())) for step in quickstart["steps"][:3])
    prefkit.collect_human(
        [str(ROOT / "pipelines" / path) for path in collect["paths"]],
        out=folder / "comparisons",
        reader=collect["reader"],
        pseudonym_key=folder / "key",
    )
    prefkit.pair(folder / "comparisons", out=folder / "pairs", **paired)
    prefkit.curate(folder / "pairs", out=folder / "curated", **curated)
    prefkit.report(
        folder / "curated", document=folder / "report.html", suspects=folder / "suspects.jsonl"
    )
    return folder / "report.html"


def test_the_planted_rater_is_with_the_others_on_a_quarter_of_the_pairs() -> None:
    ((*planted,),) = _places("rater who is clearly worse")
    rows = _rows()
    (name,) = {rows[place - 1]["rater"] for place in planted}
    assert planted == [n for n, row in enumerate(rows, 1) if row["rater"] == name]
    others: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row["rater"] != name:
            others[row["question"]].append(_preferred(row))
    agreed = sum(
        others[row["question"]].count(_preferred(row)) > 1 for row in rows if row["rater"] == name
    )
    assert (len(planted), agreed) == (COUNTS["of_the_planted_rater"], COUNTS["with_the_others"])
    assert (len(planted), agreed) == (60, 15)


def test_the_rows_of_a_flip_are_all_votes_on_one_pair() -> None:
    rows = _rows()
    flips = _places("flipped label")
    assert len(flips) == COUNTS["flipped_pairs"] == 6
    for places in flips:
        (question,) = {rows[place - 1]["question"] for place in places}
        assert places == [n for n, row in enumerate(rows, 1) if row["question"] == question]


def test_the_judge_is_against_every_flipped_label_in_both_orders() -> None:
    verdicts = (SAMPLES / "counter_verdicts.jsonl").read_text(encoding="utf-8").splitlines()
    said: dict[str, set[str]] = defaultdict(set)
    for line in verdicts:
        row = json.loads(line)
        (letter,) = re.findall(r"\[\[(.)\]\]", row["reply"])
        said[row["request"]].add(row["shown_first" if letter == "A" else "shown_second"])
    labels: dict[str, list[str]] = defaultdict(list)
    for row in _rows():
        labels[row["question"]].append(_preferred(row))
    for question in _flipped():
        (better,) = said[question]
        assert labels[question].count(better) <= 1


def test_the_report_proves_the_planted_rater_low_and_nobody_else(page: Path) -> None:
    document = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    (criterion,) = document["people"]["criteria"]
    low = [one for one in criterion["annotators"] if one["state"] == "proven low"]
    assert [(one["n"], one["consensus"]["value"]) for one in low] == [(60, 0.25)]
    assert f"{low[0]['annotator']} ▼" in page.read_text(encoding="utf-8")


def test_the_flips_are_among_the_first_cards_of_the_page(page: Path) -> None:
    """Of 60 suspects or more; with the word model all six are in the first ten."""
    html = page.read_text(encoding="utf-8").replace("&#39;", "'").replace("&#x27;", "'")
    cards = re.findall(r'<article class="card".*?</article>', html, re.DOTALL)
    assert len(cards) >= 60
    found = {q for q in _flipped() if any(q in card for card in cards[:15])}
    assert found == set(_flipped())
