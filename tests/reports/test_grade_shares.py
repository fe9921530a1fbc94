"""Shares of well graded responses: which grades count, and what people correct."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from comparison_rows import table_of, turns, vote

from prefkit.reports.grade_shares import NOT_HUMAN, grade_shares, grades_in
from prefkit.schema.records import Comparison, Response
from prefkit.statistics.ppi import powered_mean


def graded(place: int, model: str, *votes: Any) -> Comparison:
    """One response of its own prompt, with its grades."""
    response = Response(turns("", f"answer {place}")[1:], model)
    return Comparison(turns(f"prompt {place}"), (response,), votes)


def judge(grade: float | None, **more: Any) -> Any:
    more |= {"outcome": "failed", "order": (0,)} if grade is None else {}
    usual = {"kind": "judge", "by": "judge-1", "scale": "rating:1-5", "rubric": "tone@1"}
    return vote(grade, **{**usual, **more})


def people(grade: float, **more: Any) -> Any:
    return vote(grade, **{"by": "annotator-1", "scale": "rating:1-5", **more})


def test_a_grade_of_three_quarters_of_the_scale_is_good_and_silence_is_one_half() -> None:
    rows = [graded(place, "M", judge(grade)) for place, grade in enumerate((5, 4, 3.9, None))]
    (found,) = grade_shares(grades_in([table_of(*rows)]))
    assert (found["least"], found["scale"]) == (4.0, "rating:1-5")
    assert found["judge_share"] == {
        **{"value": pytest.approx(2 / 3, abs=1e-6), "low": None, "high": None, "n": 3},
        **{"clusters": 3, "reason": NOT_HUMAN, "method": None, "design_effect": None},
    }
    assert (found["responses"], found["readable"], found["judge_on_rest"]) == (4, 0.75, 0.625)
    assert found["share"]["value"] is None
    assert "no share, uncalibrated" in found["said"]


def test_the_share_is_ppi_with_the_share_of_people_as_label() -> None:
    rng = np.random.default_rng(91)
    rows, labels, judged = [], [], []
    for place in range(200):
        grades = rng.integers(2, 6, 2)
        own = int(np.clip(grades.max() + rng.integers(-1, 2), 1, 5))
        votes = [judge(float(own))]
        if place < 80:
            votes += [
                people(float(grade), by=f"annotator-{who}") for who, grade in enumerate(grades)
            ]
        rows.append(graded(place, "MN"[place % 2], *votes))
        labels.append(float((grades >= 4).mean()) if place < 80 else np.nan)
        judged.append(float(own >= 4))
    every, one, other = grade_shares(grades_in([table_of(*rows[:90]), table_of(*rows[90:])]))
    y, f = np.array(labels), np.array(judged)
    expected = powered_mean(y, ~np.isnan(y), f, np.arange(200))
    assert every["share"]["value"] == pytest.approx(expected.mean.value, abs=1e-6)
    assert every["share"]["high"] == pytest.approx(expected.mean.high, abs=1e-6)
    assert (every["gold"], every["gold_n"], every["model"]) == ("people, overall", 80, None)
    assert [(part["model"], part["responses"], part["gold_n"]) for part in (one, other)] == [
        ("M", 100, 40),
        ("N", 100, 40),
    ]
    assert "of 200 responses by 80 gold labels" in every["said"]


def test_grades_on_another_scale_or_criterion_are_no_gold_and_lists_are_no_grades() -> None:
    pair = tuple(Response(turns("", text)[1:], "M") for text in ("one", "two"))
    votes = (
        judge(5.0)._replace(scores=(5.0, None), criterion="tone"),
        judge(4.0)._replace(scores=(4.0, 2.0), by="judge-2"),
        people(9.0)._replace(scores=(9.0, 1.0), scale="rating:0-10"),
        people(2.0)._replace(scores=(2.0, 1.0), criterion="length"),
    )
    table = table_of(Comparison(turns("prompt"), pair, votes))
    (found,) = grade_shares(grades_in([table]))
    assert found["judge"].startswith("judge-1")
    assert (found["responses"], found["gold_n"]) == (1, 0)
    whole = people(2.0)._replace(scores=(2.0, 1.0))
    table = table_of(Comparison(turns("prompt"), pair, (*votes, whole)))
    (found,) = grade_shares(grades_in([table]))
    assert (found["gold_n"], found["gold"]) == (1, "people, overall")


def test_no_grades_are_no_entries() -> None:
    assert grade_shares(grades_in([])) == []
    rows = Comparison(
        turns("p"), tuple(Response(turns("", t)[1:]) for t in "ab"), (vote(1.0, 0.0),)
    )
    assert grade_shares(grades_in([table_of(rows)])) == []
