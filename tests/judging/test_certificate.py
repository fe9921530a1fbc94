"""A judge gets a certificate for what it was shown to be, and is refused for what it lacks."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score

from prefkit.dataset.manifest import Gate
from prefkit.errors import GateFailed
from prefkit.judging.against_gold import base_rates, chance_levels, one_verdict_each
from prefkit.judging.certificate import Certificate, Check, certify, required
from prefkit.judging.columns import coded
from prefkit.judging.duels import COLUMNS
from prefkit.judging.thresholds import Thresholds, load_thresholds

USUAL = load_thresholds()
Line = dict[str, Any]


def duel(number: int, verdict: int | None, **more: Any) -> Line:
    """A judge's line about the two responses of one comparison of its own prompt."""
    usual = {
        "comparison": f"c{number}", "cluster": number, "a": 0, "b": 1, "kind": "judge",
        "judge": "gpt-x", "file": "run", "form": "pairwise", "verdict": verdict,
        "outcome": "failed" if verdict is None else "scored", "scale": "choice",
        "longer": 1 if number % 2 else -1, "order": "shown",
    }  # fmt: skip
    return usual | more


def human(number: int, verdict: int, who: str = "h1", **more: Any) -> Line:
    return duel(number, verdict, **{"kind": "human", "judge": who, "file": "people"} | more)


def frame(lines: Sequence[Line]) -> pl.DataFrame:
    columns = {name: [line.get(name) for line in lines] for name in COLUMNS}
    return pl.DataFrame(columns, schema=COLUMNS)


def people(count: int = 240, *, right: float = 0.9, seed: int = 0) -> tuple[Any, list[Line]]:
    """The truth of so many pairs, and three people who see it so often."""
    rng = np.random.default_rng(seed)
    truth = rng.choice([-1, 1], count)
    lines = [
        human(n, int(truth[n] if rng.random() < right else -truth[n]), f"h{person}")
        for n in range(count)
        for person in range(3)
    ]
    return truth, lines


def both_orders(says: Callable[[int, int], int | None], count: int = 240) -> list[Line]:
    """A judge's lines, from what it says of a pair where a (1) or b (-1) is shown first."""
    return [duel(n, says(n, first), first=first) for n in range(count) for first in (1, -1)]


def certificate(lines: Sequence[Line], limits: Thresholds = USUAL) -> Certificate:
    (found,) = certify(frame(lines), limits)
    return found


def good(truth: Any, *, right: float = 0.9, seed: int = 5) -> Callable[[int, int], int]:
    """A judge that is right so often, and says the same in both orders."""
    hits = np.random.default_rng(seed).random(len(truth)) < right
    return lambda n, first: int(truth[n] if hits[n] else -truth[n])


def test_a_good_judge_passes_every_usual_limit() -> None:
    truth, gold = people()
    found = certificate([*gold, *both_orders(good(truth))])
    assert (found.passed, found.reasons, found.left_out) == (True, (), ())
    required([found])


@pytest.mark.parametrize("persons", [1, 3])
def test_a_judge_that_is_never_wrong_passes_for_what_its_prompts_leave_open(persons: int) -> None:
    truth, _ = people(300)
    gold = [human(n, int(truth[n]), f"h{p}") for n in range(300) for p in range(persons)]
    found = certificate([*gold, *both_orders(lambda n, first: int(truth[n]), 300)])
    assert (found.passed, found.reasons) == (True, ())
    facts = found.facts()
    least = 0.025 ** (1 / 300)  # of as many prompts right, all of them would be
    a, b = float((truth == 1).mean()), float((truth == -1).mean())
    chance = a * a + b * b
    kappa = facts["ties_dropped"]["kappa"]
    assert (kappa["value"], kappa["high"], kappa["reason"]) == (1.0, 1.0, None)
    assert kappa["low"] == pytest.approx((least - chance) / (1 - chance), rel=1e-5)
    lean = facts["length"]["difference"]
    assert (lean["value"], lean["low"]) == (0.0, -lean["high"])
    assert lean["high"] == pytest.approx(1 - least, rel=1e-5)
    share = facts["ties_dropped"]["share_of_ceiling"]
    if persons > 1:
        assert share["low"] == pytest.approx(least, rel=1e-5)
        assert share["high"] == pytest.approx(1 / least, rel=1e-5)


@pytest.mark.parametrize(
    ("value", "limit", "said"),
    [
        (0.5996, 0.6, "is 0.5996, must be >= 0.6"),
        (0.59999999, 0.6, "is 0.59999999"),
        (0.4321, 0.6, "is 0.432, must be"),
        (4999, 5000, "is 4999, must be >= 5000"),
    ],
)
def test_what_fails_a_limit_never_looks_like_the_limit(
    value: float, limit: float, said: str
) -> None:
    assert said in Check("accuracy", limit, Gate("accuracy", value, limit)).said


