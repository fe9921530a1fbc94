"""Results of a review folder: its plan, its events, and the votes behind the pairs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import Prefkit
from comparison_rows import turns
from report_rows import dataset, side, vote

from prefkit.dataset import open_dataset
from prefkit.reviews.events import Events
from prefkit.reviews.folder import read_review
from prefkit.reviews.results import results_of
from prefkit.schema.decision_lines import Decision, decision_of
from prefkit.schema.records import Comparison, Source

WEEKS = ("2025-01-06", "2025-01-13", "2025-01-20", "2025-01-27")
"""Mondays of the weeks 2 to 5."""


@pytest.fixture
def prefkit(capsys: pytest.CaptureFixture[str]) -> Prefkit:
    return Prefkit(capsys)


@pytest.fixture
def voted(tmp_path: Path, prefkit: Prefkit) -> Path:
    """Pairs of ann, bob, cy and dev in turn, a fifth of them in each of four weeks."""
    rows = []
    for number in range(240):
        cast = vote("better", ("ann", "bob", "cy", "dev")[number % 4], "human")
        cast = cast._replace(
            source=Source("v.jsonl", str(number)), at=f"{WEEKS[number // 60]}T08:00:00Z"
        )
        rows.append(Comparison(turns(f"Question {number}?"), (side("Yes."), side("No.")), (cast,)))
    dataset(tmp_path / "c", rows)
    assert prefkit("pair", tmp_path / "c", "--out", tmp_path / "p").code == 0
    made = prefkit("review", tmp_path / "p", "--plan", "-n", 160, "--out", tmp_path / "review")
    assert made.code == 0, made.err
    return tmp_path


def decided(line: dict[str, Any], wrong: set[int], number: int) -> Decision:
    """What a reviewer says who calls these rows wrong."""
    chosen_left = number % 2 == 0
    says_left = chosen_left != (line["row"] in wrong)
    return decision_of(
        {
            "schema": "prefkit.decision/1", "id": str(number), "dataset": "sha256:0",
            "pair": line["pair"], "pair_sha256": line["pair_sha256"], "reviewer": "ana",
            "role": "blind", "left": "chosen" if chosen_left else "rejected",
            "verdict": "a" if says_left else "b", "at": "2025-02-03T10:00:00+00:00",
        },
        "test",
    )  # fmt: skip


def test_a_planted_annotator_is_found_with_the_command_that_follows(voted: Path) -> None:
    review, pairs = voted / "review", open_dataset(voted / "p")
    planned = read_review(review)
    of_dev = [row for row, number in enumerate(_numbers(voted)) if number % 4 == 3]
    wrong = set(of_dev[::2])
    with Events(review) as events:
        events.append(decided(line, wrong, n) for n, line in enumerate(planned.sample))
    found = results_of(review, pairs)
    first = found["slices"][0]
    assert (first["dimension"], first["state"]) == ("annotator", "proven low")
    drawn = [line["row"] for line in planned.sample if line["row"] in set(of_dev)]
    assert first["looked_at"] == len(drawn)
    assert first["rate"]["value"] == pytest.approx(
        1 - len(wrong & set(drawn)) / len(drawn), abs=1e-6
    )
    assert first["rest"] == 1
    command = next(one for one in found["actions"] if "proven low" in one["what"])["command"]
    assert f"--top-up annotator={first['value']} -n {60 - len(drawn)}" in command
    assert found["reviewers"][0]["says_a"]["value"] == pytest.approx(0.5, abs=0.1)
    assert str(voted) not in json.dumps({**found, "actions": []})


def test_drift_goes_by_the_weeks_in_which_pairs_were_labelled(voted: Path) -> None:
    review, pairs = voted / "review", open_dataset(voted / "p")
    planned, numbers = read_review(review), _numbers(voted)
    wrong = {row for row, number in enumerate(numbers) if number >= 180 and number % 2}
    with Events(review) as events:
        events.append(decided(line, wrong, n) for n, line in enumerate(planned.sample))
    drift = results_of(review, pairs)["drift"]["labelled"]
    assert drift["unit"] == "week"
    assert [one["period"] for one in drift["points"]] == [f"2025-W0{n}" for n in (2, 3, 4, 5)]
    assert [one["outside"] for one in drift["points"]] == [False, False, False, True]
    assert sum(one["pairs"] for one in drift["points"]) == 160
    assert drift["trend_p"] < 0.001


def test_a_review_that_nobody_began_says_so_and_what_to_do(voted: Path) -> None:
    found = results_of(voted / "review", open_dataset(voted / "p"))
    assert found["verdict"]["verdict"] == "Not enough data"
    assert found["progress"]["untouched"] == 160
    assert found["actions"][0]["what"] == "Look at the rest of the sample"
    assert found["actions"][0]["minutes"] == pytest.approx(160 * 25 / 60, abs=0.01)
    assert found["reviewers"] == []
    json.dumps(found, allow_nan=False)


def test_equal_events_give_equal_documents(voted: Path) -> None:
    review, pairs = voted / "review", open_dataset(voted / "p")
    planned = read_review(review)
    with Events(review) as events:
        events.append(
            decided(line, set(range(0, 240, 9)), n) for n, line in enumerate(planned.sample)
        )
    one, other = (json.dumps(results_of(review, pairs)) for _ in range(2))
    assert one == other


def _numbers(folder: Path) -> list[int]:
    """The number of each pair's question, by row."""
    tables = open_dataset(folder / "p").batches(["prompt"])
    prompts = [row for table in tables for row in table["prompt"].to_pylist()]
    return [int(row[0]["content"].split()[1].rstrip("?")) for row in prompts]
