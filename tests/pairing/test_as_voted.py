"""As voted: what people compared, with the evidence of every single vote."""

from __future__ import annotations

import pytest
from comparison_rows import answer, compare, turns, vote
from paired import all_sides, pair, sides

from prefkit.schema.records import Comparison, Message, Response

A, B = (1.0, 0.0), (0.0, 1.0)


def test_a_single_click_is_a_pair_with_its_posterior() -> None:
    found = pair(compare("q", ["x", "y"], vote(*A)))
    (row,) = found.rows
    assert sides(row) == ("x", "y")
    # Jeffreys: (1 + 1/2) / (1 + 1).
    assert (row["p_chosen"], row["p_kind"]) == (0.75, "beta")
    assert (row["n_votes"], row["agreement"]) == (1, 1.0)
    assert (row["margin"], row["margin_kind"]) == (1.0, "choice")
    assert (row["weight"], row["dropped"], row["checks"]) == (1.0, None, [])
    assert found.reasons == []


def test_the_majority_decides_and_the_minority_is_noted() -> None:
    (row,) = pair(compare("q", ["x", "y"], vote(*B), vote(*A), vote(*B))).rows
    assert sides(row) == ("y", "x")
    assert row["p_chosen"] == 0.625  # (2 + 1/2) / (3 + 1)
    assert row["agreement"] == pytest.approx(2 / 3)
    assert row["margin"] == pytest.approx(1 / 3)  # mean of 1, -1 and 1
    assert row["n_votes"] == 3
    assert row["checks"] == [
        {"check": "contradiction", "value": 1.0, "note": "2 for the chosen side, 1 against"}
    ]
    assert row["dropped"] is None


def test_a_tie_counts_half_for_each_side() -> None:
    tie = vote(0.0, 0.0, outcome="tie")
    (row,) = pair(compare("q", ["x", "y"], vote(*A), tie)).rows
    assert (row["n_votes"], row["agreement"]) == (2, 0.75)
    assert row["p_chosen"] == pytest.approx(2 / 3)  # (1.5 + 0.5) / (2 + 1)
    assert row["checks"] == []


def test_both_bad_and_both_good_are_ties_in_a_contest_that_others_decide() -> None:
    bad = vote(None, None, outcome="both_bad")
    (row,) = pair(compare("q", ["x", "y"], vote(*A), vote(*A), bad)).rows
    assert (sides(row), row["n_votes"]) == (("x", "y"), 3)
    assert row["agreement"] == pytest.approx(2.5 / 3)


@pytest.mark.parametrize(
    ("votes", "reason"),
    [
        ([vote(0.0, 0.0, outcome="tie")], "tie"),
        ([vote(0.5, 0.5)], "tie"),
        ([vote(*A), vote(*B)], "votes split evenly"),
        ([vote(None, None, outcome="both_bad")], "both bad"),
        ([vote(None, None, outcome="both_good")], "both good"),
        (
            [
                vote(None, None, outcome="both_bad"),
                vote(None, None, outcome="both_good"),
                vote(0.0, 0.0, outcome="tie"),
            ],
            "tie",
        ),
        ([], "no vote that counts"),
        ([vote(None, None, outcome="skip")], "no vote that counts"),
        ([vote(None, None, kind="judge", outcome="failed")], "no vote that counts"),
        ([vote(1.0, None)], "no judge compared two responses"),
    ],
)
def test_what_gives_no_pair_has_its_reason(votes: list[object], reason: str) -> None:
    found = pair(compare("q", ["x", "y"], *votes))  # type: ignore[arg-type]
    assert (found.rows, found.reasons) == ([], [reason])


def test_skips_and_failures_are_not_counted() -> None:
    skip, failed = (vote(None, None, outcome=outcome) for outcome in ("skip", "infra"))
    (row,) = pair(compare("q", ["x", "y"], vote(*A), skip, failed)).rows
    assert row["n_votes"] == 1


def test_a_ranking_of_four_needs_a_policy_that_says_which_pairs() -> None:
    ranking = vote(-1.0, -2.0, -3.0, -4.0, scale="rank")
    found = pair(compare("q", ["w", "x", "y", "z"], ranking))
    assert found.rows == []
    assert found.reasons == ["more than two responses ranked together: name a policy"]


