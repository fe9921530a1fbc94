"""What to do next: commands that can be pasted, and cuts that are marked as too rosy."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from command_line import Prefkit
from review_votes import pairs, planned, vote

from prefkit.reviews.goal import Goal
from prefkit.reviews.results import results_from
from prefkit.reviews.results_actions import actions

AIM = Goal(0.85, 0.95, 25, 0.05, 0.10)


@pytest.mark.parametrize(
    ("column", "kind", "names"),
    [("margin", "margin_kind", 'rating "1-5"'), ("p_chosen", "p_kind", "beta")],
)
def test_a_cut_that_helps_comes_with_a_command_that_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], column: str, kind: str, names: str
) -> None:
    values = [n / 400 for n in range(400)]
    dataset = pairs(tmp_path / "a pair's folder", 400, **{column: values, kind: [names] * 400})
    plan = planned(dataset, 300, goal=AIM)
    cast = [vote(line, "rejected" if line["row"] < 70 else "chosen") for line in plan.sample]
    found = results_from(plan, cast, dataset)
    cut = next(one for one in actions(found, str(dataset.path), "REVIEW") if one["too_rosy"])
    # Seventy of 400 are wrong; the first tenth of all at which the lower end is high enough.
    assert cut["what"] == f"Or cut at {column} 0.0975"
    assert cut["pairs"] == 39
    said = Prefkit(capsys)(*shlex.split(cut["command"])[1:])
    assert said.code == 0, said.err
    assert "39" in said.out


def test_what_is_decided_is_applied_and_what_is_open_goes_to_the_lead(tmp_path: Path) -> None:
    dataset = pairs(tmp_path / "pairs", 400)
    plan = planned(dataset, 100, goal=AIM)
    cast = [vote(line, "chosen") for line in plan.sample[5:]]
    for reviewer in ("ana", "bo"):
        cast += [vote(line, "rejected", reviewer) for line in plan.sample[:2]]
        cast += [vote(line, "both_bad", reviewer) for line in plan.sample[2:3]]
    cast.append(vote(plan.sample[3], "rejected"))
    told = actions(results_from(plan, cast, dataset), "PAIRS", "REVIEW")
    assert [(one["what"], one["pairs"], one["minutes"]) for one in told[:3]] == [
        ("Look at the rest of the sample", 1, pytest.approx(25 / 60, abs=1e-5)),
        ("Let the lead decide what is open", 1, pytest.approx(25 / 60, abs=1e-5)),
        ("Apply what is decided", 3, None),
    ]
    assert told[2]["effect"].startswith("flips 2 and drops 1 of about 16 in all pairs")
    assert told[2]["command"] == "prefkit apply PAIRS REVIEW --out NEXT --dry-run"
    assert len(told) <= 4


def test_data_that_ship_are_exported(tmp_path: Path) -> None:
    dataset = pairs(tmp_path / "pairs", 400)
    plan = planned(dataset, 100, goal=AIM)
    cast = [vote(line, "chosen") for line in plan.sample]
    (told,) = actions(results_from(plan, cast, dataset), "PAIRS", "REVIEW")
    assert told["what"] == "Export"
