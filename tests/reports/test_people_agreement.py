"""How far people agree in a report: by hand, and that its parts are those of the statistics."""

from __future__ import annotations

import random
from typing import Any

import pytest
from comparison_rows import compare, table_of, vote
from sklearn.metrics import cohen_kappa_score

from prefkit.judging.duels import duels_of
from prefkit.judging.gold import human_ceiling
from prefkit.judging.numbers import number
from prefkit.reports.grade_shares import grades_in
from prefkit.reports.people import people
from prefkit.reports.people_lines import people_lines
from prefkit.schema.records import Comparison
from prefkit.schema.records import Vote as Ballot

SAYS = {"a": (1.0, 0.0), "b": (0.0, 1.0), "tie": (0.5, 0.5)}


def found_in(*comparisons: Comparison) -> dict[str, Any]:
    table = table_of(*comparisons)
    return people(duels_of(table), grades_in([table]), ceilings={})


def says(word: str, by: str | None, **more: Any) -> Ballot:
    outcome = "tie" if word == "tie" else "scored"
    return vote(*SAYS[word], **{"by": by, "outcome": outcome, **more})


def pair(prompt: str, *votes: Ballot) -> Comparison:
    return compare(prompt, ("a", "b"), *votes)


def only(found: dict[str, Any]) -> dict[str, Any]:
    (one,) = found["criteria"]
    return dict(one)


def lines_of(found: dict[str, Any]) -> str:
    return "\n".join(f"{label} {text}" for label, text in people_lines(found))


def test_counts_are_of_pairs_votes_and_people() -> None:
    one = only(
        found_in(
            pair("one", says("a", "ann"), says("b", "bob"), says("tie", None)),
            pair("two", says("a", "ann")),
            pair("two again", says("a", None), says("a", None)),
        )
    )
    assert (one["pairs"], one["pairs_by_several"], one["most_on_a_pair"]) == (3, 2, 3)
    assert (one["votes"], one["named"], one["votes_by_nobody_named"]) == (6, 2, 3)
    assert [line["annotator"] for line in one["annotators"]] == ["ann", "bob"]


def test_three_readings_of_a_tie_by_hand() -> None:
    rows = [pair(f"same {n}", says("a", "ann"), says("a", "bob")) for n in range(20)]
    rows += [pair(f"tie {n}", says("tie", "ann"), says("a", "bob")) for n in range(10)]
    rows += [pair(f"not {n}", says("a", "ann"), says("b", "bob")) for n in range(10)]
    found = only(found_in(*rows))["agreement"]
    shares = {ties: found[ties]["percent"]["value"] for ties in ("class", "dropped", "half")}
    assert shares == pytest.approx({"class": 20 / 40, "dropped": 20 / 30, "half": 25 / 40})
    assert found["dropped"]["percent"]["n"] == 30
    assert found["class"]["percent"]["clusters"] == 40
    assert found["class"]["percent"]["method"] is not None


def test_fleiss_of_two_people_is_scotts_pi_and_near_cohens_kappa() -> None:
    draw = random.Random(5)
    words = [("a" if draw.random() < 0.5 else "b") for _ in range(200)]
    others = [word if draw.random() < 0.8 else "ab"[word == "a"] for word in words]
    rows = [
        pair(f"q {n}", says(one, "ann"), says(other, "bob"))
        for n, (one, other) in enumerate(zip(words, others, strict=True))
    ]
    table = table_of(*rows)
    duels = duels_of(table)
    found = only(people(duels, grades_in([table]), ceilings={}))["agreement"]["class"]
    sides = {
        who: duels.filter(duels["judge"] == who).sort("comparison")["verdict"].to_list()
        for who in ("ann", "bob")
    }
    kappa = cohen_kappa_score(sides["ann"], sides["bob"])
    assert found["fleiss"]["value"] == pytest.approx(kappa, abs=0.01)
    assert found["fleiss"]["low"] < kappa < found["fleiss"]["high"]


def test_the_ceiling_is_the_one_of_the_gold() -> None:
    rows = [pair(f"q {n}", says("a", "ann"), says("a" if n % 5 else "b", "bob")) for n in range(50)]
    duels = duels_of(table_of(*rows))
    expected = {name: number(one) for name, one in human_ceiling(duels, None).items()}
    assert only(found_in(*rows))["ceiling"] == expected
    given = {"ceiling": number(human_ceiling(duels, None)["ceiling"])}
    grades = grades_in(())
    assert people(duels, grades, ceilings={None: given})["criteria"][0]["ceiling"] == given


def crowd(number: int, low: float, draw: random.Random) -> Comparison:
    """Four good people and one who is right less often."""
    chances = {"ann": 0.9, "bob": 0.9, "cleo": 0.9, "dan": 0.9, "low": low}
    votes = [
        says("a" if draw.random() < chance else "b", by, order=(0, 1), seconds=10.0 + number % 3)
        for by, chance in chances.items()
    ]
    return pair(f"q {number}", *votes)


def test_a_person_who_is_far_below_the_rest_is_proven_low_and_stands_first() -> None:
    draw = random.Random(1)
    table = only(found_in(*(crowd(n, 0.5, draw) for n in range(150))))["annotators"]
    states = {one["annotator"]: one["state"] for one in table}
    assert states == {"low": "proven low", **dict.fromkeys(("ann", "bob", "cleo", "dan"), "fine")}
    assert table[0]["annotator"] == "low"
    assert table[0]["q"] < 0.1
    assert table[0]["consensus"]["high"] < table[0]["rest"]
    assert table[0]["seconds"]["value"] == 11.0
    # In every pair the side shown first is "a".
    assert table[0]["first"]["value"] == pytest.approx(0.5, abs=0.12)
    assert table[0]["longer"]["value"] is None