TRUTH, GOLD = people()
RNG = np.random.default_rng(8)
COIN = RNG.choice([-1, 1], (240, 3))
FLAWS: dict[str, tuple[Callable[[int, int], int | None], list[str]]] = {
    "guesses, the same in both orders": (
        lambda n, first: int(COIN[n, 0]),
        ["accuracy (ties dropped)", "kappa (ties dropped)", "share of the human ceiling"],
    ),
    "takes the one shown first of six in ten pairs": (
        lambda n, first: first if n % 10 < 6 else int(TRUTH[n]),
        ["swap consistency"],
    ),
    "takes the longer one of four in ten pairs": (
        lambda n, first: (1 if n % 2 else -1) if n % 10 in (0, 1, 2, 5) else int(TRUTH[n]),
        ["lean to length (towards the longer)"],
    ),
    "is unreadable in one of ten": (
        lambda n, first: None if n % 10 == 0 else int(TRUTH[n]),
        ["share of unreadable verdicts"],
    ),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_is_refused_for_what_it_is(flaw: str) -> None:
    says, reasons = FLAWS[flaw]
    found = certificate([*GOLD, *both_orders(says)])
    assert found.passed is False
    for reason, start in zip(found.reasons, reasons, strict=True):
        assert reason.startswith(start)
        assert "must be" in reason


def test_a_judge_that_prefers_the_shorter_is_refused_as_well() -> None:
    says = FLAWS["takes the longer one of four in ten pairs"][0]
    lines = [line | {"longer": -line["longer"]} for line in [*GOLD, *both_orders(says)]]
    assert "lean to length (towards the shorter)" in "; ".join(certificate(lines).reasons)


def test_one_that_always_says_the_same_is_refused_by_kappa_however_right_it_is() -> None:
    gold = [human(n, 1 if n % 10 else -1, f"h{p}") for n in range(240) for p in range(2)]
    found = certificate([*gold, *both_orders(lambda n, first: 1)])
    reading = found.facts()["ties_dropped"]
    assert reading["accuracy"]["value"] == reading["base_rate"] == pytest.approx(0.9)
    assert [reason.split(" at ")[0] for reason in found.reasons] == ["kappa (ties dropped)"]


def test_too_few_pairs_or_prompts_are_refused_whatever_they_say() -> None:
    truth, gold = people(90)
    found = certificate([*gold, *both_orders(good(truth, right=1.0), 90)])
    assert found.reasons == ("gold pairs with a readable verdict is 90, must be >= 100",)
    few = [line | {"cluster": line["cluster"] % 60} for line in [*GOLD, *both_orders(good(TRUTH))]]
    assert "prompts of these pairs is 60, must be >= 75" in certificate(few).reasons


def test_one_verdict_is_made_of_both_orders_and_all_draws() -> None:
    lines = [
        *(duel(1, 1, first=1), duel(1, 1, first=-1)),  # the same: that
        *(duel(2, 1, first=1), duel(2, -1, first=-1)),  # different: a tie
        *(duel(3, 0, first=1), duel(3, 1, first=-1)),  # a tie and a side: a tie
        *(duel(4, 1, first=1), duel(4, None, first=-1)),  # one is not enough
        duel(5, -1, first=1),  # shown once
        duel(6, None, first=1),
        *(duel(7, verdict, first=1, draw=n) for n, verdict in enumerate((1, -1, 1))),
        *(duel(7, verdict, first=-1, draw=n) for n, verdict in enumerate((1, None, None))),
        *(duel(8, verdict, first=1, draw=n) for n, verdict in enumerate((1, -1))),  # a split
        *(duel(9, -1, order="unknown"), duel(9, -1, order="unknown")),
        duel(10, 1, form="pointwise", order="none"),
    ]
    found = one_verdict_each(frame(lines))
    assert found["verdict"].to_list() == [1, 0, 0, None, -1, None, 1, 0, -1, 1]
    assert found["orders"].to_list() == [
        *["both_orders"] * 4, *["one_order"] * 2, "both_orders", "one_order", "order_unknown",
        "shown_apart",
    ]  # fmt: skip


def test_numbers_are_those_of_scikit_learn_and_of_the_formulas() -> None:
    rng = np.random.default_rng(4)
    truth = rng.choice([-1, 0, 1], 300, p=[0.3, 0.2, 0.5])
    said = np.where(rng.random(300) < 0.6, truth, rng.choice([-1, 0, 1], 300))
    lines = [human(n, int(truth[n])) for n in range(300)]
    lines += both_orders(lambda n, first: int(said[n]), 300)
    facts = certificate(lines).facts()
    values = {name: one["value"] for name, one in facts["ties_as_class"].items()
              if isinstance(one, dict) and name != "share_of_ceiling"}  # fmt: skip
    assert values["accuracy"] == pytest.approx(accuracy_score(truth, said), rel=1e-5)
    assert values["kappa"] == pytest.approx(cohen_kappa_score(truth, said), rel=1e-5)
    pooled = np.array([(np.r_[truth, said] == code).mean() for code in (-1, 0, 1)])
    chance = float((pooled * (1 - pooled)).sum()) / 2
    ac1 = (accuracy_score(truth, said) - chance) / (1 - chance)
    assert values["ac"] == pytest.approx(ac1, rel=1e-5)
    sides = (truth != 0) & (said != 0)
    expected = accuracy_score(truth[sides], said[sides])
    assert facts["ties_dropped"]["accuracy"]["value"] == pytest.approx(expected, rel=1e-5)
    assert facts["ties_dropped"]["accuracy"]["n"] == sides.sum()
    half = 1 - np.abs(truth - said).mean() / 2
    assert facts["ties_half"]["accuracy"]["value"] == pytest.approx(half, rel=1e-5)


def test_chance_and_base_rates_are_those_of_guessing_and_of_one_answer() -> None:
    gold = coded(pl.Series([1, 1, 1, -1, 0], dtype=pl.Int8))
    answers = np.array([1, 1, 1, -1, 0])
    even = np.mean([1 - np.abs(answers - guess) / 2 for guess in (-1, 0, 1)])
    assert chance_levels(gold) == pytest.approx({"class": 1 / 3, "dropped": 1 / 2, "half": even})
    # Always a: 3 of 5; 3 of the 4 sides; 3 whole and half of the tie.
    assert base_rates(gold) == pytest.approx({"class": 0.6, "dropped": 0.75, "half": 0.7})
    empty = coded(pl.Series([], dtype=pl.Int8))
    assert base_rates(empty) == {"class": None, "dropped": None, "half": None}


def test_each_order_has_its_own_accuracy() -> None:
    truth, gold = people(right=1.0)
    first = certificate([*gold, *both_orders(lambda n, first: first)]).facts()["single_verdicts"]
    values = {name: one["value"] for name, one in first.items()}
    share = float((truth == 1).mean())
    assert values == pytest.approx(
        {"every_verdict": 0.5, "a_first": share, "b_first": 1 - share, "better_first": 1.0,
         "better_second": 0.0}, rel=1e-5,
    )  # fmt: skip


def test_an_order_that_nobody_wrote_down_cannot_show_consistency() -> None:
    truth, gold = people()
    lines = [duel(n, good(truth)(n, 1), order="unknown") for n in range(240)]
    found = certificate([*gold, *lines])
    assert found.passed is False
    (reason,) = found.reasons
    assert reason == (
        "swap consistency at its lower end must be shown to hold at 0.55, but: no pair is known to"
        " have been shown in both orders"
    )
    assert found.facts()["gold"]["pairs"]["order_unknown"] == 240


def test_a_judge_that_grades_one_response_at_a_time_has_no_order_to_be_consistent_in() -> None:
    truth, gold = people()
    lines = [duel(n, good(truth)(n, 1), form="pointwise", order="none") for n in range(240)]
    found = certificate([*gold, *lines])
    assert found.passed is True
    assert found.left_out == ("swap consistency: each response was judged alone, in no order",)


def test_without_two_people_on_a_pair_the_ceiling_is_left_out_or_refused() -> None:
    truth, gold = people()
    alone = [line for line in gold if line["judge"] == "h1"]
    lines = [*alone, *both_orders(good(truth))]
    found = certificate(lines)
    assert found.passed is True
    (left,) = found.left_out
    assert left.startswith("share of the human ceiling (ties dropped): the ceiling is not known")
    strict = USUAL.model_copy(update={"without_ceiling": "refuse"})
    (reason,) = certificate(lines, strict).reasons
    assert reason.startswith("share of the human ceiling (ties dropped) must be shown to hold at")
    labels = [line | {"kind": "label"} for line in alone]
    (left,) = certificate([*labels, *both_orders(good(truth))]).left_out
    assert "the gold is not of single humans" in left


def test_two_people_who_disagree_give_no_gold_but_count_for_the_ceiling() -> None:
    gold = [human(n, 1 if n % 2 else -1, "h1") for n in range(240)]
    gold += [human(n, (1 if n % 2 else -1) * (-1 if n % 6 == 0 else 1), "h2") for n in range(240)]
    facts = certificate([*gold, *both_orders(lambda n, first: 1 if n % 2 else -1)]).facts()
    assert facts["gold"]["pairs"]["gold"] == 200
    reading = facts["ties_dropped"]
    assert reading["accuracy"]["value"] == 1.0
    assert reading["human_with_human"]["value"] == pytest.approx(200 / 240, rel=1e-5)
    assert reading["with_one_human"]["value"] == pytest.approx(220 / 240, rel=1e-5)
    assert reading["share_of_ceiling"]["value"] == pytest.approx(1.1)


def test_a_judge_as_good_as_its_humans_passes_however_much_they_disagree() -> None:
    truth, gold = people(600, right=0.8)
    found = certificate([*gold, *both_orders(good(truth, right=0.8), 600)])
    reading = found.facts()["ties_dropped"]
    assert reading["human_with_human"]["value"] == pytest.approx(0.8**2 + 0.2**2, abs=0.03)
    assert reading["with_one_human"]["value"] == pytest.approx(0.8**2 + 0.2**2, abs=0.03)
    assert found.passed is True


def test_without_gold_a_judge_is_uncalibrated_and_cannot_pass_where_one_is_required() -> None:
    found = certificate(both_orders(lambda n, first: 1))
    assert found.passed is None
    assert found.reasons == ("uncalibrated: no person and no label on any pair it judged",)
    assert found.facts()["status"] == "uncalibrated"
    elsewhere = [human(n + 1_000, 1) for n in range(240)]
    assert certificate([*elsewhere, *both_orders(lambda n, first: 1)]).passed is None
    with pytest.raises(GateFailed, match="gpt-x: uncalibrated") as caught:
        required([found])
    assert caught.value.exit_code == 3
    assert "at least 100 of its pairs" in str(caught.value.hint)


def test_every_judge_without_a_certificate_is_named_with_its_reasons() -> None:
    lines = [*GOLD, *both_orders(good(TRUTH))]
    lines += [line | {"judge": "coin"} for line in both_orders(lambda n, first: int(COIN[n, 1]))]
    locked = both_orders(lambda n, first: first)
    lines += [line | {"judge": "lock", "rubric": "help@1:92d2aaaa"} for line in locked]
    found = certify(frame(lines), USUAL)
    assert [one.judge.by for one in found if one.passed] == ["gpt-x"]
    with pytest.raises(GateFailed) as caught:
        required(found)
    said = str(caught.value)
    assert said.startswith("2 of 3 judges have no certificate (usual): coin: accuracy (ties")
    assert " | lock (help@1:92d2…): " in said
    assert "swap consistency at its lower end is 0, must be >= 0.55" in said
    assert "gpt-x" not in said
    with pytest.raises(GateFailed, match="no judge has voted here"):
        required([])


def test_facts_are_plain_json_that_stands_alone() -> None:
    lines = [*GOLD, *both_orders(good(TRUTH))]
    lines = [line | {"criterion": "help", "rubric": "help@1:92d2aaaa"} for line in lines]
    facts = certificate(lines).facts()
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert (facts["rubric"], facts["criterion"], facts["status"]) == (
        "help@1:92d2aaaa", "help", "passed",
    )  # fmt: skip
    assert facts["gold"]["kind"] == "human"
    assert facts["gold"]["pairs"]["readable"] == facts["gold"]["clusters"] == 240
    assert facts["thresholds"]["sha256"] == USUAL.digest
    assert facts["ties_as_class"]["accuracy"].keys() == {
        "value", "low", "high", "n", "clusters", "reason", "method", "design_effect",
    }  # fmt: skip
    assert all(check["passed"] for check in facts["checks"])
    values = {check["name"].split(" (")[0].split(" at ")[0]: check["value"]
              for check in facts["checks"]}  # fmt: skip
    assert values == {
        "gold pairs with a readable verdict": 240,
        "prompts of these pairs": 240,
        "accuracy": facts["ties_dropped"]["accuracy"]["low"],
        "kappa": facts["ties_dropped"]["kappa"]["low"],
        "share of the human ceiling": facts["ties_dropped"]["share_of_ceiling"]["low"],
        "swap consistency": facts["swaps"]["consistency"]["low"],
        "lean to length": max(
            facts["length"]["difference"]["high"], -facts["length"]["difference"]["low"]
        ),
        "share of unreadable verdicts": facts["unreadable"]["high"],
    }
    assert "different ones are a tie" in facts["verdict"]
    ceiling = facts["human_ceiling"]["dropped.percent"]
    assert ceiling["value"] == pytest.approx(facts["ties_dropped"]["human_with_human"]["value"])


def test_equal_input_gives_equal_certificates() -> None:
    lines = [*GOLD, *both_orders(good(TRUTH))]
    assert certificate(lines).facts() == certificate(lines[::-1]).facts()
