"""What people say of a pair, and how far they agree: every number by hand or by scikit-learn."""

from __future__ import annotations

import random
from typing import Any

import polars as pl
import pytest
from comparison_rows import compare, table_of, vote
from sklearn.metrics import accuracy_score, cohen_kappa_score

from prefkit.judging.duel_names import JudgeName
from prefkit.judging.duels import duels_of
from prefkit.judging.gold import Gold, gold_for, gold_of, head_counts, human_ceiling
from prefkit.schema.records import Comparison
from prefkit.schema.records import Vote as Ballot

SAYS = {"a": (1.0, 0.0), "b": (0.0, 1.0), "tie": (0.5, 0.5)}
GPT = JudgeName("gpt", None, None, None)


def person(by: str | None, said: str, **more: Any) -> Ballot:
    """A vote of a person for the text `a`, the text `b`, or neither."""
    outcome = "tie" if said == "tie" else "scored"
    return vote(*SAYS[said], **{"by": by, "outcome": outcome, **more})


def pair(prompt: str, *votes: Ballot) -> Comparison:
    return compare(prompt, ("a", "b"), *votes)


def voted(said: str, **more: Any) -> list[Ballot]:
    """People p0, p1 ... one word each."""
    return [person(f"p{place}", word, **more) for place, word in enumerate(said.split())]


def gold_by_prompt(*comparisons: Comparison, criterion: str | None = None) -> dict[str, Any]:
    """prompt -> (side, people, agreeing)."""
    table = table_of(*comparisons)
    found = gold_of(duels_of(table), criterion)
    rows = {row["id"]: row for row in table.to_pylist()}
    told = {}
    for line in found.to_dicts():
        row = rows[line["comparison"]]
        texts = [response["messages"][0]["content"] for response in row["responses"]]
        side = {1: texts[line["a"]], -1: texts[line["b"]], 0: "tie"}[line["verdict"]]
        told[row["prompt"][0]["content"]] = (side, line["votes"], line["agreeing"])
    return told


def test_gold_is_what_more_than_half_of_the_people_say() -> None:
    found = gold_by_prompt(
        pair("alone", *voted("b")),
        pair("most", *voted("a a b")),
        pair("most tie", *voted("tie a tie")),
        pair("even", *voted("a b")),
        pair("all differ", *voted("a tie b")),
        pair("half", *voted("a a b tie")),
    )
    assert found == {"alone": ("b", 1, 1), "most": ("a", 3, 2), "most tie": ("tie", 3, 2)}


def test_both_good_and_both_bad_count_as_ties() -> None:
    bare = [vote(None, None, outcome=outcome, by=outcome) for outcome in ("both_good", "both_bad")]
    assert gold_by_prompt(pair("Hi", *bare, person("p", "a"))) == {"Hi": ("tie", 3, 2)}


def test_one_person_counts_once_however_often_they_vote() -> None:
    often = [person("busy", "a", draw=draw) for draw in range(5)]
    found = gold_by_prompt(pair("Hi", *often, person("p", "b"), person("q", "b")))
    assert found == {"Hi": ("b", 3, 2)}


def test_a_person_who_takes_it_back_says_nothing() -> None:
    torn = [person("torn", "a"), person("torn", "b")]
    assert gold_by_prompt(pair("Hi", *torn, person("p", "b"))) == {"Hi": ("b", 1, 1)}
    assert gold_by_prompt(pair("Hi", *torn)) == {}


def test_votes_that_name_nobody_are_of_somebody_else_each_time() -> None:
    unnamed = [person(None, said) for said in ("a", "a", "b")]
    assert gold_by_prompt(pair("Hi", *unnamed)) == {"Hi": ("a", 3, 2)}


def test_unread_and_skipped_votes_are_no_gold() -> None:
    silent = [vote(None, None, outcome=word, by=word) for word in ("failed", "skip")]
    assert gold_by_prompt(pair("Hi", *silent, person("p", "a"))) == {"Hi": ("a", 1, 1)}
    assert gold_by_prompt(pair("Hi", *silent)) == {}


def test_criteria_are_never_mixed() -> None:
    votes = [person("p", "a"), person("p", "b", criterion="honesty")]
    assert gold_by_prompt(pair("Hi", *votes)) == {"Hi": ("a", 1, 1)}
    assert gold_by_prompt(pair("Hi", *votes), criterion="honesty") == {"Hi": ("b", 1, 1)}
    assert gold_by_prompt(pair("Hi", *votes), criterion="brevity") == {}


def test_every_two_of_a_ranking_are_gold() -> None:
    ranks = vote(-1.0, -2.0, -2.0, by="p", scale="rank")
    found = gold_of(duels_of(table_of(compare("Hi", ("x", "y", "z"), ranks))), None)
    assert sorted(found["verdict"].abs().to_list()) == [0, 1, 1]
    assert found["votes"].to_list() == [1, 1, 1]


