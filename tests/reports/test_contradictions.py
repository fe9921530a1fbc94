"""Contradictions that were planted, by hand: how many, and the votes behind them."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from comparison_rows import compare, table_of, vote

from prefkit.judging.duels import duels_of
from prefkit.reports.contradictions import EXAMPLES, KINDS, Contradictions, contradictions
from prefkit.reports.grade_shares import grades_in
from prefkit.schema.records import Comparison
from prefkit.schema.records import Vote as Ballot

SAYS = {"a": (1.0, 0.0), "b": (0.0, 1.0), "tie": (0.5, 0.5)}


def found_in(*comparisons: Comparison) -> Contradictions:
    table = table_of(*comparisons)
    return contradictions(duels_of(table), grades_in([table]))


def says(word: str, by: str | None = "ann", **more: Any) -> Ballot:
    outcome = "tie" if word == "tie" else "scored"
    return vote(*SAYS[word], **{"by": by, "outcome": outcome, "record": f"{by} {word}", **more})


def pair(prompt: str, *votes: Ballot) -> Comparison:
    return compare(prompt, ("a", "b"), *votes)


def entries(found: Contradictions, kind: str) -> list[dict[str, Any]]:
    return [one for one in found.entries() if one["kind"] == kind]


def between(found: Contradictions) -> dict[tuple[str | None, str], tuple[int, int]]:
    """(criterion, who) -> opposite, pairs."""
    return {
        (one["criterion"], one["between"]): (one["opposite"], one["pairs"])
        for one in found.found["opposite_labels"].facts["between"]
    }


def records(entry: dict[str, Any]) -> list[str]:
    return [record for one in entry["votes"] for record in one["records"]]


def duel(winner: str, loser: str, by: str | None = "ann", prompt: str = "Hi") -> Comparison:
    """One person's choice between two of several answers to a prompt."""
    ballot = vote(1.0, 0.0, by=by, record=f"{by}: {winner} over {loser}")
    return compare(prompt, (winner, loser), ballot)


def test_opposite_labels_are_told_by_whom_they_are_between() -> None:
    found = found_in(
        pair("agree", says("a"), says("a", "bob")),
        pair("differ", says("a"), says("b", "bob")),
        pair("tied", says("a"), says("tie", "bob")),
        pair("torn", says("a"), says("b")),
        pair("labels", says("a", None, kind="label"), says("b", None, kind="label")),
        pair("against", says("a"), says("a", "bob"), says("b", None, kind="label")),
        pair("as labelled", says("a"), says("a", None, kind="label")),
    )
    assert between(found) == {
        (None, "people"): (1, 3),
        (None, "one_person"): (1, 1),
        (None, "labels"): (1, 1),
        (None, "people_and_labels"): (1, 2),
    }
    assert found.found["opposite_labels"].facts["found"] == 4
    told = {tuple(records(one)): one["between"] for one in entries(found, "opposite_labels")}
    assert told == {
        ("ann a", "ann b"): ["one_person"],
        ("ann a", "bob b"): ["people"],
        ("None a", "None b"): ["labels"],
        ("ann a", "bob a", "None b"): ["people_and_labels"],
    }


def test_who_contradicts_themselves_comes_first_and_then_the_most_even() -> None:
    uneven = [says("a", f"p{n}") for n in range(5)]
    found = found_in(
        pair("uneven", *uneven, says("b", "x")),
        pair("even", says("a", "p0"), says("a", "p1"), says("b", "p2"), says("b", "p3")),
        pair("torn", says("a"), says("b")),
    )
    assert [len(one["votes"]) for one in entries(found, "opposite_labels")] == [2, 4, 6]


def test_two_criteria_can_differ_without_a_contradiction() -> None:
    honest, kind = says("a", criterion="honest"), says("b", criterion="kind")
    found = found_in(pair("Hi", honest, kind), pair("Ho", honest, says("b", "x", criterion="kind")))
    assert between(found) == {}
    assert entries(found, "opposite_labels") == []


