import numpy as np
import pytest

from prefkit.statistics.aggregation.bradley_terry import TIES, bradley_terry, chances
from prefkit.statistics.aggregation.duels import Duels, groups_of
from prefkit.statistics.aggregation.plackett_luce import Rankings, plackett_luce


def duels_of(lines, responses):
    first, second, credits = (np.array(column) for column in zip(*lines, strict=True))
    return Duels(first, second, np.zeros(len(first), dtype=int), credits.astype(float), responses)


def drawn(strengths, votes, nu=0.0, seed=0):
    """Duels by Davidson's model."""
    rng = np.random.default_rng(seed)
    count = len(strengths)
    first = rng.integers(0, count, votes)
    second = (first + rng.integers(1, count, votes)) % count
    d = strengths[first] - strengths[second]
    weights = np.stack([np.exp(d / 2), np.full(votes, nu), np.exp(-d / 2)], axis=1)
    ends = (weights / weights.sum(axis=1, keepdims=True)).cumsum(axis=1)
    place = (rng.random(votes)[:, None] > ends[:, :2]).sum(axis=1)
    return Duels(first, second, np.zeros(votes, dtype=int), np.array([1.0, 0.5, 0.0])[place], count)


def ranked(strengths, rankings, length, seed=0):
    rng = np.random.default_rng(seed)
    lines = []
    for number in range(rankings):
        members = rng.choice(len(strengths), length, replace=False)
        order = np.argsort(-(strengths[members] + rng.gumbel(size=length)))
        lines += [(number, int(members[place]), rank) for rank, place in enumerate(order)]
    return lines


def rankings_of(lines, responses, judges=None):
    number, members, ranks = (np.array(column) for column in zip(*lines, strict=True))
    judges = np.zeros(len(number), dtype=int) if judges is None else np.asarray(judges)[number]
    return Rankings(number, members, ranks.astype(float), judges, responses)


PLANTED = np.array([1.5, 0.8, 0.3, -0.2, -0.9, -1.5])


def test_three_wins_of_four_are_log_odds_of_three():
    found = bradley_terry(duels_of([(0, 1, 1)] * 3 + [(1, 0, 1)], 2), ridge=1e-9)
    assert found.values == pytest.approx([np.log(3) / 2, -np.log(3) / 2], abs=1e-6)
    assert chances(found, np.array([0]), np.array([1]))[0] == pytest.approx([0.75, 0, 0.25])


def test_davidson_and_rao_kupper_fit_two_responses_exactly():
    # 5 wins, 3 ties, 2 losses: three shares and two numbers, so both models meet them.
    duels = duels_of([(0, 1, 1)] * 5 + [(0, 1, 0.5)] * 3 + [(0, 1, 0)] * 2, 2)
    for ties in ("davidson", "rao_kupper"):
        found = bradley_terry(duels, ties=ties, ridge=1e-9)
        told = chances(found, np.array([0]), np.array([1]))[0]
        assert told == pytest.approx([0.5, 0.3, 0.2], abs=1e-5)
    davidson = bradley_terry(duels, ridge=1e-9)
    assert davidson.tie == pytest.approx(0.3 / np.sqrt(0.5 * 0.2), abs=1e-4)
    half = bradley_terry(duels, ties="half", ridge=1e-9)
    assert half.values[0] * 2 == pytest.approx(np.log(6.5 / 3.5), abs=1e-6)


def test_strengths_are_those_of_choix():
    choix = pytest.importorskip("choix")
    duels = drawn(PLANTED, 800)
    won = [
        (int(a), int(b)) if credit else (int(b), int(a))
        for a, b, credit in zip(duels.first, duels.second, duels.credits, strict=True)
    ]
    assert bradley_terry(duels, ridge=1e-9).values == pytest.approx(
        choix.ilsr_pairwise(6, won), abs=1e-6
    )
    penalised = choix.opt_pairwise(6, won, alpha=0.1)  # its penalty is alpha, ours half the ridge
    assert bradley_terry(duels, ridge=0.2).values == pytest.approx(penalised, abs=1e-4)
    lines = ranked(PLANTED, 300, 4)
    orders = [tuple(line[1] for line in lines[k : k + 4]) for k in range(0, len(lines), 4)]
    assert plackett_luce(rankings_of(lines, 6), ridge=1e-9).values == pytest.approx(
        choix.ilsr_rankings(6, orders), abs=1e-6
    )


def test_strengths_are_those_of_a_logistic_regression():
    api = pytest.importorskip("statsmodels.api")
    duels = drawn(PLANTED, 500, seed=2)
    columns = np.zeros((500, 6))
    columns[np.arange(500), duels.first], columns[np.arange(500), duels.second] = 1, -1
    fit = api.GLM(duels.credits, columns[:, 1:], family=api.families.Binomial()).fit()
    found = bradley_terry(duels, ridge=1e-9).values
    assert found[1:] - found[0] == pytest.approx(fit.params, abs=1e-5)


@pytest.mark.parametrize("ties", TIES)
def test_planted_strengths_are_recovered_with_ties(ties):
    found = bradley_terry(drawn(PLANTED, 6000, nu=0.8, seed=1), ties=ties)
    assert found.converged
    assert np.corrcoef(found.values, PLANTED)[0, 1] > 0.99
    if ties == "davidson":
        assert found.values == pytest.approx(PLANTED - PLANTED.mean(), abs=0.15)
        assert found.tie == pytest.approx(0.8, abs=0.08)


