"""Audits of judges that others ran, against the same numbers made by others' libraries."""

from __future__ import annotations

import gzip
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.metrics import accuracy_score, cohen_kappa_score

from prefkit.dataset import open_dataset
from prefkit.verbs.collect_human import CollectHuman
from prefkit.verbs.report import Report

pytestmark = pytest.mark.real

LLMBAR = [
    "Natural/GPT-4/Vanilla",
    "Adversarial/Neighbor/GPT-4/Metrics_Reference",
    "Adversarial/GPTInst/ChatGPT/CoT",
    "Adversarial/GPTInst/PaLM2/Vanilla",
]
ALPACA = ["claude", "cohere", "gpt-3.5-turbo-0301"]


def read(path: Path) -> Any:
    return json.loads(gzip.decompress(path.read_bytes()))


class Row(NamedTuple):
    """One item of LLMBar: for output 1, 1 it wins, -1 it loses, null unreadable."""

    gold: int
    plain: int | None
    swapped: int | None
    longer: int
    one_is_a: bool


class Llmbar(NamedTuple):
    """A judge of LLMBar: as published, and as prefkit reports it."""

    rows: list[Row]
    audit: dict[str, Any]


def winner(row: dict[str, Any], swap: str) -> int | None:
    found: Any = row["results"]
    while isinstance(found, list):
        found = found[-1]
    return {"1": 1, "2": -1}.get(str(found[swap].get("winner")))


