"""People who voted on real pairs: equal to statsmodels, scikit-learn and to definitions."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

from prefkit.statistics.agreement import VERDICTS, Scale, cohen_kappa, counted, credits_of
from prefkit.statistics.annotators import UNKNOWN, Shown, annotators
from prefkit.statistics.fleiss import METRICS, agreements, coefficients
from prefkit.statistics.rater_pairs import pairwise
from prefkit.statistics.raters import Ratings, ratings_of
from prefkit.statistics.shares import Coded

pytestmark = pytest.mark.real

GRADES = (
    "a-is-better", "a-is-slightly-better", "tie", "b-is-slightly-better", "b-is-better",
)  # fmt: skip


class Votes(NamedTuple):
    """One line a vote: names of items and raters, a code, seconds, when."""

    items: list[str]
    raters: list[str]
    codes: list[int]
    seconds: list[float]
    at: list[int]

    def ratings(self) -> Ratings:
        found = ratings_of(np.array(self.items), np.array(self.raters), np.array(self.codes))
        return found._replace(codes=np.array(self.codes), points=None)


def pandalm(root: Path) -> np.ndarray:
    """Pairs by annotators: 0 for the second side, 1 a tie, 2 the first."""
    text = gzip.decompress((root / "human/pandalm/testset-v1.json.gz").read_bytes())
    said = {0: 1, 1: 2, 2: 0}
    return np.array(
        [[said[row[f"annotator{place}"]] for place in (1, 2, 3)] for row in json.loads(text)]
    )


def ukp(root: Path) -> Votes:
    found = Votes([], [], [], [], [])
    said = {"a1": 2, "equal": 1, "a2": 0}
    for path in sorted((root / "human/ukpconvarg/UKPConvArg1-full-XML").glob("*.xml.gz")):
        tree = ElementTree.fromstring(gzip.decompress(path.read_bytes()))
        for pair in tree.iter("annotatedArgumentPair"):
            seen = set()
            for vote in pair.iter("mTurkAssignment"):
                fields = {child.tag: child.text or "" for child in vote}
                assert fields["turkID"] not in seen, "nobody votes twice on a pair"
                seen.add(fields["turkID"])
                begun, done = (
                    datetime.strptime(fields[name], "%Y-%m-%d %H:%M:%S.%f %Z").timestamp()  # noqa: DTZ007 - a difference
                    for name in ("assignmentAcceptTime", "assignmentSubmitTime")
                )
                found.items.append(f"{path.name} {pair.findtext('id')}")
                found.raters.append(fields["turkID"])
                found.codes.append(said[fields["value"]])
                found.seconds.append(done - begun)
                found.at.append(int(done))
    return found


def tulu(root: Path) -> Votes:
    """The last vote of each evaluator on a pair, on the five grades."""
    path = root / "human/tulu_human_eval/eval_annotations_tulu_1.csv.gz"
    text = gzip.decompress(path.read_bytes()).decode()
    last: dict[tuple[str, str], int] = {}
    for row in csv.DictReader(io.StringIO(text)):
        if row["evaluator"]:
            sides = (row["instance_id"], row["model_a"], row["model_b"])
            last[" ".join(sides), row["evaluator"]] = GRADES.index(row["preference"])
    items, raters = zip(*last, strict=True)
    none = [float("nan")] * len(last)
    return Votes(list(items), list(raters), list(last.values()), none, [UNKNOWN] * len(last))


def by_definition(ratings: Ratings, size: int, distance: np.ndarray) -> float:
    """Alpha from pairs of ratings within items and across all of them, one at a time."""
    units: dict[int, list[int]] = {}
    for item, code in zip(ratings.items.tolist(), ratings.codes.tolist(), strict=True):
        units.setdefault(item, []).append(code)
    met = [said for said in units.values() if len(said) > 1]
    observed = sum(
        2 * sum(distance[one, other] for one, other in combinations(said, 2)) / (len(said) - 1)
        for said in met
    )
    each = Counter(code for said in met for code in said)
    n = sum(each.values())
    expected = sum(
        each[one] * each[other] * distance[one, other]
        for one in range(size)
        for other in range(size)
    )
    return float(1 - (n - 1) * observed / expected)


def same_as(table: np.ndarray, found: Any) -> None:
    """Fleiss' kappa and alpha of a complete table of items by raters."""
    counts = aggregate_raters(table, 3)[0]
    kappa = fleiss_kappa(counts)
    assert found["fleiss"] == pytest.approx(kappa)
    # Alpha of complete data differs from Fleiss' kappa by one in the number of ratings only.
    total = table.size
    assert found["alpha_nominal"] == pytest.approx(1 - (1 - kappa) * (total - 1) / total)


