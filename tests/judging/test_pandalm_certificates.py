"""PandaLM's two judges against its three annotators, recomputed from the files themselves."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score
from statsmodels.stats.proportion import proportion_confint

from prefkit.collectors.human.pandalm import Pandalm
from prefkit.errors import GateFailed
from prefkit.judging.certificate import Certificate, certify, required
from prefkit.judging.duels import duels_of_all
from prefkit.judging.thresholds import load_thresholds
from prefkit.reader import Record
from prefkit.schema.build import comparison_row, comparisons_table
from prefkit.schema.ids import messages_digest
from prefkit.schema.records import Message

pytestmark = pytest.mark.real

JUDGES = {"pandalm-7b": "pandalm_result", "gpt-3.5-turbo": "gpt_result"}
JUDGED = "-testset-v1.json.gz"
CODES = {"1": 1, "2": -1, "0": 0, "Tie": 0}


def rows_of(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(gzip.decompress(path.read_bytes()))
    return rows


def records(rows: list[dict[str, Any]]) -> Iterator[Record]:
    return (Record(f"item {number}", row) for number, row in enumerate(rows, 1))


Pair = tuple[str, tuple[str, ...]]


def stored(text: str) -> str:
    """By what responses are sorted."""
    return messages_digest([Message("assistant", text)])


def most(answers: list[int]) -> int | None:
    """What more than half of the answers are."""
    found = [code for code, count in Counter(answers).items() if 2 * count > len(answers)]
    return found[0] if found else None


def verdict_of(answers: list[int | None]) -> int | None:
    """The most frequent readable answer, a tie where no answer is; null: none is readable."""
    counts = Counter(answer for answer in answers if answer is not None).most_common(2)
    if len(counts) == 2 and counts[0][1] == counts[1][1]:
        return 0
    return counts[0][0] if counts else None


class Own:
    """The answers by pair of texts, read and counted without prefkit: 1 for the first of two.

    Several models wrote the same text, so some pairs were judged several times by everybody. The
    first is the one that prefkit stores first: what chance explains, and so kappa and AC1, depends
    a little on which side has which name.
    """

    def __init__(self, folder: Path) -> None:
        self.rows = [
            row
            for row in rows_of(folder / "testset-v1.json.gz")
            if isinstance(row["response1"], str) and isinstance(row["response2"], str)
        ]
        people: dict[Pair, list[list[int]]] = {}
        for row in self.rows:
            cast = [self._for_first(row, row[f"annotator{n}"]) or 0 for n in (1, 2, 3)]
            people.setdefault(self._pair(row), []).append(cast)
        each = {pair: [most(list(own)) for own in zip(*cast, strict=True)]
                for pair, cast in people.items()}  # fmt: skip
        self.votes = {pair: [said for said in own if said is not None]
                      for pair, own in each.items()}  # fmt: skip
        self.gold = {pair: most(votes) for pair, votes in self.votes.items()}
        self.longer = {pair: int(np.sign(len(pair[1][0]) - len(pair[1][1]))) for pair in people}
        self.single: dict[str, list[int | None]] = {}
        self.said: dict[str, dict[Pair, int | None]] = {}
        for name, field in JUDGES.items():
            results = {row["idx"]: row[field] for row in rows_of(folder / f"{name}{JUDGED}")}
            self.single[name] = [self._for_first(row, results[row["idx"]]) for row in self.rows]
            answers: dict[Pair, list[int | None]] = {}
            for row, said in zip(self.rows, self.single[name], strict=True):
                answers.setdefault(self._pair(row), []).append(said)
            self.said[name] = {pair: verdict_of(said) for pair, said in answers.items()}

    @staticmethod
    def _pair(row: dict[str, Any]) -> Pair:
        prompt = f"{row['instruction']}\n\n{row['input']}"
        return prompt, tuple(sorted((row["response1"], row["response2"]), key=stored))

    @staticmethod
    def _for_first(row: dict[str, Any], answer: Any) -> int | None:
        code = CODES.get(str(answer))
        is_turned = stored(row["response1"]) > stored(row["response2"])
        return -code if code is not None and is_turned else code

    def judged(self, name: str) -> list[Pair]:
        """Pairs with an answer of the judge and of most people."""
        said = self.said[name]
        return [pair for pair, gold in self.gold.items()
                if gold is not None and said[pair] is not None]  # fmt: skip

    def both(self, name: str) -> tuple[Any, Any]:
        """The judge's and the gold's answers on these."""
        pairs = self.judged(name)
        said, gold = ([answers[pair] for pair in pairs] for answers in (self.said[name], self.gold))
        return np.array(said), np.array(gold)


@pytest.fixture(scope="module")
def pandalm(real_data: Path) -> tuple[Own, dict[str, Certificate]]:
    folder = real_data / "human/pandalm"
    tests = rows_of(folder / "testset-v1.json.gz")
    readers = [(Pandalm(), tests)]
    for name in JUDGES:
        reader = Pandalm(judge=name).join(records(tests))
        readers.append((reader, rows_of(folder / f"{name}{JUDGED}")))
    tables = []
    for number, (reader, rows) in enumerate(readers):
        found = [
            comparison_row(comparison)
            for row in reader.read(records(rows), f"file {number}")
            for comparison in row.comparisons
        ]
        tables.append(comparisons_table(found))
    certificates = certify(duels_of_all(tables), load_thresholds())
    return Own(folder), {str(one.judge.by): one for one in certificates}


def ac1(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any], codes: list[int]) -> float:
    """Gwet's AC1 as it is defined: chance is the mean of p (1 - p) over the other categories."""
    pooled = [(np.concatenate([one, other]) == code).mean() for code in codes]
    chance = sum(share * (1 - share) for share in pooled) / (len(codes) - 1)
    return float(((one == other).mean() - chance) / (1 - chance))


