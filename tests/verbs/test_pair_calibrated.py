"""`pair --calibrate`: margins become probabilities by gold, and the manifest says what that is."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Prefkit, script
from comparison_rows import compare, table_of, vote, write_comparisons
from sklearn.linear_model import LogisticRegression

import prefkit
from prefkit.dataset import open_dataset
from prefkit.errors import ConfigError
from prefkit.schema.records import Comparison, Vote

A, B = (1.0, 0.0), (0.0, 1.0)


def judge(for_x: float, by: str = "gpt-x") -> Vote:
    return vote(for_x, 1 - for_x, kind="judge", by=by, scale="probability", order=(0, 1))


def gold_rows(count: int = 120, by: str = "gpt-x") -> list[Comparison]:
    """Every third person differs from a judge that says 0.95, every second from one that says 0.8.

    Half of the verdicts are for y, so that no side is the better one.
    """
    rows = []
    for n in range(count):
        sure, for_x = n % 2 == 0, n % 4 < 2
        differs = (n // 2) % (3 if sure else 2) == 0
        p = 0.95 if sure else 0.8
        person = A if for_x != differs else B
        rows.append(
            compare(f"{by} {n}", ["x", "y"], vote(*person), judge(p if for_x else 1 - p, by))
        )
    return rows


def write(folder: Path, *rows: Comparison) -> Path:
    return write_comparisons(folder, table_of(*rows))


def stored(folder: Path) -> list[dict[str, Any]]:
    return [row for table in open_dataset(folder, "pairs").batches() for row in table.to_pylist()]


def said(result: Any, label: str) -> list[str]:
    return [text for name, text in result.lines if name == label]


def log_odds(rows: list[Comparison]) -> tuple[list[float], list[float]]:
    """Of every row the log-odds for x that its judge gives, and whether its person takes x."""
    margins, right = [], []
    for row in rows:
        person, machine = row.votes
        for_x = float(machine.scores[0] or 0)
        margins.append(math.log(for_x / (1 - for_x)))
        right.append(float(person.scores[0] or 0))
    return margins, right


def slope_of(margins: list[float], right: list[float]) -> float:
    """The slope by scikit-learn: both sides of each gold pair, Platt's targets as weights."""
    both = np.concatenate([margins, np.negative(margins)])
    outcomes = np.concatenate([right, 1 - np.array(right)])
    n = len(margins)
    targets = np.where(outcomes == 1, (n + 1) / (n + 2), 1 / (n + 2))
    labels = np.concatenate([np.ones(2 * n), np.zeros(2 * n)])
    weights = np.concatenate([targets, 1 - targets])
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    model.fit(np.concatenate([both, both])[:, None], labels, sample_weight=weights)
    return float(model.coef_[0, 0])


def test_margins_become_probabilities_by_the_gold_of_the_dataset(tmp_path: Path) -> None:
    rows = gold_rows()
    dataset = write(tmp_path / "judged", *rows, compare("new", ["x", "y"], judge(0.9)))
    outcome = prefkit.pair(dataset, out=tmp_path / "pairs", kind="judge", calibrate="platt")
    slope = slope_of(*log_odds(rows))
    for row in stored(tmp_path / "pairs"):
        expected = 1 / (1 + math.exp(-slope * row["margin"]))
        assert row["p_chosen"] == pytest.approx(expected, abs=1e-6)
        assert (row["p_kind"], row["margin_kind"], row["dropped"]) == ("platt", "logit", None)
    manifest = open_dataset(tmp_path / "pairs").manifest
    calibration = manifest["calibration"]
    content = open_dataset(dataset).content_hash
    assert calibration["gold"] == {"name": "judged", "content_hash": content}
    (source,) = calibration["sources"]
    assert source["source"] == "judge gpt-x, logit, one order"
    assert (source["gold_rows"], source["pairs"], source["beyond_gold"]) == (120, 121, 0)
    assert source["curve"]["slope"] == pytest.approx(slope, abs=1e-6)
    before, after = (source[part]["ece"]["value"] for part in ("before", "after"))
    assert said(outcome, "Calibrated") == [
        f"judge gpt-x, logit, one order: platt, ECE {before:.2f} -> {after:.2f} (n 120) · 121 pairs"
    ]
    assert outcome.facts["calibration"] == calibration