def test_a_person_with_a_few_votes_never_tops_the_list() -> None:
    draw = random.Random(2)
    rows = [crowd(n, 0.9, draw) for n in range(100)]
    rows += [pair(f"few {n}", says("a", "ann"), says("a", "bob"), says("b", "few")) for n in (1, 2)]
    table = only(found_in(*rows))["annotators"]
    assert (table[-1]["annotator"], table[-1]["state"]) == ("few", "not covered")


def test_drift_is_told_of_who_gets_worse() -> None:
    rows = [
        pair(
            f"q {n}", says("a", "ann"), says("a", "bob"),
            says("a" if n < 60 else "b", "tired", at=f"2024-05-{n // 10 + 1:02}T10:0{n % 10}:00Z"),
        )
        for n in range(120)
    ]  # fmt: skip
    table = {one["annotator"]: one for one in only(found_in(*rows))["annotators"]}
    drift = table["tired"]["drift"]
    assert drift["drifts"] is True
    assert drift["change"]["value"] == pytest.approx(-1.0)
    assert drift["shares"][0] == 1.0
    assert drift["shares"][-1] == 0.0
    assert table["ann"]["drift"]["drifts"] is None
    assert "drifts" in lines_of(found_in(*rows))


def test_rankings_of_two_people_are_compared_and_one_alone_is_not() -> None:
    orders = [((-1.0, -2.0, -3.0), (-1.0, -3.0, -2.0)), ((-1.0, -2.0, -3.0), (-1.0, -2.0, -3.0))]
    rows = [
        compare(
            f"q {n}", ("a", "b", "c"),
            vote(*orders[n % 2][0], by="x", scale="rank"),
            vote(*orders[n % 2][1], by="y", scale="rank"),
        )
        for n in range(40)
    ]  # fmt: skip
    alone = compare("alone", ("a", "b", "c"), vote(-1.0, -2.0, -3.0, by="x", scale="rank"))
    found = only(found_in(*rows, alone))["rankings"]
    # One of three pairs is swapped in half of the comparisons: tau 1/3 and 1, rho 1/2 and 1.
    assert found["tau_b"]["value"] == pytest.approx((1 / 3 + 1) / 2)
    assert found["spearman"]["value"] == pytest.approx(0.75)
    assert found["tau_b"]["n"] == 40
    assert only(found_in(alone))["rankings"] == {}


def test_rankings_of_nobody_named_are_ballots_of_their_own() -> None:
    ranks = (-1.0, -2.0, -3.0)
    rows = [
        compare(f"q {n}", ("a", "b", "c"), *(vote(*ranks, scale="rank") for _ in range(2)))
        for n in range(20)
    ]
    assert only(found_in(*rows))["rankings"]["w"]["value"] == pytest.approx(1.0)


def test_grades_of_one_response_are_compared_on_their_scale() -> None:
    rows = [
        compare(
            f"q {n}", ("a",),
            *(vote(float(n % 5 + 1), by=by, scale="rating:1-5") for by in ("ann", "bob")),
        )
        for n in range(30)
    ]  # fmt: skip
    found = found_in(*rows)
    (one,) = found["grades"]
    assert (one["scale"], one["responses"], one["responses_by_several"]) == ("rating:1-5", 30, 30)
    assert one["agreement"]["alpha_interval"]["value"] == pytest.approx(1.0)
    assert set(one["agreement"]) == {
        "percent", "fleiss", "ac", "alpha_nominal", "alpha_ordinal", "alpha_interval",
    }  # fmt: skip
    assert found["reason"] is None


def test_grades_that_are_no_whole_numbers_have_distances_only() -> None:
    rows = [
        compare(
            f"q {n}", ("a",),
            vote(n / 50, by="x", scale="rating:0-1"),
            vote(n / 50 + 0.01, by="y", scale="rating:0-1"),
        )
        for n in range(30)
    ]  # fmt: skip
    (one,) = found_in(*rows)["grades"]
    assert set(one["agreement"]) == {"alpha_interval"}
    assert one["agreement"]["alpha_interval"]["value"] > 0.99


def test_one_rater_one_pair_and_no_votes_have_reasons_instead_of_numbers() -> None:
    alone = only(found_in(*(pair(f"q {n}", says("a", "ann")) for n in range(30))))
    assert alone["agreement"]["class"]["percent"]["value"] is None
    assert alone["annotators"][0]["state"] == "not covered"
    assert "they agree" in lines_of(found_in(pair("q", says("a", "ann"))))
    ties = only(found_in(*(pair(f"q {n}", says("tie", "x"), says("tie", "y")) for n in range(30))))
    assert ties["agreement"]["dropped"]["percent"]["value"] is None
    nothing = found_in()
    assert nothing == {"criteria": [], "grades": [], "reason": "no person has voted here"}
    assert lines_of(nothing) == ""


def test_names_of_people_cannot_pose_as_lines() -> None:
    bad = "eve\nCertificate  granted"
    found = found_in(*(pair(f"q {n}", says("a", bad), says("a", "bob")) for n in range(30)))
    assert "\nCertificate" not in lines_of(found)


def test_nothing_depends_on_the_order_of_rows() -> None:
    draw = random.Random(3)
    rows = [crowd(n, 0.7, draw) for n in range(60)]
    assert found_in(*rows) == found_in(*reversed(rows))
