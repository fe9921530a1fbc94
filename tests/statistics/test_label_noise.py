from __future__ import annotations

import numpy as np
import pytest

from prefkit.statistics.label_noise import label_errors, label_noise


def test_two_people_who_agree_82_times_of_100_err_once_in_ten() -> None:
    # 0.9 * 0.9 + 0.1 * 0.1 = 0.82
    ahead = np.repeat([2, 1], [82, 18])
    found = label_noise(ahead, 2 - ahead, np.arange(100))
    agreed, vote = found["agreed"], found["vote_error"]
    assert (agreed.value, agreed.n, agreed.clusters) == (0.82, 100, 100)
    assert vote.value == pytest.approx(0.1)
    assert vote.low is not None
    assert vote.high is not None
    assert vote.low < 0.1 < vote.high
    assert "agreement" in str(vote.method)


def test_a_label_errs_less_the_more_votes_it_leads_by() -> None:
    errors = label_errors(np.array([1.0, 3.0, 0.0, -1.0]), 0.1)
    assert errors == pytest.approx([0.1, 0.001 / (0.001 + 0.729), 0.5, 0.9])


def test_single_votes_take_the_error_that_the_others_tell() -> None:
    # 82 pairs with 2:0 err 0.01 / 0.82 of the time, 18 with 1:1 half of it, 100 with 1:0 0.1.
    ahead = np.repeat([2, 1, 1], [82, 18, 100])
    behind = np.repeat([0, 1, 0], [82, 18, 100])
    found = label_noise(ahead, behind, np.arange(200))
    assert found["label_error"].value == pytest.approx((82 * 0.01 / 0.82 + 18 * 0.5 + 10) / 200)
    assert found["label_error"].n == 100, "only pairs with two votes tell how far people agree"


def test_agreement_that_no_error_explains_gives_no_rate() -> None:
    ahead = np.repeat([2, 1], [10, 30])
    found = label_noise(ahead, 2 - ahead, np.arange(40))
    assert found["agreed"].value == 0.25
    assert found["label_error"].value is None
    assert "less than half" in str(found["label_error"].reason)


def test_people_who_never_differ_may_still_err() -> None:
    found = label_noise(np.full(50, 3), np.zeros(50, dtype=np.int64), np.arange(50))["vote_error"]
    assert found.value == 0
    # 1 - 0.025 ** (1 / 50) = 0.0711 of disagreement is not ruled out.
    assert found.high == pytest.approx((1 - np.sqrt(2 * (1 - 0.0711) - 1)) / 2, abs=2e-4)


def test_no_pair_with_two_votes_is_said_to_tell_nothing() -> None:
    one = np.ones(5, dtype=np.int64)
    for given in (one, np.zeros(0, dtype=np.int64)):
        found = label_noise(given, 0 * given, np.arange(len(given)))
        assert {each.value for each in found.values()} == {None}
        assert "two people" in str(found["label_error"].reason)


def test_few_prompts_give_a_rate_without_an_interval() -> None:
    ahead = np.repeat([2, 1], [82, 18])
    found = label_noise(ahead, 2 - ahead, np.arange(100) % 7)["vote_error"]
    assert found.value == pytest.approx(0.1)
    assert found.low is None
    assert found.reason is not None


def test_the_interval_holds_what_it_promises() -> None:
    # 400 runs: the Monte Carlo error of a coverage of 0.95 is 0.011.
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        ahead = 3 - rng.binomial(3, 0.15, 150)
        found = label_noise(ahead, 3 - ahead, np.arange(150))["vote_error"]
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.15 <= found.high
    assert 0.92 <= held / 400 <= 0.98