def test_head_counts_hold_the_pairs_without_a_majority_too() -> None:
    duels = duels_of(table_of(pair("Hi", *voted("a b tie tie"))))
    [counts] = head_counts(duels, None).to_dicts()
    assert (counts["for_a"], counts["ties"], counts["for_b"]) == (1, 2, 1)
    assert (counts["votes"], counts["verdict"]) == (4, None), "half is no majority"


def gold_from(*comparisons: Comparison, judge: JudgeName = GPT) -> Gold:
    return gold_for(duels_of(table_of(*comparisons)), judge)


def judged(criterion: str | None = None, **more: Any) -> Ballot:
    return vote(1.0, 0.0, kind="judge", criterion=criterion, **{"by": "gpt", **more})


def test_people_about_the_judges_criterion_come_first_then_people_overall_then_labels() -> None:
    honest = JudgeName("gpt", None, None, "honesty")
    votes = {
        "honesty": person("p", "a", criterion="honesty"),
        "overall": person("p", "b"),
        "honest label": person(None, "b", criterion="honesty", kind="label"),
        "label": person(None, "b", kind="label"),
    }
    expected = {
        "honesty": ("human", "honesty"),
        "overall": ("human", None),
        "honest label": ("label", "honesty"),
        "label": ("label", None),
    }
    while votes:
        found = gold_from(pair("Hi", judged("honesty"), *votes.values()), judge=honest)
        name = next(iter(votes))
        assert (found.kind, found.criterion) == expected[name]
        assert "on 1 pairs that it judged" in found.said
        assert ("none about honesty" in found.said) == (expected[name][1] is None)
        assert ("no person voted" in found.said) == (expected[name][0] == "label")
        del votes[name]


def test_gold_about_something_else_is_not_taken_for_an_overall_judge() -> None:
    found = gold_from(pair("Hi", judged(), person("p", "a", criterion="honesty")))
    assert (found.kind, found.frame.height) == (None, 0)


def test_without_a_pair_in_common_there_is_no_gold_and_it_is_said() -> None:
    found = gold_from(pair("One", judged()), pair("Two", person("p", "a")))
    assert (found.kind, found.criterion, found.frame.height) == (None, None, 0)
    assert found.said == "no person and no label on any pair it judged"


def test_people_on_other_pairs_do_not_keep_labels_from_being_gold() -> None:
    found = gold_from(
        pair("One", judged(), person(None, "a", kind="label")), pair("Two", person("p", "a"))
    )
    assert found.kind == "label"


def test_an_unnamed_judge_is_one_file() -> None:
    unnamed = JudgeName(None, "mine.jsonl", None, None)
    mine = pair("One", judged(by=None, name="mine.jsonl"), person("p", "a"))
    other = pair("Two", judged(by=None, name="other.jsonl"), person("p", "a"))
    assert "on 1 pairs" in gold_from(mine, other, judge=unnamed).said


def test_what_is_no_gold_is_counted_with_its_reason() -> None:
    found = gold_from(
        pair("one", judged(), *voted("a")),
        pair("two", judged(), *voted("a b")),
        pair("three", judged(), *voted("a tie b")),
        pair("four", judged(), person("torn", "a"), person("torn", "b")),
    )
    assert found.frame.height == 1
    assert dict(found.left_out) == {
        "split: nothing has more than half": 2,
        "nobody agrees with themselves": 1,
    }


def many(seed: int = 5, prompts: int = 40) -> list[Comparison]:
    """Pairs that three people judged, who often agree; some prompts have two pairs."""
    chance = random.Random(seed)
    found = []
    for number in range(prompts):
        truth = chance.choice(["a", "b", "tie"])
        said = [
            truth if chance.random() < 0.75 else chance.choice(["a", "b", "tie"]) for _ in range(3)
        ]
        found.append(compare(f"Prompt {number // 2 if number < 8 else number}",
                             (f"{number} a", f"{number} b"), *voted(" ".join(said))))  # fmt: skip
    return found


def codes(comparisons: list[Comparison]) -> list[list[int]]:
    """What each person of each comparison said, in the stored order of the two texts."""
    table = table_of(*comparisons).to_pylist()
    return [
        [int(a > b) - int(a < b) for a, b in (each["scores"] for each in row["votes"])]
        for row in table
    ]