def test_the_error_before_is_that_of_the_judge_in_its_bins(tmp_path: Path) -> None:
    write(tmp_path / "judged", *gold_rows())
    prefkit.pair(tmp_path / "judged", out=tmp_path / "pairs", kind="judge", calibrate="platt")
    (source,) = open_dataset(tmp_path / "pairs").manifest["calibration"]["sources"]
    # 60 rows said at 0.95, of which 40 are right, and 60 at 0.8, of which 30 are.
    wanted = (abs(0.95 - 40 / 60) + abs(0.8 - 30 / 60)) / 2
    assert source["before"]["ece"]["value"] == pytest.approx(wanted, abs=1e-5)
    brier = (40 * 0.05**2 + 20 * 0.95**2 + 30 * 0.2**2 + 30 * 0.8**2) / 120
    assert source["before"]["brier"]["value"] == pytest.approx(brier, abs=1e-5)


def test_another_dataset_can_hold_the_gold_and_its_hash_is_in_the_manifest(tmp_path: Path) -> None:
    gold = write(tmp_path / "gold", *gold_rows())
    new = [compare(f"n{n}", ["x", "y"], judge(p)) for n, p in enumerate((0.9, 0.7, 0.999))]
    write(tmp_path / "judged", *new)
    prefkit.pair(tmp_path / "judged", out=tmp_path / "pairs", calibrate="platt", gold=gold)
    manifest = open_dataset(tmp_path / "pairs").manifest
    digest = open_dataset(gold).content_hash
    assert manifest["inputs"] == [
        {"name": "gold", "reader": "gold", "sha256": digest.removeprefix("sha256:")}
    ]
    ((_, policy),) = manifest["policies"].items()
    assert policy["calibration"] == {"kind": "platt", "gold": digest}
    assert str(tmp_path) not in json.dumps(manifest)
    (source,) = manifest["calibration"]["sources"]
    assert (source["gold_rows"], source["pairs"], source["beyond_gold"]) == (120, 3, 1)
    (far,) = [row for row in stored(tmp_path / "pairs") if row["margin"] > 5]
    assert [check["check"] for check in far["checks"]] == ["calibration", "calibration.beyond"]
    end = 1 / (1 + math.exp(-source["curve"]["slope"] * source["curve"]["high"]))
    assert far["p_chosen"] == pytest.approx(end, abs=1e-9)


def test_gold_that_holds_only_people_speaks_of_the_same_comparisons(tmp_path: Path) -> None:
    rows = gold_rows()
    people = [row._replace(votes=row.votes[:1]) for row in rows]
    machine = [row._replace(votes=row.votes[1:]) for row in rows]
    gold = write(tmp_path / "gold", *people, compare("other", ["x", "y"], vote(*A)))
    write(tmp_path / "judged", *machine, compare("new", ["x", "y"], judge(0.9)))
    prefkit.pair(tmp_path / "judged", out=tmp_path / "pairs", calibrate="platt", gold=gold)
    write(tmp_path / "both", *rows, compare("new", ["x", "y"], judge(0.9)))
    prefkit.pair(tmp_path / "both", out=tmp_path / "same", kind="judge", calibrate="platt")
    apart, together = stored(tmp_path / "pairs"), stored(tmp_path / "same")
    assert [row["p_chosen"] for row in apart] == [row["p_chosen"] for row in together]
    (source,) = open_dataset(tmp_path / "pairs").manifest["calibration"]["sources"]
    assert (source["gold_rows"], source["pairs"]) == (120, 121)
    # Named again, the dataset's own gold is the same gold and not twice as much.
    prefkit.pair(
        tmp_path / "both", out=tmp_path / "again", kind="judge", calibrate="platt",
        gold=tmp_path / "both",
    )  # fmt: skip
    assert stored(tmp_path / "again") == together


