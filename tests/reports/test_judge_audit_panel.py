from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from judged_rows import about, dataset_of, person, verdict

from prefkit.reports.document import document


def panel_of(folder: Path, *, right: dict[str, set[int]], people: bool = True) -> dict[str, Any]:
    """Forty pairs; each judge is right on its set of pairs."""
    rows = []
    for place in range(40):
        votes = [
            verdict("better" if place in pairs else "worse", by=by) for by, pairs in right.items()
        ]
        rows.append(about(place, [*votes, person()] if people else votes))
    found: dict[str, Any] = document(dataset_of(folder / "data", rows))["panel"]
    return found


def test_two_judges_with_the_same_errors_are_one(tmp_path: Path) -> None:
    pairs = set(range(30))
    group = panel_of(tmp_path, right={"one": pairs, "two": pairs})["groups"][0]
    assert group["numbers"] == [1, 2]
    assert group["pairs_of_all"] == 40
    assert group["correlation"]["value"] == pytest.approx(1)
    assert group["effective_size"]["value"] == pytest.approx(1)
    assert group["accuracy"]["value"] == pytest.approx(0.75)
    assert group["majority"]["value"] == pytest.approx(0.75)
    assert group["agreement"][0]["percent"]["value"] == pytest.approx(1)


def test_judges_with_independent_errors_are_as_many_as_they_are(tmp_path: Path) -> None:
    # Each is wrong on 10 of 40 pairs, any two on 2.5 of them: here 2 and 3, so nearly none.
    one = set(range(40)) - set(range(10))
    two = set(range(40)) - {0, 1, *range(10, 18)}
    group = panel_of(tmp_path, right={"one": one, "two": two})["groups"][0]
    # phi = (n11 n - n1 n2) / (n1 (n - n1)) = (2 * 40 - 100) / (10 * 30)
    assert group["correlation"]["value"] == pytest.approx(-20 / 300, rel=1e-5)
    assert group["effective_size"]["value"] == pytest.approx(2 / (1 - 20 / 300), rel=1e-5)
    assert group["agreement"][0]["percent"]["value"] == pytest.approx(24 / 40)
    assert group["majority_if_independent"] == pytest.approx(0.75)


def test_without_gold_judges_are_compared_and_no_size_is_given(tmp_path: Path) -> None:
    right = {"one": set(range(30)), "two": set(range(20)), "six": set(range(20))}
    group = panel_of(tmp_path, right=right, people=False)["groups"][0]
    assert group["judges"] == ["one", "six", "two"]
    assert group["effective_size"]["value"] is None
    assert group["effective_size"]["reason"] == "there is no gold to say which verdicts are errors"
    agreed = {(one["one"], one["other"]): one["percent"]["value"] for one in group["agreement"]}
    assert agreed == pytest.approx({(0, 1): 0.75, (0, 2): 0.75, (1, 2): 1.0})
    # The other two are of one mind on every pair; `one` says the same on 30, `two` as its twin
    # where `one` agrees with them: elsewhere there is no consensus.
    alone = [each["agrees"] for each in group["leave_one_out"]]
    assert alone[0]["value"] == pytest.approx(0.75)
    assert [each["n"] for each in alone] == [40, 30, 30]


def test_one_judge_is_no_panel(tmp_path: Path) -> None:
    found = panel_of(tmp_path, right={"one": set(range(30))})
    assert found == {"groups": [], "reason": "a panel needs two judges of one criterion"}


def test_judges_of_two_criteria_are_no_panel(tmp_path: Path) -> None:
    rows = [
        about(place, [verdict("better", by=name, criterion=name) for name in ("help", "harm")])
        for place in range(20)
    ]
    assert document(dataset_of(tmp_path / "data", rows))["panel"]["groups"] == []
