"""Duels of judges and people that others recorded, against plain Python over the same files."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter, defaultdict
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

from prefkit.dataset import open_dataset
from prefkit.judging.duels import duels_of_all, inferred_orders, judges_of, swapped
from prefkit.judging.gold import gold_for, human_ceiling
from prefkit.schema.ids import plain_digest
from prefkit.statistics.order_effect import order_effect
from prefkit.statistics.shares import Coded
from prefkit.statistics.swaps import swaps
from prefkit.verbs.collect_human import CollectHuman

pytestmark = pytest.mark.real

LLMBAR = [
    "LLMBar/Natural/GPT-4/Vanilla",
    "LLMBar/Adversarial/Neighbor/ChatGPT/CoT",
    "LLMBar/Adversarial/GPTInst/PaLM2/Vanilla",
    "LLMBar/Natural/Falcon/Vanilla",
]
PAIR = ["comparison", "a", "b"]


def read(path: Path) -> Any:
    return json.loads(gzip.decompress(path.read_bytes()))


def collected(place: Path, *paths: Path, **more: Any) -> pl.DataFrame:
    """The duels of files read by the readers of prefkit."""
    files = tuple(str(path) for path in paths)
    CollectHuman(paths=files, out=place / "votes", pseudonym_key=place / "key", **more)()
    return duels_of_all(open_dataset(place / "votes").batches())


def of_column(values: pl.Series) -> Coded:
    known = values.is_not_null().to_numpy()
    return Coded(values.fill_null(0).to_numpy().astype(np.int64), known)


@pytest.mark.parametrize("name", LLMBAR)
def test_llmbar_counts_consistency_and_accuracy_are_those_of_the_raw_file(
    real_data: Path, tmp_path: Path, name: str
) -> None:
    path = real_data / "judge/llmbar" / name / "result.json.gz"
    duels = collected(tmp_path, path, format="llmbar", reader={"llmbar": {"judge": "J"}})
    rows = read(path)
    winners = []
    for row in rows:
        found: Any = row["results"]
        while isinstance(found, list):
            found = found[-1]
        winners.append([found[f"swap = {order}"].get("winner") for order in (False, True)])
    read_both = [pair for pair in winners if None not in pair]

    [(judge, lines)] = judges_of(duels)
    assert judge.shown == "J"
    assert lines.height == 2 * len(rows)
    assert lines["verdict"].null_count() == sum(each is None for pair in winners for each in pair)
    pairs = swapped(lines)
    assert pairs.height == len(rows)
    sides = of_column(pairs["a_first"]), of_column(pairs["b_first"])
    consistency = swaps(*sides, pairs["cluster"].to_numpy())["consistency"]
    same = [str(one) == str(other) for one, other in read_both]
    assert (consistency.value, consistency.n) == (pytest.approx(np.mean(same)), len(read_both))

    gold = gold_for(duels, judge)
    assert (gold.kind, gold.frame.height) == ("label", len(rows))
    met = lines.drop_nulls("verdict").join(gold.frame, on=PAIR, suffix="_gold")
    # Stored order is by digest, so order by order is compared: (a, b) was shown as listed or not.
    told = [
        (str(winner), str(row["label"]))
        for row, pair in zip(rows, winners, strict=True)
        for winner in pair
        if winner is not None
    ]
    assert accuracy_score(met["verdict_gold"], met["verdict"]) == pytest.approx(
        accuracy_score([gold for _, gold in told], [winner for winner, _ in told])
    )
    first = met.filter(pl.col("verdict") != 0)
    share = (first["verdict"] == first["first"]).mean()
    slots = [
        str(winner) == str(1 + place)
        for pair in winners
        for place, winner in enumerate(pair)
        if str(winner) in ("1", "2")
    ]
    assert share == pytest.approx(np.mean(slots)), "output_1 is first unless swapped"


def test_llmbar_rationales_say_what_the_verdict_says(real_data: Path, tmp_path: Path) -> None:
    for number, name in enumerate(["Natural/GPT-4/CoT", "Adversarial/Neighbor/ChatGPT/CoT"]):
        path = real_data / "judge/llmbar/LLMBar" / name / "result.json.gz"
        place = tmp_path / str(number)
        duels = collected(place, path, format="llmbar", reader={"llmbar": {"judge": "J"}})
        [(_, lines)] = judges_of(duels)
        told = lines.drop_nulls("rationale_says")
        assert told.height > 0.95 * lines.height
        # This judge is told to end with its verdict, and the verdict was read from there.
        assert told["rationale_says"].equals(told["verdict"], check_names=False)


@pytest.mark.parametrize("judge", ["J", None])
def test_llmbar_ratings_meet_in_pairs_and_equal_ones_are_ties(
    real_data: Path, tmp_path: Path, judge: str | None
) -> None:
    path = real_data / "judge/llmbar/LLMBar/Adversarial/Neighbor/ChatGPT/Rating/result.json.gz"
    duels = collected(tmp_path, path, format="llmbar", reader={"llmbar": {"judge": judge}})
    [(_, lines)] = judges_of(duels)
    assert set(lines["form"]) == {"pointwise"}
    expected: Counter[Any] = Counter()
    for row in read(path):
        scores = [row["results"][-1][name][0].strip() for name in ("score_1", "score_2")]
        whole = all(score.isdigit() for score in scores)
        expected["tie" if scores[0] == scores[1] else "scored" if whole else "failed"] += 1
    assert Counter(lines["outcome"]) == expected
    assert swapped(lines).height == 0


def weighted(row: dict[str, Any]) -> float | None:
    """The probability of the label `m`, which alpaca_eval shows first."""
    if row["raw_completion"] is None:
        return None
    top = row["raw_completion"]["logprobs"]["content"][0]["top_logprobs"]
    mass = {each["token"]: np.exp(each["logprob"]) for each in top}
    one, other = mass.get("m", 0.0), mass.get("M", 0.0)
    return float(one / (one + other))


@pytest.mark.parametrize("model", ["alpaca-7b", "gpt-3.5-turbo-0301"])
def test_alpaca_eval_win_rate_orders_and_order_effect_are_those_of_the_raw_file(
    real_data: Path, tmp_path: Path, model: str
) -> None:
    folder = real_data / "judge/alpaca_eval"
    path = folder / model / "weighted_alpaca_eval_gpt4_turbo.json.gz"
    duels = collected(tmp_path, path, format="alpaca")
    rows = [row for row in read(path) if row["preference"] is not None]
    [(_, lines)] = judges_of(duels)
    # Equal outputs are a tie that no judge was asked about: it has no probability.
    asked = [row for row in rows if row["raw_completion"] is not None]
    assert lines["p"].count() == len(asked)
    known = lines.drop_nulls("verdict")
    assert known.height == len(rows)
    likely = pl.coalesce("p", (pl.col("verdict") + 1) / 2)
    mine = known.with_columns(
        mine=pl.when(pl.col("model_a") == model).then(likely).otherwise(1 - likely),
        # The fixed side is the model: orders and verdicts are turned to it.
        turned=pl.when(pl.col("model_a") == model).then(1).otherwise(-1),
    )
    board = (
        folder / "leaderboards/data_AlpacaEval_2/weighted_alpaca_eval_gpt4_turbo_leaderboard.csv"
    )
    with board.open() as stream:
        [published] = [row for row in csv.DictReader(stream) if row[""] == model]
    assert 100 * mine["mine"].mean() == pytest.approx(float(published["win_rate"]), abs=1e-3)

    shown = Counter[str]()
    sides, orders = [], []
    for row in rows:
        side, slot = row["preference"] - 1, weighted(row)
        if slot is None or abs(slot - 0.5) < 2e-3:
            shown["unknown" if slot is None else "either"] += 1
            continue
        shown["inferred"] += 1
        sides.append(side)
        orders.append(1 if abs(side - slot) < abs(side - (1 - slot)) else -1)
    counts = inferred_orders(known)
    assert counts.keys() <= {"inferred", "either", "unknown"}
    assert sum(counts.values()) == len(rows)
    assert abs(counts["inferred"] - shown["inferred"]) <= 1, "one row at the limit of telling"
    assert lines["first"].null_count() == lines.height
    told = mine.drop_nulls("inferred_first")
    order = (told["inferred_first"] * told["turned"]).to_numpy().astype(np.int64)
    assert Counter(order.tolist()) == Counter(orders)
    found = order_effect(told["mine"].to_numpy(), order, told["cluster"].to_numpy())
    raw = [np.mean([s for s, o in zip(sides, orders, strict=True) if o == at]) for at in (1, -1)]
    odds = np.log(raw) - np.log1p(-np.array(raw))
    assert found["order"].value == pytest.approx((odds[0] - odds[1]) / 2)


def test_alpaca_eval_rankings_by_label_tell_the_order_that_their_labels_say(
    real_data: Path, tmp_path: Path
) -> None:
    path = real_data / "judge/alpaca_eval/alpaca-7b/alpaca_eval_cot_gpt4_turbo_fn.json.gz"
    [(_, lines)] = judges_of(collected(tmp_path, path, format="alpaca"))
    # This file says as well which label each output had; nothing reads that but this test.
    labels = [row["referenced_models"] for row in read(path)]
    first = Counter(each["m"] for each in labels if each)
    told = lines.drop_nulls("inferred_first")
    shown = pl.when(pl.col("inferred_first") == 1).then("model_a").otherwise("model_b")
    assert Counter(told.select(shown)[:, 0]) == {
        "gpt4_1106_preview": first["output_1"],
        "alpaca-7b": first["output_2"],
    }
    assert inferred_orders(lines) == {"inferred": 802, "unknown": 3}


class Pandalm:
    """The human test set by pair of texts: what each person said, and each judge."""

    def __init__(self, folder: Path) -> None:
        rows = read(folder / "testset-v1.json.gz")
        self.places = dict(self.place(row) for row in rows if self.usable(row))
        self.people: dict[Any, list[list[int]]] = defaultdict(lambda: [[], [], []])
        for row in filter(self.usable, rows):
            key, turn = self.places[row["idx"]]
            for number in range(3):
                said = {0: 0, 1: 1, 2: -1}[int(row[f"annotator{number + 1}"])]
                self.people[key][number].append(said * turn)
        names = {"pandalm": "pandalm-7b", "gpt": "gpt-3.5-turbo"}
        self.judges = {
            field: self.verdicts(read(folder / f"{name}-testset-v1.json.gz"), field)
            for field, name in names.items()
        }

    @staticmethod
    def usable(row: dict[str, Any]) -> bool:
        return all(isinstance(row[name], str) for name in ("response1", "response2"))

    @staticmethod
    def place(row: dict[str, Any]) -> tuple[int, tuple[Any, int]]:
        """The pair that a row is about, and 1 if its first text is the pair's first, else -1."""
        texts = [row["response1"], row["response2"]]
        stored = sorted(texts, key=lambda text: plain_digest("assistant", text))
        return row["idx"], (
            (row["instruction"], row["input"], *stored),
            1 if texts == stored else -1,
        )

    def verdicts(self, rows: list[Any], field: str) -> dict[Any, list[int | None]]:
        found: dict[Any, list[int | None]] = defaultdict(list)
        for row in rows:
            if row["idx"] in self.places:
                key, turn = self.places[row["idx"]]
                codes = {"0": 0, "Tie": 0, "1": turn, "2": -turn}
                found[key].append(codes.get(str(row[f"{field}_result"])))
        return found

    @staticmethod
    def most(said: list[int]) -> int | None:
        [(top, count)] = Counter(said).most_common(1) or [(0, 0)]
        return top if 2 * count > len(said) else None

    def said(self) -> dict[Any, list[int | None]]:
        """The own majority of each person on each pair."""
        return {key: [self.most(each) for each in people] for key, people in self.people.items()}


