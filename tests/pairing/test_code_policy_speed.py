"""Two candidates that both pass: the clearly faster one may be chosen."""

from __future__ import annotations

import math
from typing import Any

import pytest
from code_votes import bad, good, task
from paired import all_sides, pair

from prefkit.pairing.code_candidates import Run
from prefkit.pairing.code_speed import faster

QUICK = (0.10, 0.11, 0.12, 0.10, 0.13)
SLOW = (0.20, 0.22, 0.21, 0.25, 0.20)


def run(*times: float, calls: int = 1) -> Run:
    return Run(times=times, calls=calls)


def test_the_faster_one_is_told_by_the_least_of_its_times() -> None:
    found = faster(run(*QUICK), run(*SLOW))
    assert found is not None
    assert (found.first, found.least_s, found.other_s) == (True, 0.10, 0.20)
    assert found.margin == pytest.approx(math.log(2))
    turned = faster(run(*SLOW), run(*QUICK))
    assert turned is not None
    assert turned == found._replace(first=False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(run(*QUICK[:4]), run(*SLOW), id="four runs"),
        pytest.param(run(*[0.25] * 5), run(*[0.3125] * 5), id="0.8 of the other"),
        # the least of the first half is 0.30 against 0.20
        pytest.param(run(0.30, 0.30, 0.10, 0.1, 0.1), run(*[0.20] * 5), id="one half turned"),
        # 0.9 ms a call against 0.2
        pytest.param(run(*[0.002] * 5, calls=10), run(*[0.009] * 5, calls=10), id="too short"),
        pytest.param(run(*[0.0] * 5), run(*[0.20] * 5), id="no time at all"),
        pytest.param(run(), run(*SLOW), id="not timed"),
    ],
)
def test_otherwise_neither_is_faster(one: Run, other: Run) -> None:
    assert faster(one, other) is None
    assert faster(other, one) is None


def test_the_halves_of_five_runs_are_two_and_three() -> None:
    # 0.30 stands in the first half, whose least is 0.10, and in the second, whose least is 0.30
    assert faster(run(0.30, 0.10, 0.12, 0.12, 0.12), run(*[0.20] * 5)) is not None
    assert faster(run(0.12, 0.10, 0.30, 0.30, 0.30), run(*[0.20] * 5)) is None


def timed(text: str, times: tuple[float, ...]) -> Any:
    return good(text, times=list(times))


def test_passing_candidates_are_a_pair_only_on_demand() -> None:
    one = task("q", [timed("quick", QUICK), timed("slow", SLOW)])
    assert pair(one, policy="code").reasons == ["every candidate passes every test"]
    (row,) = pair(one, policy="code", speed=True).rows
    assert row["chosen"][0]["content"] == "quick"
    assert (row["p_chosen"], row["p_kind"], row["agreement"]) == (None, None, None)
    assert (row["margin"], row["margin_kind"]) == (pytest.approx(math.log(2)), "log_seconds")
    assert row["checks"] == [{"check": "code.speed", "value": 2.0, "note": "0.1 s against 0.2 s"}]


def test_speed_comes_after_what_fails_and_within_the_cap() -> None:
    one = task("q", [timed("quick", QUICK), timed("slow", SLOW), bad("b")])
    first = all_sides(pair(one, policy="code", speed=True, cap=2))
    assert {rejected for _, rejected in first} == {"b"}
    every = all_sides(pair(one, policy="code", speed=True, cap=3))
    assert every == {("quick", "b"), ("slow", "b"), ("quick", "slow")}


def test_equal_programs_never_differ_in_speed() -> None:
    twins = [good("a", shape="1", times=list(QUICK)), good("b", shape="1", times=list(SLOW))]
    found = pair(task("q", twins), policy="code", speed=True)
    assert found.reasons == ["every candidate passes every test, and none is clearly faster"]
