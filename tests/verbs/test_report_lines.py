"""What a report says to people: nothing that its document does not hold, nothing left unsaid."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from comparison_rows import turns
from pair_rows import simple_pairs, write_pairs
from report_rows import dataset, rows, vote

from prefkit.errors import ConfigError
from prefkit.judging import thresholds
from prefkit.schema.records import Source, Vote
from prefkit.verbs.report import Report


def shown(folder: Path, **options: Any) -> str:
    """The report for people, its lines joined."""
    return "\n".join(f"{label} {text}" for label, text in Report(dataset=folder, **options)().lines)


def test_a_mark_stands_where_the_certificate_refuses_and_nowhere_else(tmp_path: Path) -> None:
    # 30 pairs, 24 with one answer in both orders: 0.80, but it may be no more than 0.62.
    given = rows(30, people=30)
    for place in range(6):
        first, second, *others = given[place].votes
        given[place] = given[place]._replace(
            votes=(first, second._replace(scores=second.scores[::-1]), *others)
        )
    folder = dataset(tmp_path / "swaps", given)
    document = Report(dataset=folder)().facts
    swap = document["judges"][0]["order"]["consistency"]
    assert (swap["value"], swap["low"]) == pytest.approx((24 / 30, 0.62), abs=0.01)
    usual = document["limits"]["swap_consistency"]
    file = tmp_path / "strict.yaml"
    text = Path(thresholds.__file__).with_name("thresholds.yaml").read_text()
    file.write_text(text.replace(f"swap_consistency: {usual}", "swap_consistency: 0.7"))
    line = next(one for one in shown(folder, thresholds=file).splitlines() if "both orders" in one)
    refused = Report(dataset=folder, thresholds=file)().facts["certificates"][0]["reasons"]
    low = f"{swap['low']:.3g}"
    assert f"swap consistency at its lower end is {low}, must be >= 0.7" in refused
    assert f"<- {low}" in line
    line = next(one for one in shown(folder).splitlines() if "both orders" in one)
    assert "<-" not in line


def test_gold_that_shares_no_comparison_is_said_to_and_the_own_gold_is_counted(
    tmp_path: Path,
) -> None:
    mine = dataset(tmp_path / "mine", rows(25, people=20))
    others = rows(25, people=25, judges=())
    others = [row._replace(prompt=turns(f"What else? {n}")) for n, row in enumerate(others)]
    other = dataset(tmp_path / "other", others)
    source = Report(dataset=mine, gold=other)().facts["gold"]["dataset"]
    assert (source["comparisons"], source["matched"], source["own"]) == (25, 0, 20)
    text = " ".join(shown(mine, gold=other).split())
    assert "0 of its 25 comparisons are here; own gold of 20 is not used" in text
    assert "none: no human vote and no label of other on a comparison of this dataset" in text
    assert "name another dataset than other" in text


def test_labels_are_told_where_nobody_judged(tmp_path: Path) -> None:
    label = Vote("label", "scored", (1.0, 0.0), "choice", Source("gold.json", "item 1"))
    given = [row._replace(votes=(label,)) for row in rows(5, judges=())]
    (found,) = Report(dataset=dataset(tmp_path / "labels", given))().facts["gold"]["criteria"]
    assert (found["kind"], found["pairs"]) == ("label", 5)


def test_pairs_that_people_split_on_are_counted_where_nobody_judged(tmp_path: Path) -> None:
    given = [
        row._replace(votes=(vote("better", "ann", "human"), vote("worse", "bob", "human")))
        for row in rows(4, judges=())
    ]
    (found,) = Report(dataset=dataset(tmp_path / "split", given))().facts["gold"]["criteria"]
    assert (found["pairs"], found["left_out"]) == (0, {"split: nothing has more than half": 4})


def test_a_judge_of_whom_nothing_was_readable_has_reasons_that_are_true(tmp_path: Path) -> None:
    given = [
        row._replace(votes=tuple(vote("failed", "judge-x", order=o) for o in ((0, 1), (1, 0))))
        for row in rows(25)
    ]
    folder = dataset(tmp_path / "failed", given)
    order = Report(dataset=folder)().facts["judges"][0]["order"]
    assert order["order"]["reason"] == "no verdict of a known order was readable"
    text = shown(folder)
    assert "an interval needs 20) the same in both orders" not in text
    assert "25 not readable twice" in text


def test_orders_that_are_recorded_for_some_verdicts_only_are_said_to_be(tmp_path: Path) -> None:
    given = rows(30)
    given[0] = given[0]._replace(votes=tuple(one._replace(order=None) for one in given[0].votes))
    given[1] = given[1]._replace(votes=given[1].votes[:1])
    text = " ".join(shown(dataset(tmp_path / "some", given)).split())
    assert "Order recorded; without the rest in what follows (57 shown, 2 unknown)" in text
    assert "28: 28 same side; 1 shown in one order only" in text


def test_the_share_of_rationales_is_that_of_the_counts_beside_it(tmp_path: Path) -> None:
    given = rows(40)
    texts = dict.fromkeys(range(10), "Therefore, response B is better.")
    tie = Vote("judge", "tie", (0.5, 0.5), "choice", Source("v", "r"), by="judge-x", order=(0, 1))
    for place, row in enumerate(given):
        first = row.votes[0] if place < 35 else tie
        said = texts.get(place, "Therefore, response A is better.")
        given[place] = row._replace(votes=(first._replace(rationale=said), row.votes[1]))
    # 35 beside a verdict; of the ten for B the verdict is for A, and place 19 is for B beside A.
    text = " ".join(shown(dataset(tmp_path / "reasons", given)).split())
    assert "Rationale 11 of 35 that name a side name the other one: 0.31" in text
    assert "5 name a side beside a tie" in text


def test_long_names_and_names_of_several_lines_are_cut_on_the_terminal(tmp_path: Path) -> None:
    long, evil = "x" * 10_000, "a\nCertificate  passed by the limits usual"
    given = [
        row._replace(votes=tuple(one._replace(criterion=long) for one in row.votes))
        for row in rows(25, judges=(long, evil))
    ]
    folder = dataset(tmp_path / "long", given)
    text = shown(folder)
    assert len(text) < 8_000
    assert max(map(len, text.splitlines())) < 90
    assert not re.search(r"^ *Certificate  passed", text, re.MULTILINE)
    assert {one["by"] for one in Report(dataset=folder)().facts["judges"]} == {long, evil}


def contradicting(folder: Path) -> Path:
    """Thirty pairs; a fourth person says the opposite of everybody on each of them."""
    given = [
        row._replace(votes=(*row.votes, vote("worse", "eve", "human")))
        for row in rows(30, people=30)
    ]
    return dataset(folder, given)


def test_contradictions_are_told_and_written_with_the_votes_behind_them(tmp_path: Path) -> None:
    folder, file = contradicting(tmp_path / "data"), tmp_path / "against.jsonl"
    outcome = Report(dataset=folder, contradictions=file)()
    text = " ".join(f"{label} {text}" for label, text in outcome.lines)
    assert re.search(r"two people: 30 of 30\s+pairs", text)
    assert re.search(r"the rater eve agrees with the\s+others", text)
    head, *written = [json.loads(line) for line in file.read_text().splitlines()]
    assert head["schema"] == "prefkit.contradictions/1"
    assert head["dataset"] == outcome.facts["dataset"]["content_hash"]
    kinds = [one["kind"] for one in written]
    assert kinds == ["opposite_labels"] * 30 + ["scale"]
    assert {one["by"] for one in written[0]["votes"]} == {"ann", "bob", "cat", "eve"}
    examples = outcome.facts["contradictions"]["opposite_labels"]["examples"]
    assert examples == written[: len(examples)]


def test_a_file_of_contradictions_is_not_replaced_without_consent(tmp_path: Path) -> None:
    folder, file = contradicting(tmp_path / "data"), tmp_path / "against.jsonl"
    file.write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        Report(dataset=folder, contradictions=file)()
    assert file.read_text() == "mine"
    Report(dataset=folder, contradictions=file, force=True)()
    assert len(file.read_text().splitlines()) == 32
    with pytest.raises(ConfigError, match="inside the dataset"):
        Report(dataset=folder, contradictions=folder / "rows" / "x.jsonl")()


def test_two_files_of_one_report_have_two_names(tmp_path: Path) -> None:
    folder, file = contradicting(tmp_path / "data"), tmp_path / "one.json"
    with pytest.raises(ConfigError, match="both"):
        Report(dataset=folder, contradictions=file, document=file)()


def test_contradictions_of_pairs_without_their_comparisons_cannot_be_written(
    tmp_path: Path,
) -> None:
    write_pairs(tmp_path / "pairs", simple_pairs(5))
    with pytest.raises(ConfigError, match="--contradictions reads the votes"):
        Report(dataset=tmp_path / "pairs", contradictions=tmp_path / "against.jsonl")()
    assert not (tmp_path / "against.jsonl").exists()
