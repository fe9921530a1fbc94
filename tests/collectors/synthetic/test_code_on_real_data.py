"""Recorded answers to HumanEval, from the files to votes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from recipe_rows import facts_of, stored

pytestmark = pytest.mark.real

PASSED_OF_THE_FIRST_40 = 23


def test_recorded_completions_pass_as_published(real_data: Path, tmp_path: Path) -> None:
    code = real_data / "code"
    candidates = code / "samples" / "evalplus_style" / "Claude_Plus_custom_md.jsonl.gz"
    recipe = {"code": {"candidates": str(candidates), "mutants": 3, "variants": 3, "repeats": 2}}
    facts_of(
        code / "humaneval" / "HumanEval.jsonl.gz",
        recipe=recipe,
        limit=40,
        out=str(tmp_path / "out"),
    )
    votes = [vote for one in stored(tmp_path / "out") for vote in one.votes]
    labels = Counter(next(label for label in vote.labels or () if label) for vote in votes)
    assert sum(labels.values()) == 39  # an empty completion is no response
    assert labels["pass"] + labels["trivial"] == PASSED_OF_THE_FIRST_40
    casting = json.loads((tmp_path / "out" / "manifest.json").read_text())["casting"]
    assert casting["adequacy"]["kill_rate"]["value"] > 0.6
    assert casting["flaky"] == {"count": 0}
    assert casting["answers"]["answers"] == 40
    assert casting["pass_at_k"]["1"]["value"] == PASSED_OF_THE_FIRST_40 / 40


def test_a_hundred_bodies_for_each_prompt_are_found_by_the_prompt(
    real_data: Path, tmp_path: Path
) -> None:
    code = real_data / "code"
    candidates = code / "samples" / "codegen16B_humaneval_n100.jsonl.gz"
    recipe = {"code": {"candidates": str(candidates), "mutants": 0, "repeats": 1, "call_s": 1.0}}
    facts_of(
        code / "humaneval" / "HumanEval.jsonl.gz", recipe=recipe, limit=3, out=str(tmp_path / "out")
    )
    draws = [
        sum(json.loads(one.sampling or "")["count"] for one in found.responses)
        for found in stored(tmp_path / "out")
    ]
    assert draws
    assert max(draws) == 100
