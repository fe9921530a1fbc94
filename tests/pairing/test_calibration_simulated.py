"""Judges with a planted confidence, through `prefkit pair`: what they become is known beforehand.

People prefer x with probability sigmoid(t). A judge whose log-odds are k t is k times too sure, so
the truth at its margin m is sigmoid(m / k), whatever else it does.

Tolerances are three standard errors (SE) of the planted model, not of what came out. t is normal
with spread 1.5, a pair stands where both orders agree (|k t| > 0.2), and v = p (1 - p) at the truth
p. All means are over those pairs, integrated numerically.

- A slope: one row tells mean(t^2 v) of it. k = 3: 0.217, 1,447 pairs, SE 0.056 of the slope's
  own size; k = 1/3: 0.291, 1,033 pairs, SE 0.058. Of the guess, whose slope is 0, mean(m^2) / 4 =
  2.376 and 1,420 pairs: SE 0.0172.
- A probability then errs by SE |t| v. Three SE: on average 0.027 (k = 3) and 0.033 (k = 1/3), at
  most 0.038, as |t| v is never above 0.224; of the guess SE mean(|m|) / 4, so 0.033.
- Isotonic steps have no such formula: 400 draws of the model, with scikit-learn's curve and half a
  row kept from certainty at the ends, err by 0.0249 on average (spread over draws 0.0046) and by
  0.075 at most (0.016) at k = 3, and by 0.0094 on average (0.0070) for the guess.
- The ECE of k = 3 as given is mean(gap) in bins that all err to one side: SE sqrt(mean(v) / n) =
  sqrt(0.174 / 1,447) = 0.011. Of the guess sqrt(0.25 / 1,420) = 0.013.
- The ECE after is at most what chance gives to exact probabilities plus the curve's own error
  (triangle). Ten bins of n / 10: chance 0.027 with spread 0.0066 (k = 3), 0.033 and 0.008 (guess).
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
    ("kind", "close", "far"), [("platt", 0.027, 0.038), ("isotonic", 0.039, 0.122)]
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
    assert before == pytest.approx(truth, abs=3 * 0.011)
    assert after < 0.027 + 3 * 0.0066 + close
    assert source["gain"]["brier"]["interval"][1] < 0
    assert {row["p_kind"] for row in rows} == {kind}
    assert not [row for row in rows if row["dropped"]]


@pytest.mark.parametrize(("kind", "close"), [("platt", 0.033), ("isotonic", 0.031)])
def test_a_judge_that_guesses_comes_out_at_one_half(
    tmp_path: Path, kind: str, close: float
) -> None:
    rows, sources = paired(tmp_path, kind, guess=guess)
    margins, found = of("guess", rows)
    assert np.abs(found - 0.5).mean() < close
    # As it is, it is sure: without a curve these pairs would be taken for far better than chance.
    # The mean of sigmoid(|m|) is 0.853 with an SE of 0.0035, and so the ECE 0.353.
    sure = float(sigmoid(margins).mean())
    assert sure == pytest.approx(0.853, abs=3 * 0.0035)
    assert sources["guess"]["before"]["ece"]["value"] == pytest.approx(sure - 0.5, abs=3 * 0.0133)
    assert sources["guess"]["after"]["ece"]["value"] < 0.033 + 3 * 0.008 + close


def test_judges_with_opposite_confidence_do_not_share_a_curve(tmp_path: Path) -> None:
    rows, sources = paired(tmp_path, "platt", sure=three_times, shy=a_third, guess=guess)
    for by, times, close in (("sure", 3, 0.027), ("shy", 1 / 3, 0.033)):
        margins, found = of(by, rows)
        assert np.abs(found - sigmoid(margins / times)).mean() < close
        assert sources[by]["curve"]["slope"] == pytest.approx(1 / times, rel=3 * 0.058)
        assert sources[by]["gold_rows"] == sources[by]["pairs"] == len(margins)
    assert np.abs(of("guess", rows)[1] - 0.5).mean() < 0.033