def test_agreement_of_people_is_that_of_scikit_learn_over_both_directions() -> None:
    comparisons = many()
    one, other = [], []
    for said in codes(comparisons):
        for first in range(3):
            for second in range(3):
                if first != second:
                    one.append(said[first])
                    other.append(said[second])
    found = human_ceiling(duels_of(table_of(*comparisons)), None, seed=3)
    assert found["class.percent"].value == pytest.approx(accuracy_score(one, other))
    assert found["class.kappa"].value == pytest.approx(cohen_kappa_score(one, other))
    kappa = cohen_kappa_score(one, other, weights="linear")
    assert found["half.kappa"].value == pytest.approx(kappa)
    sides = [(x, y) for x, y in zip(one, other, strict=True) if x and y]
    dropped = accuracy_score(*zip(*sides, strict=True))
    assert found["dropped.percent"].value == pytest.approx(dropped)
    assert found["class.percent"].n == 40 * 3, "three pairs of people on each"
    assert found["class.percent"].clusters == 36
    assert found["dropped.percent"].n == len(sides) // 2
    ceiling = found["ceiling"]
    # e = (1 - sqrt(2 a - 1)) / 2, and the most is 1 - e.
    assert ceiling.value == pytest.approx((1 + (2 * dropped - 1) ** 0.5) / 2)
    assert ceiling.low < ceiling.value < ceiling.high


def test_agreement_does_not_depend_on_what_people_are_called() -> None:
    comparisons = many()
    swapped = [
        each._replace(votes=tuple(cast._replace(by=f"q{9 - int(str(cast.by)[1:])}")
                                  for cast in reversed(each.votes)))
        for each in comparisons
    ]  # fmt: skip
    numbers = [
        {name: each.value for name, each in human_ceiling(duels_of(table_of(*some)), None).items()}
        for some in (comparisons, swapped)
    ]
    assert numbers[0] == pytest.approx(numbers[1])


def test_the_published_ceiling_of_an_agreement_is_met() -> None:
    # Agreement 0.81 implies an error of 10.6 %: 81 of 100 pairs of two people agree.
    comparisons = [
        compare(f"Prompt {number}", ("a", "b"), *voted("a a" if number < 81 else "a b"))
        for number in range(100)
    ]
    found = human_ceiling(duels_of(table_of(*comparisons)), None)
    assert found["dropped.percent"].value == pytest.approx(0.81)
    assert found["ceiling"].value == pytest.approx(1 - 0.106, abs=5e-4)


def test_a_crowd_on_one_pair_is_drawn_from_and_not_squared() -> None:
    crowd = [person(None, "a" if place % 4 else "b") for place in range(2_000)]
    pairs = [pair(f"Prompt {number}", *voted("a a")) for number in range(30)]
    found = human_ceiling(duels_of(table_of(pair("Crowd", *crowd), *pairs)), None)
    assert found["class.percent"].n == 30 + 50 * 49 // 2


def test_the_lower_end_of_a_ceiling_is_one_half_at_least() -> None:
    comparisons = [
        compare(f"Prompt {number}", ("a", "b"), *voted("a b" if number % 5 < 2 else "a a"))
        for number in range(25)
    ]
    found = human_ceiling(duels_of(table_of(*comparisons)), None)
    assert found["dropped.percent"].low < 0.5 < found["dropped.percent"].value
    assert found["ceiling"].low == 0.5
    assert found["ceiling"].value == pytest.approx((1 + 0.2**0.5) / 2)


def test_people_who_agree_less_than_by_chance_have_no_ceiling() -> None:
    comparisons = [
        compare(f"Prompt {number}", ("a", "b"), *voted("a b" if number % 4 else "a a"))
        for number in range(60)
    ]
    found = human_ceiling(duels_of(table_of(*comparisons)), None)
    assert found["dropped.percent"].value == pytest.approx(0.25)
    assert found["ceiling"].value is None
    assert "less than half" in str(found["ceiling"].reason)


@pytest.mark.parametrize(
    "votes",
    [
        voted("a"),
        [person("p", "a"), person("p", "a")],
        [judged(), person("p", "a")],
        [person("p", "a"), person("q", "a", criterion="honesty")],
        [person("p", "a"), person("torn", "a"), person("torn", "b")],
    ],
)
def test_without_two_people_on_a_pair_every_number_says_so(votes: list[Ballot]) -> None:
    found = human_ceiling(duels_of(table_of(pair("Hi", *votes))), None)
    assert len(found) == 10
    for number in found.values():
        assert number.value is None
        assert number.reason == "no two people judged the same pair"


def test_a_few_prompts_give_no_interval_and_say_why() -> None:
    found = human_ceiling(duels_of(table_of(pair("Hi", *voted("a a b")))), None)
    assert found["class.percent"].value is None
    assert "1 prompt clusters" in str(found["class.percent"].reason)
    assert "1 prompt clusters" in str(found["ceiling"].reason)


def test_gold_of_nothing_is_an_empty_frame_of_the_same_columns() -> None:
    empty = gold_of(duels_of(table_of()), None)
    some = gold_of(duels_of(table_of(pair("Hi", *voted("a")))), None)
    assert empty.height == 0
    assert empty.schema == some.schema
    assert some.schema["verdict"] == pl.Int8