def test_one_pair_is_one_pair_in_two_comparisons_of_a_prompt() -> None:
    three = compare("Hi", ("a", "b", "c"), vote(1.0, 0.0, None, by="ann", record="in three"))
    two = compare(" hi", ("a", "b"), vote(0.0, 1.0, by="bob", record="in two"))
    found = found_in(three, two)
    assert between(found) == {(None, "people"): (1, 1)}
    assert records(entries(found, "opposite_labels")[0]) == ["in three", "in two"]
    elsewhere = compare("Ho", ("a", "b"), vote(0.0, 1.0, by="bob"))
    assert between(found_in(three, elsewhere)) == {}


def test_votes_of_nobody_named_are_of_different_people() -> None:
    found = found_in(pair("Hi", says("a", None), says("b", None)))
    assert between(found) == {(None, "people"): (1, 1)}
    assert [one["by"] for one in entries(found, "opposite_labels")[0]["votes"]] == [None, None]


def test_verdicts_of_judges_are_no_labels() -> None:
    judge = says("b", "gpt", kind="judge")
    assert between(found_in(pair("Hi", says("a"), judge, judge))) == {}


def test_a_vote_tells_where_it_stands_and_what_it_prefers() -> None:
    first = says("a", at="2024-05-01", name="people.jsonl", record="line 3")
    found = found_in(pair("Hi", first, says("b", "bob")))
    table = table_of(pair("Hi", first)).to_pylist()[0]
    (better,) = [one["id"] for one in table["responses"] if one["messages"][0]["content"] == "a"]
    assert entries(found, "opposite_labels")[0]["votes"][0] == {
        "comparison": table["id"], "file": "people.jsonl", "records": ["line 3"], "by": "ann",
        "kind": "human", "scale": "choice", "better": better[:16], "at": "2024-05-01",
    }  # fmt: skip


def by_voice(found: Contradictions) -> dict[str, tuple[int, int, int]]:
    """Who -> circular, triads, prompts."""
    return {
        one["who"]: (one["circular"], one["triads"], one["prompts"])
        for one in found.found["cycles"].facts["by_voice"]
    }


def test_a_circle_of_one_person_is_found_over_comparisons_of_a_prompt() -> None:
    ring = [duel("a", "b"), duel("b", "c"), duel("c", "a")]
    order = [duel("a", "b", prompt="Ho"), duel("b", "c", prompt="Ho"), duel("a", "c", prompt="Ho")]
    found = found_in(*ring, *order)
    assert by_voice(found) == {"most people": (1, 2, 2), "one person": (1, 2, 2)}
    told = entries(found, "cycle")
    assert [one["who"] for one in told] == ["most people", "one person"]
    assert [one["by"] for one in told] == [None, "ann"]
    assert sorted(records(told[1])) == ["ann: a over b", "ann: b over c", "ann: c over a"]
    assert [one["by"] for one in told[0]["votes"]] == ["ann"] * 3
    circle = told[1]["circle"]
    better = {one["better"] for one in told[1]["votes"]}
    assert set(circle) == better


def test_each_in_a_circle_beats_the_next_one() -> None:
    found = found_in(duel("a", "b"), duel("b", "c"), duel("c", "a"))
    told = entries(found, "cycle")[0]
    for at, one in enumerate(told["circle"]):
        assert told["votes"][at]["better"] == one


def test_people_who_each_have_an_order_can_run_in_a_circle_together() -> None:
    orders = {"ann": (-1.0, -2.0, -3.0), "bob": (-3.0, -1.0, -2.0), "cleo": (-2.0, -3.0, -1.0)}
    votes = [vote(*ranks, by=by, scale="rank") for by, ranks in orders.items()]
    found = found_in(compare("Hi", ("a", "b", "c"), *votes))
    assert by_voice(found) == {"most people": (1, 1, 1)}


def test_one_list_alone_has_no_triads_for_it_cannot_run_in_a_circle() -> None:
    alone = compare("Hi", ("a", "b", "c"), vote(-1.0, -2.0, -3.0, by="ann", scale="rank"))
    graded = compare(
        "Ho", ("a", "b", "c"),
        *(vote(*scores, by="ann", scale="rating:1-5") for scores in (
            (5.0, None, None), (None, 3.0, None), (None, None, 1.0),
        )),
    )  # fmt: skip
    assert by_voice(found_in(alone, graded)) == {}


