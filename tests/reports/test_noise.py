from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from comparison_rows import compare, table_of, vote, write_comparisons
from planted_noise import Plan, comparisons, pairs

from prefkit.dataset import open_dataset
from prefkit.errors import ConfigError
from prefkit.schema.decisions import pair_hashes
from prefkit.schema.records import Comparison
from prefkit.verbs.collect_human import CollectHuman
from prefkit.verbs.curate import Curate
from prefkit.verbs.pair import Pair
from prefkit.verbs.report import Report


def suspects(folder: Path, **options: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The noise section of the document, and the lines of the queue."""
    path = folder.parent / "suspects.jsonl"
    facts = Report(dataset=folder, suspects=path, force=True, **options)().facts
    return facts["noise"], [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,200 pairs: half with one vote, half with three, people wrong at 0.1, the judge at 0.2."""
    return pairs(tmp_path_factory.mktemp("noisy"), comparisons(1200))


@pytest.fixture(scope="module")
def found(noisy: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return suspects(noisy)


PLANTED = comparisons(1200)
Found = tuple[dict[str, Any], list[dict[str, Any]]]


def test_the_error_of_labels_is_told_from_those_that_several_people_made(found: Found) -> None:
    rate = found[0]["rate"]
    assert rate["vote_error"]["low"] < 0.1 < rate["vote_error"]["high"]
    # One vote errs at 0.1, the majority of three at 0.028.
    assert rate["label_error"]["low"] < 0.064 < rate["label_error"]["high"]
    assert rate["agreed"]["n"] == 600


def test_the_self_test_finds_what_the_law_says(found: Found) -> None:
    test = found[0]["self_test"]
    by = {one["evidence"]: one for one in test["evidence"]}
    assert set(by) == {"judge", "text", "cleanlab"}
    # 0.8 * 0.936 + 0.2 * 0.064 of labels, as 0.7 * 0.936 + 0.3 * 0.064 for the words.
    assert by["judge"]["auc"]["low"] < 0.762 < by["judge"]["auc"]["high"]
    assert by["text"]["auc"]["low"] < 0.674 < by["text"]["auc"]["high"]
    assert by["judge"]["accuracy"] == pytest.approx(0.8, abs=0.04)
    assert test["together"]["auc"]["value"] > by["judge"]["auc"]["value"]
    assert test["together"]["auc"]["value"] < test["limit"]["auc"]["value"]
    assert test["limit"]["auc"]["value"] == pytest.approx(0.936, abs=0.02)
    assert test["flipped"] == 240
    # Two others of three speak; a vote is wrong at 0.1: the limit of that test.
    assert test["votes"]["limit"]["auc"]["value"] == pytest.approx(0.9, abs=0.02)
    assert 0.75 < test["votes"]["auc"]["value"] < 0.95


def test_the_queue_holds_more_wrong_labels_than_chance(noisy: Path, found: Found) -> None:
    kept = [row for part in open_dataset(noisy).batches() for row in part.to_pylist()]
    wrong = {row["id"] for row in kept if not _is_right(row)}
    assert 40 < len(wrong) < 120
    worst = [line["pair"] for line in found[1][1:101]]
    assert sum(name in wrong for name in worst) > 5 * 100 * len(wrong) / len(kept) / 2


def _is_right(row: dict[str, Any]) -> bool:
    """Whether a pair is as `comparisons` planted it."""
    number = int(row["prompt"][0]["content"].removeprefix("Question ").removesuffix("?"))
    better = PLANTED[number].responses[number % 2].messages[0].content
    return bool(row["chosen"][0]["content"] == better)


def test_each_line_of_the_queue_names_a_pair_and_its_evidence(noisy: Path, found: Found) -> None:
    head, *lines = found[1]
    data = open_dataset(noisy)
    assert head["schema"] == "prefkit.suspects/1"
    assert head["targeted"] is True
    assert "never enters a headline number" in head["note"]
    assert (head["dataset"], head["of"]) == (data.content_hash, 1200)
    assert [line["rank"] for line in lines] == list(range(1, len(lines) + 1))
    scores = [line["score"] for line in lines]
    assert scores == sorted(scores, reverse=True)
    hashes = {
        name: digest
        for part in data.batches()
        for name, digest in zip(part["id"].to_pylist(), pair_hashes(part), strict=True)
    }
    assert all(hashes[line["pair"]] == line["pair_sha256"] for line in lines)
    first = {one["evidence"]: one for one in lines[0]["evidence"]}
    assert list(first) == ["votes", "judge", "text", "cleanlab"]
    assert (first["judge"]["by"], first["judge"]["value"]) == ("judge-x", -1.0)
    assert first["judge"]["against"] is True
    for line in lines:
        assert any(one["against"] for one in line["evidence"]), "nothing speaks against it"


def test_nothing_is_flipped_and_the_same_data_give_the_same_bytes(noisy: Path) -> None:
    before = {path: path.read_bytes() for path in noisy.rglob("*") if path.is_file()}
    files = []
    for _ in range(2):
        suspects(noisy, most_suspects=40)
        files.append((noisy.parent / "suspects.jsonl").read_bytes())
    assert files[0] == files[1]
    assert len(files[0].splitlines()) == 41
    assert {path: path.read_bytes() for path in noisy.rglob("*") if path.is_file()} == before


def test_who_made_the_labels_is_no_witness(tmp_path: Path) -> None:
    given = comparisons(150)
    facts, lines = suspects(pairs(tmp_path, given, kind="judge"))
    assert [one["evidence"] for one in facts["evidence"]] == ["human", "text", "cleanlab"]
    assert facts["rate"]["label_error"]["value"] is None
    assert facts["self_test"]["limit"]["auc"]["value"] is None
    assert "not known" in facts["self_test"]["limit"]["auc"]["reason"]
    human = next(one for one in lines[1]["evidence"] if one["evidence"] == "human")
    assert human["value"] in (-3.0, -1.0)


def test_people_who_gave_a_label_as_gold_are_no_witness(tmp_path: Path) -> None:
    given = write_comparisons(tmp_path / "comparisons", table_of(*comparisons(150)))
    out = tmp_path / "pairs"
    Pair(dataset=given, out=out, kind=("judge",), aggregate="one_coin", gold=given)()
    facts, _ = suspects(out)
    # Whoever was not asked for these labels may speak of them: here that is the judge.
    assert [one["evidence"] for one in facts["evidence"]] == ["judge", "text", "cleanlab"]


def test_a_label_made_of_the_votes_beside_it_is_no_witness(tmp_path: Path) -> None:
    def row(place: int, file: str) -> Comparison:
        return compare(
            f"Question {place}?", [f"one {place}", f"two {place}"],
            vote(1.0, 0.0, by="ann", name="a.jsonl"),
            vote(0.0, 1.0, kind="label", name=file),
        )  # fmt: skip

    same = pairs(tmp_path, [row(place, "a.jsonl") for place in range(30)])
    assert suspects(same)[0]["evidence"] == []
    (tmp_path / "other").mkdir()
    apart = pairs(tmp_path / "other", [row(place, "b.jsonl") for place in range(30)])
    assert [one["evidence"] for one in suspects(apart)[0]["evidence"]] == ["label"]


def test_a_reward_model_counts_by_how_far_its_scores_differ(tmp_path: Path) -> None:
    given = [
        compare(
            f"Question {place}?", [f"one {place}", f"two {place}"], vote(1.0, 0.0, by="ann"),
            vote(0.25, float(place % 3), kind="reward", by="rm", scale="logit"),
        )
        for place in range(30)
    ]  # fmt: skip
    facts, lines = suspects(pairs(tmp_path, given))
    assert facts["evidence"] == [
        {"evidence": "reward", "by": "rm", "unit": "difference of scores", "pairs": 30}
    ]
    values = [line["evidence"][1]["value"] for line in lines[1:]]
    assert sorted(set(values)) == [-1.75, -0.75]
    assert len(values) == 20, "where the reward model agrees nothing speaks against the label"


def test_few_pairs_are_not_fitted_to_but_split_votes_are_queued(tmp_path: Path) -> None:
    given = [
        compare(f"Question {place}?", [f"one {place}", f"two {place}"],
                vote(1.0, 0.0, by="ann"), vote(1.0, 0.0, by="bob"),
                vote(float(place % 2), float(1 - place % 2), by="cat"))
        for place in range(10)
    ]  # fmt: skip
    facts, lines = suspects(pairs(tmp_path, given))
    assert facts["self_test"]["reason"] == "10 pairs, 100 are needed"
    assert facts["not_had"]["text"] == "10 pairs, 100 are needed"
    assert len(lines) == 1 + 5
    assert "people 2 for, 1 against" in lines[1]["evidence"][0]["note"]


def test_of_few_pairs_with_equal_votes_the_one_that_more_speak_against_is_first(
    tmp_path: Path,
) -> None:
    given = [
        compare(f"Question {place}?", [f"one {place}", f"two {place}"],
                vote(1.0, 0.0, by="ann"), vote(1.0, 0.0, by="bob"), vote(0.0, 1.0, by="cat"),
                vote(float(place != 7), float(place == 7), kind="judge", by="judge-x"))
        for place in range(10)
    ]  # fmt: skip
    _, lines = suspects(pairs(tmp_path, given))
    first = lines[1]["evidence"][1]
    assert (first["evidence"], first["value"]) == ("judge", -1.0)
    assert {line["evidence"][1]["value"] for line in lines[2:]} == {1.0}


def test_pairs_that_are_all_dropped_give_an_empty_queue(tmp_path: Path) -> None:
    folder = pairs(tmp_path, comparisons(20))
    limit = {"length_ratio": {"max": 0.01}}
    Curate(dataset=folder, out=tmp_path / "none", filter=(limit,))()
    facts, lines = suspects(tmp_path / "none")
    assert (facts["pairs"], facts["left_out"]) == (0, {"dropped before": 20})
    assert len(lines) == 1


def test_pairs_without_a_direction_are_left_out_and_counted(tmp_path: Path) -> None:
    given = [
        compare(f"Question {place}?", [f"one {place}", f"two {place}"],
                vote(1.0, 0.0 if place else 1.0, by="ann", outcome="scored" if place else "tie"))
        for place in range(4)
    ]  # fmt: skip
    source = write_comparisons(tmp_path / "comparisons", table_of(*given))
    Pair(dataset=source, out=tmp_path / "pairs", tie="soft")()
    facts, _ = suspects(tmp_path / "pairs")
    assert facts["pairs"] == 3
    assert facts["left_out"] == {"no direction: p_chosen is one half": 1}


def test_a_group_with_far_more_suspects_is_told(tmp_path: Path) -> None:
    given = [
        one._replace(tags=(("topic", "odd" if place % 5 == 0 else "usual"),))
        for place, one in enumerate(comparisons(400, Plan(judge=0.05)))
    ]
    turned = [
        one._replace(
            votes=tuple(
                each._replace(scores=each.scores[::-1])
                if each.kind == "judge" and place % 5 == 0
                else each
                for each in one.votes
            )
        )
        for place, one in enumerate(given)
    ]
    facts, _ = suspects(pairs(tmp_path, turned))
    told = facts["groups"]
    assert [one["group"] for one in told if one["by"] == "tag"] == ["topic=odd", "topic=usual"]
    assert told[0]["state"] == "proven more"
    assert told[0]["suspects"]["n"] == 80
    assert told[0]["suspects"]["value"] > 0.9 > told[0]["rest"]


@pytest.mark.parametrize(
    ("module", "evidence"), [("sklearn", "text"), ("cleanlab", "cleanlab")]
)  # fmt: skip
def test_a_package_that_is_missing_is_named_and_the_rest_is_done(
    tmp_path: Path, module: str, evidence: str
) -> None:
    folder = pairs(tmp_path, comparisons(120))
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from prefkit.verbs.report import Report\nimport json\n"
        f"facts = Report(dataset={str(folder)!r}, suspects={str(tmp_path / 'q')!r})().facts\n"
        "print(json.dumps(facts['noise']['not_had']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "pip install" in json.loads(done.stdout)[evidence]


def test_where_it_cannot_look_it_says_why_and_writes_nothing(noisy: Path, tmp_path: Path) -> None:
    source, path = noisy.parent / "comparisons", tmp_path / "q.jsonl"
    with pytest.raises(ConfigError, match="holds comparisons"):
        Report(dataset=source, suspects=path)()
    with pytest.raises(ConfigError, match="--gold replaces"):
        Report(dataset=noisy, suspects=path, gold=source)()
    with pytest.raises(ConfigError, match="is inside the dataset"):
        Report(dataset=noisy, suspects=noisy / "q.jsonl")()
    with pytest.raises(ConfigError, match="both"):
        Report(dataset=noisy, suspects=path, document=path)()
    assert not path.exists()
    path.write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        Report(dataset=noisy, suspects=path)()
    assert path.read_text() == "mine"


def test_pairs_without_their_comparisons_are_refused(noisy: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copytree(noisy, tmp_path / "away" / "pairs"))
    with pytest.raises(ConfigError, match="were not found"):
        Report(dataset=alone, suspects=tmp_path / "q.jsonl")()


def test_a_report_that_is_not_asked_looks_for_no_wrong_label(noisy: Path) -> None:
    assert Report(dataset=noisy)().facts["noise"] == {}


@pytest.mark.real
def test_pairs_of_a_released_dataset_are_ranked(real_data: Path, tmp_path: Path) -> None:
    source = real_data / "human" / "pandalm" / "testset-v1.json.gz"
    CollectHuman(paths=(str(source),), out=tmp_path / "c", pseudonym_key=tmp_path / "key")()
    Pair(dataset=tmp_path / "c", out=tmp_path / "p")()
    facts, lines = suspects(tmp_path / "p")
    paired = {
        name
        for part in open_dataset(tmp_path / "p").batches(["comparison"])
        for name in part["comparison"].to_pylist()
    }
    same = met = 0
    for part in open_dataset(tmp_path / "c").batches():
        for row in part.to_pylist():
            if row["id"] in paired:
                said = [code for code in _people(row["votes"]) if code]
                met += len(said) * (len(said) - 1)
                same += sum(n * (n - 1) for n in Counter(said).values())
    assert facts["rate"]["agreed"]["value"] == pytest.approx(same / met, rel=1e-5)
    assert facts["pairs"] == len(paired)
    scores = [line["score"] for line in lines[1:]]
    assert scores == sorted(scores, reverse=True)


def _people(votes: list[dict[str, Any]]) -> list[int]:
    """What each person says by more than half of their votes: 1, -1, or 0 for a tie or nothing."""
    by: dict[str, list[int]] = {}
    for each in votes:
        one, other = each["scores"]
        by.setdefault(each["by"], []).append((one > other) - (one < other))
    most = [(Counter(said).most_common(1)[0], len(said)) for said in by.values()]
    return [code for (code, n), total in most if 2 * n > total]
