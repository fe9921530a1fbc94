"""Judges that others ran: published statistics recomputed, and what they say that is not so."""

from __future__ import annotations

import gzip
import json
import math
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score

from prefkit.statistics.agreement import (
    VERDICTS,
    Scale,
    agreement,
    cohen_kappa,
    counted,
    credits_of,
)
from prefkit.statistics.order_effect import infer_order, order_effect
from prefkit.statistics.shares import Coded
from prefkit.statistics.swaps import order_fault, shown_once, swap_counts, swaps

pytestmark = pytest.mark.real

LLMBAR = [
    "LLMBar/Natural/GPT-4/Vanilla",
    "LLMBar/Natural/ChatGPT/CoT",
    "LLMBar/Adversarial/Neighbor/GPT-4/Metrics_Reference",
    "LLMBar/Adversarial/GPTInst/ChatGPT/Vanilla",
    "LLMBar/Adversarial/GPTInst/PaLM2/Vanilla",
    "Processed/MT-Bench/PaLM2/Vanilla_NoRules",
]


def read(path: Path) -> Any:
    return json.loads(gzip.decompress(path.read_bytes()))


def for_side_1(answers: list[Any]) -> Coded:
    """Answers 1, 2 and 0 or Tie as verdicts for the side that is stored first."""
    codes = {"1": 1, "2": -1, "0": 0, "Tie": 0}
    texts = [str(answer) for answer in answers]
    known = np.array([text in codes for text in texts])
    return Coded(np.array([codes.get(text, 0) for text in texts]), known)


def as_categories(verdicts: Coded) -> Coded:
    return Coded(verdicts.codes + 1, verdicts.known)


class Published:
    """One judge of LLMBar: gold, its winners in both orders, and what was published of them."""

    def __init__(self, folder: Path) -> None:
        rows = read(folder / "result.json.gz")
        self.said = json.loads((folder / "statistics.json").read_text())
        self.gold = for_side_1([row["label"] for row in rows])
        self.plain, self.swapped = (
            for_side_1([self.winner(row, f"swap = {order}") for row in rows])
            for order in (False, True)
        )
        self.clusters = np.arange(len(rows))

    @staticmethod
    def winner(row: dict[str, Any], swap: str) -> Any:
        """Some kinds of prompt store earlier answers before the last one."""
        found: Any = row["results"]
        while isinstance(found, list):
            found = found[-1]
        return found[swap].get("winner")

    def count(self, name: str) -> int:
        """The count in `92 / 100 = 92.0%`."""
        return int(self.said[name].split("/")[0])


@pytest.mark.parametrize("name", LLMBAR)
def test_llmbar_accuracy_and_positional_agreement_are_as_published(
    real_data: Path, name: str
) -> None:
    judge = Published(real_data / "judge/llmbar" / name)
    gold = as_categories(judge.gold)
    for verdicts, key in ((judge.plain, "correct_False"), (judge.swapped, "correct_True")):
        found = agreement(as_categories(verdicts), gold, judge.clusters, VERDICTS)
        right = found["class"]["percent"]
        assert right.value is not None
        assert right.value * right.n == pytest.approx(judge.count(key))
    counts = swap_counts(judge.plain, judge.swapped)
    # Two unreadable verdicts are equal to the publisher, and nothing at all here.
    assert counts.same_side + counts.none_readable == judge.count("equal")
    found = swaps(judge.plain, judge.swapped, judge.clusters)["consistency"]
    assert (found.value, found.n) == (pytest.approx(counts.same_side / counts.pairs), counts.pairs)


@pytest.mark.parametrize("name", LLMBAR)
def test_llmbar_kappa_between_the_orders_is_as_published_where_all_was_readable(
    real_data: Path, name: str
) -> None:
    judge = Published(real_data / "judge/llmbar" / name)
    one, other = (as_categories(verdicts) for verdicts in (judge.plain, judge.swapped))
    found = agreement(one, other, judge.clusters, VERDICTS)["class"]["kappa"].value
    both = one.known & other.known
    assert found == pytest.approx(cohen_kappa_score(one.codes[both], other.codes[both]))
    said = judge.said["kappa_agreement"]
    if both.all():
        assert found == pytest.approx(said)
        return
    # An unreadable verdict was published as one for side 2.
    assert found != pytest.approx(said, abs=1e-3)
    taken = [np.where(rater.known & (rater.codes == 2), 1, 0) for rater in (one, other)]
    assert cohen_kappa_score(*taken) == pytest.approx(said)