def test_log_odds_that_differ_in_their_last_bits_are_one_margin(tmp_path: Path) -> None:
    # The log-odds of 1 - 1e-6 for one side and of 1e-6 for the other are not the same number. Of
    # 200 verdicts each gold bears out 180 and 140, so both are 320 of 400.
    rows = []
    for n in range(400):
        for_x = n % 2 == 0
        right = (n // 2) % 10 < (9 if for_x else 7)
        person = A if for_x == right else B
        rows.append(compare(f"q{n}", ["x", "y"], vote(*person), judge(1.0 if for_x else 0.0)))
    write(tmp_path / "judged", *rows)
    prefkit.pair(tmp_path / "judged", out=tmp_path / "pairs", kind="judge", calibrate="isotonic")
    pairs = stored(tmp_path / "pairs")
    assert {row["p_chosen"] for row in pairs} == {0.8}
    assert {check["check"] for row in pairs for check in row["checks"]} == {"calibration"}


def test_a_source_with_too_little_gold_stays_null_and_says_so(tmp_path: Path) -> None:
    rows = [*gold_rows(), *gold_rows(31, "rm-y"), compare("q", ["x", "y"], judge(0.9, "new-z"))]
    write(tmp_path / "judged", *rows)
    outcome = prefkit.pair(
        tmp_path / "judged", out=tmp_path / "pairs", kind="judge", calibrate="platt"
    )
    assert said(outcome, "Uncalibrated") == [
        "judge rm-y, logit, one order: 31 gold rows, platt needs 50 · 31 pairs",
        "judge new-z, logit, one order: no gold on its pairs, platt is fitted to gold · 1 pair",
    ]
    found = {row["prompt"][0]["content"]: row for row in stored(tmp_path / "pairs")}
    assert {row["p_kind"] for text, row in found.items() if text.startswith("gpt-x")} == {"platt"}
    assert {row["p_chosen"] for text, row in found.items() if text.startswith("rm-y")} == {None}


def test_without_it_nothing_is_calibrated_and_no_word_is_added(tmp_path: Path) -> None:
    write(tmp_path / "judged", *gold_rows())
    prefkit.pair(tmp_path / "judged", out=tmp_path / "pairs", kind="judge")
    manifest = open_dataset(tmp_path / "pairs").manifest
    assert not {"calibrate", "gold"} & set(manifest["options"])
    assert "calibration" not in manifest
    ((name, policy),) = manifest["policies"].items()
    assert list(policy) == ["aggregation", "criterion", "kind", "policy", "tie", "weight"]
    text = json.dumps(policy, sort_keys=True, separators=(",", ":"))
    assert name == hashlib.sha256(text.encode()).hexdigest()[:16]
    for row in stored(tmp_path / "pairs"):
        assert (row["p_chosen"], row["p_kind"], row["checks"]) == (None, None, [])


def test_the_kind_of_curve_and_the_gold_are_in_the_hash_of_the_policy(tmp_path: Path) -> None:
    one, other = (write(tmp_path / str(n), *gold_rows(n)) for n in (200, 201))
    ways: list[dict[str, Any]] = [
        {},
        {"calibrate": "platt"},
        {"calibrate": "isotonic"},
        {"calibrate": "platt", "gold": other},
        {"calibrate": "platt", "limit": 60},
    ]
    hashes = set()
    for place, options in enumerate(ways):
        out = tmp_path / f"pairs-{place}"
        prefkit.pair(one, out=out, kind="judge", **options)
        hashes |= set(open_dataset(out).manifest["policies"])
    assert len(hashes) == 5


def test_gold_without_a_curve_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "judged", *gold_rows())
    with pytest.raises(ConfigError, match="and there is neither") as error:
        prefkit.pair(tmp_path / "judged", out=tmp_path / "pairs", gold=tmp_path / "judged")
    assert error.value.hint == "add --calibrate platt, or --aggregate dawid_skene"
    assert not (tmp_path / "pairs").exists()


def test_a_dry_run_says_what_the_curves_would_be(tmp_path: Path) -> None:
    write(tmp_path / "judged", *gold_rows())
    options = {"kind": "judge", "calibrate": "platt"}
    dry = prefkit.pair(tmp_path / "judged", out=tmp_path / "pairs", dry_run=True, **options)
    assert not (tmp_path / "pairs").exists()
    wet = prefkit.pair(tmp_path / "judged", out=tmp_path / "pairs", **options)
    assert dry.facts["calibration"] == wet.facts["calibration"]


