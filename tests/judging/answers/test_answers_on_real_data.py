"""GSM8K: model solutions whose correctness is known; IFEval: every instruction has a rule."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prefkit.judging.answers.checking import check
from prefkit.judging.answers.choice import Choice
from prefkit.judging.answers.instruction_rules import RULES
from prefkit.judging.answers.instructions import Instructions
from prefkit.judging.answers.number import Number

pytestmark = pytest.mark.real

CUT_OFF = {
    (2, "175b_finetuning"),
    (98, "175b_finetuning"),
    (356, "6b_finetuning"),
    (457, "175b_finetuning"),
    (519, "175b_verification"),
    (567, "6b_finetuning"),
}
"""Solutions that end before their answer line; stored as not correct."""
NO_NUMBER = {(563, "175b_finetuning")}  # A: 10+John's age


def rows(place: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(place, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def test_gsm8k_solutions_verify_with_their_known_correctness(real_data: Path) -> None:
    folder = real_data / "bench" / "gsm8k"
    answers = {row["question"]: row["answer"] for row in rows(folder / "test.jsonl.gz")}
    counts: Counter[tuple[bool, str]] = Counter()
    unsure: dict[tuple[int, str], str] = {}
    for place, row in enumerate(rows(folder / "example_model_solutions.jsonl.gz")):
        for model, given in row.items():
            if not isinstance(given, dict):
                continue
            found = check(Number(), given["solution"], row["ground_truth"])
            benchmark = check(Number(), given["solution"], answers[row["question"]])
            assert found == benchmark, "A: 18 and #### 18 are the same reference"
            counts[given["is_correct"], found.outcome] += 1
            if found.outcome == "unsure":
                unsure[place, model] = found.reason
    assert counts == {(True, "right"): 1215, (False, "wrong"): 1998, (False, "unsure"): 7}
    assert {key for key, reason in unsure.items() if reason == "no answer was found"} == CUT_OFF
    assert unsure.keys() - CUT_OFF == NO_NUMBER


def test_every_gsm8k_answer_is_read_and_equals_itself(real_data: Path) -> None:
    for name, count in (("test", 1319), ("train_part", 1006)):
        outcomes = [
            check(Number(), row["answer"], row["answer"]).outcome
            for row in rows(real_data / "bench" / "gsm8k" / f"{name}.jsonl.gz")
        ]
        assert outcomes == ["right"] * count


def test_every_instruction_of_ifeval_has_a_rule(real_data: Path) -> None:
    count = 0
    for row in rows(real_data / "bench" / "ifeval" / "ifeval_prompts.jsonl.gz"):
        count += 1
        assert set(row["instruction_id_list"]) <= set(RULES)
        # The file has no arguments: what needs some is unsure, whatever the response.
        found = check(Instructions(), row["original_prompt"], json.dumps(row))
        assert "(unknown)" not in found.reason
    assert count == 541


def test_letters_of_big_bench_hard_are_read(real_data: Path) -> None:
    rows_read = json.loads((real_data / "bench" / "bbh" / "movie_recommendation.json").read_text())
    targets = [example["target"] for example in rows_read["examples"]]
    found = [check(Choice(), f"So the answer is {one}.", one).outcome for one in targets]
    assert found.count("right") == 249
    odd = [one for one, outcome in zip(targets, found, strict=True) if outcome != "right"]
    assert odd == ["Monsters, Inc"], "a target of the file that is no letter"
