"""The verdict by the rule that a plan keeps, whatever the pairs that are not settled may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from review_votes import pairs, planned, vote, votes

from prefkit.reviews.goal import Goal
from prefkit.reviews.results import results_from

AIM = Goal(0.85, 0.95, 25, 0.05, 0.10)
"""Of 400 pairs, about 60 show it."""


def verdict(folder: Path, right: int, wrong: int, drawn: int = 100) -> dict[str, Any]:
    """That of a sample of 400 pairs with so many settled votes."""
    dataset = pairs(folder / "pairs", 400)
    plan = planned(dataset, drawn, goal=AIM)
    cast = votes(plan.sample, ["rejected"] * wrong + ["chosen"] * right)
    found: dict[str, Any] = results_from(plan, cast, dataset)["verdict"]
    return found


def test_a_lower_end_at_the_target_ships(tmp_path: Path) -> None:
    found = verdict(tmp_path, 95, 5)
    assert found["verdict"] == "Ship"
    assert found["lower"] >= 0.85
    assert found["reason"] == (
        f"the lower end, {found['lower'] * 100:.1f} %, is at or above the 85.0 % that was asked for"
    )


def test_what_is_not_settled_counts_as_wrong_before_anything_ships(tmp_path: Path) -> None:
    # 90 of 90 right: were the other ten wrong, the lower end would be below 0.85.
    found = verdict(tmp_path, 90, 0)
    assert found["verdict"] == "Not enough data"
    assert found["lower"] > 0.85 > found["if_rest_wrong"]["low"]
    assert found["reason"] == "10 of 100 drawn pairs are not settled, and they decide it"


def test_a_few_open_pairs_that_cannot_change_it_do_not_hold_it_up(tmp_path: Path) -> None:
    found = verdict(tmp_path, 98, 0)
    assert found["verdict"] == "Ship"
    assert found["reason"].endswith("even if the 2 pairs not settled were wrong")


def test_an_upper_end_below_the_target_stops(tmp_path: Path) -> None:
    found = verdict(tmp_path, 60, 40)
    assert found["verdict"] == "Stop"
    assert found["if_rest_right"]["high"] < 0.85


def test_an_interval_about_the_target_asks_for_mending(tmp_path: Path) -> None:
    found = verdict(tmp_path, 86, 14)
    assert found["verdict"] == "Fix, then re-sample"
    assert found["pairs_needed"] <= 100


def test_an_interval_about_the_target_from_too_few_pairs_says_nothing(tmp_path: Path) -> None:
    found = verdict(tmp_path, 27, 3, drawn=30)
    assert found["verdict"] == "Not enough data"
    assert f"30 pairs were drawn and the plan needs {found['pairs_needed']}" in found["reason"]


def test_nobody_has_looked_yet(tmp_path: Path) -> None:
    found = verdict(tmp_path, 0, 0)
    assert found["verdict"] == "Not enough data"
    assert found["lower"] is None


def test_data_that_are_bad_in_one_slice_only_can_be_mended(tmp_path: Path) -> None:
    topics = [[("topic", "bad" if n % 4 == 3 else "good")] for n in range(400)]
    dataset = pairs(tmp_path / "pairs", 400, tags=topics)
    plan = planned(dataset, 200, goal=AIM)
    cast = [vote(line, "rejected" if line["row"] % 4 == 3 else "chosen") for line in plan.sample]
    found = results_from(plan, cast, dataset)
    assert found["slices"][0]["state"] == "proven low"
    assert found["verdict"]["verdict"] == "Fix, then re-sample"
    assert found["verdict"]["without_proven_low"]["value"] == 1
    assert found["verdict"]["reason"].endswith("without what is proven low it could be reached")


def test_the_rule_is_in_the_plan_before_anyone_looks(tmp_path: Path) -> None:
    plan = planned(pairs(tmp_path / "pairs", 400), 100, goal=AIM)
    rule = plan.plan["rule"]
    assert rule["target_lower"] == 0.85
    assert rule["pairs_needed"] == plan.plan["goal"]["pairs"]
    assert set(rule["words"]) == {"Ship", "Stop", "Fix, then re-sample", "Not enough data"}


@pytest.mark.parametrize(("wrong", "passed"), [(0, True), (30, False)])
def test_acceptance_counts_the_wrong_ones_among_the_first_pairs(
    tmp_path: Path, wrong: int, passed: bool
) -> None:
    found = verdict(tmp_path, 200 - wrong, wrong, drawn=200)["acceptance"]
    assert found["looked_at"] == found["pairs"] <= 200
    assert found["wrong"] == wrong
    assert found["passed"] is passed


def test_acceptance_waits_while_open_pairs_could_still_be_too_many(tmp_path: Path) -> None:
    found = verdict(tmp_path, 20, 0, drawn=200)["acceptance"]
    assert found["passed"] is None
    assert found["reason"] == f"20 of {found['pairs']} pairs are settled"


def test_open_pairs_that_change_the_interval_but_not_the_verdict_do_not_hold_it_up(
    tmp_path: Path,
) -> None:
    topics = [[("topic", "bad" if n % 4 == 3 else "good")] for n in range(400)]
    dataset = pairs(tmp_path / "pairs", 400, tags=topics)
    plan = planned(dataset, 200, goal=AIM)
    bad = [line for line in plan.sample if line["row"] % 4 == 3]
    good = [line for line in plan.sample if line["row"] % 4 != 3]
    cast = votes(bad[30:], ["rejected"] * 99) + votes(good, ["chosen"] * 200)
    assert len(bad) > 40
    found = results_from(plan, cast, dataset)["verdict"]
    ends = (found["if_rest_wrong"]["high"], found["if_rest_right"]["low"])
    assert ends[0] < 0.85
    assert ends[1] > 0.85
    assert found["verdict"] == "Not enough data"
    cast = votes(bad[5:], ["rejected"] * 99) + votes(good, ["chosen"] * 200)
    assert results_from(plan, cast, dataset)["verdict"]["verdict"] == "Fix, then re-sample"