@pytest.mark.parametrize("name", LLMBAR)
def test_llmbar_kappa_against_gold_is_not_the_coefficient_that_its_name_says(
    real_data: Path, name: str
) -> None:
    judge = Published(real_data / "judge/llmbar" / name)
    everyone = np.ones(len(judge.clusters), dtype=bool)
    for verdicts, key in ((judge.plain, "kappa_False"), (judge.swapped, "kappa_True")):
        table = counted(as_categories(verdicts), as_categories(judge.gold), VERDICTS)
        assert abs(cohen_kappa(table, credits_of(3)) - judge.said[key]) > 0.1
        # What was published: gold as 1 and 2 against winners as 1 and 0, so that 2 never agrees.
        gold = Coded(np.where(judge.gold.codes == 1, 1, 2), everyone)
        winners = Coded(np.where(verdicts.known & (verdicts.codes == 1), 1, 0), everyone)
        mismatched = cohen_kappa(counted(gold, winners, Scale(3)), credits_of(3))
        assert mismatched == pytest.approx(judge.said[key])


def test_pandalm_agreement_of_humans_and_judges_is_that_of_scikit_learn(real_data: Path) -> None:
    folder = real_data / "human/pandalm"
    rows = read(folder / "testset-v1.json.gz")
    prompts = [row["instruction"] + "\n" + row["input"] for row in rows]
    clusters = np.unique(prompts, return_inverse=True)[1]
    raters = {
        f"annotator{place}": [row[f"annotator{place}"] for row in rows] for place in (1, 2, 3)
    }
    for name, field in (("pandalm-7b", "pandalm_result"), ("gpt-3.5-turbo", "gpt_result")):
        verdicts = {row["idx"]: row[field] for row in read(folder / f"{name}-testset-v1.json.gz")}
        raters[name] = [verdicts[row["idx"]] for row in rows]
    coded = {name: as_categories(for_side_1(answers)) for name, answers in raters.items()}
    assert (~coded["gpt-3.5-turbo"].known).sum() == 10, "ten verdicts are garbage, and no ties"
    for (_, one), (_, other) in combinations(coded.items(), 2):
        both = one.known & other.known
        first, second = one.codes[both], other.codes[both]
        sides = (first != 1) & (second != 1)
        found = agreement(one, other, clusters, VERDICTS)
        expected = {
            "class": (accuracy_score(first, second), cohen_kappa_score(first, second)),
            "dropped": (
                accuracy_score(first[sides], second[sides]),
                cohen_kappa_score(first[sides], second[sides]),
            ),
            "half": (
                1 - np.abs(first - second).mean() / 2,
                cohen_kappa_score(first, second, weights="linear"),
            ),
        }
        for ties, (percent, kappa) in expected.items():
            values = found[ties]["percent"], found[ties]["kappa"]
            assert [one.value for one in values] == pytest.approx([percent, kappa])
            assert all(one.low < one.value < one.high for one in values)  # type: ignore[operator]


def slot_probabilities(row: dict[str, Any]) -> tuple[float, float]:
    """The probability of output_2 as stored, and that of the label `m`, which is shown first."""
    # Equal outputs are a tie that no judge was asked about.
    if row["preference"] is None or row["raw_completion"] is None:
        return math.nan, math.nan
    top = row["raw_completion"]["logprobs"]["content"][0]["top_logprobs"]
    mass = {each["token"]: math.exp(each["logprob"]) for each in top}
    one, other = mass.get("m", 0.0), mass.get("M", 0.0)
    return row["preference"] - 1, one / (one + other)


def test_the_order_of_alpaca_eval_is_inferred_and_found_to_be_fixed_by_the_prompt(
    real_data: Path,
) -> None:
    prompts, orders, chances = [], [], []
    for path in sorted((real_data / "judge/alpaca_eval").glob("*/weighted_*.json.gz")):
        rows = read(path)
        for_side, for_first = np.array([slot_probabilities(row) for row in rows]).T
        found = infer_order(for_side, for_first)
        assert found.neither_fits == 0
        assert found.either_fits <= 1
        assert found.order.known.sum() + found.either_fits + found.null == len(rows) == 805
        shown = Counter(found.order.codes[found.order.known].tolist())
        assert 390 < shown[1] < 415, "about half of the prompts show output_2 first"
        prompts += [row["instruction"] for row in rows]
        orders.append(found.order)
        chances.append(for_side)
    clusters = np.unique(prompts, return_inverse=True)[1]
    order = Coded(*(np.concatenate(part) for part in zip(*orders, strict=True)))
    known, verdicts = order.known, np.concatenate(chances)
    assert "the order is fixed by the prompt" in str(order_fault(order, clusters))
    assert order_fault(orders[0], clusters[:805]) is None, "one model alone cannot show it"
    found = order_effect(verdicts[known], order.codes[known], clusters[known])
    first, second = (verdicts[known & (order.codes == place)].mean() for place in (1, -1))
    assert found["averaged"].value == pytest.approx((first + second) / 2)
    assert found["preference"].low < found["preference"].high  # type: ignore[operator]
    sides = Coded(np.sign(np.nan_to_num(verdicts - 0.5)).astype(np.int64), ~np.isnan(verdicts))
    once = shown_once(sides, order, clusters)
    assert once["first"].low < once["first"].value < once["first"].high  # type: ignore[operator]
    assert once["consistency"].value is None
