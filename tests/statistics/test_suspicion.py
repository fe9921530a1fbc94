from __future__ import annotations

import numpy as np
import pytest

from prefkit.statistics.confident import confident_flags
from prefkit.statistics.suspicion import Material, flips, odds_of, one_vote_out, self_test
from prefkit.statistics.word_model import word_matrix


def test_no_label_is_turned_twice_and_runs_are_made_until_200_are() -> None:
    runs = flips(1000, seed=1)
    assert [int(one.sum()) for one in runs] == [50, 50, 50, 50]
    assert np.sum(runs, axis=0).max() == 1
    assert len(flips(20_000, seed=1)) == 1
    assert [int(one.sum()) for one in flips(7, seed=1)] == [1] * 5
    assert len(flips(1, seed=1)) == 1
    assert flips(0, seed=1) == []
    assert (flips(1000, seed=1)[0] == runs[0]).all()


def test_a_witness_that_errs_independently_finds_as_the_law_says() -> None:
    # Right about the truth at 0.8, labels wrong at 0.1: 0.8 * 0.9 + 0.2 * 0.1 = 0.74.
    rng = np.random.default_rng(0)
    count = 6000
    label = np.where(rng.random(count) < 0.1, -1.0, 1.0)
    says = np.where(rng.random(count) < 0.2, -1.0, 1.0) * label
    found = self_test(Material(says[:, None], np.arange(count)))
    area = found.witnesses[0]["auc"]
    assert area.value == pytest.approx(0.74, abs=0.04)
    assert area.low is not None
    assert area.high is not None
    assert area.low < 0.74 < area.high
    assert found.together["auc"].value == pytest.approx(area.value, abs=0.01)
    assert (found.flipped, found.runs) == (300, 1)
    assert area.n == count
    assert found.words["auc"].value is None


def test_labels_at_random_are_not_found() -> None:
    rng = np.random.default_rng(2)
    count = 800
    texts = [
        " ".join(rng.choice(list("abcdefghij"), 8, replace=True)) + " word"
        for _ in range(2 * count)
    ]
    words = word_matrix([f"w{t} {t.replace(' ', ' x')}" for t in texts[:count]], texts[count:])
    assert words is not None
    values = rng.choice([-1.0, 1.0], (count, 2))
    # Sides are turned at random, so nothing tells which is chosen.
    signs = rng.choice([-1.0, 1.0], count)
    material = Material(
        values,
        np.arange(count),
        words.difference.multiply(signs[:, None]).tocsr(),
        np.arange(count),
    )
    found = self_test(material)
    for one in (*found.witnesses, found.words, found.together):
        assert one["auc"].value == pytest.approx(0.5, abs=0.08)


def test_no_label_scores_itself_nor_does_one_of_its_prompt() -> None:
    """Each prompt has a word of its own: a model that saw its labels would be sure of them."""
    prompts = np.repeat(np.arange(80), 5)
    words = word_matrix([f"own{prompt} same" for prompt in prompts], ["same other"] * 400)
    assert words is not None
    assert "own0" in words.words
    signs = np.random.default_rng(0).choice([-1.0, 1.0], 400)
    material = Material(np.zeros((400, 0)), prompts, words.difference, np.arange(400))
    turned = np.where(prompts == 0, -signs, signs)
    before, after = (odds_of(material, one) for one in (signs, turned))
    assert after.words[:5] == pytest.approx(-before.words[:5], abs=1e-9)
    assert before.words[:5].any()


def test_a_witness_counts_nothing_where_it_is_silent() -> None:
    rng = np.random.default_rng(4)
    says = np.where(rng.random(500) < 0.2, -1.0, 1.0)
    says[:100] = np.nan
    odds = odds_of(Material(says[:, None], np.arange(500)), np.ones(500))
    assert (odds.together[:100] == 0).all()
    assert (np.sign(odds.together[100:]) == says[100:]).all()


def test_other_votes_find_a_single_vote_that_was_turned() -> None:
    # Three people who never err: two others always speak against a turned label.
    three, none = np.full(400, 3), np.zeros(400, dtype=np.int64)
    found = one_vote_out(three, none, np.arange(400))
    assert found["auc"].value == 1
    assert found["precision"].value == 1
    assert found["auc"].n == 400


def test_single_votes_have_no_others_to_be_tested_by() -> None:
    one, none = np.ones(40, dtype=np.int64), np.zeros(40, dtype=np.int64)
    found = one_vote_out(one, none, np.arange(40))
    assert {each.value for each in found.values()} == {None}


def test_confident_learning_flags_what_the_probabilities_are_sure_of() -> None:
    rng = np.random.default_rng(6)
    wrong = rng.random(1000) < 0.1
    scores = np.where(wrong, -3.0, 3.0) + rng.normal(size=1000) * 0.5
    turned = rng.choice([-1.0, 1.0], 1000)
    assert (confident_flags(scores, turned) == wrong).mean() > 0.99