def test_a_calibrated_pair_is_traced_to_its_curve(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = Prefkit(capsys)
    write(tmp_path / "judged", *gold_rows(), *gold_rows(31, "rm-y"))
    prefkit.pair(tmp_path / "judged", out=tmp_path / "pairs", kind="judge", calibrate="platt")
    rows = {row["prompt"][0]["content"]: row["id"] for row in stored(tmp_path / "pairs")}
    shown = command("trace", rows["gpt-x 0"], tmp_path / "pairs", "--json").document
    (source,) = [
        one
        for one in open_dataset(tmp_path / "pairs").manifest["calibration"]["sources"]
        if one["judges"] == ["gpt-x"]
    ]
    assert shown["pairs"][0]["calibration"] == source
    text = command("trace", rows["gpt-x 0"], tmp_path / "pairs").out
    assert f"p = 1 / (1 + exp(-{source['curve']['slope']:.6g} margin))" in text
    text = " ".join(command("trace", rows["rm-y 0"], tmp_path / "pairs").out.split())
    assert "judge rm-y, logit, one order: uncalibrated, 31 gold rows, platt needs 50" in text


def test_the_same_rows_whatever_the_batches(tmp_path: Path) -> None:
    rows = gold_rows(250)
    hashes = set()
    for size in (250, 37):
        folder = tmp_path / f"judged-{size}"
        with prefkit.dataset.create_dataset(folder, "comparisons") as writer:
            for start in range(0, 250, size):
                writer.write(table_of(*rows[start : start + size]))
            writer.finish("collect human", {}, {"parents": [], "inputs": []})
        prefkit.pair(folder, out=tmp_path / f"{size}", kind="judge", calibrate="isotonic")
        hashes.add(open_dataset(tmp_path / f"{size}").content_hash)
    assert len(hashes) == 1


@pytest.mark.real
def test_a_judge_of_pandalm_is_calibrated_to_its_people(tmp_path: Path, real_data: Path) -> None:
    folder = real_data / "human/pandalm"
    pairs, judge_file = (folder / f"{name}testset-v1.json.gz" for name in ("", "pandalm-7b-"))
    done = script("collect", "human", pairs, judge_file, "--with", pairs, "--out", tmp_path / "all")
    assert done.code == 0, done.err
    done = script("pair", tmp_path / "all", "--out", tmp_path / "pairs", "--kind", "judge",
                  "--calibrate", "platt", "--json")  # fmt: skip
    assert done.code == 0, done.err
    rows = {row["comparison"]: row for row in stored(tmp_path / "pairs")}
    margins, right, ties = [], [], 0
    for table in open_dataset(tmp_path / "all").batches():
        for comparison in table.to_pylist():
            if comparison["id"] not in rows:
                continue
            best = by_majority(comparison)
            ties += best == "tie"
            if best in (0, 1):
                row = rows[comparison["id"]]
                texts = [response["messages"] for response in comparison["responses"]]
                margins.append(row["margin"])
                right.append(float(texts[best] == row["chosen"]))
    (source,) = done.document["calibration"]["sources"]
    assert (source["gold_rows"], source["gold_ties_left_out"]) == (len(margins), ties)
    assert len(margins) > 300
    slope = slope_of(margins, right)
    assert source["curve"]["slope"] == pytest.approx(slope, abs=1e-5)
    for row in rows.values():
        assert row["p_chosen"] == pytest.approx(
            1 / (1 + math.exp(-slope * row["margin"])), abs=1e-5
        )


def by_majority(comparison: dict[str, Any]) -> int | str | None:
    """The place that more than half of the people prefer, `tie`, or null; a person counts once."""
    said: dict[str, list[int | str]] = {}
    for one in comparison["votes"]:
        if one["kind"] == "human":
            first, second = one["scores"]
            side = "tie" if first == second else int(second > first)
            said.setdefault(one["by"], []).append(side)
    heads = [head for head in map(most, said.values()) if head is not None]
    return most(heads)


def most(words: list[int | str]) -> int | str | None:
    return next((word for word in {0, 1, "tie"} if 2 * words.count(word) > len(words)), None)
