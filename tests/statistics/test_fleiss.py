"""Agreement of any number of raters: textbook tables, other libraries, planted raters."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

from prefkit.statistics.agreement import TIES, VERDICTS, Scale, cohen_kappa, credits_of, gwet
from prefkit.statistics.fleiss import METRICS, MOST_CATEGORIES, agreements, coefficients
from prefkit.statistics.raters import NOBODY, Ratings, ratings_of

_NONE = np.nan

KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, _NONE, _NONE, _NONE],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _NONE, 3],
        [_NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _NONE],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _NONE],
    ]
)
"""Four observers, twelve units (Krippendorff 2011)."""

FLEISS = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
)
"""Ten subjects, fourteen raters: how many chose each of five categories."""


def of_table(table: np.ndarray) -> Ratings:
    """Raters by items, NaN where one is missing."""
    raters, items = np.indices(table.shape)
    return ratings_of(items.ravel(), raters.ravel(), table.ravel())


def of_counts(counts: np.ndarray) -> Ratings:
    """Items by categories; nobody is identified."""
    items, codes = np.repeat(np.indices(counts.shape).reshape(2, -1), counts.ravel(), axis=1)
    return Ratings(items, np.full(len(items), NOBODY), codes, len(counts))


def planted(rng: np.random.Generator, items: int, raters: int, right: float) -> Ratings:
    """Raters who say the truth of three categories so often, else any of the three."""
    truth = rng.integers(0, 3, (items, 1))
    said = np.where(rng.random((items, raters)) < right, truth, rng.integers(0, 3, (items, raters)))
    item, rater = np.indices(said.shape)
    return Ratings(item.ravel(), rater.ravel(), said.ravel(), items)


def test_krippendorffs_table_with_missing_cells_gives_the_published_alphas() -> None:
    found = coefficients(of_table(KRIPPENDORFF), Scale(5), METRICS)
    published = {"nominal": 0.743, "ordinal": 0.815, "interval": 0.849, "ratio": 0.797}
    for metric, value in published.items():
        assert found[f"alpha_{metric}"] == pytest.approx(value, abs=5e-4)


def test_the_same_table_gives_the_published_values_of_gwets_handbook() -> None:
    found = coefficients(of_table(KRIPPENDORFF), Scale(5))
    # Shares of categories are over all twelve units, the one with a single rating included.
    assert found["percent"] == pytest.approx(0.8181818, abs=5e-8)
    assert found["ac"] == pytest.approx(0.77544, abs=5e-6)
    assert found["fleiss"] == pytest.approx(0.76117, abs=5e-6)


def test_fleiss_table_gives_the_published_kappa_and_that_of_statsmodels() -> None:
    found = coefficients(of_counts(FLEISS), Scale(5))
    assert found["fleiss"] == pytest.approx(0.210, abs=5e-4)
    assert found["fleiss"] == pytest.approx(fleiss_kappa(FLEISS))
    assert found["percent"] == pytest.approx(0.378, abs=5e-4)


def test_the_kappa_paradox_table_gives_the_published_alpha_and_ac() -> None:
    # Yes-yes 90, yes-no 5, no-yes 5, no-no 0.
    one = np.repeat([0, 0, 1], [90, 5, 5])
    other = np.repeat([0, 1, 0], [90, 5, 5])
    found = coefficients(of_table(np.array([one, other], dtype=float)), Scale(2))
    assert found["percent"] == pytest.approx(0.90)
    assert found["alpha_nominal"] == pytest.approx(-0.047, abs=5e-4)
    assert found["ac"] == pytest.approx(0.8895, abs=5e-5)


@pytest.mark.parametrize("scheme", ["none", "linear", "quadratic"])
def test_two_raters_have_the_ac_of_their_table_and_scotts_pi(scheme: str) -> None:
    rng = np.random.default_rng(2)
    one = rng.integers(0, 4, 300)
    other = np.where(rng.random(300) < 0.5, one, rng.integers(0, 4, 300))
    items = np.tile(np.arange(300), 2)
    both = Ratings(items, np.repeat([0, 1], 300), np.concatenate([one, other]), 300)
    found = coefficients(both, Scale(4, scheme=scheme))
    credit = credits_of(4, scheme)
    table = np.zeros((4, 4))
    np.add.at(table, (one, other), 1)
    assert found["ac"] == pytest.approx(gwet(table, credit))
    # With pooled habits for both raters Cohen's kappa is Scott's pi, and Fleiss' of two raters.
    assert found["fleiss"] == pytest.approx(cohen_kappa(table + table.T, credit))
    weights = None if scheme == "none" else scheme
    pooled = (np.concatenate([one, other]), np.concatenate([other, one]))
    assert found["fleiss"] == pytest.approx(cohen_kappa_score(*pooled, weights=weights))


def slow_alpha(table: np.ndarray, distance: np.ndarray) -> float:
    """Alpha by the table of coincidences, pair by pair, from the definition."""
    size = len(distance)
    together = np.zeros((size, size))
    for unit in table.T:
        said = [int(value) for value in unit if not np.isnan(value)]
        for one, other in combinations(said, 2):
            together[one, other] += 1 / (len(said) - 1)
            together[other, one] += 1 / (len(said) - 1)
    each = together.sum(axis=1)
    expected = (np.outer(each, each) * distance).sum() / (each.sum() - 1)
    return float(1 - (together * distance).sum() / expected)


def ordinal_distance(table: np.ndarray, size: int) -> np.ndarray:
    met = table[:, (~np.isnan(table)).sum(axis=0) > 1]
    each = np.array([(met == code).sum() for code in range(size)])
    between = [
        [each[min(a, b) : max(a, b) + 1].sum() - (each[a] + each[b]) / 2 for b in range(size)]
        for a in range(size)
    ]
    return np.array(between) ** 2


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(2, 6))
def test_alpha_is_that_of_its_definition_whatever_cells_are_missing(
    seed: int, raters: int, size: int
) -> None:
    rng = np.random.default_rng(seed)
    table = rng.integers(0, size, (raters, 15)).astype(float)
    table[rng.random(table.shape) < 0.3] = np.nan
    table[:2, 0] = [0, size - 1]  # two ratings that differ: there is something to expect
    raters_, items = np.nonzero(~np.isnan(table))
    ratings = Ratings(items, raters_, table[raters_, items].astype(np.int64), 15)
    found = coefficients(ratings, Scale(size), METRICS)
    points = np.arange(size, dtype=float)
    gap = points[:, None] - points
    whole = np.where(points[:, None] + points > 0, points[:, None] + points, 1.0)
    expected = {
        "nominal": (gap != 0).astype(float),
        "ordinal": ordinal_distance(table, size),
        "interval": gap**2,
        "ratio": (gap / whole) ** 2,
    }
    for metric, distance in expected.items():
        assert found[f"alpha_{metric}"] == pytest.approx(slow_alpha(table, distance))


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_fleiss_kappa_of_complete_tables_is_that_of_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    said = rng.integers(0, 4, (20, 5))
    said[0, :2] = [0, 1]
    table = aggregate_raters(said, 4)[0]
    items, raters = np.indices(said.shape)
    found = coefficients(Ratings(items.ravel(), raters.ravel(), said.ravel(), 20), Scale(4))
    assert found["fleiss"] == pytest.approx(fleiss_kappa(table))


def test_the_three_readings_of_a_tie_by_hand() -> None:
    # B is 0, a tie 1, A 2. Thirty items each: A A A | A A tie | A B tie.
    said = np.repeat([[2, 2, 2], [2, 2, 1], [2, 0, 1]], 30, axis=0)
    items, raters = np.indices(said.shape)
    ratings = Ratings(items.ravel(), raters.ravel(), said.ravel(), 90)
    found = agreements(ratings, np.arange(90), VERDICTS, metrics=("nominal", "ordinal"))
    assert tuple(found) == TIES
    # Equal pairs of three: 3, 1, 0. With ties dropped: 3 of 3, 1 of 1, 0 of 1. Half: 3, 2, 1 of 3.
    assert found["class"]["percent"].value == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert found["dropped"]["percent"].value == pytest.approx((1 + 1 + 0) / 3)
    assert found["half"]["percent"].value == pytest.approx((1 + 2 / 3 + 1 / 3) / 3)
    # Pairs that met, ties dropped: A 3 + 2 + 1 = 6, B 1, of 7; each item's A-B pairs over its
    # ratings less one: 2 of one. Times 30: 1 - (n - 1) S / T.
    n, a, b = 7 * 30, 6 * 30, 30
    expected = 1 - (n - 1) * (2 * 30) / (2 * a * b)
    assert found["dropped"]["alpha_nominal"].value == pytest.approx(expected)
    assert set(found["dropped"]) == {"percent", "fleiss", "ac", "alpha_nominal"}
    assert set(found["class"]) == {*found["dropped"], "alpha_ordinal"}


def test_a_scale_without_a_tie_has_one_reading() -> None:
    ratings = planted(np.random.default_rng(1), 60, 3, 0.8)
    found = agreements(ratings, np.arange(60), Scale(3))
    assert found["class"] == found["dropped"] == found["half"]


def test_n_is_the_items_with_two_ratings_and_clusters_those_that_have_one() -> None:
    ratings = planted(np.random.default_rng(1), 100, 3, 0.8)
    # Items from 40 up keep one rating; five items stand in each prompt.
    kept = ratings.at((ratings.items < 40) | (ratings.raters == 0))
    found = agreements(kept, np.arange(100) // 5, Scale(3))["class"]
    assert {each.n for each in found.values()} == {40}
    assert {each.clusters for each in found.values()} == {8}
    assert {each.low for each in found.values()} == {None}


def test_single_ratings_count_for_the_shares_of_categories_only() -> None:
    # Thirty items on which two agree, half of them on 0; seventy single ratings of category 1.
    items = np.concatenate([np.repeat(np.arange(30), 2), np.arange(30, 100)])
    codes = np.concatenate([np.repeat([0, 1] * 15, 2), np.ones(70, dtype=np.int64)])
    codes[1] = 1
    ratings = Ratings(items, np.full(130, NOBODY), codes, 100)
    found = agreements(ratings, np.arange(100), Scale(2))["class"]
    zero = (14 + 0.5) / 100
    chance = 2 * zero * (1 - zero)
    assert found["ac"].value == pytest.approx((29 / 30 - chance) / (1 - chance))
    alone = agreements(ratings.at(items < 30), np.arange(100), Scale(2))["class"]
    assert found["alpha_nominal"] == alone["alpha_nominal"]


def test_raters_who_never_differ_have_bounds_and_those_of_one_answer_no_kappa() -> None:
    same = np.repeat([0, 1], 25)
    both = of_table(np.array([same, same], dtype=float))
    found = agreements(both, np.arange(50), Scale(2))["class"]
    # 50 of 50: at least 0.025 ** (1 / 50) = .929 agree; chance is one half: (.929 - .5) / .5.
    assert found["percent"].low == pytest.approx(0.929, abs=5e-4)
    for name in ("fleiss", "ac", "alpha_nominal"):
        assert found[name].value == pytest.approx(1.0)
        assert found[name].low == pytest.approx(2 * 0.9289 - 1, abs=2e-3)
    one = of_counts(np.tile([[2, 0]], (50, 1)))
    found = agreements(one, np.arange(50), Scale(2))["class"]
    assert (found["fleiss"].value, found["alpha_nominal"].value) == (None, None)
    assert (found["percent"].value, found["ac"].value) == (1.0, 1.0)


def test_no_ratings_and_no_second_rating_say_so() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    for ratings in (
        Ratings(nothing, nothing, nothing, 0),
        Ratings(np.arange(30), nothing.repeat(0), np.zeros(30, dtype=np.int64), 30)._replace(
            raters=np.zeros(30, dtype=np.int64)
        ),
    ):
        found = agreements(ratings, np.arange(ratings.item_count), VERDICTS)
        for reading in found.values():
            for each in reading.values():
                assert (each.value, each.n) == (None, 0)
                assert each.reason == "no item has two ratings"


def test_ties_only_leave_nothing_once_ties_are_dropped() -> None:
    ties = Ratings(
        np.repeat(np.arange(30), 2), np.tile([0, 1], 30), np.ones(60, dtype=np.int64), 30
    )
    found = agreements(ties, np.arange(30), VERDICTS)
    assert found["class"]["percent"].value == 1.0
    assert found["dropped"]["percent"].reason == "no item has two ratings"


def test_a_long_scale_has_an_interval_alpha_and_says_why_nothing_else() -> None:
    rng = np.random.default_rng(4)
    truth = rng.normal(size=(400, 1))
    said = truth + rng.normal(size=(400, 3)) / 2
    items, raters = np.indices(said.shape)
    ratings = ratings_of(items.ravel(), raters.ravel(), said.ravel() + 1e6)
    size = len(ratings.points)  # type: ignore[arg-type]
    found = agreements(ratings, np.arange(400), Scale(size), metrics=METRICS)["class"]
    # Variance 1 between items and 1 / 4 within: alpha is about 1 / 1.25.
    assert found["alpha_interval"].value == pytest.approx(0.8, abs=0.04)
    for name in ("percent", "fleiss", "ac", "alpha_nominal", "alpha_ordinal", "alpha_ratio"):
        assert found[name].value is None
        assert str(MOST_CATEGORIES) in str(found[name].reason)


def test_what_cannot_be_counted_is_refused() -> None:
    ratings = Ratings(np.array([0, 0]), np.array([3, 3]), np.array([0, 1]), 1)
    with pytest.raises(ValueError, match="rater 3 rated item 0 more than once"):
        agreements(ratings, np.zeros(1), VERDICTS)
    with pytest.raises(ValueError, match="answers are 0 to 1, the scale is 0 to 0"):
        coefficients(ratings, Scale(1))
    with pytest.raises(ValueError, match="no metric 'euclid'"):
        coefficients(of_counts(FLEISS), Scale(5), ["euclid"])
    with pytest.raises(ValueError, match="2 clusters of 1 items"):
        agreements(ratings, np.zeros(2), VERDICTS)
    below = Ratings(np.array([0, 0]), np.array([0, 1]), np.array([0, 1]), 1, np.array([-1.0, 1.0]))
    with pytest.raises(ValueError, match="a ratio scale starts at 0, and -1 is below it"):
        coefficients(below, Scale(2), ["ratio"])


@settings(max_examples=10)
@given(st.integers(0, 1000), st.permutations(range(4)))
def test_neither_the_order_of_lines_nor_the_numbers_of_raters_matter(
    seed: int, order: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    ratings = planted(rng, 60, 4, 0.6)
    ratings = ratings.at(rng.random(240) < 0.8)
    moved = rng.permutation(len(ratings.items))
    again = ratings.at(moved)._replace(raters=np.array(order)[ratings.raters[moved]])
    clusters = np.arange(60) // 2
    one, other = (
        agreements(each, clusters, VERDICTS, metrics=METRICS) for each in (ratings, again)
    )
    for reading in TIES:
        for name, each in one[reading].items():
            twin = other[reading][name]
            assert each[:3] == pytest.approx(twin[:3], nan_ok=True)
            assert each[3:] == twin[3:]


def test_planted_agreement_lies_in_its_interval() -> None:
    # Two raters agree where both say the truth, else by chance: 1/3. So every alpha is right ** 2.
    hits = dict.fromkeys(("percent", "fleiss", "ac", "alpha_nominal", "alpha_ordinal"), 0)
    for seed in range(60):
        ratings = planted(np.random.default_rng(seed), 150, 3, 0.7)
        found = agreements(
            ratings, np.arange(150), Scale(3), metrics=("nominal", "ordinal"), seed=seed
        )["class"]
        for name in hits:
            truth = 0.49 + 0.51 / 3 if name == "percent" else 0.49
            each = found[name]
            hits[name] += each.low <= truth <= each.high  # type: ignore[operator]
    # 57 of 60 expected; three standard deviations are 5.
    assert min(hits.values()) >= 52