@pytest.fixture(scope="module", params=LLMBAR)
def llmbar(
    request: pytest.FixtureRequest, real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Llmbar:
    path = real_data / "judge/llmbar/LLMBar" / request.param / "result.json.gz"
    folder = tmp_path_factory.mktemp("llmbar") / "data"
    CollectHuman(paths=(path,), out=folder)()
    (audit,) = Report(dataset=folder)().facts["judges"]
    sides = {}
    for table in open_dataset(folder).batches(["prompt", "responses"]):
        for each in table.to_pylist():
            texts = [one["messages"][0]["content"] for one in each["responses"]]
            sides[each["prompt"][0]["content"], frozenset(texts)] = texts[0]
    rows = []
    for row in read(path):
        one, two = row["output_1"], row["output_2"]
        rows.append(
            Row(
                gold=1 if int(row["label"]) == 1 else -1,
                plain=winner(row, "swap = False"),
                swapped=winner(row, "swap = True"),
                longer=int(np.sign(len(one) - len(two))),
                one_is_a=sides[row["input"], frozenset((one, two))] == one,
            )
        )
    return Llmbar(rows, audit)


def test_swap_consistency_and_locks_are_those_of_plain_counting(llmbar: Llmbar) -> None:
    both = [(row.plain, row.swapped) for row in llmbar.rows if row.plain and row.swapped]
    counted = Counter(both)
    same = counted[1, 1] + counted[-1, -1]
    # Output 1 is shown first where it is not swapped.
    first, second = counted[1, -1], counted[-1, 1]
    order = llmbar.audit["order"]
    assert order["counts"]["same_side"] == same
    assert (order["counts"]["locked_first"], order["counts"]["locked_second"]) == (first, second)
    assert order["consistency"]["value"] == pytest.approx(same / len(both), rel=1e-5)
    assert order["lock_bias"]["value"] == pytest.approx((first - second) / len(both), abs=1e-5)
    assert order["first"]["value"] == pytest.approx((same + 2 * first) / (2 * len(both)), rel=1e-5)
    if min(first, second):
        within = math.log(first / second) / 2
        assert order["within_pairs"]["value"] == pytest.approx(within, rel=1e-4, abs=1e-6)


def test_unreadable_verdicts_are_counted_and_are_no_verdicts(llmbar: Llmbar) -> None:
    answers = [answer for row in llmbar.rows for answer in (row.plain, row.swapped)]
    assert llmbar.audit["votes"] == len(answers)
    assert llmbar.audit["failures"]["failed"] == answers.count(None)
    share = answers.count(None) / len(answers)
    assert llmbar.audit["failures"]["share"]["value"] == pytest.approx(share, abs=1e-5)


def test_the_order_effect_is_that_of_a_logistic_regression_by_statsmodels(
    llmbar: Llmbar,
) -> None:
    verdicts, orders, groups = [], [], []
    for place, row in enumerate(llmbar.rows):
        for answer, shown_one_first in ((row.plain, True), (row.swapped, False)):
            if answer is None:
                continue
            verdicts.append((answer if row.one_is_a else -answer) == 1)
            orders.append(1 if shown_one_first == row.one_is_a else -1)
            groups.append(place)
    design = sm.add_constant(np.array(orders, dtype=float))
    model = sm.GLM(np.array(verdicts, dtype=float), design, family=sm.families.Binomial())
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": np.array(groups)})
    order = llmbar.audit["order"]
    for name, place in (("theta", 0), ("order", 1)):
        found = order[name]
        assert found["value"] == pytest.approx(fit.params[place], rel=1e-3, abs=1e-5)
        assert found["n"] == len(verdicts)
        width, expected = found["high"] - found["low"], 2 * 1.96 * fit.bse[place]
        assert width == pytest.approx(expected, rel=0.2), "the clustered interval"


def test_accuracy_and_kappa_are_those_of_scikit_learn(llmbar: Llmbar) -> None:
    """One verdict a pair: two different ones are a tie, one unreadable makes the pair so."""
    judged = [row for row in llmbar.rows if row.plain and row.swapped]
    verdict = [row.plain if row.plain == row.swapped else 0 for row in judged]
    gold = [row.gold for row in judged]
    # Kappa needs the sides as stored: which output is called 1 says nothing.
    turned = [1 if row.one_is_a else -1 for row in judged]
    verdict = [one * turn for one, turn in zip(verdict, turned, strict=True)]
    gold = [one * turn for one, turn in zip(gold, turned, strict=True)]
    decided = [place for place, one in enumerate(verdict) if one]
    readings = {
        "ties_as_class": (verdict, gold),
        "ties_dropped": ([verdict[place] for place in decided], [gold[place] for place in decided]),
    }
    for name, (one, other) in readings.items():
        found = llmbar.audit["gold"][name]
        assert found["accuracy"]["value"] == pytest.approx(accuracy_score(other, one), rel=1e-5)
        assert found["kappa"]["value"] == pytest.approx(cohen_kappa_score(other, one), rel=1e-4)
        assert found["accuracy"]["n"] == len(one)
    answers = [
        (answer, row.gold) for row in llmbar.rows for answer in (row.plain, row.swapped) if answer
    ]
    single = llmbar.audit["gold"]["single_verdicts"]["every_verdict"]
    right = np.mean([answer == gold for answer, gold in answers])
    assert single["value"] == pytest.approx(right, rel=1e-5)
    assert llmbar.audit["gold"]["calibrated"] is True
    assert llmbar.audit["gold"]["kind"] == "label"


def test_the_lean_to_length_is_that_of_plain_counting(llmbar: Llmbar) -> None:
    answers = [
        answer * row.longer == 1
        for row in llmbar.rows
        for answer in (row.plain, row.swapped)
        if answer and row.longer
    ]
    length = llmbar.audit["length"]
    assert length["longer"]["value"] == pytest.approx(np.mean(answers), rel=1e-5)
    assert length["longer"]["n"] == len(answers)
    rows = [row for row in llmbar.rows if row.plain and row.swapped and row.longer]
    judge = (
        np.mean([((row.plain or 0) + (row.swapped or 0)) * row.longer for row in rows]) / 4 + 0.5
    )
    labels = np.mean([row.gold == row.longer for row in rows])
    assert length["judge"]["value"] == pytest.approx(judge, rel=1e-5)
    assert length["human"]["value"] == pytest.approx(labels, rel=1e-5)
    assert length["difference"]["value"] == pytest.approx(judge - labels, abs=1e-5)
    assert length["beside"] == "label"


class Alpaca(NamedTuple):
    """All recipes of a judge over one model's answers."""

    rows: dict[str, list[dict[str, Any]]]
    document: dict[str, Any]

    def audit(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(one for one in self.document["judges"] if one["by"] == name)
        return found


@pytest.fixture(scope="module", params=ALPACA)
def alpaca(
    request: pytest.FixtureRequest, real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Alpaca:
    paths = sorted((real_data / "judge/alpaca_eval" / request.param).glob("*.json.gz"))
    folder = tmp_path_factory.mktemp("alpaca") / "data"
    CollectHuman(paths=tuple(paths), out=folder)()
    rows = {found[0]["annotator"]: found for found in map(read, paths)}
    return Alpaca(rows, Report(dataset=folder)().facts)


def first_chance(row: dict[str, Any]) -> float | None:
    """What the raw reply says for the label `m`, which stands first: a share of mass, or a rank."""
    raw = row.get("raw_completion")
    if not isinstance(raw, dict):
        return None
    if "ordered_models" in raw:
        ranks = {each["model"]: each["rank"] for each in raw["ordered_models"]}
        # Equal ranks became a preference all the same: they tell no order.
        return None if ranks["m"] == ranks["M"] else float(ranks["m"] < ranks["M"])
    mass = {
        each["token"]: math.exp(each["logprob"])
        for each in raw["logprobs"]["content"][0]["top_logprobs"]
    }
    one, other = mass.get("m", 0.0), mass.get("M", 0.0)
    return one / (one + other)


def test_every_judge_of_alpaca_eval_is_audited_and_uncalibrated(alpaca: Alpaca) -> None:
    assert {one["by"] for one in alpaca.document["judges"]} == set(alpaca.rows)
    assert alpaca.document["calibrated"] is False
    assert {one["status"] for one in alpaca.document["certificates"]} == {"uncalibrated"}


def test_its_money_is_added_up(alpaca: Alpaca) -> None:
    for name, rows in alpaca.rows.items():
        prices = [row["price_per_example"] for row in rows if row["price_per_example"] is not None]
        cost = alpaca.audit(name)["cost"]
        assert cost["total_usd"] == pytest.approx(sum(prices), rel=1e-4)
        assert cost["priced"] == len(prices)


def test_its_lean_to_length_is_that_of_the_texts(alpaca: Alpaca) -> None:
    for name, rows in alpaca.rows.items():
        chosen = []
        for row in rows:
            longer = np.sign(len(row["output_2"]) - len(row["output_1"]))
            if row["preference"] is not None and longer and row["preference"] in (0, 1.5):
                chosen.append(0.5)
            elif row["preference"] is not None and longer:
                chosen.append(float((row["preference"] > 1.5) == (longer > 0)))
        found = alpaca.audit(name)["length"]["longer"]
        assert found["value"] == pytest.approx(np.mean(chosen), abs=2e-3), name
        assert found["n"] == pytest.approx(len(chosen), abs=3)
        assert alpaca.audit(name)["length"]["difference"]["value"] is None


def test_orders_are_inferred_where_two_answers_tell_them(alpaca: Alpaca) -> None:
    for name, rows in alpaca.rows.items():
        order = alpaca.audit(name)["order"]
        if name == "alpaca_eval_gpt4":  # its raw replies were not kept
            assert order["basis"] == "unknown"
            assert order["order"]["reason"].startswith("order unknown")
            continue
        told = []
        for row in rows:
            first = first_chance(row)
            if first is None or row["preference"] is None:
                continue
            off = sorted(abs(row["preference"] - 1 - one) for one in (first, 1 - first))
            # About one half reads the same in both orders.
            if off[0] <= 1e-3 and off[1] > 2e-3:
                told.append(first > 0.5)
        assert order["basis"] == "inferred"
        assert order["inferred"]["inferred"] == pytest.approx(len(told), abs=2)
        assert order["first"]["value"] == pytest.approx(np.mean(told), abs=2e-3)
        assert order["consistency"]["reason"] == "each pair was judged in one order only"


def test_two_recipes_agree_as_scikit_learn_says(alpaca: Alpaca) -> None:
    for group in alpaca.document["panel"]["groups"]:
        judges = group["judges"]
        for pair in group["agreement"]:
            one, other = (alpaca.rows[judges[pair[side]]] for side in ("one", "other"))
            said = {text_of(row): side_of(row) for row in one}
            both = [
                (said[text_of(row)], side_of(row))
                for row in other
                if said.get(text_of(row)) is not None and side_of(row) is not None
            ]
            if len(both) < 100:
                assert pair["percent"]["n"] == len(both)
                continue
            first, second = zip(*both, strict=True)
            expected = accuracy_score(first, second)
            assert pair["percent"]["value"] == pytest.approx(expected, abs=2e-3)
        assert group["effective_size"]["reason"].startswith("there is no gold")


def text_of(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["instruction"], row["output_1"], row["output_2"]


def side_of(row: dict[str, Any]) -> int | None:
    """2 for output 2, 1 for output 1, 0 for a tie."""
    preference = row["preference"]
    if preference is None:
        return None
    return 0 if preference in (0, 1.5) else (2 if preference > 1.5 else 1)
