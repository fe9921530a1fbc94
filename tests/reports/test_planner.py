"""How many labels: by the numbers of the dataset, and by what it had to take for granted."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from planted_duels import duel_frame, frame_of, planted_people, shown

from prefkit.judging.duels import judges_of
from prefkit.reports.planner import plan
from prefkit.statistics.planning import Help, half_width, labels_for_half_width


def plan_of(duels: pl.DataFrame, **more: Any) -> dict[str, Any]:
    return plan(duels, judges_of(duels), **more)


def with_judge(
    prompts: int, each: int, right: float, labelled: int, spread: float = 0.0
) -> pl.DataFrame:
    rng = np.random.default_rng(61)
    people = planted_people(rng, prompts, each, 0.5, spread)
    told = np.where(rng.random(len(people.human)) < right, people.human, 1 - people.human)
    verdicts = {None: (2 * told - 1).astype(int)}
    return frame_of(people, verdicts, people.clusters < labelled)


def test_humans_alone_need_the_published_numbers() -> None:
    found = plan_of(duel_frame([]))
    assert found["judges"] == []
    assert [entry["labels"] for entry in found["humans_alone"]] == [97, 385, 1068, 783, 194, 85]
    assert found["humans_alone"][0] == {"half_width": 0.10, "labels": 97}
    assert found["humans_alone"][3] == {"share": 0.55, "power": 0.8, "labels": 783}


def test_a_judge_saves_the_labels_that_its_measured_rho_is_worth() -> None:
    (found,) = plan_of(with_judge(3000, 1, 0.9, 300))["judges"]
    # A judge that is right 0.9 of the time about even sides has rho 0.8.
    rho = found["rho"]
    assert rho["low"] < 0.8 < rho["high"]
    assert (rho["n"], found["pairs"]) == (300, 3000)
    half = found["answers"][1]
    assert half["half_width"] == 0.05
    # The answer and no fewer: labels are taken from the pairs that the judge has seen.
    design, labels = found["design_effect"], half["labels"]
    for count, enough in ((labels, True), (labels - 1, False)):
        left = Help(rho["value"], 3000 - count)
        assert (half_width(count, design_effect=design, help_of=left) <= 0.05) is enough
    assert labels < half["labels_if_low"] < half["alone"]
    assert half["alone"] == labels_for_half_width(0.05, design_effect=design)
    assert f"{labels} with this judge (rho {rho['value']:.2f} on 300 labels)" in found["said"]
    assert found["assumed"] == []


def test_the_help_of_a_judge_is_by_the_formula_for_a_fixed_number_of_pairs() -> None:
    (found,) = plan_of(with_judge(3000, 1, 0.9, 300), half_widths=[0.04], shares=[])["judges"]
    rho, alone = found["rho"]["value"], 0.9604 / 0.04**2 * found["design_effect"]
    # n = A (1 - r^2 (T - n) / T) solved for n.
    expected = alone * (1 - rho**2) / (1 - alone * rho**2 / 3000)
    assert found["answers"][0]["labels"] == pytest.approx(expected, abs=1.01)


def test_prompts_that_repeat_multiply_the_labels_by_the_measured_design_effect() -> None:
    (found,) = plan_of(with_judge(400, 5, 0.9, 100, spread=0.5))["judges"]
    # Shares uniform from 0 to 1: rows of a prompt correlate by (1/12) / (1/4) = 1/3.
    assert found["design_effect"] == pytest.approx(1 + 4 / 3, rel=0.25)
    assert found["answers"][0]["alone"] == pytest.approx(96.04 * found["design_effect"], abs=1)


def test_without_labels_a_judge_helps_nothing_and_the_plan_says_what_it_assumed() -> None:
    (found,) = plan_of(with_judge(500, 1, 0.9, 0))["judges"]
    assert found["rho"]["reason"] == "uncalibrated: no gold"
    assert found["assumed"] == [
        "the design effect is that of the judge's values",
        "the judge helps nothing, as its rho is not measured: uncalibrated: no gold",
    ]
    for answer in found["answers"]:
        assert answer["labels"] in (answer["alone"], None)
        assert answer["labels_if_low"] == answer["labels"]
    assert "assumed: the design effect is that of the judge's values" in found["said"]
    assert "with this judge" not in found["said"]


def test_with_hardly_any_prompts_the_design_effect_is_taken_for_one() -> None:
    (found,) = plan_of(duel_frame([shown("c1", 1), shown("c2", -1)]))["judges"]
    assert found["design_effect"] == 1.0
    assert found["assumed"][0] == "the design effect is taken for 1: too few prompts measure it"


def test_a_judge_that_is_upside_down_helps_nothing() -> None:
    (found,) = plan_of(with_judge(1000, 1, 0.1, 200))["judges"]
    assert found["rho"]["value"] < -0.6
    assert found["assumed"] == ["the judge helps nothing, as its rho is not above 0"]
    assert found["answers"][1]["labels"] == found["answers"][1]["alone"]


def test_a_dataset_too_small_for_the_answer_says_so() -> None:
    (found,) = plan_of(with_judge(200, 1, 0.9, 60))["judges"]
    assert [answer["labels"] is None for answer in found["answers"][:3]] == [False, True, True]
    assert found["said"].endswith("more than the 200 judged pairs")


def test_questions_outside_their_range_are_refused() -> None:
    duels = duel_frame([])
    with pytest.raises(ValueError, match=r"half is 1\.5"):
        plan_of(duels, half_widths=[1.5])
    with pytest.raises(ValueError, match=r"tells 0\.5 from 0\.5"):
        plan_of(duels, shares=[0.5])
