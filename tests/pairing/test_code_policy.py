"""The policy for executed candidates: sides, reasons, margins, one task at a time."""

from __future__ import annotations

from typing import Any

import pytest
from code_votes import Ran, bad, good, ran, task
from comparison_rows import compare, vote
from paired import Paired, all_sides, pair

from prefkit.errors import ConfigError
from prefkit.pairing.code import Code
from prefkit.schema.records import Comparison
from prefkit.step import make


def by_code(*tasks: Comparison, **how: Any) -> Paired:
    return pair(*tasks, policy="code", **how)


def test_a_passing_candidate_stands_against_a_failing_one_with_the_posterior_of_its_tests() -> None:
    (row,) = by_code(task("q", [bad("b", passed=6), good("a")])).rows
    assert (row["chosen"][0]["content"], row["rejected"][0]["content"]) == ("a", "b")
    # P(theta > theta') for Beta(10.5, 0.5) against Beta(6.5, 4.5), by scipy.integrate.quad
    assert row["p_chosen"] == pytest.approx(0.991792, abs=1e-6)
    assert row["p_kind"] == "jeffreys"
    assert (row["margin"], row["margin_kind"]) == (pytest.approx(0.4), "pass_share")
    assert (row["n_votes"], row["agreement"], row["dropped"]) == (1, 1.0, None)
    assert row["checks"] == [{"check": "code.rejected", "value": 0.6, "note": "near_miss"}]


def test_three_of_three_against_two_of_three_is_not_sure() -> None:
    found = by_code(task("q", [Ran("a", "pass", 3, 3), Ran("b", "near_miss", 2, 3)]))
    assert round(found.rows[0]["p_chosen"], 3) == 0.846


def test_the_tests_of_several_runs_add_up() -> None:
    candidates = [Ran("a", "pass", 3, 3), Ran("b", "near_miss", 2, 3)]
    again = [
        ran(0, 2, Ran("a", "pass", 7, 7), by="sandbox:landlock", record="again 0"),
        ran(1, 2, Ran("b", "near_miss", 4, 7), by="sandbox:landlock", record="again 1"),
    ]
    (row,) = by_code(task("q", candidates, *again)).rows
    (same,) = by_code(task("q", [good("a"), bad("b", passed=6)])).rows
    assert row["p_chosen"] == same["p_chosen"]
    assert (row["n_votes"], row["checks"][0]["value"]) == (2, pytest.approx(0.6))


def test_every_policy_says_how_sure_tests_are() -> None:
    (row,) = pair(task("q", [Ran("a", None, 8), Ran("b", None, 6)]), policy="best_worst").rows
    assert (round(row["p_chosen"], 3), row["p_kind"]) == (0.835, "jeffreys")


def test_a_soft_tie_is_one_half_however_many_tests_either_side_ran() -> None:
    tie = task("q", [Ran("a", None, 3, 3), Ran("b", None, 10, 10)])
    (row,) = pair(tie, policy="best_worst", tie="soft").rows
    assert (row["p_chosen"], row["p_kind"], row["dropped"]) == (0.5, "tie", None)


def by_criterion(*candidates: tuple[Ran, Ran]) -> Comparison:
    """Candidates with a run by the criterion `base` and one by `plus`."""
    votes = [
        ran(place, len(candidates), one, record=f"{name} {place}")._replace(criterion=name)
        for place, runs in enumerate(candidates)
        for name, one in zip(("base", "plus"), runs, strict=True)
    ]
    return compare("q", [one.text for one, _ in candidates], *votes)


def test_the_mean_of_criteria_counts_the_tests_of_all_of_them() -> None:
    runs = by_criterion(
        (Ran("a", None, 10), Ran("a", None, 5)), (Ran("b", None, 6), bad("b", "wrong", 2))
    )
    (row,) = pair(runs, policy="best_worst", criterion="mean:base,plus").rows
    # 15 of 20 against 8 of 20, by scipy.integrate.quad
    assert row["p_chosen"] == pytest.approx(0.988076, abs=1e-6)


