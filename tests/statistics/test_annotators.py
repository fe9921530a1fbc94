"""What each person does: planted people found again, hand-made votes, people who are not known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefkit.statistics.agreement import VERDICTS, Scale
from prefkit.statistics.annotators import UNKNOWN, Annotator, Shown, annotators, median
from prefkit.statistics.consensus import NO_CONSENSUS, others_say
from prefkit.statistics.drift import drift
from prefkit.statistics.rater_pairs import pairwise
from prefkit.statistics.raters import NOBODY, Ratings, ratings_of


def unknown(lines: int) -> Shown:
    none = np.full(lines, UNKNOWN)
    return Shown(none, none, np.full(lines, np.nan), none)


def complete(said: np.ndarray) -> Ratings:
    """Items by raters."""
    items, raters = np.indices(said.shape)
    return Ratings(items.ravel(), raters.ravel(), said.ravel(), len(said))


def planted(right: Sequence[float], items: int, seed: int = 0) -> Ratings:
    """Raters who say the truth of two sides so often, each by the rate of their own."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, (items, 1)) * 2
    wrong = rng.random((items, len(right))) >= np.array(right)
    return complete(np.where(wrong, 2 - truth, truth))


def test_ratings_are_numbered_in_the_order_of_names_and_nobody_is_nobody() -> None:
    found = ratings_of(
        np.array(["b", "a", "b", "a"]),
        np.array(["zoe", None, "", "amy"], dtype=object),
        np.array([5.0, 2.0, np.nan, 5.0]),
    )
    # The line without a value is a missing cell.
    assert found.items.tolist() == [1, 0, 0]
    assert found.raters.tolist() == [1, NOBODY, 0]
    assert found.codes.tolist() == [1, 0, 1]
    assert found.points is not None
    assert (found.item_count, found.points.tolist()) == (2, [2.0, 5.0])


def test_answers_in_words_have_no_points_and_null_is_a_missing_cell() -> None:
    said = np.array(["tie", None, "a"], dtype=object)
    found = ratings_of(np.array([1, 1, 1]), np.array(["x", "y", "z"]), said)
    assert (found.codes.tolist(), found.raters.tolist(), found.points) == ([1, 0], [0, 2], None)
    graded = np.array([3, None, 1.5], dtype=object)
    found = ratings_of(np.array([1, 1, 1]), np.array(["x", "y", "z"]), graded)
    assert found.values().tolist() == [3.0, 1.5]


def test_a_rater_who_rated_an_item_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="rater 0 rated item 1 more than once"):
        ratings_of(np.array([4, 7, 7]), np.array(["a", "a", "a"]), np.array([1, 2, 2]))


