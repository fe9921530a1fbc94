from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from judged_rows import about, both_orders, dataset_of, person, verdict

from prefkit.reports.document import document
from prefkit.schema.records import Vote

KEY = "0123456789" * 4
"""The form of the record that prefkit writes for an answer that it asked for."""


def judges_of(folder: Path, votes: list[list[Vote]], **more: Any) -> list[dict[str, Any]]:
    """The audited judges of a dataset with these votes, a comparison each."""
    rows = [about(number, each, **more) for number, each in enumerate(votes)]
    found: list[dict[str, Any]] = document(dataset_of(folder / "data", rows))["judges"]
    return found


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Forty pairs in both orders: 28 right twice, 4 wrong twice, 5 locked first, 1 second, 2 odd.

    People prefer the better answer of the first 36; it is the shorter one.
    """
    votes = [both_orders("better", "better") for _ in range(28)]
    votes += [both_orders("worse", "worse") for _ in range(4)]
    votes += [both_orders("better", "worse") for _ in range(5)]
    votes += [both_orders("worse", "better")]
    votes += [both_orders("better", "tie"), both_orders("better", "failed")]
    for each in votes[:36]:
        each.append(person())
    return judges_of(tmp_path_factory.mktemp("swapped"), votes)[0]


def test_verdicts_are_counted_by_outcome(swapped: dict[str, Any]) -> None:
    assert (swapped["votes"], swapped["comparisons"]) == (80, 40)
    assert swapped["outcomes"] == {"failed": 1, "scored": 78, "tie": 1}
    assert swapped["by"] == "judge-x"
    assert swapped["forms"] == ["pairwise"]


def test_swap_counts_and_shares_are_those_that_were_planted(swapped: dict[str, Any]) -> None:
    order = swapped["order"]
    assert order["counts"] == {
        "same_side": 32, "both_tied": 0, "locked_first": 5, "locked_second": 1, "one_tied": 1,
        "one_readable": 1, "none_readable": 0, "pairs": 39,
    }  # fmt: skip
    assert order["basis"] == "recorded"
    assert (order["pairs_both"], order["pairs_once"], order["fault"]) == (40, 0, None)
    expected = {
        "consistency": 32 / 39,
        "consistency_decided": 32 / 38,
        "locked_first": 5 / 39,
        "locked_second": 1 / 39,
        "lock_bias": 4 / 39,
        "ties": 1 / 78,
        # 32 pairs give one verdict to each slot; of 77 verdicts for a side 32 + 10 + 1 go first.
        "first": 43 / 77,
    }
    for name, value in expected.items():
        assert order[name]["value"] == pytest.approx(value, rel=1e-5), name
        assert order[name]["low"] < value < order[name]["high"]
        assert (order[name]["n"], order[name]["clusters"]) == (39, 39)


def test_failures_have_a_share_and_a_reason(swapped: dict[str, Any]) -> None:
    failures = swapped["failures"]
    assert (failures["failed"], failures["reasons"]) == (1, {"reason not told": 1})
    assert failures["share"]["value"] == pytest.approx(1 / 80)
    assert (failures["share"]["n"], failures["share"]["clusters"]) == (80, 40)


def test_the_longer_rate_stands_beside_that_of_people_on_the_same_pairs(
    swapped: dict[str, Any],
) -> None:
    length = swapped["length"]
    # Every verdict: 8 + 5 + 1 of 79 go to the longer answer, and one tie counts half.
    assert length["longer"]["value"] == pytest.approx(14.5 / 79, rel=1e-5)
    assert length["longer"]["n"] == 79
    # Of the 36 pairs with a person, 28 are right twice, 4 wrong twice and 4 locked: a tie.
    assert length["beside"] == "human"
    assert length["judge"]["value"] == pytest.approx((4 + 4 / 2) / 36, rel=1e-5)
    assert length["human"]["value"] == 0
    assert length["difference"]["n"] == 36


def test_agreement_with_gold_is_that_of_the_certificate(swapped: dict[str, Any]) -> None:
    gold = swapped["gold"]
    assert gold["calibrated"] is True
    assert gold["kind"] == "human"
    assert gold["pairs"]["gold"] == 36
    assert gold["ties_as_class"]["accuracy"]["value"] == pytest.approx(28 / 36, rel=1e-5)
    assert gold["ties_dropped"]["accuracy"]["value"] == pytest.approx(28 / 32, rel=1e-5)
    assert gold["ties_half"]["accuracy"]["value"] == pytest.approx(30 / 36, rel=1e-5)


def test_a_pair_shown_once_tells_the_first_rate_and_nothing_of_consistency(tmp_path: Path) -> None:
    orders = ["better first", "worse first"]
    # 24 of 40 choose what was shown first: 12 of each order.
    votes = [
        [verdict("better" if (place < 24) == (place % 2 == 0) else "worse", orders[place % 2])]
        for place in range(40)
    ]
    order = judges_of(tmp_path, votes)[0]["order"]
    assert (order["pairs_both"], order["pairs_once"], order["counts"]) == (0, 40, None)
    assert order["first"]["value"] == pytest.approx(0.6)
    assert order["consistency"]["value"] is None
    assert order["consistency"]["reason"] == "each pair was judged in one order only"
    assert order["within_pairs"]["reason"] == "no pair was judged in both orders"
    assert order["ties"]["value"] == 0


def test_without_an_order_nothing_is_said_of_it_but_why(tmp_path: Path) -> None:
    judge = judges_of(tmp_path, [[verdict("better")] for _ in range(25)])[0]
    assert judge["orders"] == {"unknown": 25}
    order = judge["order"]
    assert (order["basis"], order["verdicts_unknown"]) == ("unknown", 25)
    for name in ("consistency", "first", "theta", "order", "within_pairs"):
        assert order[name]["value"] is None
        assert order[name]["reason"].startswith("order unknown")


def test_an_order_that_the_source_tells_twice_is_inferred_and_said_to_be(tmp_path: Path) -> None:
    # As alpaca_eval stores it: m is shown first, and the preference is 1 + P(output_2).
    def told(number: int) -> Vote:
        first = 0.9 if number % 2 else 0.2
        chances = {"m": first, "M": 1 - first}
        logprobs = [
            {"token": token, "logprob": math.log(chance)} for token, chance in chances.items()
        ]
        raw = {
            "preference": 1 + first,
            "raw_completion": {"logprobs": {"content": [{"top_logprobs": logprobs}]}},
        }
        return verdict("x", raw=json.dumps(raw))._replace(
            outcome="scored", scores=(1 - first, first), scale="probability"
        )

    judge = judges_of(tmp_path, [[told(number)] for number in range(40)])[0]
    assert judge["orders"] == {"inferred": 40}
    assert judge["order"]["basis"] == "inferred"
    assert judge["order"]["inferred"] == {"inferred": 40}
    assert judge["order"]["first"]["value"] == pytest.approx(0.5), "20 of 40 choose that slot"
    assert judge["order"]["consistency"]["value"] is None


def ours(word: str, **raw: Any) -> Vote:
    """A vote as prefkit writes it."""
    given = verdict(word, "better first", record=KEY, raw=json.dumps(raw))
    return given._replace(cost_usd=0.01, seconds=2.0)


def test_failures_mass_cost_and_seconds_are_read_from_votes_of_our_own(tmp_path: Path) -> None:
    votes = [[ours("better", label="A", mass=0.99)] for _ in range(20)]
    votes += [[ours("worse", label="B", mass=0.95)] for _ in range(15)]
    votes += [[ours("failed", reason="low_mass", mass=0.4)] for _ in range(4)]
    votes += [[ours("failed", reason="no_json", text='{"reason": "low_mass"}')]]
    judge = judges_of(tmp_path, votes)[0]
    assert judge["failures"]["reasons"] == {"low_mass": 4, "no_json": 1}
    assert judge["failures"]["share"]["value"] == pytest.approx(5 / 40)
    mass = judge["mass"]
    assert (mass["verdicts"], mass["least"], mass["median"]) == (39, 0.4, 0.99)
    assert mass["low"]["value"] == pytest.approx(4 / 39, rel=1e-5)
    cost = judge["cost"]
    assert (cost["total_usd"], cost["priced"], cost["unpriced"]) == (0.4, 40, 0)
    assert cost["per_verdict_usd"]["value"] == pytest.approx(0.4 / 35, rel=1e-5)
    assert judge["seconds"] == {"timed": 40, "median": 2.0, "total": 80.0, "reason": None}


def test_what_others_wrote_beside_a_verdict_is_no_reason_of_ours(tmp_path: Path) -> None:
    raw = json.dumps({"reason": "clarity", "mass": 0.1})
    votes = [[verdict("failed", "better first", raw=raw)] for _ in range(20)]
    judge = judges_of(tmp_path, votes)[0]
    assert judge["failures"]["reasons"] == {"reason not told": 20}
    assert judge["mass"]["verdicts"] == 0
    assert "first token" in judge["mass"]["low"]["reason"]


def test_what_nothing_tells_has_a_reason_and_no_number(tmp_path: Path) -> None:
    judge = judges_of(tmp_path, [[verdict("better", "better first")] for _ in range(25)])[0]
    assert judge["cost"]["total_usd"] is None
    assert judge["cost"]["per_verdict_usd"]["reason"] == "no vote says what it cost"
    assert judge["seconds"]["reason"] == "no vote says how long it took"
    assert judge["grades"]["reason"] == "no response was graded alone"
    assert judge["gold"]["calibrated"] is False
    assert judge["gold"]["ties_dropped"]["accuracy"]["value"] is None
    assert "no human answer" in judge["length"]["difference"]["reason"]
    assert judge["length"]["longer"]["value"] == 0
    assert judge["own"]["model"]["own"]["reason"].startswith("no pair has one side")
    assert judge["rationale"]["share"]["reason"] == (
        "no rationale ends by naming a side beside a verdict for one"
    )


def graded(place: int, grade: float) -> Vote:
    scores: list[float | None] = [None, None]
    scores[place] = grade
    return verdict("x", scale="rating:1-5")._replace(outcome="scored", scores=tuple(scores))


@pytest.mark.parametrize(("odd", "collapsed"), [(8, True), (9, False)])
def test_a_scale_is_collapsed_where_one_grade_has_four_of_five(
    tmp_path: Path, odd: int, collapsed: bool
) -> None:
    # 40 grades, two a comparison; `odd` of them are not 4.
    grades = [4.0] * (40 - odd) + [2.0] * odd
    votes = [
        [graded(0, grades[2 * place]), graded(1, grades[2 * place + 1])] for place in range(20)
    ]
    judge = judges_of(tmp_path, votes)[0]
    assert judge["votes"] == 40, "a grade is one vote, whatever it is compared with"
    found = judge["grades"]
    assert (found["grades"], found["used"], found["most_used"]) == (40, 2, 4.0)
    assert found["share"] == pytest.approx((40 - odd) / 40)
    assert found["collapsed"] is collapsed
    assert judge["order"]["basis"] == "alone"
    assert "judged alone" in judge["order"]["consistency"]["reason"]


def test_too_few_grades_say_nothing_of_the_scale(tmp_path: Path) -> None:
    found = judges_of(tmp_path, [[graded(0, 4.0), graded(1, 4.0)] for _ in range(9)])[0]["grades"]
    assert (found["collapsed"], found["reason"]) == (None, "18 grades are too few to say")


def test_reasons_that_end_by_naming_the_other_side_are_counted(tmp_path: Path) -> None:
    # Shown first is A, and A is the better one: "B" contradicts the verdict.
    says = ["Response A is better.", "Response B is better."]
    votes = [
        [verdict("better", "better first", rationale=says[place >= 30])] for place in range(40)
    ]
    votes += [[verdict("tie", "better first", rationale=says[0])]]
    found = judges_of(tmp_path, votes)[0]["rationale"]
    assert (found["say_a_side"], found["with_a_tie"], found["contradicting"]) == (41, 1, 10)
    assert found["share"]["value"] == pytest.approx(0.25)
    assert found["share"]["n"] == 40


def test_two_rubrics_of_one_model_are_two_judges(tmp_path: Path) -> None:
    votes = [
        [verdict("better", "better first", rubric=name) for name in ("help@1:aa", "harm@1:bb")]
        for _ in range(20)
    ]
    found = judges_of(tmp_path, votes)
    assert [judge["rubric"] for judge in found] == ["harm@1:bb", "help@1:aa"]
    assert [judge["votes"] for judge in found] == [20, 20]


def test_unnamed_judges_of_two_files_are_two_judges(tmp_path: Path) -> None:
    votes = [
        [verdict("better", by=None, name="one.json"), verdict("worse", by=None, name="two.json")]
        for _ in range(20)
    ]
    found = judges_of(tmp_path, votes)
    assert [(judge["by"], judge["file"]) for judge in found] == [
        (None, "one.json"),
        (None, "two.json"),
    ]
    assert [judge["length"]["longer"]["value"] for judge in found] == [0.0, 1.0]