def test_abilities_find_judges_who_see_the_sides_the_wrong_way_round():
    duels = drawn(PLANTED, 6000, seed=3)
    rng = np.random.default_rng(0)
    eta = np.array([0.95, 0.9, 0.85, 0.8, 0.1, 0.15])
    judges = rng.integers(0, 6, 6000)
    seen = np.where(rng.random(6000) < eta[judges], duels.credits, 1 - duels.credits)
    mixed = duels._replace(judges=judges, credits=seen)
    found = bradley_terry(mixed, abilities=True)
    assert found.judges == pytest.approx(eta, abs=0.1)
    plain = bradley_terry(mixed)
    errors = [np.abs(one.values - (PLANTED - PLANTED.mean())).mean() for one in (found, plain)]
    assert errors[0] < errors[1] / 2
    assert (found.turned, found.notes) == (False, ())


def test_too_few_votes_for_abilities_are_told():
    found = bradley_terry(duels_of([(0, 1, 1), (2, 3, 0)] * 2, 4), abilities=True)
    assert found.notes == ("2.0 votes a response: abilities need 10, dawid_skene needs fewer",)


def test_responses_that_never_met_are_of_two_groups_each_centred():
    found = bradley_terry(duels_of([(0, 3, 1), (1, 2, 0), (3, 4, 1)], 6))
    assert found.groups.tolist() == [0, 1, 1, 0, 0, 2]
    assert found.values[[0, 3, 4]].sum() == pytest.approx(0)
    assert found.values[5] == 0
    assert found.values[0] > found.values[3] > found.values[4]


def test_a_long_chain_is_one_group():
    order = np.random.default_rng(0).permutation(2000)
    assert groups_of(order[:-1], order[1:], 2000).max() == 0


def test_more_wins_without_a_loss_are_stronger_and_finite():
    few = bradley_terry(duels_of([(0, 1, 1)] * 2, 2)).values[0]
    many = bradley_terry(duels_of([(0, 1, 1)] * 20, 2)).values[0]
    assert 0 < few < many < 4


@pytest.mark.parametrize("ties", TIES)
def test_ties_only_make_no_difference(ties):
    found = bradley_terry(duels_of([(0, 1, 0.5)] * 4, 2), ties=ties)
    assert found.values == pytest.approx([0, 0])
    told = chances(found, np.array([0]), np.array([1]))[0]
    assert told[0] == pytest.approx(told[2])
    assert np.isfinite(told).all()


def test_a_tie_in_a_ranking_of_two_is_half_a_win_of_either():
    lines = [(0, 0, 1), (0, 1, 2), (1, 0, 1), (1, 1, 1), (2, 1, 1), (2, 0, 2), (3, 0, 1), (3, 1, 2)]
    duels = duels_of([(0, 1, 1), (0, 1, 0.5), (1, 0, 1), (0, 1, 1)], 2)
    by_duels = bradley_terry(duels, ties="half")
    assert plackett_luce(rankings_of(lines, 2)).values == pytest.approx(by_duels.values)


def test_three_tied_above_one_is_the_mean_over_their_six_orders():
    tied = plackett_luce(rankings_of([(0, 0, 1), (0, 1, 1), (0, 2, 1), (0, 3, 2)], 4))
    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    lines = [
        (number, response, rank)
        for number, order in enumerate(orders)
        for rank, response in enumerate((*order, 3))
    ]
    # Six rankings weigh six times as much as one, so the prior must too.
    every = plackett_luce(rankings_of(lines, 4), ridge=0.6)
    assert tied.values == pytest.approx(every.values, abs=1e-8)


def test_a_judge_who_ranks_by_chance_is_found():
    good, noise = ranked(PLANTED, 400, 4, seed=1), ranked(np.zeros(6), 400, 4, seed=2)
    lines = good + [(number + 400, response, rank) for number, response, rank in noise]
    judges = [number % 2 if number < 400 else 2 for number in range(800)]
    found = plackett_luce(rankings_of(lines, 6, judges), abilities=True)
    assert found.judges is not None
    assert found.judges[:2].min() > 0.7
    assert found.judges[2] < 0.3


def test_impossible_duels_and_rankings_are_refused():
    with pytest.raises(ValueError, match="stands against itself"):
        bradley_terry(duels_of([(1, 1, 1)], 2))
    with pytest.raises(ValueError, match="a credit is 1 for the first"):
        bradley_terry(duels_of([(0, 1, 0.7)], 2))
    with pytest.raises(ValueError, match="no reading of ties 'thirds'"):
        bradley_terry(duels_of([(0, 1, 1)], 2), ties="thirds")
    with pytest.raises(ValueError, match="in one ranking twice"):
        plackett_luce(rankings_of([(0, 1, 1), (0, 1, 2)], 2))


def test_no_duels_and_no_rankings_give_even_strengths():
    none, empty = np.zeros(0, dtype=np.int64), np.zeros(0)
    assert bradley_terry(Duels(none, none, none, empty, 2), abilities=True).values.tolist() == [
        0,
        0,
    ]
    found = plackett_luce(Rankings(none, none, empty, none, 2), abilities=True)
    assert found.values.tolist() == [0, 0]
