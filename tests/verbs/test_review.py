"""`prefkit review --plan` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Prefkit, write_jsonl
from comparison_rows import turns
from pair_rows import simple_pairs, write_pairs
from report_rows import dataset, side, vote

from prefkit.schema.records import Comparison, Source


@pytest.fixture
def prefkit(capsys: pytest.CaptureFixture[str]) -> Prefkit:
    return Prefkit(capsys)


@pytest.fixture
def voted(tmp_path: Path, prefkit: Prefkit) -> Path:
    """Pairs with their comparisons beside them: ann on every pair, bob on every second one."""
    rows = []
    for number in range(40):
        votes = [vote("better", by, "human") for by in ("ann", "bob")[: 1 + number % 2]]
        votes += [vote("better", "judge-x"), vote("failed", "carl", "human")]
        votes = [one._replace(source=Source("v.jsonl", f"{number} {one.by}")) for one in votes]
        prompt = turns(f"Question {number}?")
        rows.append(Comparison(prompt, (side("Yes."), side("No.")), tuple(votes)))
    dataset(tmp_path / "c", rows)
    assert prefkit("pair", tmp_path / "c", "--kind", "human", "--out", tmp_path / "p").code == 0
    return tmp_path / "p"


def test_a_plan_says_rows_minutes_both_risks_and_what_no_error_means(
    tmp_path: Path, prefkit: Prefkit
) -> None:
    pairs = write_pairs(tmp_path / "p", simple_pairs(1000))
    said = prefkit("review", pairs, "--plan")
    assert said.code == 0, said.err
    for part in (
        "1,000 of 1,000 rows",
        "n = 164",
        "68 min at 25 s",
        "accept with at most",
        "50: 5.82 %",
    ):
        assert part in " ".join(said.out.split())
    found = prefkit("review", pairs, "--plan", "--json").document
    assert found["goal"]["pairs"] == 164
    accept = found["goal"]["acceptance"]
    assert accept["producer_risk"] <= 0.05
    assert accept["consumer_risk"] <= 0.10
    assert {"pairs": 50, "errors_up_to": 0.0581551} in found["clean"]["no_errors_in"]
    assert not (tmp_path / "review").exists()


def test_the_same_plan_is_the_same_bytes(tmp_path: Path, prefkit: Prefkit) -> None:
    pairs = write_pairs(tmp_path / "p", simple_pairs(300))
    for name in ("one", "two"):
        assert prefkit("review", pairs, "--plan", "-n", 50, "--out", tmp_path / name).code == 0
    for file in ("plan.json", "sample.jsonl", "queue.jsonl"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    lines = [json.loads(line) for line in (tmp_path / "one/sample.jsonl").read_text().splitlines()]
    assert len({line["row"] for line in lines}) == 50
    assert all(line["headline"] and line["weight"] == 6 for line in lines)
    assert prefkit("show", tmp_path / "one").code == 0


def test_annotators_are_strata_and_a_top_up_adds_to_one(voted: Path, prefkit: Prefkit) -> None:
    review = voted.parent / "review"
    made = prefkit(
        "review", voted, "--plan", "--by", "annotator", "-n", 10, "--out", review, "--json"
    )
    assert made.code == 0, made.err
    slices = made.document["parts"][0]["slices"]
    assert sorted(one["pairs"] for one in slices) == [20, 40]
    bob = next(one["value"] for one in slices if one["pairs"] == 20)
    more = prefkit(
        "review",
        voted,
        "--plan",
        "--top-up",
        f"annotator={bob}",
        "-n",
        5,
        "--out",
        review,
        "--json",
    )
    assert more.code == 0, more.err
    part = more.document["parts"][1]
    assert (part["kind"], part["pairs"], part["headline"]) == ("top-up", 5, False)
    lines = [json.loads(line) for line in (review / "sample.jsonl").read_text().splitlines()]
    assert len({line["row"] for line in lines}) == len(lines) == 15
    rest = ("review", voted, "--plan", "--top-up", f"annotator={bob}", "-n", 99, "--out", review)
    assert prefkit(*rest).code == 0
    refused = prefkit(*rest)
    assert refused.code == 2
    assert "all 20 pairs of annotator=" in refused.err


def test_a_queue_is_kept_in_a_file_of_its_own(tmp_path: Path, prefkit: Prefkit) -> None:
    pairs = write_pairs(tmp_path / "p", rows := simple_pairs(30))
    queue = write_jsonl(tmp_path / "suspects.jsonl", [{"pair": rows[3][0], "rank": 1}])
    out = tmp_path / "review"
    made = prefkit("review", pairs, "--plan", "-n", 5, "--queue", queue, "--out", out)
    assert made.code == 0, made.err
    assert "never enter the headline number" in " ".join(made.out.split())
    assert len((out / "sample.jsonl").read_text().splitlines()) == 5
    (line,) = (out / "queue.jsonl").read_text().splitlines()
    assert json.loads(line)["targeted"] is True
    again = prefkit("review", pairs, "--plan", "--queue", queue, "--out", out)
    assert again.code == 0, again.err
    assert len(json.loads((out / "plan.json").read_text())["queues"]) == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "name its folder with --out"),
        (("--plan", "--target-lower", 0.95), "is not below --expected"),
        (("--plan", "--by", "anotator"), "Did you mean 'annotator'?"),
        (("--plan", "--by", "annotator"), "who voted stands in the comparisons"),
        (("--plan", "--top-up", "split=x"), "--top-up adds to a review"),
        (("--plan", "--where", "n_vote > 1"), "Did you mean 'n_votes'?"),
        (("--plan", "--queue", "none.jsonl"), "cannot read the queue none.jsonl"),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, prefkit: Prefkit, options: tuple[object, ...], says: str
) -> None:
    pairs = write_pairs(tmp_path / "p", simple_pairs(30))
    refused = prefkit("review", pairs, *options)
    assert refused.code == 2
    assert says in refused.err
    assert "hint:" in refused.err or "none.jsonl" in refused.err


def test_a_review_of_other_rows_gets_nothing_added(tmp_path: Path, prefkit: Prefkit) -> None:
    pairs = write_pairs(tmp_path / "p", simple_pairs(30))
    other = write_pairs(tmp_path / "o", simple_pairs(31))
    out = tmp_path / "review"
    assert prefkit("review", pairs, "--plan", "-n", 5, "--out", out).code == 0
    before = (out / "plan.json").read_bytes()
    for place, options, says in (
        (other, ("--top-up", "source=file.jsonl"), "a review of p with other rows"),
        (pairs, ("--top-up", "source=fil.jsonl"), "Did you mean 'file.jsonl'?"),
        (pairs, ("--top-up", "source"), "is no slice"),
        (pairs, (), "exists already"),
    ):
        refused = prefkit("review", place, "--plan", *options, "--out", out)
        assert refused.code == 2
        assert says in refused.err
    assert (out / "plan.json").read_bytes() == before


def test_a_dataset_without_a_pair_to_draw_says_why(tmp_path: Path, prefkit: Prefkit) -> None:
    pairs = write_pairs(tmp_path / "p", simple_pairs(3, dropped="turns: 1 < 2"))
    refused = prefkit("review", pairs, "--plan")
    assert refused.code == 3
    assert "no pair to draw: 3 dropped" in refused.err
    empty = write_pairs(tmp_path / "e", [])
    assert prefkit("review", empty, "--plan").code == 3
