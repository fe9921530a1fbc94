"""Margins, where they come from, what gold says of them, and the probabilities they become."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from comparison_rows import compare, table_of, vote
from paired import batch_of, pair, plan_of, sides

from prefkit.errors import DataError
from prefkit.pairing.calibrating import GOLD, GOLD_ROWS, Curves, curves_of
from prefkit.pairing.gold_pairs import gold_pairs, gold_plan
from prefkit.pairing.margin_sources import MarginSource
from prefkit.schema.columns import with_values
from prefkit.schema.records import Comparison, Vote

XY = ["x", "y"]
A, B, TIE = (1.0, 0.0), (0.0, 1.0), (0.5, 0.5)


def judge(for_x: float, order: tuple[int, ...] | None = (0, 1), **more: Any) -> Vote:
    """A judge that gives a probability for x."""
    more = {"kind": "judge", "by": "gpt-x", "scale": "probability", **more}
    return vote(for_x, 1 - for_x, order=order, **more)


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def test_the_margin_of_probabilities_is_the_mean_of_their_log_odds() -> None:
    both = compare("q", XY, judge(0.9), judge(0.6, (1, 0)))
    (row,) = pair(both).rows
    assert (sides(row), row["margin_kind"]) == (("x", "y"), "logit")
    assert row["margin"] == pytest.approx((logit(0.9) + logit(0.6)) / 2)
    # Locked to its first slot: 0.95 and 0.05 for x say nothing, whatever is larger.
    locked = compare("q", XY, judge(0.95), judge(0.05, (1, 0)))
    assert pair(locked).reasons == ["votes split evenly"]


@pytest.mark.parametrize(("score", "margin"), [(1.0, math.log(1e6 - 1)), (0.75, math.log(3))])
def test_a_certain_probability_counts_as_one_in_a_million(score: float, margin: float) -> None:
    (row,) = pair(compare("q", XY, judge(score))).rows
    assert row["margin"] == pytest.approx(margin)


def test_probabilities_of_single_responses_share_nothing_and_keep_their_difference() -> None:
    alone = [
        vote(*scores, kind="reward", by="rm", scale="probability")
        for scores in ((0.9, None), (None, 0.7))
    ]
    (row,) = pair(compare("q", XY, *alone)).rows
    assert (row["margin_kind"], row["margin"]) == ("probability", pytest.approx(0.2))


def test_probabilities_over_three_responses_are_odds_of_two() -> None:
    listed = vote(0.6, 0.3, 0.1, kind="judge", by="gpt-x", scale="probability")
    found = pair(compare("q", ["x", "y", "z"], listed), policy="adjacent").rows
    margins = {sides(row): row["margin"] for row in found}
    assert margins == {
        ("x", "y"): pytest.approx(math.log(2)),
        ("y", "z"): pytest.approx(math.log(3)),
    }


@pytest.mark.parametrize(
    ("score", "scale"), [(1.7, "probability"), (-0.1, "choice"), (6.0, "rating:1-5")]
)
def test_a_score_outside_its_scale_is_refused_by_name(score: float, scale: str) -> None:
    table = table_of(
        compare("q", XY, vote(1.0, 0.5 if scale != "rating:1-5" else 2.0, scale=scale))
    )
    with pytest.raises(DataError, match=rf"file.jsonl, line 1: the score {score} .* {scale}"):
        batch_of(damaged(table, score), plan_of())


def test_a_score_that_is_no_number_is_refused() -> None:
    table = table_of(compare("q", XY, vote(7.0, 1.0, scale="votes")))
    with pytest.raises(DataError, match="the score nan is not on the scale votes"):
        batch_of(damaged(table, math.nan), plan_of())


def damaged(table: pa.Table, score: float) -> pa.Table:
    """The table as a writer without checks would have left it: another first score."""
    votes = table["votes"].to_pylist()
    votes[0][0]["scores"][0] = score
    return with_values(table, "votes", pa.array(votes, table.schema.field("votes").type))


def test_a_margin_beyond_all_numbers_is_refused() -> None:
    far = vote(1e308, -1e308, kind="reward", by="rm", scale="logit")
    with pytest.raises(DataError, match="is not a finite number"):
        gold_of(compare("q", XY, far, vote(*A)))


def test_a_label_is_never_pooled_with_the_single_votes_of_its_row() -> None:
    votes = [vote(*A), vote(*B, kind="label"), vote(*B, kind="label")]
    (row,) = pair(compare("q", XY, *votes), kinds=("human", "label")).rows
    assert (sides(row), row["n_votes"]) == (("x", "y"), 1)
    (row,) = pair(compare("q", XY, *votes), kinds=("label",)).rows
    assert (sides(row), row["n_votes"]) == (("y", "x"), 2)


def gold_of(*comparisons: Comparison, **how: Any) -> pl.DataFrame:
    return gold_pairs(gold_plan(plan_of(**how)), table_of(*comparisons))


def named(*comparisons: Comparison, **how: Any) -> list[str]:
    """The sources of the pairs, in the order of the rows."""
    return [MarginSource.of(key).name for key in gold_of(*comparisons, **how)["source"]]


def test_a_panel_a_part_of_it_a_rubric_and_an_order_are_sources_of_their_own() -> None:
    other = {"by": "claude-y", "rubric": "help@1:ab"}
    several = [
        (judge(0.9), judge(0.8, (1, 0))),
        (judge(0.9),),
        (judge(0.9), judge(0.9, **other)),
        (judge(0.9, rubric="harm@2:cd"),),
        (judge(0.9, None, by=None, name="old.jsonl"),),
        (vote(4.0, 2.0, kind="judge", by="gpt-x", scale="rating:1-5", order=(0, 1)),),
        (judge(0.9, draw=0), judge(0.8, draw=1), judge(0.9, (1, 0))),
        (judge(0.9), judge(0.9, by="claude-y"), judge(0.8, (1, 0), by="claude-y")),
        (vote(1.5, None, kind="reward", by="rm", scale="logit", order=(0,)),
         vote(None, 0.5, kind="reward", by="rm", scale="logit", order=(1,))),
    ]  # fmt: skip
    rows = [compare(f"q{n}", XY, vote(*A), *votes) for n, votes in enumerate(several)]
    assert named(*rows) == [
        "judge gpt-x, logit, several orders",
        "judge gpt-x, logit, one order",
        "judge claude-y + gpt-x (help@1:ab), logit, one order",
        "judge gpt-x (harm@2:cd), logit, one order",
        "judge unnamed in old.jsonl, logit",
        "judge gpt-x, rating:1-5, one order",
        "judge gpt-x, logit, uneven orders",
        "judge claude-y + gpt-x, logit, uneven orders",
        "reward rm, logit",
    ]


def test_gold_is_of_the_chosen_side_and_ties_and_splits_are_marked() -> None:
    rows = [
        compare("agrees", XY, judge(0.9), vote(*A), vote(*A), vote(*B)),
        compare("differs", XY, judge(0.9), vote(*B)),
        compare("turned", XY, judge(0.2), vote(*B)),
        compare("tied", XY, judge(0.9), vote(*TIE, outcome="tie")),
        compare("split", XY, judge(0.9), vote(*A), vote(*B)),
        compare("no gold", XY, judge(0.9)),
        compare("no judge", XY, vote(*A)),
        compare("q2", XY, judge(0.5), vote(*A)),
    ]
    found = gold_of(*rows)
    assert [abs(n) if abs(n) > 1 else n for n in found["human_overall"]] == [1, -1, 1, 0, 9]
    assert found["margin"].to_list() == pytest.approx(
        [logit(0.9)] * 2 + [logit(0.8)] + [logit(0.9)] * 2
    )
    assert found["cluster"].n_unique() == 5
    assert found.select("human", "label", "label_overall").null_count().row(0) == (5, 5, 5)


def test_gold_by_the_same_criterion_comes_before_overall_and_people_before_labels() -> None:
    about = {"criterion": "help"}
    rows = [
        compare("q0", XY, judge(0.9, **about), vote(*A, **about), vote(*B), vote(*B, kind="label")),
        compare("q1", XY, judge(0.9, **about), vote(*B), vote(*A, kind="label", **about)),
    ]
    found = gold_of(*rows, criterion="help")
    assert found.select(list(GOLD)).rows() == [(1, -1, None, -1), (None, -1, 1, None)]


def lines(source: MarginSource, margins: np.ndarray, human: np.ndarray) -> pl.DataFrame:
    """Lines of gold, each of a prompt of its own."""
    frame = gold_of(compare("q", XY, judge(0.9), vote(*A)))
    key = frame["source"][0].replace("gpt-x", source.judges[0])
    columns = {"source": [key] * len(margins), "margin": margins, "human_overall": human}
    found = pl.DataFrame(columns).with_columns(
        cluster=pl.int_range(len(margins)),
        comparison=pl.int_range(len(margins)).cast(pl.String),
        a=0,
        b=1,
        **{name: None for name in GOLD if name != "human_overall"},
    )
    return found.select(pl.col(name).cast(kind) for name, kind in GOLD_ROWS.items())


def fitted(wrong: int = 12, rows: int = 60, kind: str = "platt") -> Curves:
    """The curve of gpt-x in one order: all margins are logit(0.9), so many are wrong."""
    human = np.where(np.arange(rows) < wrong, -1, 1)
    source = MarginSource("logit", ("judge",), ("gpt-x",), (), "one order")
    return curves_of([lines(source, np.full(rows, logit(0.9)), human)], kind)


def calibrated(*comparisons: Comparison, curves: Curves) -> list[dict[str, Any]]:
    return batch_of(table_of(*comparisons), plan_of()._replace(curves=curves)).pairs.to_pylist()


def test_a_margin_becomes_the_probability_that_gold_gives_it() -> None:
    (row,) = calibrated(compare("q", XY, judge(0.1)), curves=fitted())
    # 48 of 60 agree: (48 + 1) / (60 + 2).
    assert (row["p_chosen"], row["p_kind"]) == (pytest.approx(49 / 62, abs=1e-8), "platt")
    assert (sides(row), row["dropped"]) == (("y", "x"), None)
    assert row["checks"] == [
        {"check": "calibration", "value": 60.0, "note": "judge gpt-x, logit, one order"}
    ]
    assert row["margin"] == pytest.approx(logit(0.9))


def test_a_margin_beyond_the_gold_has_the_probability_of_its_end_and_says_so() -> None:
    near, far = calibrated(
        compare("q0", XY, judge(0.8)), compare("q1", XY, judge(0.99)), curves=fitted()
    )
    assert 0.5 < near["p_chosen"] < far["p_chosen"] == pytest.approx(49 / 62, abs=1e-8)
    assert [check["check"] for check in near["checks"]] == ["calibration"]
    assert far["checks"][1] == {
        "check": "calibration.beyond",
        "value": pytest.approx(logit(0.99)),
        "note": "beyond the margins of its gold (-2.197 to 2.197): that end's value",
    }


def test_a_pair_below_one_half_is_marked_and_not_flipped() -> None:
    # Two of three say x, but the third is far surer: the mean of the log-odds is for y.
    votes = [judge(0.6), judge(0.6), judge(0.05)]
    (row,) = calibrated(compare("q", XY, *votes), curves=fitted())
    assert (sides(row), row["margin"] < 0) == (("x", "y"), True)
    share = 1 / (1 + math.exp(-row["margin"] * logit(49 / 62) / logit(0.9)))
    assert row["p_chosen"] == pytest.approx(share, abs=1e-6)
    assert row["dropped"] == f"p_chosen: {share:.4f} < 0.5"


def test_a_source_without_enough_gold_and_one_without_any_stay_null() -> None:
    (row,) = calibrated(compare("q", XY, judge(0.9)), curves=fitted(rows=31))
    assert (row["p_chosen"], row["p_kind"], row["dropped"]) == (None, None, None)
    assert row["checks"][0]["value"] is None
    curves = fitted()
    stranger = compare("q", XY, judge(0.9, by="claude-y"))
    (row,) = calibrated(stranger, curves=curves)
    assert (row["p_chosen"], row["p_kind"]) == (None, None)
    (curve,) = fitted(rows=31).known.values()
    assert (curve.reason, curve.said) == ("31 gold rows, platt needs 50",) * 2


def test_votes_of_people_keep_their_posterior_and_their_ratings_are_no_gold_for_themselves() -> (
    None
):
    (row,) = calibrated(compare("q", XY, vote(*A)), curves=fitted())
    assert (row["p_chosen"], row["p_kind"], row["checks"]) == (0.75, "beta", [])
    stars = [vote(5.0, 1.0, scale="rating:1-5", by="p-1")]
    found = gold_of(*(compare(f"q{n}", XY, *stars) for n in range(60)), kinds=("human",))
    (curve,) = curves_of([found], "platt").known.values()
    assert curve.reason == "its votes are people's own, which gold is made of"


def test_facts_hold_the_curve_the_errors_and_what_was_left_out() -> None:
    rng = np.random.default_rng(0)
    margins = np.abs(rng.normal(0, 2, 80))
    human = np.where(rng.random(80) < 0.8, 1, -1)
    source = MarginSource("logit", ("judge",), ("gpt-x",), (), "one order")
    human[:3], human[3:5] = 0, 9
    (curve,) = curves_of([lines(source, margins, human)], "platt").known.values()
    facts = curve.facts()
    counts = ("gold_rows", "gold_clusters", "gold_ties_left_out", "gold_splits_left_out")
    assert [facts[name] for name in counts] == [75, 75, 3, 2]
    assert facts["gold"] == "people overall"
    assert (facts["calibrated"], facts["curve"]["kind"], facts["curve"]["n"]) == (True, "platt", 75)
    assert facts["gold_wrong"] == int((human == -1).sum())
    for part in ("before", "after", "gain"):
        assert set(facts[part]) == {"ece", "brier", "log_loss"}
        assert len(facts[part]["ece"]["interval"]) == 2
    assert set(facts["ece_by_chance"]) == {"before", "after"}


def test_a_curve_that_hardly_an_error_has_shaped_says_how_little_that_proves() -> None:
    (curve,) = fitted(wrong=0).known.values()
    assert curve.found.curve is not None
    # No error in 60 rows leaves room for 1 - 0.05 ** (1 / 60) = 4.87 % (Clopper and Pearson).
    note = (
        "gold finds only 0 of 60 wrong: up to 4.9% may be, and how that falls with the margin is"
        " hardly measured"
    )
    assert (curve.note, curve.facts()["note"]) == (note, note)
    assert curve.said.endswith(f"(n 60), {note}")
    notes = [next(iter(fitted(wrong=wrong).known.values())).note for wrong in (9, 10, 50)]
    assert (notes[0] is None, notes[1]) == (False, None)
    assert notes[2] == "a larger margin is not more often right: every pair gets one half"


def test_a_gold_pair_that_comes_twice_from_one_source_counts_once() -> None:
    rows = [compare(f"q{n}", XY, judge(0.9), vote(*(B if n < 12 else A))) for n in range(60)]
    found = gold_of(*rows)
    (curve,) = curves_of([found, found], "platt").known.values()
    assert curve.counts["gold_rows"] == 60