def test_a_candidate_that_fails_by_one_criterion_is_not_chosen_by_their_mean() -> None:
    weak = by_criterion((good("a"), bad("a", passed=5)), (bad("b"), bad("b")))
    found = by_code(weak, criterion="mean:base,plus")
    assert (found.rows, found.reasons) == ([], ["verdicts that differ from vote to vote"])
    both = by_criterion((good("a"), good("a")), (bad("b"), bad("b")))
    assert all_sides(by_code(both, criterion="mean:base,plus")) == {("a", "b")}


def test_a_pass_of_no_test_is_no_side() -> None:
    found = by_code(task("q", [Ran("a", "pass", 10, 0), bad("b")]))
    assert (found.rows, found.reasons) == ([], ["no test was counted"])


def test_shares_without_a_number_of_tests_have_no_probability() -> None:
    found = by_code(task("q", [Ran("a", "pass", 10, None), bad("b")]))
    assert [(row["p_chosen"], row["p_kind"]) for row in found.rows] == [(None, None)]


@pytest.mark.parametrize(
    ("candidates", "reason"),
    [
        ([good("a"), good("b")], "every candidate passes every test"),
        ([bad("a"), bad("b")], "no candidate passes every test"),
        (
            [Ran("a", "trivial", 10), bad("b")],
            "no candidate passes every test but trivial ones",
        ),
        ([good("a"), Ran("b", "invalid", 0)], "no failing candidate"),
        ([good("a"), Ran("b", "trivial", 10)], "no failing candidate"),
        ([good("a"), bad("b", "funny")], "labels that are no class of a candidate"),
        ([Ran("a", "pass", 9), bad("b")], "verdicts that contradict their share of tests"),
        ([good("a"), Ran("b", "slow", 10)], "verdicts that contradict their share of tests"),
        (
            [good("a", shape="1"), bad("b", shape="1")],
            "equal programs, other verdicts",
        ),
    ],
)
def test_a_task_without_two_sides_is_set_aside_with_its_reason(
    candidates: list[Ran], reason: str
) -> None:
    found = by_code(task("q", candidates))
    assert (found.rows, found.reasons) == ([], [reason])


def test_a_class_without_a_share_is_no_rejected_side() -> None:
    found = by_code(task("q", [good("a"), bad("b", "slow")]), slow=0)
    assert found.reasons == ["no failing candidate of a class that has a share"]


def test_a_candidate_that_was_not_judged_is_no_side() -> None:
    votes = [ran(0, 3, good("a")), ran(2, 3, bad("c"))]
    assert all_sides(by_code(compare("q", ["a", "b", "c"], *votes))) == {("a", "c")}
    lonely = compare("q", ["a", "b"], ran(0, 2, good("a")))
    assert by_code(lonely).reasons == ["every candidate passes every test"]


def test_runs_that_disagree_are_no_side() -> None:
    again = ran(1, 2, Ran("b", "wrong", 1), by="sandbox:landlock", record="again")
    found = by_code(task("q", [good("a"), bad("b")], again))
    assert found.reasons == ["verdicts that differ from vote to vote"]


def test_votes_of_people_are_not_taken_for_runs() -> None:
    found = by_code(compare("q", ["a", "b"], vote(1.0, 0.0)))
    assert found.reasons == ["no execution vote with a pass share"]
    both = task("q", [good("a"), bad("b")], vote(0.0, 1.0))
    assert by_code(both).reasons == ["kinds mixed: name one with --kind"]
    assert all_sides(by_code(both, kinds=("execution",))) == {("a", "b")}


def test_without_classes_half_of_the_tests_are_a_near_miss() -> None:
    candidates = [Ran("a", None, 10), Ran("b", None, 5), Ran("c", None, 4)]
    notes = [row["checks"][0]["note"] for row in by_code(task("q", candidates)).rows]
    assert sorted(notes) == ["near_miss", "wrong"]


def test_programs_that_are_equal_but_for_names_are_one_candidate() -> None:
    candidates = [
        good("a", shape="1"),
        good("b", shape="1"),
        bad("c", shape="2"),
        bad("d", shape="2"),
        bad("e"),
        bad("f"),
    ]
    rows = by_code(task("q", candidates), cap=20).rows
    # one of a and b against one of c and d, and against e and f, whose shapes are not known
    assert len(rows) == 3
    assert len({row["chosen"][0]["content"] for row in rows}) == 1
    assert {"e", "f"} < {row["rejected"][0]["content"] for row in rows}


