"""Policies for several responses: which of them become pairs."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from comparison_rows import compare, table_of, vote
from hypothesis import given, settings
from hypothesis import strategies as st
from paired import all_sides, batch_of, pair, plan_of, sides

from prefkit.schema.records import Comparison, Vote

STARS = "rating:1-5"


def ranked(*scores: float | None, prompt: str = "q", **more: Any) -> Comparison:
    """Responses w, x, y, z with one judgement of all."""
    return compare(prompt, ["w", "x", "y", "z"][: len(scores)], vote(*scores, **more))


FOUR = ranked(-1.0, -2.0, -3.0, -4.0, scale="rank")
TIED = ranked(5.0, 3.0, 3.0, 1.0, scale=STARS)


def test_best_worst_takes_the_ends() -> None:
    (row,) = pair(FOUR, policy="best_worst").rows
    assert sides(row) == ("w", "z")
    assert (row["margin"], row["margin_kind"], row["n_votes"]) == (3.0, "rank", 1)
    assert row["p_chosen"] == 0.75


def test_adjacent_takes_neighbours_and_skips_equal_ones() -> None:
    assert all_sides(pair(FOUR, policy="adjacent")) == {("w", "x"), ("x", "y"), ("y", "z")}
    found = all_sides(pair(TIED, policy="adjacent"))
    assert len(found) == 2
    assert {chosen for chosen, _ in found} == {"w"} | ({"x", "y"} & {c for c, _ in found})
    assert {rejected for _, rejected in found} >= {"z"}


def test_all_takes_every_ordered_pair() -> None:
    six = {("w", "x"), ("w", "y"), ("w", "z"), ("x", "y"), ("x", "z"), ("y", "z")}
    assert all_sides(pair(FOUR, policy="all")) == six
    assert all_sides(pair(TIED, policy="all")) == six - {("x", "y")}


def test_a_cap_keeps_a_draw_that_seed_and_ids_decide() -> None:
    draws = {seed: all_sides(pair(FOUR, policy="all", cap=2, seed=seed)) for seed in range(20)}
    assert {len(found) for found in draws.values()} == {2}
    assert len({tuple(sorted(found)) for found in draws.values()}) > 5  # type: ignore[type-var]
    again = all_sides(pair(FOUR, policy="all", cap=2, seed=7))
    assert again == draws[7]


def test_best_random_pairs_the_best_with_a_lower_one() -> None:
    draws = {all_sides(pair(FOUR, policy="best_random", seed=seed)).pop() for seed in range(40)}
    assert draws == {("w", "x"), ("w", "y"), ("w", "z")}
    top_tied = ranked(5.0, 5.0, 1.0, scale=STARS)
    for seed in range(10):
        ((_, rejected),) = all_sides(pair(top_tied, policy="best_random", seed=seed))
        assert rejected == "y"


def test_threshold_pairs_the_good_with_the_bad() -> None:
    comparison = ranked(5.0, 3.0, 2.9, 1.0, scale=STARS)
    found = pair(comparison, policy="threshold", at=3.0)
    assert all_sides(found) == {("w", "y"), ("w", "z"), ("x", "y"), ("x", "z")}
    assert len(pair(comparison, policy="threshold", at=3.0, cap=3).rows) == 3
    none = pair(comparison, policy="threshold", at=6.0)
    assert none.reasons == ["all responses on one side of 6"]


def test_unpaired_makes_a_row_of_every_response_with_a_direction() -> None:
    thumbs = ranked(1.0, 0.0, 1.0, None, scale="thumbs")
    assert all_sides(pair(thumbs, policy="unpaired")) == {("w", None), (None, "x"), ("y", None)}
    click = compare("q", ["x", "y"], vote(1.0, 0.0), vote(1.0, 0.0), vote(0.0, 1.0))
    found = pair(click, policy="unpaired")
    assert all_sides(found) == {("x", None), (None, "y")}
    assert {row["p_chosen"] for row in found.rows} == {0.625}
    assert pair(TIED, policy="unpaired").reasons == ["no scale from 0 to 1: use threshold"]
    half = compare("q", ["x", "y"], vote(1.0, 0.0), vote(0.0, 1.0))
    assert pair(half, policy="unpaired").reasons == ["votes split evenly"]


@pytest.mark.parametrize("policy", ["best_worst", "best_random", "adjacent", "all"])
def test_equal_means_are_a_tie_under_every_policy(policy: str) -> None:
    assert pair(ranked(3.0, 3.0, 3.0, scale=STARS), policy=policy).reasons == ["tie"]


@pytest.mark.parametrize("policy", ["best_worst", "best_random", "adjacent", "all", "threshold"])
def test_means_over_several_scales_are_refused(policy: str) -> None:
    mixed = compare("q", ["x", "y"], vote(5.0, 1.0, scale=STARS), vote(1.0, 0.0, scale="thumbs"))
    options = {"at": 3.0} if policy == "threshold" else {}
    found = pair(mixed, policy=policy, **options)
    assert (found.rows, found.reasons) == ([], ["scales mixed"])


def test_a_pair_that_its_votes_oppose_is_marked_and_never_flipped() -> None:
    # Mean ranks: w (1+1+4)/3 = 2, x (2+2+1)/3 = 5/3. x is best by mean, two of three prefer w.
    votes = [
        vote(-1.0, -2.0, -3.0, -4.0, scale="rank"),
        vote(-1.0, -2.0, -3.0, -4.0, scale="rank"),
        vote(-4.0, -1.0, -2.0, -3.0, scale="rank"),
    ]
    rows = pair(compare("q", ["w", "x", "y", "z"], *votes), policy="all").rows
    row = {sides(row): row for row in rows}["x", "w"]
    assert row["p_chosen"] == 0.375  # (1 + 1/2) / (3 + 1)
    assert row["dropped"] == "p_chosen: 0.375 < 0.5"
    assert row["agreement"] == pytest.approx(1 / 3)
    assert row["margin"] == pytest.approx(1 / 3)
    assert row["checks"] == [
        {"check": "contradiction", "value": 2.0, "note": "1 for the chosen side, 2 against"}
    ]
    assert {sides(row) for row in rows if row["dropped"]} == {("x", "w")}


def test_best_worst_marks_the_same_where_mean_and_majority_part() -> None:
    votes = [vote(-1.0, -2.0, scale="rank")] * 2 + [vote(-4.0, -1.0, scale="rank")]
    (row,) = pair(compare("q", ["w", "x"], *votes), policy="best_worst").rows
    assert (sides(row), row["dropped"]) == (("x", "w"), "p_chosen: 0.375 < 0.5")
    (row,) = pair(compare("q", ["w", "x"], *votes)).rows  # as voted, the majority decides
    assert (sides(row), row["dropped"]) == (("w", "x"), None)


def test_sides_that_nobody_compared_have_a_margin_and_no_agreement() -> None:
    votes = [vote(5.0, None, scale=STARS, by="a"), vote(None, 2.0, scale=STARS, by="b")]
    (row,) = pair(compare("q", ["x", "y"], *votes), policy="best_worst").rows
    assert (sides(row), row["n_votes"]) == (("x", "y"), 2)
    assert (row["margin"], row["margin_kind"]) == (3.0, STARS)
    assert (row["agreement"], row["p_chosen"], row["p_kind"]) == (None, None, None)
    assert len(row["sources"]) == 2


# --- ties

BOTH_BAD = compare("bad", ["x", "y"], *[vote(None, None, outcome="both_bad")] * 3)
BOTH_GOOD = compare("good", ["x", "y"], vote(None, None, outcome="both_good"))
EVEN = compare("even", ["x", "y"], vote(1.0, 0.0), vote(0.0, 1.0))


def test_ties_are_dropped_unless_asked_for() -> None:
    found = pair(BOTH_BAD, BOTH_GOOD, EVEN)
    assert (found.rows, found.reasons) == ([], ["both bad", "both good", "votes split evenly"])


def test_clear_ties_become_unpaired_rows_that_all_their_votes_stand_behind() -> None:
    found = pair(BOTH_BAD, BOTH_GOOD, EVEN, tie="unpaired")
    assert [sides(row) for row in found.rows if row["prompt"][0]["content"] == "bad"] in (
        [(None, "x"), (None, "y")],
        [(None, "y"), (None, "x")],
    )
    assert {sides(row) for row in found.rows} == {
        (None, "x"),
        (None, "y"),
        ("x", None),
        ("y", None),
    }
    bad = [row for row in found.rows if row["chosen"] is None]
    assert {(row["n_votes"], row["agreement"], row["p_chosen"]) for row in bad} == {(3, 1.0, 0.875)}
    assert {len(row["sources"]) for row in bad} == {3}
    assert (found.paired, found.reasons) == (2, ["votes split evenly"])


def test_a_clear_tie_with_other_votes_counts_them_against_it() -> None:
    votes = [vote(None, None, outcome="both_bad")] * 3 + [vote(1.0, 0.0), vote(0.0, 1.0)]
    rows = pair(compare("q", ["x", "y"], *votes), tie="unpaired").rows
    assert {sides(row) for row in rows} == {(None, "x"), (None, "y")}
    assert {(row["n_votes"], row["agreement"]) for row in rows} == {(5, 0.6)}


def test_a_soft_label_says_one_half_for_every_kind_of_vote() -> None:
    judged = compare("judged", ["x", "y"], vote(3.0, 3.0, outcome="tie", kind="judge", scale=STARS))
    found = pair(EVEN, judged, BOTH_BAD, tie="soft")
    kinds = [(row["p_chosen"], row["p_kind"], row["dropped"]) for row in found.rows]
    assert kinds == [(0.5, "beta", None), (0.5, "tie", None), (0.5, "beta", None)]
    assert found.reasons == []


def test_a_soft_label_is_only_for_ties() -> None:
    rated = compare("q", ["x", "y"], vote(5.0, 1.0, scale=STARS))
    (row,) = pair(rated, tie="soft").rows
    assert (row["p_chosen"], row["p_kind"]) == (None, None)


# --- criteria


def aspects(*votes: Vote) -> Comparison:
    return compare("q", ["w", "x", "y"], *votes)


HELP = vote(5.0, 4.0, 1.0, scale=STARS, criterion="help", kind="judge", by="m")
HARM = vote(1.0, 4.0, None, scale=STARS, criterion="harm", kind="judge", by="m")


def test_one_criterion_is_paired_on_its_own() -> None:
    (row,) = pair(aspects(HELP, HARM), policy="best_worst", criterion="help").rows
    assert (sides(row), row["criterion"]) == (("w", "y"), "help")
    (row,) = pair(aspects(HELP, HARM), policy="best_worst", criterion="harm").rows
    assert (sides(row), row["criterion"]) == (("x", "w"), "harm")
    assert pair(aspects(HELP), policy="best_worst").reasons == ["no vote that counts"]


def test_a_mean_leaves_out_the_response_that_misses_an_aspect() -> None:
    # w (5 + 1) / 2 = 3, x (4 + 4) / 2 = 4, y has no score for harm.
    (row,) = pair(aspects(HELP, HARM), policy="all", criterion="mean:help,harm").rows
    assert (sides(row), row["criterion"]) == (("x", "w"), "mean:help,harm")
    assert (row["margin"], row["n_votes"]) == (1.0, 1)


def test_a_mean_is_of_one_judgement_each_time_it_is_made() -> None:
    again = [
        v._replace(scores=(2.0, 1.0, 5.0), source=v.source._replace(record="line 2"))
        for v in (HELP, HARM)
    ]
    found = pair(aspects(HELP, HARM, *again), policy="all", criterion="mean:help,harm")
    by_sides = {sides(row): row for row in found.rows}
    # Line 1: w 3, x 4, y has no score for harm. Line 2: w 2, x 1, y 5. Means: w 2.5, x 2.5, y 5.
    assert set(by_sides) == {("y", "w"), ("y", "x")}
    assert (by_sides["y", "w"]["margin"], by_sides["y", "w"]["n_votes"]) == (3.0, 1)
    assert (by_sides["y", "x"]["margin"], by_sides["y", "x"]["n_votes"]) == (4.0, 1)
    assert [s["record"] for s in by_sides["y", "x"]["sources"]] == ["line 2", "line 2"]


def test_a_judge_may_give_each_criterion_in_a_record_of_its_own() -> None:
    harm = HARM._replace(source=HARM.source._replace(record="line 2"))
    (row,) = pair(aspects(HELP, harm), policy="all", criterion="mean:help,harm").rows
    assert sides(row) == ("x", "w")
    assert [source["record"] for source in row["sources"]] == ["line 1", "line 2"]


def test_a_mean_that_no_judgement_gives_is_said() -> None:
    other = HARM._replace(by="another")
    found = pair(aspects(HELP, other), policy="all", criterion="mean:help,harm")
    assert (found.rows, found.reasons) == ([], ["no judgement has every criterion once"])
    twice = [HELP._replace(source=HELP.source._replace(record=name)) for name in ("a", "b")]
    harm = HARM._replace(source=HARM.source._replace(record="c"))
    found = pair(aspects(*twice, harm), policy="all", criterion="mean:help,harm")
    assert (found.rows, found.reasons) == ([], ["no judgement has every criterion once"])


def test_equal_scores_under_changed_names_have_the_same_mean() -> None:
    def scored(first: float, second: float, third: float) -> list[float]:
        return [first, second, third]

    x, y = scored(0.1, 0.2, 0.3), scored(0.3, 0.2, 0.1)  # 0.1 + 0.2 + 0.3 != 0.3 + 0.2 + 0.1
    votes = [
        vote(one, other, scale="probability", criterion=name, kind="judge")
        for name, one, other in zip("abc", x, y, strict=True)
    ]
    found = pair(compare("q", ["x", "y"], *votes), criterion="mean:a,b,c")
    assert (found.rows, found.reasons) == ([], ["tie"])


# --- what must hold of any input

scores = st.sampled_from([1.0, 2.0, 3.0, None])
some_votes = st.one_of(
    st.builds(
        lambda three, by: (
            vote(*three, scale=STARS, by=by)
            if any(score is not None for score in three)
            else vote(None, None, None, outcome="both_bad")
        ),
        st.tuples(scores, scores, scores),
        st.sampled_from([None, "p-1", "p-2"]),
    ),
    st.just(vote(None, None, None, outcome="skip")),
)
some = st.lists(st.lists(some_votes, max_size=4), min_size=1, max_size=7)


@pytest.mark.parametrize(
    ("policy", "options"),
    [
        ("as_voted", {}),
        ("best_worst", {}),
        ("best_random", {}),
        ("adjacent", {}),
        ("all", {"cap": 2}),
        ("threshold", {"at": 2.0}),
        ("unpaired", {}),
    ],
)
@pytest.mark.parametrize("tie", ["drop", "unpaired", "soft"])
@settings(max_examples=12, deadline=None)
@given(votes=some, size=st.integers(1, 6))
def test_batches_give_the_same_pairs_and_every_comparison_is_accounted_for(
    policy: str, options: dict[str, Any], tie: str, votes: list[list[Vote]], size: int
) -> None:
    table = table_of(
        *(compare(f"q{n}", ["x", "y", "z"], *given_votes) for n, given_votes in enumerate(votes))
    )
    plan = plan_of(policy, tie=tie, **options)
    whole = batch_of(table, plan)
    parts = [
        batch_of(table.slice(s, size).combine_chunks(), plan) for s in range(0, len(table), size)
    ]
    assert pa.concat_tables([part.pairs for part in parts]).equals(whole.pairs)
    assert [entry for part in parts for entry in part.aside] == whole.aside
