import numpy as np
import pytest
from judges_by_plan import planted, sharing, votes_of

from prefkit.statistics.aggregation.dawid_skene import dawid_skene
from prefkit.statistics.aggregation.gain import gain_over_majority
from prefkit.statistics.aggregation.glad import glad
from prefkit.statistics.aggregation.independence import independence
from prefkit.statistics.aggregation.labels import Labels, Prior
from prefkit.statistics.aggregation.mace import mace
from prefkit.statistics.aggregation.majority import majority
from prefkit.statistics.aggregation.one_coin import one_coin

MODELS = [dawid_skene, one_coin, glad, mace]
UNEQUAL = [0.95, 0.9, 0.8, 0.6, 0.55, 0.5, 0.3]


@pytest.mark.parametrize("model", MODELS)
def test_unequal_judges_give_a_gain_on_held_out_votes_and_on_gold(model):
    labels, truth = planted(800, UNEQUAL, 5, seed=1)
    by_votes = gain_over_majority(labels, np.arange(800), model)
    assert (by_votes.claimed, by_votes.held_out) == (True, "votes")
    known = np.where(np.arange(800) < 300, truth, -1)
    by_gold = gain_over_majority(labels, np.arange(800), model, Prior(known=known))
    assert (by_gold.claimed, by_gold.held_out) == (True, "gold")
    assert by_gold.gain.n == 300
    assert "points over the majority on held-out gold" in by_gold.line


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("common", [0.5, 0.9])
def test_equally_good_judges_give_no_gain_even_where_one_class_is_rare(model, common):
    # The rare class alone lets a model beat the majority; that is no merit of telling judges apart.
    for seed in range(4):
        rng = np.random.default_rng(seed)
        truth = (rng.random(300) > common).astype(int)
        right = rng.random((300, 5)) < 0.75
        labels = votes_of(np.where(right, truth[:, None], 1 - truth[:, None]), 2)
        assert not gain_over_majority(labels, np.arange(300) // 2, model, seed=seed).claimed


def test_the_majority_gains_nothing_over_itself():
    labels, _ = planted(200, UNEQUAL, 3, seed=1)
    found = gain_over_majority(labels, np.arange(200), majority)
    assert (found.gain.value, found.claimed) == (0.0, False)


def test_single_votes_have_nothing_to_be_held_out_against():
    labels = votes_of([[0, -1], [-1, 1]] * 30, 2)
    found = gain_over_majority(labels, np.arange(60), dawid_skene)
    assert found.gain.n == 0
    assert not found.claimed
    assert found.line.startswith("gain over the majority not measured")


def test_independent_judges_raise_no_alarm():
    for seed in range(10):
        labels, _ = planted(500, UNEQUAL[:5], 4, classes=2 + seed % 2, seed=seed)
        found = independence(labels, np.arange(500) // 2, dawid_skene(labels))
        assert not found.warns
        assert len(found.pairs) == 10


@pytest.mark.parametrize("sharers", [2, 3, 4])
def test_judges_who_follow_one_cue_are_named_where_dawid_skene_is_worse(sharers):
    labels, truth = sharing(600, sharers, 7)
    found = dawid_skene(labels)
    right = [(a.posterior.argmax(axis=1) == truth).mean() for a in (found, majority(labels))]
    assert right[0] < right[1] - 0.01
    told = independence(labels, np.arange(600), found)
    assert told.warns
    assert "can be worse than the majority" in told.line


def test_a_cue_that_all_judges_follow_is_seen_by_gold_only():
    labels, truth = sharing(600, 7, 7)
    assert not independence(labels, np.arange(600), dawid_skene(labels)).warns
    prior = Prior(known=np.where(np.arange(600) < 200, truth, -1))
    told = independence(labels, np.arange(600), dawid_skene(labels, prior), prior)
    assert told.warns
    # Two judges follow the cue on one item 0.64 of the time.
    assert told.mean.value == pytest.approx(0.64, abs=0.12)
    assert told.facts()["warns"] is True


def test_a_judge_who_copies_another_is_the_worst_pair():
    labels, truth = planted(400, [0.75] * 6, 6, seed=3)
    table = np.empty((400, 6), dtype=int)
    table[labels.items, labels.judges] = labels.codes
    copied = votes_of(np.column_stack([table, table[:, 0]]), 2)
    told = independence(copied, np.arange(400), dawid_skene(copied))
    assert told.warns
    # Without gold the copy drags the truth along; with gold the two are named.
    prior = Prior(known=truth)
    worst = independence(copied, np.arange(400), dawid_skene(copied, prior), prior).pairs[0]
    assert (worst.one, worst.other) == (0, 6)
    assert worst.correlation == pytest.approx(1)


def test_judges_who_never_err_on_gold_are_no_copies():
    truth = np.arange(200) % 2
    labels = votes_of(np.column_stack([truth] * 5), 2)
    prior = Prior(known=truth, symmetric=True)
    told = independence(labels, np.arange(200), dawid_skene(labels, prior), prior)
    assert told.mean.value is None
    assert np.isnan(told.effective)
    assert told.line.startswith("independence not tested")


def test_rare_errors_on_gold_correlate_by_chance_only():
    found = []
    for seed in range(40):
        labels, truth = planted(30, [0.99] * 3, 3, seed=seed)
        prior = Prior(known=truth, symmetric=True)
        told = independence(labels, np.arange(30), dawid_skene(labels, prior), prior)
        found.append(told.mean.value or 0.0)
    assert np.mean(found) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize(("acc", "judges"), [(0.75, 2), (0.75, 3), (1.0, 5)])
def test_what_fits_any_agreement_tells_nothing_of_independence(acc, judges):
    labels, _ = planted(200, [acc] * judges, judges, seed=1)
    table = np.empty((200, judges), dtype=int)
    table[labels.items, labels.judges] = labels.codes
    table[:, 1] = table[:, 0]
    copied = votes_of(table, 2)
    told = independence(copied, np.arange(200), dawid_skene(copied))
    assert (told.mean.value, told.pairs, told.warns) == (None, (), False)
    assert np.isnan(told.effective)
    assert told.line.startswith("independence not tested: ")
    assert told.line.endswith("without gold in 20 prompts")


def test_gold_on_which_no_judges_met_leaves_the_other_items_to_be_read():
    labels, truth = sharing(600, 3, 7)
    table = np.empty((600, 7), dtype=int)
    table[labels.items, labels.judges] = labels.codes
    table[:30, 1:] = -1
    single = votes_of(table, 2)
    prior = Prior(known=np.where(np.arange(600) < 30, truth, -1))
    assert independence(single, np.arange(600), dawid_skene(single, prior), prior).warns


def test_one_item_with_very_many_votes_does_not_hide_the_others():
    small, _ = planted(300, [0.8] * 6, 6, seed=2)
    crowd = 2_100
    many = Labels(
        np.concatenate([small.items + 1, np.zeros(crowd, dtype=np.int64)]),
        np.concatenate([small.judges, np.arange(crowd)]),
        np.concatenate([small.codes, np.arange(crowd) % 2]),
        301,
        crowd,
        2,
    )
    for seed in range(3):
        told = independence(many, np.arange(301), dawid_skene(many), seed=seed)
        assert told.mean.n == 300 * 15


def test_judges_who_never_meet_are_not_tested():
    labels = votes_of([[0, -1], [-1, 1]] * 30, 2)
    told = independence(labels, np.arange(60), dawid_skene(labels))
    assert not told.warns
    assert told.line.startswith("independence not tested")


def test_independence_needs_confusions_and_a_cluster_an_item():
    labels = votes_of([[0, 1]] * 3, 2)
    with pytest.raises(ValueError, match="confusions of dawid_skene"):
        independence(labels, np.arange(3), majority(labels))
    with pytest.raises(ValueError, match="2 clusters of 3 items"):
        gain_over_majority(labels, np.arange(2), majority)


def test_no_votes_give_no_numbers():
    none = np.zeros(0, dtype=np.int64)
    labels = Labels(none, none, none, 0, 0, 2)
    assert not independence(labels, none, dawid_skene(labels)).warns
    assert not gain_over_majority(labels, none, dawid_skene).claimed