def test_a_tie_closes_no_circle() -> None:
    tied = compare("Hi", ("c", "a"), vote(0.5, 0.5, by="ann", outcome="tie"))
    assert by_voice(found_in(duel("a", "b"), duel("b", "c"), tied)) == {}


def test_judges_and_labels_have_circles_of_their_own() -> None:
    ring = (("a", "b"), ("b", "c"), ("c", "a"))
    judged = [
        compare("Hi", two, vote(1.0, 0.0, kind="judge", by="gpt", record=f"{two}")) for two in ring
    ]
    labelled = [compare("Ho", two, vote(1.0, 0.0, kind="label")) for two in ring]
    found = found_in(*judged, *labelled)
    assert by_voice(found) == {"labels by choice": (1, 1, 1), "gpt": (1, 1, 1)}
    assert [one["by"] for one in entries(found, "cycle")] == [None, "gpt"]


def crowd(number: int, turned: tuple[str, ...] = (), people: str = "pqrst") -> Comparison:
    """Everybody prefers the one text, and who is turned the other."""
    return pair(f"question {number}", *(says("b" if one in turned else "a", one) for one in people))


def test_a_rater_who_has_the_scale_the_wrong_way_round_is_named() -> None:
    found = found_in(*(crowd(number, ("q",)) for number in range(25)))
    (turned,) = found.found["scale_confusion"].facts["wrong_way"]
    assert (turned["who"], turned["level"], turned["kind"]) == ("q", "rater", "human")
    assert (turned["pairs"], turned["agrees"]["value"]) == (25, 0.0)
    assert turned["q"] == pytest.approx(5 * 0.5**25, rel=1e-5)
    (told,) = entries(found, "scale")
    assert told["who"] == "q"
    assert set(records(told)) == {"q b"}


def test_honest_raters_and_few_pairs_are_not_called_turned() -> None:
    honest = [crowd(number, ("pqrst"[number % 5],)) for number in range(50)]
    assert found_in(*honest).found["scale_confusion"].facts["wrong_way"] == []
    few = [crowd(number, ("q",)) for number in range(5)]
    assert found_in(*few).found["scale_confusion"].facts["wrong_way"] == []


def test_many_pairs_of_one_prompt_prove_nothing_about_a_rater() -> None:
    texts = [f"answer {number}" for number in range(12)]
    rows = [
        compare(
            "one prompt", two,
            *(vote(*((0.0, 1.0) if one == "q" else (1.0, 0.0)), by=one) for one in "pqr"),
        )
        for two in combinations(texts, 2)
    ]  # fmt: skip
    assert found_in(*rows).found["scale_confusion"].facts["wrong_way"] == []


def test_a_file_the_wrong_way_round_is_named_beside_the_others() -> None:
    rows = [
        pair(
            f"question {number}",
            *(says("a", None, kind="label", name=name) for name in ("one.csv", "two.csv")),
            says("b", None, kind="label", name="turned.csv"),
        )
        for number in range(25)
    ]
    found = found_in(*rows).found["scale_confusion"].facts["wrong_way"]
    assert [(one["level"], one["who"]) for one in found] == [
        ("rater", "unnamed in turned.csv"), ("file", "turned.csv"),
    ]  # fmt: skip


def test_a_turned_judge_is_held_against_what_people_say_of_the_whole() -> None:
    rows = [
        pair(
            f"question {number}", says("a"),
            says("b", "gpt", kind="judge", criterion="helpfulness", rubric="helpfulness@1"),
        )
        for number in range(25)
    ]  # fmt: skip
    (turned,) = found_in(*rows).found["scale_confusion"].facts["wrong_way"]
    assert (turned["kind"], turned["who"]) == ("judge", "gpt (helpfulness@1)")