def test_three_responses_compared_two_by_two_are_the_pairs_that_were_compared() -> None:
    votes = [vote(1.0, 0.0, None), vote(None, 1.0, 0.0), vote(1.0, 0.0, None)]
    found = pair(compare("q", ["x", "y", "z"], *votes))
    assert all_sides(found) == {("x", "y"), ("y", "z")}
    assert {sides(row): row["n_votes"] for row in found.rows} == {("x", "y"): 2, ("y", "z"): 1}
    assert found.paired == 1


@pytest.mark.parametrize(("score", "texts"), [(1.0, ("x", None)), (0.0, (None, "x"))])
def test_a_thumb_on_a_single_response_is_an_unpaired_row(
    score: float, texts: tuple[str | None, str | None]
) -> None:
    votes = [vote(score, scale="thumbs")] * 2 + [vote(1 - score, scale="thumbs")]
    (row,) = pair(compare("q", ["x"], *votes)).rows
    assert sides(row) == texts
    assert (row["n_votes"], row["p_chosen"]) == (3, 0.625)
    assert row["agreement"] == pytest.approx(2 / 3)
    assert (row["margin"], row["margin_kind"]) == (None, None)
    assert row["checks"][0]["note"] == "2 for the chosen side, 1 against"


def test_thumbs_up_and_down_on_one_response_are_no_pair() -> None:
    found = pair(compare("q", ["x"], vote(1.0, scale="thumbs"), vote(0.0, scale="thumbs")))
    assert (found.rows, found.reasons) == ([], ["no judge compared two responses"])


def test_stars_on_a_single_response_have_no_direction() -> None:
    found = pair(compare("q", ["x"], vote(3.0, scale="rating:1-5")))
    assert (found.rows, found.reasons) == ([], ["no scale from 0 to 1: use threshold"])


def test_pointwise_votes_of_one_judge_are_one_judgement() -> None:
    votes = [
        vote(4.0, None, kind="judge", scale="rating:1-5", by="m@1", record="a"),
        vote(None, 2.0, kind="judge", scale="rating:1-5", by="m@1", record="b"),
    ]
    (row,) = pair(compare("q", ["x", "y"], *votes)).rows
    assert (sides(row), row["n_votes"], row["agreement"]) == (("x", "y"), 1, 1.0)
    assert (row["margin"], row["margin_kind"]) == (2.0, "rating:1-5")
    assert (row["p_chosen"], row["p_kind"]) == (None, None)  # a judge's margin is not calibrated
    assert {source["record"] for source in row["sources"]} == {"a", "b"}


def test_draws_and_rubrics_of_one_judge_are_judgements_of_their_own() -> None:
    votes = []
    for draw, rubric in [(0, "r1"), (1, "r1"), (0, "r2")]:
        more = {"kind": "judge", "scale": "rating:1-5", "by": "m", "draw": draw, "rubric": rubric}
        votes += [vote(4.0, None, **more), vote(None, 2.0, **more)]
    (row,) = pair(compare("q", ["x", "y"], *votes)).rows
    assert row["n_votes"] == 3


def test_a_judge_who_rates_again_judges_again() -> None:
    votes = [
        vote(*scores, scale="rating:1-5", by="p-1")
        for scores in [(4.0, None), (None, 2.0), (1.0, None), (None, 5.0), (3.0, None)]
    ]
    found = pair(compare("q", ["x", "y"], *votes))
    # First x 4 against y 2, then x 1 against y 5; the third rating of x has nothing to meet.
    assert found.reasons == ["votes split evenly"]


def test_pointwise_votes_of_unknown_people_meet_only_in_one_record() -> None:
    def rated(record: str) -> list[object]:
        stars = "rating:1-5"
        return [
            vote(4.0, None, scale=stars, record="a"),
            vote(None, 2.0, scale=stars, record=record),
        ]

    apart = pair(compare("q", ["x", "y"], *rated("b")))  # type: ignore[arg-type]
    assert (apart.rows, apart.reasons) == ([], ["no judge compared two responses"])
    (row,) = pair(compare("q", ["x", "y"], *rated("a"))).rows  # type: ignore[arg-type]
    assert (sides(row), row["n_votes"]) == (("x", "y"), 1)


def test_a_label_counts_where_nobody_voted() -> None:
    (row,) = pair(compare("q", ["x", "y"], vote(*A, kind="label"))).rows
    assert (sides(row), row["n_votes"], row["p_chosen"]) == (("x", "y"), 1, None)


