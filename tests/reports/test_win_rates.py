"""Win rates: what is counted, what is corrected by people, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from planted_duels import duel_frame, frame_of, human, planted_people, shown

from prefkit.judging.duels import judges_of
from prefkit.reports.corrected import UNCALIBRATED
from prefkit.reports.judged_pairs import judged_pairs, sides_for, sides_of_all
from prefkit.reports.win_rates import NOT_HUMAN, win_rates
from prefkit.statistics.ppi import powered_mean


def rates_of(duels: pl.DataFrame, **more: Any) -> list[dict[str, Any]]:
    return win_rates(duels, judges_of(duels), **more)


def values_of(*lines: Any) -> dict[str, float]:
    pairs = judged_pairs(duel_frame(lines), None)
    return dict(pairs.select("comparison", "value").iter_rows())


def test_the_judges_own_rate_is_listed_without_an_interval_and_never_as_the_win_rate() -> None:
    lines = [shown("c1", 1), shown("c2", 1), shown("c3", 0), shown("c4", -1), shown("c5", None)]
    (found,) = rates_of(duel_frame(lines))
    # Two wins and half a tie of four readable verdicts.
    assert found["judge_rate"] == {
        **{"value": 0.625, "low": None, "high": None, "n": 4, "clusters": 1},
        **{"reason": NOT_HUMAN, "method": None, "design_effect": None},
    }
    assert (found["model"], found["against"]) == ("M", "N")
    assert (found["showings"], found["readable"]) == (5, 0.8)
    assert found["win_rate"]["value"] is None
    assert NOT_HUMAN in found["said"]


def test_without_gold_a_judge_is_uncalibrated_and_no_number_of_preference_has_an_interval() -> None:
    rng = np.random.default_rng(51)
    people = planted_people(rng, 60, 1, 0.6)
    verdicts = {order: rng.choice([-1, 1], 60, p=[0.4, 0.6]) for order in (1, -1)}
    (found,) = rates_of(frame_of(people, verdicts, np.zeros(60, dtype=bool)))
    assert found["calibrated"] is False
    assert found["gold"] == UNCALIBRATED
    for number in (found["win_rate"], found["human_only"]):
        assert (number["value"], number["low"], number["reason"]) == (None, None, UNCALIBRATED)
    free = found["order_free"]
    for name in ("preference", "theta"):
        assert free[name]["value"] is not None
        assert (free[name]["low"], free[name]["reason"]) == (None, UNCALIBRATED)
    # How much the order sways the judge is about the judge, not about what people like.
    assert free["order"]["low"] < free["order"]["value"] < free["order"]["high"]
    assert f"no win rate, {UNCALIBRATED}" in found["said"]


def test_probabilities_in_both_orders_meet_in_the_middle_of_their_log_odds() -> None:
    # Odds of 9 and of 1: the middle is 3, which is 0.75; the plain mean would be 0.7.
    found = values_of(shown("c1", 1, 1, p=0.9), shown("c1", 0, -1, p=0.5))
    assert found["c1"] == pytest.approx(0.75)
    # Draws of one order first: log-odds of 9 and 1/9 make 1, which with 9 makes 3.
    found = values_of(
        shown("c1", 1, 1, p=0.9, draw=0),
        *(shown("c1", 1, -1, p=p, draw=draw) for draw, p in enumerate((0.9, 0.1))),
    )
    assert found["c1"] == pytest.approx(0.75)


def test_verdicts_in_both_orders_count_half_each_however_often_one_was_drawn() -> None:
    found = values_of(
        *(shown("locked", verdict, first) for verdict, first in ((1, 1), (-1, -1))),
        *(shown("leans", verdict, first) for verdict, first in ((1, 1), (0, -1))),
        *(shown("drawn", 1, 1, draw=draw) for draw in range(3)),
        shown("drawn", -1, -1, draw=0),
        shown("once", 1, -1),
        shown("half read", -1, 1),
        shown("half read", None, -1),
        shown("silent", None, 1),
    )
    assert found == {
        **{"locked": 0.5, "leans": 0.75, "drawn": 0.5},
        **{"once": 1.0, "half read": 0.0, "silent": 0.5},
    }


def test_pairs_are_turned_to_the_model_whichever_side_it_stands_on() -> None:
    duels = duel_frame(
        [
            shown("c1", 1, 1, cluster=1),
            shown("c2", 1, 1, cluster=2, model_a="N", model_b="M"),
            human("c1", 1, cluster=1),
            human("c2", -1, cluster=2, model_a="N", model_b="M"),
            shown("c3", 1, model_b="M"),
        ]
    )
    ((name, rows),) = judges_of(duels)
    assert name.by == "judge-1"
    gold = pl.DataFrame({"comparison": ["c1", "c2"], "a": 0, "b": 1, "verdict": [1, -1]})
    pairs = judged_pairs(rows, gold.cast({"a": pl.Int32, "b": pl.Int32, "verdict": pl.Int8}))
    sides = sides_for(pairs, "M", "N")
    assert sides.judged.tolist() == [1.0, 0.0]
    assert sides.labels.tolist() == [1.0, 1.0]
    assert sides_for(pairs, "N", "M").judged.tolist() == [0.0, 1.0]
    assert sides_of_all(pairs).judged.tolist() == [1.0, 0.0, 1.0], "as for M, and side a of c3"
    (found,) = rates_of(duels)
    assert (found["pairs"], found["gold_n"]) == (2, 2)
    assert found["order_free"]["known"] == 2


def test_of_more_than_two_models_each_meets_all_others_as_often_as_it_did() -> None:
    met = [("M", "N", 1), ("M", "N", 1), ("M", "O", -1), ("O", "N", -1)]
    lines = [
        shown(f"c{place}", verdict, model_a=one, model_b=other)
        for place, (one, other, verdict) in enumerate(met)
    ]
    found = rates_of(duel_frame(lines))
    rates = {(one["model"], one["against"]): one["judge_rate"]["value"] for one in found}
    assert rates == {
        **{("M", "N"): 1.0, ("M", "O"): 0.0, ("N", "O"): 1.0},
        **{("M", None): pytest.approx(2 / 3), ("N", None): pytest.approx(1 / 3), ("O", None): 0.5},
    }
    first, *_, last = rates_of(duel_frame(lines), most_pairs=2)
    assert (first["model"], first["against"]) == ("M", "N"), "the most frequent pair comes first"
    assert last["left_out"] == {"pairs_of_models": 1, "models": 1}


def test_a_judge_of_responses_without_models_says_that_there_is_no_win_rate() -> None:
    duels = duel_frame([shown("c1", 1, model_a=None), shown("c2", 1, model_b="M")])
    (found,) = rates_of(duels)
    assert found["reason"] == "no comparison of this judge names two different models"
    assert found["model"] is None


def test_the_order_free_preference_is_the_middle_of_two_logits_and_not_the_average() -> None:
    lines = []
    for place in range(100):
        lines.append(shown(f"c{place}", 1 if place % 5 else -1, 1, cluster=place))  # 0.8 for M
        lines.append(shown(f"c{place}", 1 if place % 2 else -1, -1, cluster=place))  # 0.5 for M
    (found,) = rates_of(duel_frame(lines))
    free = found["order_free"]
    # Odds of 4 and 1: the middle is 2, which is two thirds. Half of log 4 is what the order adds.
    assert free["preference"]["value"] == pytest.approx(2 / 3, abs=1e-6)
    assert free["order"]["value"] == pytest.approx(np.log(4) / 2, abs=1e-5)
    assert found["judge_rate"]["value"] == 0.65
    assert (free["known"], free["unknown"], free["inferred"]) == (200, 0, 0)


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ("pointwise", "each response was judged alone: there is no order"),
        ("pairwise", "the order shown is not known"),
    ],
)
def test_where_no_order_is_known_there_is_no_order_free_number(form: str, reason: str) -> None:
    (found,) = rates_of(duel_frame([shown(f"c{place}", 1, form=form) for place in range(3)]))
    assert found["order_free"]["reason"] == reason
    assert found["order_free"]["preference"]["value"] is None


def test_an_order_that_the_source_tells_in_two_ways_is_used_and_counted() -> None:
    lines = [
        shown(f"c{place}", 1 if place % 3 else -1, cluster=place, inferred_first=place % 2 * 2 - 1)
        for place in range(60)
    ]
    (found,) = rates_of(duel_frame(lines))
    assert (found["order_free"]["known"], found["order_free"]["inferred"]) == (60, 60)
    assert found["order_free"]["preference"]["value"] == pytest.approx(2 / 3, abs=1e-6)


def test_the_win_rate_is_ppi_on_prompt_clusters_with_all_that_belongs_to_it() -> None:
    rng = np.random.default_rng(52)
    people = planted_people(rng, 200, 2, 0.6, spread=0.3)
    right = rng.random(400) < 0.85
    verdicts = (2 * np.where(right, people.human, 1 - people.human) - 1).astype(int)
    labelled = people.clusters < 60
    (found,) = rates_of(frame_of(people, {None: verdicts}, labelled))
    y = np.where(labelled, people.human, np.nan)
    expected = powered_mean(y, labelled, (verdicts + 1) / 2, people.clusters)
    assert found["win_rate"]["value"] == pytest.approx(expected.mean.value, abs=1e-6)
    assert found["win_rate"]["low"] == pytest.approx(expected.mean.low, abs=1e-6)
    assert found["human_only"]["high"] == pytest.approx(expected.human_only.high, abs=1e-6)
    assert found["human_only"]["value"] == pytest.approx(people.human[labelled].mean(), abs=1e-6)
    assert (found["gold_n"], found["gold_clusters"], found["pairs"]) == (120, 60, 400)
    assert (found["win_rate"]["n"], found["win_rate"]["clusters"]) == (120, 60)
    assert found["trust"] == pytest.approx(expected.trust, abs=1e-5)
    assert found["width_ratio"] < 0.8
    assert found["calibrated"] is True
    for said in ("of 400 pairs", "120 gold labels of 60 prompts", "design effect", "lambda"):
        assert said in found["said"]


def test_a_win_rate_says_in_words_what_it_takes_for_granted() -> None:
    people = planted_people(np.random.default_rng(55), 200, 1, 0.6)
    verdicts = (2 * people.human - 1).astype(int)
    (some,) = rates_of(frame_of(people, {None: verdicts}, people.clusters < 60))
    assert "if the pairs with gold are a random part of all" in some["said"]
    (every,) = rates_of(frame_of(people, {None: verdicts}, people.clusters < 200))
    assert "random part" not in every["said"]


def test_prompts_that_each_have_a_win_and_a_loss_give_a_reason_and_no_traceback() -> None:
    people = planted_people(np.random.default_rng(56), 100, 2, 0.5)
    people = people._replace(human=np.tile([1, 0], 100))
    verdicts = np.random.default_rng(57).choice([-1, 1], 200)
    (found,) = rates_of(frame_of(people, {None: verdicts}, people.clusters < 60))
    assert "no win rate, the labels of every prompt balance out" in found["said"]


def test_a_preference_has_no_interval_beside_gold_too_little_for_a_win_rate() -> None:
    people = planted_people(np.random.default_rng(58), 100, 1, 0.6)
    rng = np.random.default_rng(59)
    verdicts = {order: rng.choice([-1, 1], 100, p=[0.4, 0.6]) for order in (1, -1)}
    (found,) = rates_of(frame_of(people, verdicts, people.clusters < 12))
    preference = found["order_free"]["preference"]
    assert (preference["low"], preference["high"]) == (None, None)
    assert preference["reason"] == "12 labelled prompt clusters, an interval needs 30"


def test_too_few_labels_give_no_win_rate_and_say_how_many_there_are() -> None:
    people = planted_people(np.random.default_rng(53), 100, 1, 0.6)
    verdicts = (2 * people.human - 1).astype(int)
    (found,) = rates_of(frame_of(people, {None: verdicts}, people.clusters < 12))
    assert found["win_rate"]["reason"] == "12 labelled prompt clusters, an interval needs 30"
    assert found["win_rate"]["value"] is None
    assert found["calibrated"] is False
    assert found["gold_n"] == 12
    assert found["order_free"]["reason"] == "the order shown is not known"


def test_a_reward_model_is_a_judge_and_labels_are_named_as_such() -> None:
    lines: list[Any] = []
    for place in range(80):
        lines.append(shown(f"c{place}", place % 3 - 1, kind="reward", cluster=place))
        if place < 40:
            lines.append(shown(f"c{place}", 1 - place % 2 * 2, kind="label", judge=None,
                               rubric=None, cluster=place))  # fmt: skip
    (found,) = rates_of(duel_frame(lines))
    assert found["gold"].startswith("labels")
    assert found["human_only"]["value"] == 0.5


def test_where_every_pair_is_labelled_the_judge_adds_nothing() -> None:
    people = planted_people(np.random.default_rng(54), 100, 1, 0.6)
    verdicts = (2 * people.human - 1).astype(int)
    (found,) = rates_of(frame_of(people, {None: verdicts}, np.ones(100, dtype=bool)))
    assert found["win_rate"] == found["human_only"]
    assert (found["trust"], found["width_ratio"]) == (0.0, 1.0)
    assert found["judge_on_rest"] is None
    assert "all pairs have gold, so the judge adds nothing" in found["said"]