def test_pandalm_gold_accuracy_and_human_agreement_are_those_of_the_raw_files(
    real_data: Path, tmp_path: Path
) -> None:
    folder = real_data / "human/pandalm"
    files = [folder / f"{name}testset-v1.json.gz" for name in ("", "pandalm-7b-", "gpt-3.5-turbo-")]
    duels = collected(tmp_path, *files, format="pandalm", with_files=(str(files[0]),))
    raw = Pandalm(folder)
    said = raw.said()
    gold = {
        key: most
        for key, people in said.items()
        if (most := raw.most([each for each in people if each is not None])) is not None
    }
    for name, lines in judges_of(duels):
        found = gold_for(duels, name)
        assert (found.kind, found.frame.height) == ("human", len(gold))
        assert sum(found.left_out.values()) == len(said) - len(gold)
        met = lines.drop_nulls("verdict").join(found.frame, on=PAIR, suffix="_gold")
        verdicts = [
            (verdict, gold[key])
            for key, told in raw.judges[str(name.by)].items()
            if key in gold
            for verdict in told
            if verdict is not None
        ]
        assert met.height == len(verdicts)
        own, truth = zip(*verdicts, strict=True)
        assert accuracy_score(met["verdict_gold"], met["verdict"]) == pytest.approx(
            accuracy_score(truth, own)
        )
        failures = sum(each is None for told in raw.judges[str(name.by)].values() for each in told)
        assert lines["verdict"].null_count() == failures

    one, other = [], []
    for people in said.values():
        for first, second in permutations([each for each in people if each is not None], 2):
            one.append(first)
            other.append(second)
    found_human = human_ceiling(duels, None, seed=1)
    assert found_human["class.percent"].value == pytest.approx(accuracy_score(one, other))
    assert found_human["class.kappa"].value == pytest.approx(cohen_kappa_score(one, other))
    assert found_human["class.percent"].n == len(one) // 2
    sides = [(x, y) for x, y in zip(one, other, strict=True) if x and y]
    agreed = accuracy_score(*zip(*sides, strict=True))
    assert found_human["ceiling"].value == pytest.approx((1 + (2 * agreed - 1) ** 0.5) / 2)
    # Where all three spoke, pooled kappa over pairs of people is that of Fleiss.
    whole = [people for people in said.values() if None not in people]
    table, _ = aggregate_raters(np.array(whole))
    assert found_human["class.kappa"].value == pytest.approx(fleiss_kappa(table), abs=5e-3)