def test_the_others_say_what_most_of_them_say() -> None:
    # Three on item 0: 0 0 1; two on item 1: 0 1; one on item 2.
    ratings = Ratings(
        np.array([0, 0, 0, 1, 1, 2]),
        np.array([0, 1, 2, 0, 1, 0]),
        np.array([0, 0, 1, 0, 1, 2]),
        3,
    )
    none = NO_CONSENSUS
    assert others_say(ratings).tolist() == [none, none, 0, 1, 0, none]


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(2, 7), st.integers(1, 4))
def test_what_the_others_say_is_what_counting_says(seed: int, raters: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    ratings = complete(rng.integers(0, size, (8, raters)))
    ratings = ratings.at(rng.random(8 * raters) < 0.8)
    found = others_say(ratings)
    for line, (item, code) in enumerate(zip(ratings.items, ratings.codes, strict=True)):
        others = Counter(ratings.codes[ratings.items == item].tolist())
        others[int(code)] -= 1
        top = (+others).most_common()
        clear = bool(top) and (len(top) == 1 or top[0][1] > top[1][1])
        assert found[line] == (top[0][0] if clear else NO_CONSENSUS)


def test_a_planted_careless_person_agrees_least_with_the_others() -> None:
    ratings = planted([0.9, 0.9, 0.9, 0.9, 0.6], 400)
    found = annotators(ratings, np.arange(400), unknown(2000))
    assert [one.rater for one in found] == [0, 1, 2, 3, 4]
    assert [one.n for one in found] == [400] * 5
    # Three of the four others, or more, right: .9 ** 4 + 4 .9 ** 3 .1 = .9477; wrong .0037.
    right = (0.9**4 + 4 * 0.9**3 * 0.1) / (0.9**4 + 4 * 0.9**3 * 0.1 + 0.1**4 + 4 * 0.1**3 * 0.9)
    expected = 0.6 * right + 0.4 * (1 - right)
    last = found[4].consensus
    assert last.low < expected < last.high  # type: ignore[operator]
    assert all(one.consensus.low > last.high for one in found[:4])  # type: ignore[operator]
    for one in found:
        assert (one.first.reason, one.longer.reason) == ("no order is known", "no length differs")
        assert (one.seconds.reason, one.drift.p) == ("no time is known", None)
        assert one.drift.change.reason == "no answer with a known time"


def test_position_length_and_time_are_counted_where_they_are_known() -> None:
    ratings = complete(np.zeros((40, 1), dtype=np.int64))
    first = np.repeat([1, 0, UNKNOWN], [24, 8, 8])
    longer = np.repeat([UNKNOWN, 1, 0], [20, 10, 10])
    seconds = np.where(np.arange(40) < 31, np.arange(40.0), np.nan)
    shown = Shown(first, longer, seconds, np.full(40, UNKNOWN))
    (one,) = annotators(ratings, np.arange(40), shown)
    assert (one.first.value, one.first.n) == (0.75, 32)
    assert (one.longer.value, one.longer.n) == (0.5, 20)
    assert (one.seconds.value, one.seconds.n) == (15.0, 31)
    assert one.seconds.method == "Woodruff over prompts"
    assert one.seconds.low < 15 < one.seconds.high  # type: ignore[operator]
    assert one.consensus.reason == "nobody else rated these items"


def test_people_who_are_not_identified_are_others_and_get_no_line() -> None:
    ratings = Ratings(
        np.repeat(np.arange(30), 3), np.tile([NOBODY, NOBODY, 7], 30), np.tile([0, 0, 1], 30), 30
    )
    (one,) = annotators(ratings, np.arange(30), unknown(90))
    assert (one.rater, one.consensus.value, one.consensus.n) == (7, 0.0, 30)
    nobody = ratings._replace(raters=np.full(90, NOBODY))
    assert annotators(nobody, np.arange(30), unknown(90)) == []


def test_nothing_rated_is_nobody_found() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    empty = Ratings(nothing, nothing, nothing, 0)
    assert annotators(empty, np.zeros(0), unknown(0)) == []
    assert pairwise(empty, np.zeros(0), VERDICTS) == {}


def test_a_line_without_how_it_was_shown_is_refused() -> None:
    ratings = planted([0.9, 0.9], 20)
    with pytest.raises(ValueError, match="each line of ratings"):
        annotators(ratings, np.arange(20), unknown(39))


def test_somebody_who_gets_worse_is_told_by_stretches_change_and_test() -> None:
    # 200 answers in five stretches with 38, 36, 30, 24 and 20 agreements of 40.
    what = np.concatenate(
        [np.repeat([1.0, 0.0], [good, 40 - good]) for good in (38, 36, 30, 24, 20)]
    )
    moved = np.random.default_rng(1).permutation(200)
    found = drift(what[moved], np.arange(200)[moved] * 1_000_000, np.arange(200)[moved])
    assert found.sizes == (40, 40, 40, 40, 40)
    assert found.shares == pytest.approx((0.95, 0.9, 0.75, 0.6, 0.5))
    # Half of the third stretch is 20 agreements: 94 of 100, then 10 + 24 + 20 = 54.
    assert found.change.value == pytest.approx(0.54 - 0.94)
    assert found.change.high < 0  # type: ignore[operator]
    assert found.p is not None
    assert found.p < 1e-6


def test_answers_of_one_time_stay_together() -> None:
    what = np.tile([1.0, 0.0], 30)
    found = drift(what, np.repeat([5, 9], [50, 10]), np.arange(60))
    assert found.sizes == (50, 10)
    assert (found.change.value, found.change.n) == (0.0, 60)
    alone = drift(what, np.full(60, 5), np.arange(60))
    assert (alone.shares, alone.p, alone.change.reason) == ((), None, "all answers are of one time")


@pytest.mark.parametrize("together", [1, 4])
def test_without_a_trend_five_tests_of_a_hundred_find_one(together: int) -> None:
    rng, found = np.random.default_rng(8), 0
    for _ in range(1000):
        # Answers of a prompt come together in time, and half of them copy the first.
        what = (rng.random(40 * together) < 0.8).astype(float)
        clusters = np.arange(40 * together) // together
        copied = rng.random(len(what)) < 0.5
        what = np.where(copied, what[clusters * together], what)
        p = drift(what, np.arange(len(what)), clusters).p
        found += p is not None and p < 0.05
    # 50 expected of 1,000; three standard deviations are 21.
    assert 29 <= found <= 71


def test_the_interval_of_a_median_covers_it_whatever_the_clusters() -> None:
    rng, hits = np.random.default_rng(9), 0
    for seed in range(200):
        # A person's speed differs by prompt: lognormal, so the median is e ** 3.
        prompts = np.repeat(rng.normal(size=40), 3)
        values = np.exp(3 + prompts / 2 + rng.normal(size=120) / 2)
        found = median(values, np.arange(120) // 3, seed=seed)
        hits += found.low <= np.exp(3) <= found.high  # type: ignore[operator]
    # 190 of 200 expected; three standard deviations are 9.
    assert 181 <= hits <= 199


def test_equal_times_have_the_median_that_they_all_are() -> None:
    found = median(np.full(50, 12.0), np.arange(50))
    assert (found.value, found.low, found.high) == (12.0, 12.0, 12.0)
    few = median(np.array([3.0, 5.0]), np.arange(2))
    assert (few.value, few.low, few.n) == (4.0, None, 2)


def test_every_two_people_who_share_enough_items_are_told() -> None:
    ratings = planted([0.9, 0.9, 0.5], 100)
    # The third rates 10 items only.
    kept = ratings.at((ratings.raters < 2) | (ratings.items < 10))
    found = pairwise(kept, np.arange(100), VERDICTS)
    assert list(found) == [(0, 1)]
    percent = found[0, 1]["class"]["percent"]
    assert percent.n == 100
    assert percent.low < 0.82 < percent.high  # type: ignore[operator]
    every = pairwise(kept, np.arange(100), VERDICTS, fewest=10)
    assert list(every) == [(0, 1), (0, 2), (1, 2)]
    assert every[0, 2]["class"]["percent"].n == 10


def test_of_many_people_those_who_share_most_are_told() -> None:
    ratings = planted([0.8] * 12, 60)
    kept = ratings.at((ratings.raters < 10) | (ratings.items < 30))
    found = pairwise(kept, np.arange(60), Scale(3))
    assert len(found) == 45
    assert max(max(pair) for pair in found) == 9


def test_lines_in_another_order_tell_the_same() -> None:
    ratings = planted([0.9, 0.8, 0.7], 60)
    rng = np.random.default_rng(2)
    shown = Shown(
        rng.integers(-1, 2, 180), rng.integers(-1, 2, 180), rng.random(180) * 60,
        rng.integers(0, 10_000, 180),
    )  # fmt: skip
    moved = rng.permutation(180)
    one = annotators(ratings, np.arange(60), shown)
    other = annotators(ratings.at(moved), np.arange(60), shown.at_lines(moved))

    def numbers(found: list[Annotator]) -> list[object]:
        return [value for each in found for part in each[2:6] for value in part] + [  # type: ignore[misc]
            value for each in found for value in (*each.drift.change, each.drift.p)
        ]

    assert numbers(one) == pytest.approx(numbers(other), nan_ok=True)