def graded(number: int, **grades: float) -> Comparison:
    """One answer a prompt, graded by several."""
    scale = {"scale": "rating:1-10"}
    return compare(
        f"question {number}", ("a", "b"),
        *(
            vote(grade, None, by=by, record=f"{by} {number}", **scale)
            for by, grade in grades.items()
        ),
    )  # fmt: skip


def test_a_rater_who_uses_five_of_ten_grades_is_named() -> None:
    rows = [
        graded(number, ann=number % 5 + 1, bob=number % 10 + 1, cleo=(number * 3) % 10 + 1)
        for number in range(40)
    ]
    found = found_in(*rows)
    (part,) = found.found["scale_confusion"].facts["part_of_scale"]
    assert (part["who"], part["never"], part["grades"]) == ("ann", "above 5", 40)
    assert part["others"] == 0.5
    (told,) = entries(found, "scale")
    assert records(told)[0].startswith("ann ")


def test_a_rater_who_graded_a_few_responses_is_not_named() -> None:
    rows = [graded(number, ann=1, bob=number % 10 + 1) for number in range(10)]
    assert found_in(*rows).found["scale_confusion"].facts["part_of_scale"] == []


def test_two_scales_of_one_criterion_are_told() -> None:
    rows = [pair("Hi", says("a")), pair("Ho", says("a", scale="probability"))]
    (several,) = found_in(*rows).found["scale_confusion"].facts["several_scales"]
    assert several["pairs_by_scale"] == {"choice": 1, "probability": 1}


def test_a_rationale_against_its_own_verdict_is_told_of_people_and_judges() -> None:
    shown = {"order": (0, 1), "rationale": "Response B is clearly the better one."}
    found = found_in(
        pair("one", says("a", **shown)),
        pair("two", says("b", **shown)),
        pair("three", says("a", "gpt", kind="judge", **shown)),
        pair("four", says("tie", "gpt", kind="judge", **shown)),
        pair("five", says("a", rationale=shown["rationale"])),
    )
    facts = found.found["rationales"].facts
    told = {one["who"]: (one["contradicting"], one["say_a_side"]) for one in facts["by_voice"]}
    assert told == {"people": (1, 2), "gpt": (1, 2)}
    both = entries(found, "rationale")
    assert [(one["by"], records(one)) for one in both] == [("ann", ["ann a"]), ("gpt", ["gpt a"])]
    assert all(one["rationale_names"] != one["votes"][0]["better"] for one in both)


def test_a_rationale_beside_two_equal_answers_is_counted_and_listed() -> None:
    words = {"order": (0, 1), "rationale": "Response B is clearly the better one."}
    found = found_in(compare("Hi", ("same", "same"), says("a", **words)))
    assert found.found["rationales"].facts["found"] == 1
    assert len(entries(found, "rationale")) == 1


def test_no_votes_have_no_contradictions() -> None:
    for rows in ((), (pair("Hi"),), (compare("Hi", ("a",), vote(1.0, by="ann")),)):
        found = found_in(*rows)
        assert list(found.entries()) == []
        assert [one["found"] for one in found.facts().values()] == [0] * len(KINDS)


def test_two_responses_of_one_text_contradict_nothing() -> None:
    twice = compare("Hi", ("a", "a"), vote(1.0, 0.0, by="ann"), vote(0.0, 1.0, by="bob"))
    assert list(found_in(twice).entries()) == []


def test_the_document_holds_examples_and_the_rest_is_counted() -> None:
    found = found_in(*(pair(f"q {n}", says("a"), says("b", "bob")) for n in range(EXAMPLES + 5)))
    facts = found.facts()["opposite_labels"]
    assert (facts["found"], len(facts["examples"])) == (EXAMPLES + 5, EXAMPLES)
    assert len(entries(found, "opposite_labels")) == EXAMPLES + 5


def test_nothing_depends_on_the_order_of_rows() -> None:
    rows = [crowd(number, ("q",)) for number in range(25)]
    rows += [duel("a", "b"), duel("b", "c"), duel("c", "a")]
    one, other = found_in(*rows).facts(), found_in(*reversed(rows)).facts()
    for kind in KINDS:
        assert {**one[kind], "examples": None} == {**other[kind], "examples": None}
