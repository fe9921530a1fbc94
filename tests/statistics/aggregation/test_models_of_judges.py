import numpy as np
import pytest
from judges_by_plan import planted, votes_of

from prefkit.statistics.aggregation.dawid_skene import dawid_skene
from prefkit.statistics.aggregation.em import Limits
from prefkit.statistics.aggregation.glad import glad
from prefkit.statistics.aggregation.labels import Labels, Prior
from prefkit.statistics.aggregation.mace import mace
from prefkit.statistics.aggregation.majority import majority
from prefkit.statistics.aggregation.one_coin import one_coin

MODELS = [dawid_skene, one_coin, glad, mace]
EVERY = [majority, *MODELS]
ACCURACIES = [0.95, 0.9, 0.85, 0.75, 0.65, 0.6, 0.5]
# Its own calls, not ours, use what its pandas will drop.
OLD_PANDAS = pytest.mark.filterwarnings("ignore:The (inplace|copy) keyword")
TIGHT = Limits(5000, 1e-13)


def frame_of(labels):
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame({"task": labels.items, "worker": labels.judges, "label": labels.codes})


def same_truth(found, truth):
    return (found.posterior.argmax(axis=1) == truth).mean()


def test_majority_gives_the_shares_of_the_votes_and_even_ones_without_a_vote():
    labels = votes_of([[0, 0, 2], [1, -1, 1], [-1, -1, -1]], 3)
    found = majority(labels)
    assert found.posterior == pytest.approx(np.array([[2 / 3, 0, 1 / 3], [0, 1, 0], [1 / 3] * 3]))
    assert found.judges["votes"].tolist() == [2, 1, 2]
    assert found.judges["accuracy"] == pytest.approx([(2 / 3 + 1) / 2, 2 / 3, (1 / 3 + 1) / 2])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("classes", [2, 3])
def test_judges_by_plan_are_recovered_and_beat_the_majority(model, classes):
    labels, truth = planted(1500, ACCURACIES, 5, classes, seed=1)
    found = model(labels)
    assert found.converged
    # 1,071 votes a judge: the spread of a share is at most 0.015, and the truth is not known.
    assert found.judges["accuracy"] == pytest.approx(ACCURACIES, abs=0.05)
    assert same_truth(found, truth) > same_truth(majority(labels), truth) + 0.015


@pytest.mark.slow
@OLD_PANDAS
@pytest.mark.parametrize("classes", [2, 3])
def test_dawid_skene_without_smoothing_is_that_of_crowd_kit(classes):
    peer = pytest.importorskip("crowdkit.aggregation")
    labels, _ = planted(300, ACCURACIES, 5, classes, seed=3)
    fit = peer.DawidSkene(n_iter=80, tol=1e-15)
    table = fit.fit_predict_proba(frame_of(labels)).sort_index()[list(range(classes))]
    found = dawid_skene(labels, smoothing=0, limits=TIGHT)
    assert found.posterior == pytest.approx(table.to_numpy(), abs=1e-4)
    errors = fit.errors_.sort_index()[list(range(classes))].to_numpy()
    confusion = errors.reshape(-1, classes, classes).transpose(0, 2, 1)
    assert found.judges["confusion"] == pytest.approx(confusion, abs=1e-3)


@pytest.mark.slow
@OLD_PANDAS
def test_one_coin_and_glad_and_mace_are_near_those_of_crowd_kit():
    peer = pytest.importorskip("crowdkit.aggregation")
    labels, _ = planted(200, ACCURACIES, 5, 2, seed=3)
    frame = frame_of(labels)
    fit = peer.OneCoinDawidSkene(n_iter=80, tol=1e-15)
    table = fit.fit_predict_proba(frame).sort_index()[[0, 1]].to_numpy()
    found = one_coin(labels, smoothing=0, limits=TIGHT)
    assert found.posterior == pytest.approx(table, abs=2e-3)
    assert found.judges["accuracy"] == pytest.approx(fit.skills_.sort_index().to_numpy(), abs=1e-3)
    fit = peer.GLAD(n_iter=60, silent=True)
    table = fit.fit_predict_proba(frame).sort_index()[[0, 1]].to_numpy()
    found = glad(labels, limits=TIGHT)
    # Its optimiser is another one and stops elsewhere: answers and abilities agree, not digits.
    assert (found.posterior.argmax(axis=1) == table.argmax(axis=1)).mean() > 0.97
    abilities = fit.alphas_.sort_index().to_numpy()
    assert np.corrcoef(found.judges["ability"], abilities)[0, 1] > 0.98
    table = (
        peer.MACE(n_iter=30, n_restarts=2, random_state=1)
        .fit_predict_proba(frame)
        .sort_index()[[0, 1]]
    )
    # A variational mean there, the largest posterior here.
    same = mace(labels).posterior.argmax(axis=1) == table.to_numpy().argmax(axis=1)
    assert same.mean() > 0.97


