"""Leaderboards and statistics that others published, made again from reader to report."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefkit.dataset import open_dataset
from prefkit.judging.duels import duels_of_all, judges_of
from prefkit.judging.gold import gold_for
from prefkit.reports.corrected import UNCALIBRATED
from prefkit.reports.judged_pairs import judged_pairs, sides_for
from prefkit.reports.planner import plan
from prefkit.reports.published import contradicted
from prefkit.reports.win_rates import NOT_HUMAN, win_rates
from prefkit.statistics.ppi import powered_mean
from prefkit.verbs.collect_human import CollectHuman

pytestmark = pytest.mark.real

BOARDS = {
    "alpaca_eval_gpt4": "data_AlpacaEval/alpaca_eval_gpt4_leaderboard.csv",
    "alpaca_eval_gpt4_turbo_fn": "data_AlpacaEval_2/alpaca_eval_gpt4_turbo_fn_leaderboard.csv",
    "alpaca_eval_cot_gpt4_turbo_fn": (
        "data_AlpacaEval_2/alpaca_eval_cot_gpt4_turbo_fn_leaderboard.csv"
    ),
    "weighted_alpaca_eval_gpt4_turbo": (
        "data_AlpacaEval_2/weighted_alpaca_eval_gpt4_turbo_leaderboard.csv"
    ),
}
ANNOTATED = {
    "alpaca_eval_gpt4": ["alpaca-7b", "claude", "cohere", "gpt-3.5-turbo-0301", "gpt4"],
    "alpaca_eval_gpt4_turbo_fn": ["cohere"],
    "alpaca_eval_cot_gpt4_turbo_fn": ["alpaca-7b", "cohere"],
    "weighted_alpaca_eval_gpt4_turbo": ["NullModel", "claude", "claude-instant-1.2"],
}
BASELINES = {"text_davinci_003", "gpt4_1106_preview"}


def tables_of(files: list[Path], out: Path, **more: Any) -> list[Any]:
    CollectHuman(
        paths=tuple(str(file) for file in files), out=out, workers=1,
        pseudonym_key=out.parent / "key", **more,
    )()  # fmt: skip
    return list(open_dataset(out).batches())


def board_row(folder: Path, judge: str, model: str) -> dict[str, str]:
    with (folder / "leaderboards" / BOARDS[judge]).open(newline="") as stream:
        (row,) = (row for row in csv.DictReader(stream) if row[""] == model)
    return row


@pytest.mark.parametrize(
    ("judge", "model"), [(judge, model) for judge, models in ANNOTATED.items() for model in models]
)
def test_the_raw_rate_is_the_published_win_rate_and_has_no_interval(
    real_data: Path, tmp_path: Path, judge: str, model: str
) -> None:
    folder = real_data / "judge/alpaca_eval"
    tables = tables_of([folder / model / f"{judge}.json.gz"], tmp_path / "set")
    duels = duels_of_all(tables)
    (found,) = win_rates(duels, judges_of(duels))
    said = board_row(folder, judge, model)
    mine = found["judge_rate"]
    # The rows name the model, which is not always the folder: NullModel's rows say `example`.
    first, other = found["model"], found["against"]
    name = other if first in BASELINES else first
    rate = mine["value"] if name == first else 1 - mine["value"]
    assert 100 * rate == pytest.approx(float(said["win_rate"]), abs=1e-3)
    assert mine["n"] == float(said["n_total"])
    assert (mine["low"], mine["reason"]) == (None, NOT_HUMAN)
    assert found["win_rate"]["reason"] == UNCALIBRATED
    (planned,) = plan(duels, judges_of(duels))["judges"]
    assert planned["assumed"]
    path = tmp_path / "board.json"
    numbers = {key: float(value) for key, value in said.items() if _is_number(key, value)}
    path.write_text(json.dumps({name: numbers}))
    lines = {line["name"]: line for line in contradicted({}, path, tables, duels)}
    held = {key: line["contradicts"] for key, line in lines.items()}
    assert held.pop(f"{name}.length_controlled_winrate", None) is None
    assert held.pop(f"{name}.lc_standard_error", None) is None
    assert set(held.values()) == {False}, lines
    assert len(held) >= 6


def _is_number(name: str, value: str) -> bool:
    return bool(name) and name != "mode" and value != ""


def test_the_whole_leaderboard_is_held_against_the_models_that_are_there(
    real_data: Path, tmp_path: Path
) -> None:
    folder = real_data / "judge/alpaca_eval"
    judge = "weighted_alpaca_eval_gpt4_turbo"
    tables = tables_of(
        [folder / "claude" / f"{judge}.json.gz", folder / "alpaca-7b" / f"{judge}.json.gz"],
        tmp_path / "set",
    )
    duels = duels_of_all(tables)
    found = contradicted({}, folder / "leaderboards" / BOARDS[judge], tables, duels)
    mine = [line for line in found if line["contradicts"] is not None]
    assert {line["name"].rpartition(".")[0] for line in mine} >= {"claude", "alpaca-7b"}
    for line in mine:
        if line["name"].startswith(("claude.", "alpaca-7b.")):
            assert line["contradicts"] is False, line
    others = [line for line in found if line["name"].endswith(".*")]
    assert len(others) > 150, "a line for each model that is not in the dataset"


LLMBAR = {
    "LLMBar/Natural/GPT-4/Vanilla": {"kappa_False", "kappa_True", "kappa_average"},
    "LLMBar/Adversarial/GPTInst/ChatGPT/Vanilla": {"kappa_False", "kappa_True", "kappa_average"},
    # A judge with unreadable verdicts: these were published as verdicts for side 2.
    "LLMBar/Adversarial/GPTInst/PaLM2/Vanilla": {
        *("kappa_False", "kappa_True", "kappa_average", "kappa_agreement"),
    },
}


@pytest.mark.parametrize("name", LLMBAR)
def test_the_statistics_of_llmbar_are_contradicted_where_they_are_known_to_be(
    real_data: Path, tmp_path: Path, name: str
) -> None:
    folder = real_data / "judge/llmbar" / name
    tables = tables_of([folder / "result.json.gz"], tmp_path / "set")
    found = contradicted({}, folder / "statistics.json", tables, duels_of_all(tables))
    assert {line["name"] for line in found if line["contradicts"]} - {"equal"} == LLMBAR[name]
    lines = {line["name"]: line for line in found}
    said: Mapping[str, Any] = json.loads((folder / "statistics.json").read_text())
    assert len(lines) == len(said) == 9
    rows = json.loads(gzip.decompress((folder / "result.json.gz").read_bytes()))
    silent = [
        [winner_of(row, f"swap = {order}") not in ("1", "2") for order in (False, True)]
        for row in rows
    ]
    both_silent = sum(one and other for one, other in silent)
    # Two unreadable verdicts are equal to the publisher.
    assert lines["equal"]["contradicts"] is (both_silent > 0)
    count = int(said["equal"].split("/")[0]) - both_silent
    assert lines["equal"]["recomputed"] == pytest.approx(count / len(rows), abs=1e-5)


def winner_of(row: Any, swap: str) -> str:
    found = row["results"]
    while isinstance(found, list):
        found = found[-1]
    return str(found[swap].get("winner"))


def test_every_count_that_llmbar_published_is_recomputed_or_said_to_be_of_no_order(
    real_data: Path, tmp_path: Path
) -> None:
    counts = ("correct_False", "correct_True", "correct_average", "correct_both")
    folders = sorted(path.parent for path in (real_data / "judge/llmbar").rglob("statistics.json"))
    assert len(folders) == 38
    for place, folder in enumerate(folders):
        tables = tables_of([folder / "result.json.gz"], tmp_path / f"set{place}")
        found = contradicted({}, folder / "statistics.json", tables, duels_of_all(tables))
        lines = {line["name"]: line["contradicts"] for line in found}
        expected = None if folder.name == "Rating" else False
        assert {lines[name] for name in counts} == {expected}, folder


def test_a_slice_of_pandalms_people_and_its_judges_hold_what_all_people_say(
    real_data: Path, tmp_path: Path
) -> None:
    folder = real_data / "human/pandalm"
    tables = tables_of(
        sorted(folder.glob("*.json.gz")), tmp_path / "set",
        with_files=(str(folder / "testset-v1.json.gz"),),
    )  # fmt: skip
    duels = duels_of_all(tables)
    rng = np.random.default_rng(81)
    for name, rows in judges_of(duels):
        sides = sides_for(judged_pairs(rows, gold_for(duels, name).frame), "llama-7b", None)
        known = sides.labelled
        labels, judged, clusters = sides.labels[known], sides.judged[known], sides.clusters[known]
        truth, prompts, held, ratios = labels.mean(), np.unique(clusters), [], []
        assert len(labels) > 200
        for _ in range(200):
            some = np.isin(clusters, rng.choice(prompts, len(prompts) // 2, replace=False))
            found = powered_mean(labels, some, judged, clusters)
            low, high = found.mean.low, found.mean.high
            assert low is not None
            assert high is not None
            held.append(low <= truth <= high)
            wide = found.human_only.high - found.human_only.low  # type: ignore[operator]
            ratios.append((high - low) / wide)
        # The truth is that of these very prompts, half of them in the slice: wider than needful.
        assert np.mean(held) > 0.95
        assert np.max(ratios) < 1.001
        assert np.mean(ratios) < 0.97, "both judges are worth something"
