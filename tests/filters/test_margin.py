"""Margins by kind, by quantile, as a probability; votes and agreement."""

from __future__ import annotations

import math
from typing import Any

import pytest
from filter_runs import dropped, numbered, run, sides, values

from prefkit.errors import ConfigError
from prefkit.filters.margin import Margin, MarginQuantile, Probability
from prefkit.filters.votes import Agreement, Votes
from prefkit.step import make


def margins(kind: str | None, *numbers: float | None) -> list[Any]:
    return [
        sides(f"a{place}", "b", prompt=f"{kind} {place}", margin=number, margin_kind=kind)
        for place, number in enumerate(numbers)
    ]


def test_each_kind_has_a_limit_of_its_own() -> None:
    step = Margin(min={"rating:1-5": 1, "probability": 0.2})
    rows = [*margins("rating:1-5", 0.5, 1.0, 2.0), *margins("probability", 0.125, 0.5)]
    assert dropped(step, *rows) == [
        "margin: 0.5 < 1",
        None,
        None,
        "margin: 0.125 < 0.2",
        None,
    ]
    assert values(step, *rows) == [0.5, 1.0, 2.0, 0.125, 0.5]


def test_kinds_without_a_limit_and_rows_without_a_margin_are_left_alone() -> None:
    rows = [*margins("logit", -9.0), *margins("rating:1-5", None), *margins(None, None)]
    step = Margin(min={"rating:1-5": 1})
    assert dropped(step, *rows) == [None, None, None]
    assert values(step, *rows) == [None, None, None]
    notes = [row["checks"][0]["note"] for row in run(step, *rows)]
    assert notes == ["logit", "rating:1-5", None]


def test_a_margin_limit_needs_a_kind() -> None:
    with pytest.raises(ConfigError, match="min: Dictionary should have at least 1 item"):
        make(Margin, {"min": {}}, "curate[0]: margin")


def test_the_lowest_share_of_each_kind_goes() -> None:
    rows = [*margins("rating:1-5", *range(10)), *margins("logit", 50.0, 40.0, 30.0, 20.0, 10.0)]
    found = dropped(MarginQuantile(drop=0.2), *rows)
    # two of the ten ratings, one of the five logits
    assert found[:10] == ["margin_quantile: 0 < 2", "margin_quantile: 1 < 2", *[None] * 8]
    assert found[10:] == [None, None, None, None, "margin_quantile: 10 < 20"]


def test_pairs_at_the_quantile_stay_so_less_than_the_share_may_go() -> None:
    rows = margins("rating:1-5", 1, 2, 2, 2, 2, 2, 2, 2, 2, 2)
    assert dropped(MarginQuantile(drop=0.5), *rows) == ["margin_quantile: 1 < 2", *[None] * 9]
    even = margins("rating:1-5", 2, 2, 2, 2)
    assert dropped(MarginQuantile(drop=0.5), *even) == [None] * 4


@pytest.mark.parametrize(("share", "gone"), [(0.29, 29), (0.07, 7), (0.3, 30), (0.001, 0)])
def test_never_more_than_the_share_goes_and_a_whole_number_exactly(share: float, gone: int) -> None:
    found = dropped(MarginQuantile(drop=share), *margins("logit", *range(100)))
    assert sum(reason is not None for reason in found) == gone


def test_rows_without_a_margin_do_not_count_and_stay() -> None:
    rows = [*margins("logit", None, 1.0, 2.0), *margins(None, None)]
    assert dropped(MarginQuantile(drop=0.5), *rows) == [
        None,
        "margin_quantile: 1 < 2",
        None,
        None,
    ]
    assert values(MarginQuantile(drop=0.5), *rows) == [None, 1.0, 2.0, None]


def test_rows_dropped_by_others_do_not_count_and_its_own_do() -> None:
    rows = margins("logit", 1, 2, 3, 4)
    gone = [sides("x", "y", margin=0.0, margin_kind="logit", dropped="length: 1 < 2")] * 4
    assert dropped(MarginQuantile(drop=0.5), *gone, *rows)[4:] == [
        "margin_quantile: 1 < 3",
        "margin_quantile: 2 < 3",
        None,
        None,
    ]
    step = MarginQuantile(drop=0.5)
    once = step.fit(step.sketch(numbered(rows)))(numbered(rows))
    twice = step.fit(step.sketch(once))(once)
    assert twice["dropped"].to_pylist() == once["dropped"].to_pylist()


def test_the_floors_of_no_rows_are_none() -> None:
    step = MarginQuantile()
    assert step.fit(step.sketch(numbered([]))).model_dump() == {"floors": {}}


def test_a_probability_below_the_limit_goes_and_unknown_stays_unless_asked_for() -> None:
    rows = [sides("a", "b", p_chosen=p) for p in (0.5, 0.6, 0.99, None)]
    assert dropped(Probability(min=0.6), *rows) == ["probability: 0.5 < 0.6", None, None, None]
    strict = dropped(Probability(min=0.6, unknown=False), *rows)
    assert strict == ["probability: 0.5 < 0.6", None, None, "probability: p_chosen is not known"]
    assert values(Probability(min=0.6, unknown=False), *rows) == [0.5, 0.6, 0.99, None]


def test_too_little_agreement_goes_and_none_measured_stays() -> None:
    rows = [sides("a", "b", agreement=share) for share in (2 / 3, 0.7, 1.0, None, math.nan)]
    found = dropped(Agreement(min=0.7), *rows)
    assert found == ["agreement: 0.666667 < 0.7", None, None, None, None]


def test_too_few_votes_go() -> None:
    rows = [sides("a", "b", n_votes=votes) for votes in (0, 1, 2, 3)]
    assert dropped(Votes(min=2), *rows) == ["votes: 0 < 2", "votes: 1 < 2", None, None]
    assert values(Votes(min=2), *rows) == [0.0, 1.0, 2.0, 3.0]