@pytest.mark.parametrize("model", MODELS)
def test_more_votes_by_judges_who_err_do_not_mirror_the_solution(model):
    # Two adversaries vote on all items, and of five good judges three vote on each.
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 600)
    right = rng.random((600, 8)) < [0.9, 0.9, 0.85, 0.85, 0.8, 0.1, 0.1, 0.15]
    table = np.where(right, truth[:, None], 1 - truth[:, None])
    left_out = np.argsort(rng.random((600, 5)), axis=1)[:, :3]
    np.put_along_axis(table, left_out, -1, axis=1)
    labels = votes_of(table, 2)
    assert same_truth(majority(labels), truth) < 0.5
    found = model(labels)
    assert found.anchored == "prior: median judge better than chance"
    if model is not mace:  # which has no judge that is worse than a spammer
        assert same_truth(found, truth) > 0.9
        assert found.turned


@pytest.mark.parametrize("model", [dawid_skene, one_coin, glad])
def test_gold_tells_that_most_judges_are_wrong_and_one_gold_item_does_not(model):
    labels, truth = planted(500, [0.15, 0.2, 0.1, 0.2, 0.9], 5, seed=4)
    assert same_truth(model(labels), truth) < 0.2
    known = np.where(np.arange(500) < 60, truth, -1)
    found = model(labels, Prior(known=known))
    assert (found.anchored, found.turned) == ("gold", True)
    assert same_truth(found, truth) > 0.9
    assert found.notes == ("the median judge is worse than chance in this solution",)
    few = np.where(np.arange(500) < 5, truth, -1)
    assert same_truth(model(labels, Prior(known=few)), truth) < 0.2


def test_without_gold_and_prior_nothing_is_turned_and_it_says_so():
    labels, truth = planted(500, [0.15, 0.2, 0.1, 0.2, 0.9], 5, seed=4)
    found = dawid_skene(labels, Prior(better_than_chance=False))
    assert (found.anchored, found.turned) == ("nothing", False)
    assert same_truth(found, truth) < 0.2


@pytest.mark.parametrize("model", EVERY)
def test_gold_answers_stay_as_they_are(model):
    labels, truth = planted(50, ACCURACIES, 5, seed=4)
    found = model(labels, Prior(known=np.where(np.arange(50) < 10, 1 - truth, -1)))
    assert found.posterior[np.arange(10), 1 - truth[:10]].tolist() == [1.0] * 10


@pytest.mark.parametrize("model", EVERY)
def test_exchanging_the_sides_of_every_item_exchanges_the_answers(model):
    labels, _ = planted(300, ACCURACIES, 4, 3, seed=5)
    one = model(labels, Prior(symmetric=True))
    other = model(labels._replace(codes=2 - labels.codes), Prior(symmetric=True))
    assert one.posterior == pytest.approx(other.posterior[:, ::-1], abs=1e-9)
    assert one.judges["accuracy"] == pytest.approx(other.judges["accuracy"], abs=1e-9)


@pytest.mark.parametrize("model", EVERY)
def test_the_order_of_votes_changes_no_bit(model):
    labels, _ = planted(200, ACCURACIES, 4, 3, seed=6)
    order = np.random.default_rng(0).permutation(len(labels.items))
    mixed = labels._replace(**{n: getattr(labels, n)[order] for n in ("items", "judges", "codes")})
    assert model(labels).posterior.tobytes() == model(mixed).posterior.tobytes()


@pytest.mark.parametrize("model", EVERY)
@pytest.mark.parametrize(
    "table",
    [
        [[0], [1], [2]],  # one judge
        [[1, 1, 1]] * 5,  # ties only
        [[0, 0, 0]],  # one item
        [[0, -1, -1], [-1, 1, -1], [-1, -1, 2]],  # single votes only
        [[-1, -1, -1]] * 2,  # no vote at all
    ],
)
@pytest.mark.parametrize("symmetric", [False, True])
def test_degenerate_votes_give_finite_probabilities(model, table, symmetric):
    found = model(votes_of(table, 3), Prior(symmetric=symmetric))
    assert np.isfinite(found.posterior).all()
    assert found.posterior.sum(axis=1) == pytest.approx(np.ones(len(table)))


@pytest.mark.parametrize("model", EVERY)
def test_no_items_give_no_answers(model):
    none = np.zeros(0, dtype=np.int64)
    assert model(Labels(none, none, none, 0, 0, 3)).posterior.shape == (0, 3)


@pytest.mark.parametrize("model", MODELS)
def test_a_judge_without_votes_has_no_number(model):
    found = model(votes_of([[0, -1, 0], [1, -1, 1], [1, -1, 0]], 2))
    assert np.isnan(found.judges["accuracy"]).tolist() == [False, True, False]


def test_a_code_outside_the_classes_and_gold_of_another_size_are_refused():
    labels = votes_of([[0, 1]], 2)
    with pytest.raises(ValueError, match="codes are 0 to 3, not 0 to 1"):
        majority(labels._replace(codes=np.array([0, 3])))
    with pytest.raises(ValueError, match="gold for 2 items, there are 1"):
        dawid_skene(labels, Prior(known=np.array([0, 1])))
    with pytest.raises(ValueError, match="a smoothing of -1 votes"):
        dawid_skene(labels, smoothing=-1)


@pytest.mark.slow
def test_a_million_votes_take_seconds_and_little_memory():
    labels, truth = planted(200_000, np.linspace(0.5, 0.95, 40), 5, 3, seed=7)
    found = dawid_skene(labels)
    assert found.converged
    assert same_truth(found, truth) > 0.9