def test_a_label_is_not_pooled_with_the_votes_it_was_made_of() -> None:
    label = vote(*A, kind="label")
    (row,) = pair(compare("q", ["x", "y"], label, vote(*B), vote(*B), vote(*A))).rows
    assert (sides(row), row["n_votes"]) == (("y", "x"), 3)
    (row,) = pair(compare("q", ["x", "y"], label, vote(*B)), kinds=("label",)).rows
    assert (sides(row), row["n_votes"]) == (("x", "y"), 1)
    skipped = vote(None, None, outcome="skip")  # a skip is no vote that could replace the label
    (row,) = pair(compare("q", ["x", "y"], label, skipped)).rows
    assert sides(row) == ("x", "y")


def test_kinds_are_not_pooled_until_one_is_named() -> None:
    mixed = compare("q", ["x", "y"], vote(*A), vote(*B, kind="judge"), vote(*B, kind="judge"))
    human = compare("r", ["x", "y"], vote(*A))
    found = pair(mixed, human)
    assert (len(found.rows), found.reasons) == (1, ["kinds mixed: name one with --kind"])
    assert {sides(row) for row in pair(mixed, kinds=("judge",)).rows} == {("y", "x")}
    both = pair(mixed, kinds=("human", "judge")).rows[0]
    assert (both["n_votes"], sides(both)) == (3, ("y", "x"))
    assert pair(human, kinds=("judge",)).reasons == ["no vote that counts"]


def test_votes_on_several_scales_have_a_direction_and_no_margin() -> None:
    votes = [vote(*A), vote(5.0, 1.0, scale="rating:1-5"), vote(1.0, 4.0, scale="rating:1-5")]
    (row,) = pair(compare("q", ["x", "y"], *votes)).rows
    assert (sides(row), row["n_votes"]) == (("x", "y"), 3)
    assert (row["margin"], row["margin_kind"], row["p_chosen"]) == (None, "mixed", None)


@pytest.mark.parametrize(
    ("scale", "scores", "counted"),
    [
        ("choice", (1.0, 0.0), True),
        ("rank", (-1.0, -2.0), True),
        ("thumbs", (1.0, 0.0), True),
        ("strength:0-3", (3.0, 0.0), True),
        ("rating:1-5", (5.0, 1.0), False),
        ("probability", (0.9, 0.1), False),
        ("pass_share", (1.0, 0.0), False),
    ],
)
def test_only_scales_on_which_a_judgement_is_one_vote_have_a_posterior(
    scale: str, scores: tuple[float, float], counted: bool
) -> None:
    (row,) = pair(compare("q", ["x", "y"], vote(*scores, scale=scale))).rows
    assert (row["p_chosen"], row["p_kind"]) == ((0.75, "beta") if counted else (None, None))


def test_a_comparison_without_a_prompt_is_set_aside() -> None:
    found = pair(compare("", ["x", "y"], vote(*A)), compare("q", ["x", "y"], vote(*A)))
    assert len(found.rows) == 1
    assert found.reasons == ["no prompt: it stands inside the sides, with no turn to split at"]


def test_sides_that_part_before_the_last_answer_are_marked_with_the_turn() -> None:
    long = Response((Message("assistant", "a"), *turns("and then?", "b")))
    both = Comparison(turns("q", "hello", "go on"), (long, answer("x")), (vote(*A),))
    (row,) = pair(both).rows
    # The prompt has the turns 0, 1 and 2, so the sides part at turn 3.
    assert row["checks"] == [
        {
            "check": "diverges",
            "value": 3.0,
            "note": "the sides part at turn 3, before the last answer",
        }
    ]
    assert row["dropped"] is None


def test_models_tags_tools_and_sources_are_carried_along() -> None:
    sides_given = (answer("x", "small"), answer("y", "large"))
    comparison = Comparison(
        turns("q"),
        sides_given,
        (vote(*B, record="line 1"), vote(*B, record="line 2")),
        tools='[{"name":"f"}]',
        template_kwargs='{"a":1}',
        tags=(("topic", "a"),),
    )
    (row,) = pair(comparison).rows
    assert (row["chosen_model"], row["rejected_model"]) == ("large", "small")
    assert (row["tools"], row["template_kwargs"]) == ('[{"name":"f"}]', '{"a":1}')
    assert row["tags"] == [("topic", "a")]
    assert [source["record"] for source in row["sources"]] == ["line 1", "line 2"]
    assert row["policy"] == "hash"