@pytest.mark.parametrize("name", JUDGES)
def test_accuracy_kappa_and_ac1_are_those_of_others(
    pandalm: tuple[Own, dict[str, Certificate]], name: str
) -> None:
    own, certificates = pandalm
    facts = certificates[name].facts()
    one, other = own.both(name)
    sides = (one != 0) & (other != 0)
    expected = {
        "ties_as_class": (
            accuracy_score(other, one), cohen_kappa_score(other, one), ac1(one, other, [-1, 0, 1]),
        ),
        "ties_dropped": (
            accuracy_score(other[sides], one[sides]),
            cohen_kappa_score(other[sides], one[sides]),
            ac1(one[sides], other[sides], [-1, 1]),
        ),
    }  # fmt: skip
    for section, values in expected.items():
        found = [facts[section][word]["value"] for word in ("accuracy", "kappa", "ac")]
        assert found == pytest.approx(values, rel=1e-5), section
    half = facts["ties_half"]
    assert half["accuracy"]["value"] == pytest.approx(1 - np.abs(one - other).mean() / 2, rel=1e-5)
    weighted = cohen_kappa_score(other, one, weights="linear")
    assert half["kappa"]["value"] == pytest.approx(weighted, rel=1e-5)
    counts = Counter(other.tolist())
    assert facts["gold"]["pairs"]["readable"] == counts.total()


@pytest.mark.parametrize("name", JUDGES)
def test_intervals_are_as_wide_as_those_of_independent_rows_or_wider(
    pandalm: tuple[Own, dict[str, Certificate]], name: str
) -> None:
    own, certificates = pandalm
    one, other = own.both(name)
    found = certificates[name].facts()["ties_as_class"]["accuracy"]
    low, high = proportion_confint((one == other).sum(), len(one), method="wilson")
    assert found["n"] == len(one)
    # 540 pairs of 111 prompts: a design effect of at most 1.8, and Student's t of unequal prompts.
    assert 0.9 < (found["high"] - found["low"]) / (high - low) < 1.4


@pytest.mark.parametrize("name", JUDGES)
def test_the_ceiling_is_that_of_all_pairs_of_annotators(
    pandalm: tuple[Own, dict[str, Certificate]], name: str
) -> None:
    own, certificates = pandalm
    facts = certificates[name].facts()
    known = [(said, own.votes[pair]) for pair, said in own.said[name].items()
             if said is not None and len(own.votes[pair]) > 1]  # fmt: skip
    with_one = np.mean([np.mean([said == vote for vote in votes]) for said, votes in known])
    together = np.mean([np.mean([x == y for x, y in combinations(votes, 2)]) for _, votes in known])
    found = facts["ties_as_class"]
    assert found["with_one_human"]["value"] == pytest.approx(with_one, rel=1e-5)
    assert found["human_with_human"]["value"] == pytest.approx(together, rel=1e-5)
    assert found["share_of_ceiling"]["value"] == pytest.approx(with_one / together, rel=1e-5)
    every = [x == y for votes in own.votes.values() for x, y in combinations(votes, 2)]
    assert facts["human_ceiling"]["class.percent"]["value"] == pytest.approx(
        np.mean(every), rel=1e-5
    )


@pytest.mark.parametrize("name", JUDGES)
def test_the_lean_to_length_and_the_unreadable_share_are_counted_anew(
    pandalm: tuple[Own, dict[str, Certificate]], name: str
) -> None:
    own, certificates = pandalm
    facts = certificates[name].facts()
    pairs = [pair for pair in own.judged(name) if own.longer[pair]]
    rates = [
        np.mean([((answers[pair] or 0) * own.longer[pair] + 1) / 2 for pair in pairs])
        for answers in (own.said[name], own.gold)
    ]
    assert facts["length"]["judge"]["value"] == pytest.approx(rates[0], rel=1e-5)
    assert facts["length"]["human"]["value"] == pytest.approx(rates[1], rel=1e-5)
    assert facts["length"]["difference"]["value"] == pytest.approx(rates[0] - rates[1], rel=1e-4)
    silent = [answer is None for answer in own.single[name]]
    assert facts["unreadable"]["value"] == pytest.approx(np.mean(silent), rel=1e-5)
    assert facts["unreadable"]["n"] == len(own.rows)


def test_neither_judge_passes_for_nobody_wrote_down_who_was_shown_first(
    pandalm: tuple[Own, dict[str, Certificate]],
) -> None:
    _, certificates = pandalm
    for one in certificates.values():
        assert one.passed is False
        assert any(reason.startswith("swap consistency") for reason in one.reasons)
        assert one.facts()["gold"]["pairs"]["order_unknown"] > 500
    with pytest.raises(GateFailed, match="2 of 2 judges have no certificate"):
        required(certificates.values())
