"""Votes as duels: which two, shown how, with what verdict, and paid once."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import combinations
from typing import Any

import pytest
from comparison_rows import compare, table_of, vote
from duel_lines import LABEL, failed, judge, lines, named, winner

from prefkit.judging.duels import (
    COLUMNS,
    duels_of,
    duels_of_all,
    inferred_orders,
    judges_of,
    swapped,
)
from prefkit.schema.ids import prompt_cluster
from prefkit.schema.records import Comparison, Message, Response
from prefkit.schema.records import Vote as Ballot


def test_a_click_is_one_duel_whose_places_follow_the_stored_order() -> None:
    for texts in (("yes", "no"), ("no", "yes")):
        scores = (1.0, 0.0) if texts[0] == "yes" else (0.0, 1.0)
        [line] = named(compare("Really?", texts, vote(*scores, by="p1", order=(0, 1))))
        assert winner(line) == "yes"
        assert winner(line, "first") == texts[0]
        assert winner(line, "longer") == "yes", "three characters against two"
        assert (line["kind"], line["judge"], line["form"]) == ("human", "p1", "pairwise")
        assert (line["outcome"], line["scale"], line["order"]) == ("scored", "choice", "shown")


def test_an_unknown_order_stays_unknown() -> None:
    [line] = lines(compare("Really?", ("yes", "no"), judge(1.0, 0.0)))
    assert line["first"] is None
    assert line["inferred_first"] is None
    assert line["order"] == "unknown"


def test_the_columns_are_those_promised_even_where_there_is_nothing() -> None:
    for table in (table_of(), table_of(compare("Hi", ("a", "b")))):
        found = duels_of(table)
        assert found.height == 0
        assert dict(found.schema) == COLUMNS
        assert judges_of(found) == []
        assert swapped(found).height == 0
        assert inferred_orders(found) == {}
    assert dict(duels_of_all([]).schema) == COLUMNS


def test_a_vote_on_a_list_is_a_duel_of_every_two_that_it_scored() -> None:
    found = named(
        compare(
            "Rank", ("one", "two", "three", "four"),
            judge(-1.0, -2.0, -2.0, None, scale="rank", order=(2, 0, 1), cost_usd=0.3),
        )
    )  # fmt: skip
    assert {frozenset((line["a"], line["b"])): winner(line) for line in found} == {
        frozenset(("one", "two")): "one",
        frozenset(("one", "three")): "one",
        frozenset(("two", "three")): "tie",
    }
    assert {frozenset((line["a"], line["b"])): winner(line, "first") for line in found} == {
        frozenset(("one", "two")): "one",
        frozenset(("one", "three")): "three",
        frozenset(("two", "three")): "three",
    }
    assert {line["form"] for line in found} == {"listwise"}
    assert sorted(line["outcome"] for line in found) == ["scored", "scored", "tie"]
    assert [line["cost_usd"] for line in found] == [0.3, None, None], "a vote is paid once"
    assert {line["vote"] for line in found} == {0}


def test_both_good_and_both_bad_are_ties_that_keep_their_name() -> None:
    found = lines(
        compare(
            "Hi", ("a", "b"),
            vote(None, None, outcome="both_bad"), vote(None, None, outcome="both_good"),
            vote(0.5, 0.5, outcome="tie"),
        )
    )  # fmt: skip
    assert [line["verdict"] for line in found] == [0, 0, 0]
    assert [line["outcome"] for line in found] == ["both_bad", "both_good", "tie"]
    assert [line["difference"] for line in found] == [None, None, 0.0]


def test_skipped_and_unanswered_votes_give_no_line() -> None:
    silent = [vote(None, None, outcome=outcome) for outcome in ("skip", "infra")]
    assert lines(compare("Hi", ("a", "b"), *silent)) == []


def test_a_score_without_another_and_a_single_response_give_no_line() -> None:
    assert lines(compare("Hi", ("a", "b"), judge(3.0, None, scale="rating"))) == []
    assert lines(compare("Hi", ("a",), judge(3.0, scale="rating"))) == []
    assert lines(compare("Hi", ("a",), failed(1))) == []


def test_a_failed_verdict_is_a_line_without_a_verdict() -> None:
    raw = json.dumps({"text": "Er", "reason": "no_json", "mass": 0.4})
    [line] = lines(
        compare("Hi", ("a", "b"), failed(order=(1, 0), rubric=LABEL, raw=raw, cost_usd=0.1))
    )
    assert line["verdict"] is None
    assert line["difference"] is None
    assert (line["outcome"], line["reason"], line["mass"]) == ("failed", "no_json", 0.4)
    assert (line["form"], line["order"], line["cost_usd"]) == ("pairwise", "shown", 0.1)


def test_a_failed_verdict_that_shows_no_two_of_many_has_no_line() -> None:
    assert lines(compare("Hi", ("a", "b", "c"), failed(3))) == []
    shown = named(compare("Hi", ("a", "b", "c"), failed(3, order=(2, 0))))
    assert [{line["a"], line["b"]} for line in shown] == [{"a", "c"}]
    assert winner(shown[0], "first") == "c"
    listed = lines(compare("Hi", ("a", "b", "c"), failed(3, order=(2, 0, 1))))
    assert [line["form"] for line in listed] == ["listwise"] * 3


def test_reason_and_mass_are_taken_only_from_raws_of_ours_and_of_the_right_type() -> None:
    raw = json.dumps({"reason": "because", "mass": 0.5})
    odd = json.dumps({"reason": 3, "mass": "0.5"})
    for more in (
        {"raw": raw}, {"raw": raw, "rubric": "mine"}, {"raw": odd, "rubric": LABEL},
        {"raw": "{", "rubric": LABEL}, {"raw": "[1]", "rubric": LABEL}, {"rubric": LABEL},
        {"raw": json.dumps({"reason": None, "mass": True}), "rubric": LABEL},
        {"raw": raw, "rubric": LABEL, "kind": "human"},
    ):  # fmt: skip
        [line] = lines(compare("Hi", ("a", "b"), judge(1.0, 0.0, **more)))
        assert (line["reason"], line["mass"]) == (None, None), more
    [line] = lines(compare("Hi", ("a", "b"), judge(1.0, 0.0, raw=raw, rubric=LABEL)))
    assert (line["reason"], line["mass"]) == ("because", 0.5)


def test_probabilities_are_of_the_first_place_and_need_two_that_add_up() -> None:
    def only(*votes: Ballot) -> dict[str, Any]:
        [line] = named(compare("Hi", ("a", "b"), *votes))
        return line

    line = only(judge(0.8, 0.2, scale="probability"))
    assert line["p"] == (0.8 if line["a"] == "a" else 0.2)
    assert only(judge(0.5, 0.5, scale="probability", outcome="tie"))["p"] == 0.5
    assert only(judge(0.8, 0.4, scale="probability"))["p"] is None, "of each alone, not of one side"
    assert only(judge(1.0, 0.0))["p"] is None, "a choice is no probability"
    apart = (judge(0.8, None, scale="probability"), judge(None, 0.2, scale="probability"))
    assert only(*apart)["p"] is None, "each was judged alone"
    assert only(judge(None, None, scale="probability", outcome="both_bad"))["p"] is None


def test_length_is_that_of_all_turns_of_the_assistant() -> None:
    long = Response(
        (Message("user", "x" * 99), Message("assistant", "ab"), Message("assistant", "cd")), "m1"
    )
    short = Response((Message("assistant", "äöü"), Message("tool", None)), "m2")
    [line] = lines(Comparison((Message("user", "Hi"),), (long, short), (vote(1.0, 0.0),)))
    models = {1: line["model_a"], -1: line["model_b"]}
    assert models[line["longer"]] == "m1", "4 characters against 3, whatever the bytes"
    assert {line["model_a"], line["model_b"]} == {"m1", "m2"}


def test_clusters_are_those_of_the_prompt_and_the_same_in_any_batch() -> None:
    one = compare("What  IS it?", ("a", "b"), vote(1.0, 0.0))
    two = compare("what is it?", ("c", "d"), vote(1.0, 0.0))
    three = compare("what was it?", ("c", "d"), vote(1.0, 0.0))
    clusters = [line["cluster"] for line in lines(one, two, three)]
    assert clusters[0] == clusters[1] != clusters[2]
    assert clusters[0] == int(prompt_cluster([("user", "what is it?", None)])[:16], 16)
    apart = duels_of_all([table_of(one), table_of(two, three)])
    assert apart["cluster"].to_list() == clusters
    whole = table_of(compare("Left out", ("x", "y"), vote(1.0, 0.0)), one, two, three)
    assert duels_of(whole.slice(1)).equals(duels_of(table_of(one, two, three)))


def test_the_rationale_names_a_side_through_the_order_shown() -> None:
    says = "Response B is clearly the better one."
    found = named(
        compare(
            "Hi", ("x", "y"),
            judge(1.0, 0.0, order=(0, 1), rationale=says),
            judge(1.0, 0.0, order=(1, 0), rationale=says),
            judge(1.0, 0.0, rationale=says),
            vote(1.0, 0.0, order=(0, 1), rationale=says),
            judge(1.0, 0.0, order=(0, 1), rationale="Response C is better."),
            judge(1.0, 0.0, order=(0, 1), rationale="Both are fine."),
            judge(1.0, 0.0, order=(0, 1)),
        )
    )  # fmt: skip
    assert [winner(line, "rationale_says") for line in found] == ["y", "x", None, "y", *[None] * 3]


def test_a_duel_knows_the_records_behind_it_and_its_responses_by_their_digests() -> None:
    alone = {"kind": "human", "by": "ann", "scale": "rating:1-5", "at": "2024-05-01"}
    both = compare("Hi", ("x", "y"), vote(1.0, 0.0, record="line 7"))
    apart = compare(
        "Hi", ("y", "z"),
        vote(4.0, None, record="row 1", **alone), vote(None, 2.0, record="row 2", **alone),
    )  # fmt: skip
    table = table_of(both, apart)
    found = duels_of(table).to_dicts()
    assert [(line["record"], line["other_record"]) for line in found] == [
        ("line 7", None), ("row 1", "row 2"),
    ]  # fmt: skip
    assert [line["at"] for line in found] == [None, "2024-05-01"]
    for line, row in zip(found, table.to_pylist(), strict=True):
        for side in ("a", "b"):
            digest = row["responses"][line[side]]["id"]
            assert line[f"response_{side}"] == int(digest[:16], 16)
    shared = {found[0]["response_a"], found[0]["response_b"]} & {
        found[1]["response_a"], found[1]["response_b"],
    }  # fmt: skip
    assert len(shared) == 1


def test_judges_are_apart_by_name_rubric_and_criterion_and_the_unnamed_by_file() -> None:
    table = table_of(
        compare(
            "Hi", ("a", "b"),
            judge(1.0, 0.0, by="gpt", name="one.jsonl", rubric=LABEL, criterion="helpfulness"),
            judge(1.0, 0.0, by="gpt", name="two.jsonl", rubric=LABEL, criterion="helpfulness"),
            judge(1.0, 0.0, by="gpt", criterion="honesty"),
            judge(1.0, 0.0, by=None, name="one.jsonl"),
            judge(1.0, 0.0, by=None, name="two.jsonl"),
            vote(0.3, 0.1, kind="reward", by="rm", scale="logit"),
            vote(1.0, 0.0, by="p1"),
            vote(1.0, 0.0, kind="label"),
        )
    )  # fmt: skip
    found = {name.shown: lines.height for name, lines in judges_of(duels_of(table))}
    assert found == {
        "gpt (helpfulness@1:0123…)": 2,
        "gpt (honesty)": 1,
        "unnamed in one.jsonl": 1,
        "unnamed in two.jsonl": 1,
        "rm": 1,
    }
    names = [name for name, _ in judges_of(duels_of(table))]
    assert (names[0].by, names[0].file) == (None, "one.jsonl")
    assert {name.file for name in names if name.by == "gpt"} == {None}
    assert all(dict(lines.schema) == COLUMNS for _, lines in judges_of(duels_of(table)))


def test_a_pair_shown_in_both_orders_is_one_line_with_both_verdicts() -> None:
    table = table_of(
        compare(
            "Same", ("a", "b"), judge(0.9, 0.1, order=(0, 1), scale="probability"),
            judge(0.7, 0.3, order=(1, 0), scale="probability"),
        ),
        compare("Once", ("a", "b"), judge(1.0, 0.0, order=(0, 1))),
        compare("Unknown", ("a", "b"), judge(1.0, 0.0), judge(1.0, 0.0, order=(0, 1))),
        compare("Unread", ("a", "b"), judge(1.0, 0.0, order=(0, 1)), failed(order=(1, 0))),
        compare(
            "Drawn", ("a", "b"), *[
                judge(*scores, order=order, draw=draw)
                for draw, scores in enumerate([(1.0, 0.0), (0.0, 1.0)])
                for order in ((0, 1), (1, 0))
            ],
        ),
    )  # fmt: skip
    found = swapped(duels_of(table))
    prompts = {row["id"]: row["prompt"][0]["content"] for row in table.to_pylist()}
    shown = [(prompts[row["comparison"]], row) for row in found.to_dicts()]
    assert [prompt for prompt, _ in shown] == ["Same", "Unread", "Drawn", "Drawn"]
    same = shown[0][1]
    first_is_a = same["a_first"] == 1
    assert same["a_first"] == same["b_first"]
    # The text "a" has 0.9 where it came first, 0.7 where it came second.
    expected = {"p_a_first": 0.9, "p_b_first": 0.7} if first_is_a else {
        "p_a_first": pytest.approx(0.3), "p_b_first": pytest.approx(0.1)
    }  # fmt: skip
    assert {name: same[name] for name in expected} == expected
    unread = shown[1][1]
    assert sorted([unread["a_first"] is None, unread["b_first"] is None]) == [False, True]
    drawn = {row["draw"]: (row["a_first"], row["b_first"]) for _, row in shown[2:]}
    assert set(drawn) == {0, 1}
    assert drawn[0] == tuple(-each for each in drawn[1])
    assert drawn[0][0] == drawn[0][1]


def test_all_votes_of_many_comparisons_are_the_duels_that_plain_python_makes_of_them() -> None:
    chance = random.Random(7)
    comparisons = []
    for number in range(200):
        size = chance.choice([2, 2, 3, 4])
        votes = []
        for _ in range(chance.randrange(5)):
            shown = chance.sample(range(size), chance.randint(2, size))
            scores = [chance.choice([1.0, 2.0, 3.0]) if at in shown else None for at in range(size)]
            given = {score for score in scores if score is not None}
            votes.append(
                judge(
                    *scores, scale="rating", outcome="tie" if len(given) == 1 else "scored",
                    by=chance.choice(["one", "two", None]),
                    order=chance.choice([tuple(shown), None]),
                )
            )  # fmt: skip
        texts = ["x" * chance.randint(1, 3) + str(place) for place in range(size)]
        comparisons.append(compare(f"Prompt {number}", texts, *votes))
    table = table_of(*comparisons)
    expected: Counter[tuple[Any, ...]] = Counter()
    for row in table.to_pylist():
        ids = [response["id"] for response in row["responses"]]
        lengths = [len(response["messages"][0]["content"]) for response in row["responses"]]
        for cast in row["votes"]:
            scored = [at for at, score in enumerate(cast["scores"]) if score is not None]
            order = [ids.index(name) for name in cast["order"] or []]
            for a, b in combinations(scored, 2):
                difference = cast["scores"][a] - cast["scores"][b]
                first = (order.index(a) < order.index(b)) * 2 - 1 if order else None
                verdict = (difference > 0) - (difference < 0)
                longer = (lengths[a] > lengths[b]) - (lengths[a] < lengths[b])
                form = "pairwise" if len(scored) == 2 else "listwise"
                expected[row["id"], a, b, cast["by"], first, verdict, difference, longer, form] += 1
    names = ("comparison", "a", "b", "judge", "first", "verdict", "difference", "longer", "form")
    assert Counter(duels_of(table).select(names).iter_rows()) == expected
    assert len(expected) > 300
    in_parts = duels_of_all(table.slice(at, 7) for at in range(0, len(table), 7))
    assert in_parts.drop("vote").equals(duels_of(table).drop("vote"))
    assert duels_of(table)["vote"].is_sorted()
    assert in_parts.height == sum(expected.values())