def test_a_damaged_record_of_a_run_is_left_out() -> None:
    for raw in ('{"shape": 3, "tests": "no", "times": [1, "x"], "calls": 0}', "[1]", "{"):
        damaged = ran(0, 2, good("a"))._replace(raw=raw)
        whole = compare("q", ["a", "b"], damaged, ran(1, 2, bad("b")))
        assert all_sides(by_code(whole)) == {("a", "b")}


def test_at_most_the_cap_of_a_task_and_every_candidate_before_one_comes_twice() -> None:
    candidates = [good("a"), good("b"), *(bad(f"c{place}") for place in range(3))]
    assert len(by_code(task("q", candidates), cap=4).rows) == 4
    for seed in range(10):
        found = all_sides(by_code(task("q", candidates), cap=3, seed=seed))
        assert {rejected for _, rejected in found} == {"c0", "c1", "c2"}
        assert {chosen for chosen, _ in found} == {"a", "b"}
    assert len(all_sides(by_code(task("q", candidates), cap=50))) == 6


def test_another_seed_draws_other_pairs_and_the_same_one_the_same() -> None:
    one = task("q", [good("a"), *(bad(f"c{place}") for place in range(6))])
    draws = {seed: all_sides(by_code(one, cap=1, seed=seed)) for seed in range(20)}
    assert len({tuple(found) for found in draws.values()}) > 3
    assert all_sides(by_code(one, cap=1, seed=7)) == draws[7]


def test_informative_pairs_are_near_texts_that_fail_other_tests() -> None:
    right = "def add(a, b):\n    return a + b"
    near, near_too = right.replace("+", "-"), right.replace("+", "*")
    far = "import operator\nadd = lambda *values: operator.sub(*values)"
    candidates = [
        good(right),
        bad(near, tests=["pass", "wrong"]),
        bad(near_too, tests=["pass", "wrong"]),
        bad(far, tests=["wrong", "pass"]),
    ]
    for seed in range(5):
        how: dict[str, Any] = {"prefer": "informative", "balance_length": False, "seed": seed}
        ((_, first),) = all_sides(by_code(task("q", candidates), cap=1, **how))
        assert first in (near, near_too)
        both = all_sides(by_code(task("q", candidates), cap=2, **how))
        assert far in {rejected for _, rejected in both}


def test_the_longer_text_is_the_chosen_one_in_turn() -> None:
    def longer(**how: Any) -> int:
        tasks = [
            # three of four failing candidates are shorter than the passing one
            task(f"q{one}", [good("m" * 5), *(bad(f"{one}"[-1] * n) for n in (1, 2, 3, 9))])
            for one in range(60)
        ]
        rows = by_code(*tasks, cap=1, **how).rows
        return sum(
            len(row["chosen"][0]["content"]) > len(row["rejected"][0]["content"]) for row in rows
        )

    assert 20 <= longer() <= 40
    assert longer(balance_length=False) > 40


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"adequacy": [7, 10]}, "tests catch too few mutants"),
        ({}, "adequacy of the tests not known"),
        ({"adequacy": [11, 10]}, "adequacy of the tests not known"),
        ({"adequacy": [9, 10], "differs": [2, 10]}, "passes, but answers other inputs otherwise"),
    ],
)
def test_a_pass_of_weak_tests_is_chosen_unless_the_options_ask_for_more(
    raw: dict[str, Any], reason: str
) -> None:
    one = task("q", [good("a", **raw), bad("b")])
    assert all_sides(by_code(one)) == {("a", "b")}
    assert by_code(one, least_adequacy=0.8, most_differing=0.1).reasons == [reason]
    enough = task("q", [good("a", adequacy=[8, 10], differs=[1, 10]), bad("b")])
    assert len(by_code(enough, least_adequacy=0.8, most_differing=0.1).rows) == 1


def test_no_share_and_no_speed_is_refused() -> None:
    none = dict.fromkeys(("near_miss", "wrong", "slow", "crashing"), 0)
    with pytest.raises(ConfigError, match="no class has a share, and speed is off"):
        make(Code, none, "policy code")
    assert make(Code, {**none, "speed": True}, "policy code").speed
    with pytest.raises(ConfigError, match="wrong: Input should be greater than or equal to 0"):
        make(Code, {"wrong": -1}, "policy code")