def test_pandalm_three_annotators_are_those_of_statsmodels_and_scikit_learn(
    real_data: Path,
) -> None:
    table = pandalm(real_data)
    items, raters = np.indices(table.shape)
    ratings = Ratings(items.ravel(), raters.ravel(), table.ravel(), len(table))
    found = agreements(ratings, np.arange(len(table)), VERDICTS, metrics=("nominal", "ordinal"))
    values = {name: each.value for name, each in found["class"].items()}
    same_as(table, values)
    pairs = list(combinations(range(3), 2))
    percent = np.mean([accuracy_score(table[:, one], table[:, other]) for one, other in pairs])
    assert values["percent"] == pytest.approx(percent)
    assert all(each.low < each.value < each.high for each in found["class"].values())  # type: ignore[operator]
    met = pairwise(ratings, np.arange(len(table)), VERDICTS)
    assert list(met) == pairs
    for (one, other), readings in met.items():
        kappa = cohen_kappa_score(table[:, one], table[:, other])
        assert readings["class"]["kappa"].value == pytest.approx(kappa)


def test_ukpconvarg_votes_are_those_of_statsmodels_where_five_were_given(real_data: Path) -> None:
    votes = ukp(real_data)
    ratings = votes.ratings()
    counts = ratings.counts(3)
    each = counts.sum(axis=1)
    assert set(each.tolist()) == {4.0, 5.0}, "some pairs have four assignments"
    full = ratings.at(each[ratings.items] == 5)
    assert coefficients(full, VERDICTS)["fleiss"] == pytest.approx(fleiss_kappa(counts[each == 5]))
    found = coefficients(ratings, VERDICTS, METRICS)
    points = np.arange(3.0)
    gap = (points[:, None] - points) ** 2
    assert found["alpha_nominal"] == pytest.approx(by_definition(ratings, 3, np.sign(gap)))
    assert found["alpha_interval"] == pytest.approx(by_definition(ratings, 3, gap))


def test_ukpconvarg_workers_have_the_consensus_and_times_of_the_file(real_data: Path) -> None:
    votes = ukp(real_data)
    ratings = votes.ratings()
    none = np.full(len(votes.items), UNKNOWN)
    shown = Shown(none, none, np.array(votes.seconds), np.array(votes.at))
    clusters = np.unique([item.split()[0] for item in votes.items], return_inverse=True)[1]
    assert len(set(clusters.tolist())) == 7
    found = annotators(ratings, np.arange(ratings.item_count), shown)
    names = sorted(set(votes.raters))
    assert [one.rater for one in found] == list(range(len(names)))
    busiest = max(found, key=lambda one: one.n)
    mine = [place for place, name in enumerate(votes.raters) if name == names[busiest.rater]]
    assert busiest.n == len(mine)
    assert busiest.seconds.value == pytest.approx(np.median([votes.seconds[at] for at in mine]))
    said: dict[str, list[tuple[str, int]]] = {}
    for item, rater, code in zip(votes.items, votes.raters, votes.codes, strict=True):
        said.setdefault(item, []).append((rater, code))
    agreed = [
        votes.codes[at] == most
        for at in mine
        if (most := consensus(said[votes.items[at]], votes.raters[at])) is not None
    ]
    assert busiest.consensus.n == len(agreed)
    assert busiest.consensus.value == pytest.approx(np.mean(agreed))
    assert busiest.drift.p is not None


def consensus(said: Sequence[tuple[str, int]], without: str) -> int | None:
    counts = Counter(code for rater, code in said if rater != without).most_common()
    return None if len(counts) > 1 and counts[0][1] == counts[1][1] else counts[0][0]


def test_tulu_evaluators_have_the_weighted_kappa_of_scikit_learn(real_data: Path) -> None:
    votes = tulu(real_data)
    ratings = votes.ratings()
    table = np.full((ratings.item_count, int(ratings.raters.max()) + 1), -1)
    table[ratings.items, ratings.raters] = ratings.codes
    compared = 0
    for one, other in combinations(range(table.shape[1]), 2):
        both = (table[:, one] >= 0) & (table[:, other] >= 0)
        first, second = table[both, one], table[both, other]
        if len(set(first.tolist())) < 2 or len(set(second.tolist())) < 2:
            continue
        compared += 1
        said = counted(*(Coded(codes, codes >= 0) for codes in (first, second)), Scale(5))
        for scheme in ("linear", "quadratic"):
            expected = cohen_kappa_score(first, second, weights=scheme, labels=list(range(5)))
            assert cohen_kappa(said, credits_of(5, scheme)) == pytest.approx(expected)
    assert compared > 5
    # Nobody met anybody else on twenty pairs: a table of two people each would say nothing.
    scale = Scale(5, tie=2, scheme="quadratic")
    assert pairwise(ratings, np.arange(ratings.item_count), scale) == {}
    found = agreements(ratings, np.arange(ratings.item_count), scale, metrics=METRICS)["class"]
    points = np.arange(5.0)
    gap = (points[:, None] - points) ** 2
    assert found["alpha_interval"].value == pytest.approx(by_definition(ratings, 5, gap))
    several = np.bincount(ratings.items) > 1
    assert found["percent"].n == several.sum()
