"""Judges with a planted confidence, through `prefkit pair`: what they become is known beforehand.

People prefer x with probability sigmoid(t). A judge whose log-odds are k t is k times too sure, so
the truth at its margin m is sigmoid(m / k), whatever else it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comparison_rows import compare, table_of, vote, write_comparisons

import prefkit
from prefkit.dataset import open_dataset
from prefkit.schema.records import Comparison, Vote

Judge = Callable[[float, np.random.Generator], float]
ROWS = 1500


def sigmoid(values: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(values)))


def verdicts(odds: float, by: str, order_effect: float = 0.2) -> tuple[Vote, ...]:
    """A judge's probability for x in both orders; what is shown first gains."""
    return tuple(
        vote(p, 1 - p, kind="judge", by=by, scale="probability", order=order)
        for order, sign in (((0, 1), 1), ((1, 0), -1))
        for p in [float(sigmoid(odds + sign * order_effect))]
    )


def judged(seed: int, **judges: Judge) -> Iterator[Comparison]:
    """Every judge has comparisons of its own; one person has voted on each."""
    rng = np.random.default_rng(seed)
    for by, odds_of in judges.items():
        for number in range(ROWS):
            truth = rng.normal(0, 1.5)
            person = vote(1.0, 0.0) if rng.random() < sigmoid(truth) else vote(0.0, 1.0)
            yield compare(f"{by} {number}", ["x", "y"], person, *verdicts(odds_of(truth, rng), by))


def three_times(truth: float, rng: np.random.Generator) -> float:
    return 3 * truth


def a_third(truth: float, rng: np.random.Generator) -> float:
    return truth / 3


def guess(truth: float, rng: np.random.Generator) -> float:
    return float(rng.normal(0, 3))


def paired(folder: Path, kind: str, **judges: Judge) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The pairs, and the sources of the manifest by judge."""
    write_comparisons(folder / "judged", table_of(*judged(7, **judges)))
    prefkit.pair(folder / "judged", out=folder / "pairs", kind="judge", calibrate=kind)
    dataset = open_dataset(folder / "pairs")
    rows = [row for table in dataset.batches() for row in table.to_pylist()]
    sources = dataset.manifest["calibration"]["sources"]
    return rows, {source["judges"][0]: source for source in sources}


def of(by: str, rows: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Margins and probabilities of one judge's pairs: where both of its orders agree."""
    own = [row for row in rows if row["prompt"][0]["content"].startswith(f"{by} ")]
    assert ROWS / 2 < len(own) < ROWS
    return np.array([[row["margin"], row["p_chosen"]] for row in own], dtype=float).T


@pytest.mark.parametrize(
    ("kind", "close", "far"), [("platt", 0.02, 0.05), ("isotonic", 0.04, 0.16)]
)
def test_a_judge_three_times_too_sure_comes_out_at_the_truth(
    tmp_path: Path, kind: str, close: float, far: float
) -> None:
    rows, sources = paired(tmp_path, kind, sure=three_times)
    margins, found = of("sure", rows)
    # Both orders are averaged as log-odds, so the margin is 3 t and its truth sigmoid(m / 3).
    apart = np.abs(found - sigmoid(margins / 3))
    assert apart.mean() < close
    assert apart.max() < far
    source = sources["sure"]
    before, after = (source[part]["ece"]["value"] for part in ("before", "after"))
    truth = np.abs(sigmoid(margins) - sigmoid(margins / 3)).mean()
    assert before == pytest.approx(truth, abs=0.03)
    assert after < 0.045
    assert source["gain"]["brier"]["interval"][1] < 0
    assert {row["p_kind"] for row in rows} == {kind}
    assert not [row for row in rows if row["dropped"]]


@pytest.mark.parametrize("kind", ["platt", "isotonic"])
def test_a_judge_that_guesses_comes_out_at_one_half(tmp_path: Path, kind: str) -> None:
    rows, sources = paired(tmp_path, kind, guess=guess)
    margins, found = of("guess", rows)
    assert np.abs(found - 0.5).mean() < 0.03
    # As it is, it is sure: without a curve these pairs would be taken for far better than chance.
    assert sigmoid(margins).mean() > 0.8
    assert sources["guess"]["before"]["ece"]["value"] > 0.25
    # Ten bins of 140 rows at one half: 0.034 by chance, and twice that at the most.
    assert sources["guess"]["after"]["ece"]["value"] < 0.07


def test_judges_with_opposite_confidence_do_not_share_a_curve(tmp_path: Path) -> None:
    rows, sources = paired(tmp_path, "platt", sure=three_times, shy=a_third, guess=guess)
    for by, times in (("sure", 3), ("shy", 1 / 3)):
        margins, found = of(by, rows)
        assert np.abs(found - sigmoid(margins / times)).mean() < 0.03
        # A slope of so many rows has a spread of 6 % (200 draws of them).
        assert sources[by]["curve"]["slope"] == pytest.approx(1 / times, rel=0.18)
        assert sources[by]["gold_rows"] == sources[by]["pairs"] == len(margins)
    assert np.abs(of("guess", rows)[1] - 0.5).mean() < 0.03
