"""`pair`: every comparison is paired or set aside; what only all pairs tell is marked on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from command_line import script
from comparison_rows import compare, table_of, vote, write_comparisons

import prefkit
from prefkit.dataset import open_dataset, rows
from prefkit.errors import ConfigError, NothingUsable
from prefkit.schema.records import Comparison

A, B = (1.0, 0.0), (0.0, 1.0)
STARS = "rating:1-5"


def paired(folder: Path, *comparisons: Comparison, **options: Any) -> dict[str, Any]:
    """Write comparisons, pair them; the facts."""
    write_comparisons(folder / "comparisons", table_of(*comparisons))
    facts = prefkit.pair(folder / "comparisons", out=folder / "pairs", **options).facts
    assert facts["comparisons"] == facts["paired"] + facts["set_aside"] == len(comparisons)
    assert sum(facts["reasons"].values()) == facts["set_aside"]
    return dict(facts)


def stored(folder: Path) -> list[dict[str, Any]]:
    return [
        row
        for table in open_dataset(folder / "pairs", "pairs").batches()
        for row in table.to_pylist()
    ]


def test_comparisons_are_paired_or_set_aside_with_their_reason(tmp_path: Path) -> None:
    facts = paired(
        tmp_path,
        compare("one", ["x", "y"], vote(*A)),
        compare("two", ["x", "y"], vote(*A), vote(*B)),
        compare("three", ["x", "y"]),
        compare("", ["x", "y"], vote(*A)),
        compare("five", ["x", "y"], vote(None, None, outcome="both_bad")),
    )
    assert (facts["paired"], facts["set_aside"], facts["pairs"]) == (1, 4, 1)
    assert facts["reasons"] == {
        "both bad": 1,
        "no prompt: it stands inside the sides, with no turn to split at": 1,
        "no vote that counts": 1,
        "votes split evenly": 1,
    }
    dataset = open_dataset(tmp_path / "pairs")
    parent = open_dataset(tmp_path / "comparisons")
    ids = next(parent.batches(["id"]))["id"].to_pylist()
    aside = {entry["comparison"]: entry["reason"] for entry in dataset.set_aside()}
    assert [aside.get(name) for name in ids[:3]] == [
        None,
        "votes split evenly",
        "no vote that counts",
    ]
    assert dataset.manifest["parents"] == [parent.content_hash]
    ((policy, resolved),) = dataset.manifest["policies"].items()
    assert {row["policy"] for row in stored(tmp_path)} == {policy}
    assert resolved["policy"] == {"as_voted": {}}


def test_rows_that_say_the_opposite_are_marked_on_both(tmp_path: Path) -> None:
    three = ["x", "y", "z"]
    facts = paired(
        tmp_path,
        compare("q", ["x", "y"], vote(*A)),
        compare("q", three, vote(0.0, 1.0, None)),
        compare("q", [*three, "w"], vote(0.0, 1.0, None, None)),
        compare("r", ["x", "y"], vote(*A)),
    )
    assert facts["contradicting"] == 3
    rows_of_q = [row for row in stored(tmp_path) if row["prompt"][0]["content"] == "q"]
    assert len({row["id"] for row in rows_of_q}) == 1
    opposed = {row["chosen"][0]["content"]: row for row in rows_of_q}
    assert opposed["x"]["dropped"] == "contradiction: 2 > 0"
    assert opposed["y"]["dropped"] == "contradiction: 1 > 0"
    assert opposed["x"]["checks"] == [
        {
            "check": "contradiction",
            "value": 2.0,
            "note": "2 other rows of this pair have it the other way round",
        }
    ]
    (row,) = [row for row in stored(tmp_path) if row["prompt"][0]["content"] == "r"]
    assert (row["dropped"], row["checks"]) == (None, [])


def test_criteria_do_not_contradict_each_other(tmp_path: Path) -> None:
    votes = [vote(*A, criterion="help"), vote(*B, criterion="harm")]
    write_comparisons(tmp_path / "comparisons", table_of(compare("q", ["x", "y"], *votes)))
    ids = []
    for criterion in ("help", "harm"):
        out = tmp_path / criterion / "pairs"
        prefkit.pair(tmp_path / "comparisons", out=out, criterion=criterion)
        (row,) = stored(tmp_path / criterion)
        assert (row["criterion"], row["dropped"]) == (criterion, None)
        ids.append(row["id"])
    assert ids[0] != ids[1]


def test_the_weights_of_a_prompt_sum_to_one_if_wanted(tmp_path: Path) -> None:
    ranking = vote(-1.0, -2.0, -3.0, scale="rank")
    comparisons = [
        compare("q", ["x", "y", "z"], ranking),
        compare("q", ["x", "w"], vote(-1.0, -2.0, scale="rank")),
        compare("r", ["x", "y"], vote(-1.0, -2.0, scale="rank")),
    ]
    paired(tmp_path, *comparisons, policy="all", weight="prompt")
    weights: dict[str, list[float]] = {}
    for row in stored(tmp_path):
        weights.setdefault(row["prompt"][0]["content"], []).append(row["weight"])
    assert weights == {"q": [0.25] * 4, "r": [1.0]}
    prefkit.pair(tmp_path / "comparisons", out=tmp_path / "plain", policy="all")
    (table,) = open_dataset(tmp_path / "plain").batches(["weight"])
    assert set(table["weight"].to_pylist()) == {1.0}


def test_a_cap_holds_over_all_comparisons_of_a_prompt(tmp_path: Path) -> None:
    ranking = vote(-1.0, -2.0, -3.0, scale="rank")
    comparisons = [compare("q", ["x", "y", f"{n}"], ranking) for n in range(3)]
    comparisons.append(compare("r", ["x", "y", "z"], ranking))
    facts = paired(tmp_path, *comparisons, policy={"all": {"cap": 2}}, weight="prompt")
    # Each comparison of three gives two pairs: six of q, of which two stay, and two of r.
    assert (facts["pairs"], facts["beyond_cap"]) == (8, 4)
    reasons = sorted(
        str(row["dropped"]) for row in stored(tmp_path) if row["prompt"][0]["content"] == "q"
    )
    assert reasons == ["None", "None", "cap: 2 > 1", "cap: 3 > 1", "cap: 4 > 1", "cap: 5 > 1"]
    assert {row["weight"] for row in stored(tmp_path)} == {0.5}


def test_several_criteria_without_an_overall_vote_are_listed(tmp_path: Path) -> None:
    votes = [vote(*A, criterion="help"), vote(*A, criterion="help"), vote(*B, criterion="harm")]
    write_comparisons(tmp_path / "comparisons", table_of(compare("q", ["x", "y"], *votes)))
    with pytest.raises(ConfigError, match=r"harm \(1 votes\), help \(2 votes\)") as error:
        prefkit.pair(tmp_path / "comparisons", out=tmp_path / "pairs")
    assert error.value.hint == "--criterion harm, or --criterion mean:harm,help"
    with pytest.raises(
        ConfigError, match=r"no vote has the criterion 'harmm'. Did you mean 'harm'"
    ):
        prefkit.pair(tmp_path / "comparisons", out=tmp_path / "pairs", criterion="mean:help,harmm")
    assert not (tmp_path / "pairs").exists()


def test_an_only_criterion_is_taken_and_said(tmp_path: Path) -> None:
    facts = paired(tmp_path, compare("q", ["x", "y"], vote(*A, criterion="help")))
    assert facts["policy"]["criterion"] == "help"
    assert open_dataset(tmp_path / "pairs").manifest["note"] == "by help, the only criterion"
    assert stored(tmp_path)[0]["criterion"] == "help"


def test_overall_votes_go_before_criteria(tmp_path: Path) -> None:
    votes = [vote(*A), vote(*B, criterion="help"), vote(*B, criterion="harm")]
    facts = paired(tmp_path, compare("q", ["x", "y"], *votes))
    assert facts["policy"]["criterion"] is None
    (row,) = stored(tmp_path)
    assert (row["chosen"][0]["content"], row["n_votes"]) == ("x", 1)


def test_a_mean_over_criteria_is_one_pair(tmp_path: Path) -> None:
    votes = [
        vote(*scores, scale=STARS, criterion=name, kind="judge")
        for name, scores in {"a": (5.0, 4.0), "b": (1.0, 5.0), "c": (3.0, 3.0)}.items()
    ]
    paired(tmp_path, compare("q", ["x", "y"], *votes), criterion="mean:a, b")
    (row,) = stored(tmp_path)
    assert (row["chosen"][0]["content"], row["margin"]) == ("y", 1.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"policy": "best_wurst"}, r"no policy named 'best_wurst'\. Did you mean 'best_worst'"),
        ({"policy": {"all": {"capp": 3}}}, r"policy all: there is no option 'capp'\. Did you mean"),
        ({"policy": "threshold"}, "policy threshold: the option 'at' is needed"),
        ({"kind": ("person",)}, "kind"),
        ({"tie": "keep"}, "tie"),
        ({"criterion": "help"}, "no vote has the criterion 'help'; there are: none"),
    ],
)
def test_wrong_options_are_said(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    write_comparisons(tmp_path / "comparisons", table_of(compare("q", ["x", "y"], vote(*A))))
    with pytest.raises(ConfigError, match=message):
        prefkit.pair(tmp_path / "comparisons", out=tmp_path / "pairs", **options)


def test_nothing_to_pair_is_a_failed_gate(tmp_path: Path) -> None:
    write_comparisons(tmp_path / "comparisons", table_of(compare("q", ["x", "y"])))
    with pytest.raises(
        NothingUsable, match=r"no comparison gives a pair \(1 no vote that counts\)"
    ):
        prefkit.pair(tmp_path / "comparisons", out=tmp_path / "pairs")
    assert {path.name for path in tmp_path.iterdir()} == {"comparisons"}


def test_pairs_cannot_be_paired_again(tmp_path: Path) -> None:
    paired(tmp_path, compare("q", ["x", "y"], vote(*A)))
    with pytest.raises(ConfigError, match="holds pairs, this needs comparisons"):
        prefkit.pair(tmp_path / "pairs", out=tmp_path / "again")


def test_a_dry_run_counts_the_same_and_writes_nothing(tmp_path: Path) -> None:
    comparisons = [compare(f"{n}", ["x", "y"], vote(*A), *[vote(*B)] * (n % 3)) for n in range(9)]
    real = paired(tmp_path, *comparisons)
    dry = prefkit.pair(tmp_path / "comparisons", out=tmp_path / "other", dry_run=True).facts
    assert not (tmp_path / "other").exists()
    for name in ("comparisons", "paired", "set_aside", "pairs", "reasons"):
        assert dry[name] == real[name]


def test_a_limit_takes_the_first_comparisons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_GROUP_ROWS", 4)
    comparisons = [compare(f"{n}", ["x", "y"], vote(*A)) for n in range(10)]
    write_comparisons(tmp_path / "comparisons", table_of(*comparisons))
    facts = prefkit.pair(tmp_path / "comparisons", out=tmp_path / "pairs", limit=6).facts
    assert facts["comparisons"] == 6
    assert [row["prompt"][0]["content"] for row in stored(tmp_path)] == [str(n) for n in range(6)]


def test_row_groups_of_the_parent_do_not_change_a_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparisons = [
        compare(
            f"{n % 20}", ["x", "y", f"{n}"], vote(1.0, n % 2, None, scale=STARS.replace("1", "0"))
        )
        for n in range(60)
    ]
    found = []
    for size in (7, 16_384):
        monkeypatch.setattr(rows, "_GROUP_ROWS", size)
        folder = tmp_path / f"{size}"
        facts = paired(folder, *comparisons, policy={"all": {"cap": 1}}, weight="prompt")
        found.append((facts["content_hash"], stored(folder)))
    assert found[0] == found[1]


def test_the_command_line_gives_the_counts_and_the_next_step(tmp_path: Path) -> None:
    write_comparisons(
        tmp_path / "comparisons",
        table_of(compare("q", ["x", "y"], vote(*A)), compare("r", ["x", "y"])),
    )
    done = script("pair", tmp_path / "comparisons", "--out", tmp_path / "pairs")
    assert (done.code, done.err) == (0, "")
    assert "2 = 1 paired + 1 set aside" in done.out
    assert "1 no vote that counts" in done.out
    assert f"prefkit curate {tmp_path / 'pairs'}" in done.out
