"""`pair --aggregate`: what judges are worth is learnt first, then pairs are oriented by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from command_line import Prefkit
from comparison_rows import compare, vote
from planted_judges import (
    EXPERTS,
    TIE,
    A,
    B,
    by,
    found_in,
    nobody,
    planted,
    right,
    said,
    stored,
    texts,
    write,
)

import prefkit
from prefkit.dataset import open_dataset
from prefkit.errors import ConfigError, NothingUsable
from prefkit.verbs.pair import Pair


@pytest.mark.parametrize("name", ["dawid_skene", "one_coin", "glad", "mace"])
def test_two_who_know_outvote_three_who_guess(tmp_path: Path, name: str) -> None:
    dataset = write(tmp_path / "c", planted(400, EXPERTS, seed=3))
    prefkit.pair(dataset, out=tmp_path / "plain")
    outcome = prefkit.pair(dataset, out=tmp_path / "pairs", aggregate=name)
    rows = stored(tmp_path / "pairs")
    assert right(stored(tmp_path / "plain")) < 0.86
    assert right(rows) > 0.92
    assert {row["p_kind"] for row in rows} == {name}
    # The probabilities are worth what they say: their mean is the share that is right.
    assert sum(row["p_chosen"] for row in rows) / len(rows) == pytest.approx(right(rows), abs=0.04)
    judges = {one["judge"]: one for one in found_in(tmp_path / "pairs")["judges"]}
    assert list(judges) == ["p0", "p1", "p2", "p3", "p4"]
    assert all(judges[one]["votes"] == 400 for one in judges)
    for judge, accuracy in zip(judges, EXPERTS, strict=True):
        assert judges[judge]["accuracy"] == pytest.approx(accuracy, abs=0.07)
    (policy,) = said(outcome, "Policy")
    assert policy == f"as_voted, {name}"
    (line,) = said(outcome, "Learnt")
    assert line.startswith("of 5 judges in 2,000 votes on 400 contests")
    assert outcome.facts["aggregation"] == found_in(tmp_path / "pairs")


def test_votes_and_agreement_stay_counts_of_what_was_said(tmp_path: Path) -> None:
    write(tmp_path / "c", planted(400, EXPERTS, seed=3))
    prefkit.pair(tmp_path / "c", out=tmp_path / "pairs", aggregate="dawid_skene")
    rows = stored(tmp_path / "pairs")
    outvoted = [row for row in rows if row["agreement"] < 0.5]
    assert outvoted, "the minority that knows is followed somewhere"
    for row in outvoted:
        assert (row["n_votes"], row["dropped"]) == (5, None)
        assert row["p_chosen"] > 0.5
        against = round((1 - row["agreement"]) * 5)
        notes = {check["check"]: check["note"] for check in row["checks"]}
        assert notes["contradiction"] == f"{5 - against} for the chosen side, {against} against"


def test_with_equally_good_judges_no_gain_is_claimed(tmp_path: Path) -> None:
    write(tmp_path / "c", planted(300, (0.8,) * 5, seed=5))
    outcome = prefkit.pair(tmp_path / "c", out=tmp_path / "pairs", aggregate="dawid_skene")
    assert found_in(tmp_path / "pairs")["gain"]["claimed"] is False
    assert said(outcome, "No gain")[0].endswith("no gain is claimed")


def test_judges_who_err_together_are_told(tmp_path: Path) -> None:
    """Three look at one sheet of answers, each with a slip of its own in twenty."""
    rows = []
    for n, row in enumerate(planted(400, (0.9, 0.9, 0.7), seed=2)):
        first, second, sheet = row.votes
        copies = [
            by(f"copy{k}", sheet.scores[::-1] if n % 20 == k else sheet.scores) for k in range(3)
        ]
        rows.append(compare(f"Question {n}?", ["good", "bad"], first, second, *copies))
    write(tmp_path / "c", rows)
    outcome = prefkit.pair(tmp_path / "c", out=tmp_path / "pairs", aggregate="dawid_skene")
    assert found_in(tmp_path / "pairs")["independence"]["warns"] is True
    assert "judges share errors" in said(outcome, "Dependent")[0]
    # Votes alone take what three copies share for the truth; gold tells who the copies are.
    gold = [compare(f"Question {n}?", ["good", "bad"], vote(*A)) for n in range(200)]
    options = {"aggregate": "dawid_skene", "gold": write(tmp_path / "gold", gold)}
    prefkit.pair(tmp_path / "c", out=tmp_path / "held", **options)
    worst = found_in(tmp_path / "held")["independence"]["worst"][0]
    assert {worst["one"], worst["other"]} < {"copy0", "copy1", "copy2"}
    assert worst["correlation"] > 0.6


def test_votes_of_nobody_keep_their_majority_and_make_no_judge(tmp_path: Path) -> None:
    rows = planted(60, (0.9, 0.8, 0.7), seed=1)
    mixed = compare("Both?", ["good", "bad"], vote(*B), by("p0", A), by("p1", A))
    write(tmp_path / "c", [*rows, mixed, *nobody(4)])
    outcome = prefkit.pair(tmp_path / "c", out=tmp_path / "pairs", aggregate="one_coin")
    found = found_in(tmp_path / "pairs")
    assert [one["judge"] for one in found["judges"]] == ["p0", "p1", "p2"]
    assert (found["not_identified"], found["contests_of_nobody"]) == (9, 4)
    assert found["pairs"] == {"beta": 4, "one_coin": 61}
    told = {row["prompt"][0]["content"]: row for row in stored(tmp_path / "pairs")}
    assert (told["Nobody 0?"]["p_kind"], told["Nobody 0?"]["p_chosen"]) == ("beta", 2.5 / 3)
    assert told["Both?"]["n_votes"] == 3  # it is counted, and weighs nothing in p
    alone = [*rows, compare("Both?", ["good", "bad"], by("p0", A), by("p1", A))]
    write(tmp_path / "d", alone)
    prefkit.pair(tmp_path / "d", out=tmp_path / "without", aggregate="one_coin")
    without = {row["prompt"][0]["content"]: row for row in stored(tmp_path / "without")}
    assert told["Both?"]["p_chosen"] == without["Both?"]["p_chosen"]
    assert said(outcome, "Not identified") == [
        "9 votes of nobody named taught nothing; 4 contests without other votes by majority"
    ]


def test_without_one_named_judge_there_is_nothing_to_learn(tmp_path: Path) -> None:
    write(tmp_path / "c", nobody(4))
    with pytest.raises(ConfigError, match="none of the 8 votes names its judge") as caught:
        prefkit.pair(tmp_path / "c", out=tmp_path / "pairs", aggregate="dawid_skene")
    assert caught.value.hint == "--aggregate majority"
    assert not (tmp_path / "pairs").exists()


def test_single_votes_teach_nothing_without_gold(tmp_path: Path) -> None:
    singles = [compare(f"q{n}", ["good", "bad"], by(f"p{n % 3}", A)) for n in range(30)]
    write(tmp_path / "c", singles)
    message = "each of the 30 contests has the vote of one named judge, and there is no gold"
    with pytest.raises(ConfigError, match=message):
        prefkit.pair(tmp_path / "c", out=tmp_path / "pairs", aggregate="glad")
    with pytest.raises(ConfigError, match="each of the 60 responses was judged once"):
        prefkit.pair(tmp_path / "c", out=tmp_path / "pairs", aggregate="bradley_terry")


def test_a_tie_that_is_most_probable_is_no_pair(tmp_path: Path) -> None:
    tied = compare("Tied?", ["good", "bad"], by("p0", TIE), by("p1", TIE), by("p2", A))
    write(tmp_path / "c", [*planted(200, (0.9, 0.9, 0.7), ties=0.1, seed=6), tied])
    prefkit.pair(tmp_path / "c", out=tmp_path / "drop", aggregate="dawid_skene")
    assert "Tied?" not in {row["prompt"][0]["content"] for row in stored(tmp_path / "drop")}
    reasons = {entry["reason"] for entry in open_dataset(tmp_path / "drop").set_aside()}
    assert "tie: no side is more probable than a tie" in reasons
    prefkit.pair(tmp_path / "c", out=tmp_path / "soft", aggregate="dawid_skene", tie="soft")
    (row,) = [r for r in stored(tmp_path / "soft") if r["prompt"][0]["content"] == "Tied?"]
    assert (row["p_chosen"], row["p_kind"]) == (0.5, "tie")


@pytest.mark.parametrize("name", ["bradley_terry", "dawid_skene"])
def test_where_everybody_is_of_two_minds_it_says_so(tmp_path: Path, name: str) -> None:
    rows = [compare(f"q{n}", ["good", "bad"], by("p0", A), by("p0", B)) for n in range(3)]
    write(tmp_path / "c", rows)
    with pytest.raises(ConfigError, match="of two minds"):
        prefkit.pair(tmp_path / "c", out=tmp_path / "pairs", aggregate=name)


def test_a_model_that_judges_and_rewards_is_two_judges(tmp_path: Path) -> None:
    rows = [
        compare(
            f"q{n}",
            ["good", "bad"],
            by("gpt-x", A, kind="judge"),
            by("gpt-x", A if n % 3 else B, kind="reward"),
        )
        for n in range(30)
    ]
    write(tmp_path / "c", rows)
    out = tmp_path / "pairs"
    prefkit.pair(tmp_path / "c", out=out, aggregate="one_coin", kind=("judge", "reward"))
    judges = {one["judge"]: one["votes"] for one in found_in(out)["judges"]}
    assert judges == {"gpt-x": 30, "gpt-x (reward)": 30}


def test_a_judge_of_two_minds_has_no_vote(tmp_path: Path) -> None:
    both = compare("Both?", ["good", "bad"], by("p0", A, draw=0), by("p0", B, draw=1), by("p1", A))
    write(tmp_path / "c", [*planted(60, (0.9, 0.8), seed=1), both])
    outcome = prefkit.pair(tmp_path / "c", out=tmp_path / "pairs", aggregate="one_coin")
    found = found_in(tmp_path / "pairs")
    assert (found["of_two_minds"], found["votes"]) == (1, 121)
    assert said(outcome, "Undecided") == ["a judge was of two minds on a contest 1 time: no vote"]


def test_a_model_by_another_rubric_is_another_judge(tmp_path: Path) -> None:
    rows = [
        compare(
            f"q{n}",
            ["good", "bad"],
            by("gpt-x", A, kind="judge", rubric="one@1"),
            by("gpt-x", A if n % 3 else B, kind="judge", rubric="two@1"),
        )
        for n in range(30)
    ]
    write(tmp_path / "c", rows)
    prefkit.pair(tmp_path / "c", out=tmp_path / "pairs", aggregate="one_coin", kind="judge")
    names = [one["judge"] for one in found_in(tmp_path / "pairs")["judges"]]
    assert names == ["gpt-x (one@1)", "gpt-x (two@1)"]


def test_responses_are_ordered_by_posteriors(tmp_path: Path) -> None:
    """By mean rating y is the best, since those who guess give it five stars."""
    ranking = compare(
        "All?",
        ["x", "y", "z"],
        vote(5.0, 3.0, 1.0, scale="rating:1-5", by="p0"),
        vote(4.0, 3.0, 2.0, scale="rating:1-5", by="p1"),
        *(vote(1.0, 5.0, 1.0, scale="rating:1-5", by=f"p{j}") for j in (2, 3, 4)),
    )
    write(tmp_path / "c", [*planted(400, EXPERTS, seed=3), ranking])
    prefkit.pair(tmp_path / "c", out=tmp_path / "plain", policy="best_worst", kind="human")
    prefkit.pair(tmp_path / "c", out=tmp_path / "p", policy="best_worst", aggregate="dawid_skene")
    (plain,) = [r for r in stored(tmp_path / "plain") if r["prompt"][0]["content"] == "All?"]
    (row,) = [r for r in stored(tmp_path / "p") if r["prompt"][0]["content"] == "All?"]
    assert texts(plain) == ("y", "z")
    assert texts(row) == ("x", "z")
    assert row["p_kind"] == "dawid_skene"
    assert (row["margin"], row["margin_kind"]) == (pytest.approx(6 / 5), "rating:1-5")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"aggregate": "dawid"},
            "there is no aggregation named 'dawid'. Did you mean 'dawid_skene'?",
        ),
        ({"aggregate": {"mace": {"smoothin": 1}}}, "there is no option 'smoothin'"),
        ({"aggregate": {"mace": {"smoothing": 0}}}, "smoothing"),
        (
            {"aggregate": "glad", "policy": {"threshold": {"at": 3}}},
            "the policy threshold does not",
        ),
        ({"aggregate": "glad", "policy": "unpaired"}, "the policy unpaired does not choose by"),
        ({"aggregate": "glad", "policy": "code"}, "the policy code does not choose by"),
        ({"aggregate": "glad", "calibrate": "platt"}, "glad gives probabilities by itself"),
        ({"gold": "c"}, "what anchors an --aggregate that learns, and there is neither"),
        ({"aggregate": "glad", "gold": "c"}, "they would confirm themselves"),
        (
            {"aggregate": "bradley_terry", "gold": "c", "kind": "judge"},
            "it can anchor none of them",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    write(tmp_path / "c", planted(10, (0.9, 0.8)))
    if "gold" in options:
        options = {**options, "gold": tmp_path / "c"}
    with pytest.raises(ConfigError) as caught:
        prefkit.pair(tmp_path / "c", out=tmp_path / "pairs", **options)
    assert message in str(caught.value)
    assert caught.value.hint is None or len(caught.value.hint) > 5
    assert not (tmp_path / "pairs").exists()


def test_the_policy_hash_covers_the_aggregation_its_options_and_the_limit(tmp_path: Path) -> None:
    write(tmp_path / "c", planted(40, (0.9, 0.8, 0.7)))
    hashes = set()
    several: list[dict[str, Any]] = [
        {},
        {"aggregate": "one_coin"},
        {"aggregate": {"one_coin": {"smoothing": 1}}},
        {"aggregate": "one_coin", "limit": 30},
    ]
    for n, options in enumerate(several):
        prefkit.pair(tmp_path / "c", out=tmp_path / f"p{n}", **options)
        hashes.add(stored(tmp_path / f"p{n}")[0]["policy"])
    assert len(hashes) == 4
    ((_, policy),) = open_dataset(tmp_path / "p2").manifest["policies"].items()
    named = policy["aggregation"]["one_coin"]
    assert named["smoothing"] == 1.0
    assert policy["tie"] == "drop"


def test_a_majority_by_name_is_the_default(tmp_path: Path) -> None:
    write(tmp_path / "c", planted(40, (0.9, 0.8, 0.7)))
    prefkit.pair(tmp_path / "c", out=tmp_path / "plain")
    prefkit.pair(tmp_path / "c", out=tmp_path / "named", aggregate="majority")
    plain, named = (open_dataset(tmp_path / name) for name in ("plain", "named"))
    assert plain.content_hash == named.content_hash
    assert "aggregation" not in named.manifest


def test_a_dry_run_tells_what_it_would_learn_and_writes_nothing(tmp_path: Path) -> None:
    write(tmp_path / "c", planted(60, (0.9, 0.8, 0.7)))
    outcome = prefkit.pair(tmp_path / "c", out=tmp_path / "p", aggregate="mace", dry_run=True)
    assert outcome.facts["aggregation"]["pairs"] == {"mace": outcome.facts["pairs"]}
    assert not (tmp_path / "p").exists()


def test_without_any_vote_it_says_so_as_ever(tmp_path: Path) -> None:
    write(tmp_path / "c", [compare("q", ["good", "bad"])])
    with pytest.raises(NothingUsable, match="no comparison gives a pair"):
        prefkit.pair(tmp_path / "c", out=tmp_path / "p", aggregate="dawid_skene")


def test_one_judge_alone_and_ties_only_are_no_surprise(tmp_path: Path) -> None:
    ties = [compare(f"q{n}", ["good", "bad"], by("p0", TIE), by("p1", TIE)) for n in range(30)]
    write(tmp_path / "c", ties)
    for name in ("dawid_skene", "one_coin", "glad", "mace", "bradley_terry", "plackett_luce"):
        with pytest.raises(NothingUsable, match="tie"):
            prefkit.pair(tmp_path / "c", out=tmp_path / "p", aggregate=name)


def test_the_command_line_takes_a_name_or_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "c", planted(60, (0.9, 0.8, 0.7)))
    prefkit_ = Prefkit(capsys)
    several = "{glad: {iterations: 5}}"
    done = prefkit_(
        "pair", tmp_path / "c", "--out", tmp_path / "p", "--aggregate", several, "--json"
    )
    facts = done.document
    assert facts["policy"]["aggregation"]["glad"]["iterations"] == 5


def test_judges_of_several_kinds_are_learnt_together(tmp_path: Path) -> None:
    rows = []
    for n, row in enumerate(planted(120, (0.9, 0.7), seed=8)):
        person, model = row.votes
        machine = vote(*model.scores, kind="judge", by="gpt-x", record=f"{n}")
        rows.append(compare(f"Question {n}?", ["good", "bad"], person, machine))
    write(tmp_path / "c", rows)
    kinds = ("human", "judge")
    prefkit.pair(tmp_path / "c", out=tmp_path / "pairs", aggregate="one_coin", kind=kinds)
    judges = {one["judge"]: one["votes"] for one in found_in(tmp_path / "pairs")["judges"]}
    assert judges == {"gpt-x": 120, "p0": 120}


def test_a_pipeline_with_a_wrong_name_is_refused_before_it_runs(tmp_path: Path) -> None:
    for given, message in (
        ("glab", "there is no aggregation 'glab'. Did you mean 'glad'?"),
        ({"glad": {"iteration": 3}}, "glad has no option 'iteration'. Did you mean 'iterations'?"),
    ):
        verb = Pair(dataset=tmp_path / "c", out=tmp_path / "p", aggregate=given)
        with pytest.raises(ConfigError) as caught:
            verb.check("pipeline.yaml, pair")
        assert message in str(caught.value)


@pytest.mark.real
def test_pandalms_three_people_are_equally_good_and_nobody_gains(
    tmp_path: Path, real_data: Path
) -> None:
    prefkit.collect_human(
        [real_data / "human/pandalm/testset-v1.json.gz"], out=tmp_path / "comparisons"
    )
    prefkit.pair(tmp_path / "comparisons", out=tmp_path / "plain")
    prefkit.pair(tmp_path / "comparisons", out=tmp_path / "pairs", aggregate="dawid_skene")
    found = found_in(tmp_path / "pairs")
    assert [one["accuracy"] > 0.9 for one in found["judges"]] == [True] * 3
    assert (found["independence"]["warns"], found["gain"]["claimed"]) == (False, False)
    plain = {row["comparison"]: texts(row) for row in stored(tmp_path / "plain")}
    learnt = {row["comparison"]: texts(row) for row in stored(tmp_path / "pairs")}
    both = plain.keys() & learnt.keys()
    assert len(both) > 450
    assert sum(plain[one] == learnt[one] for one in both) > 0.98 * len(both)
