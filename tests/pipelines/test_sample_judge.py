"""The sample judge: the verdicts that ship hold exactly the planted faults, in both their forms."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from record_judge import REPLIES, SAMPLES, lines, verdicts

PLANTED: dict[str, Any] = json.loads((SAMPLES / "planted.json").read_text(encoding="utf-8"))
COUNTS: dict[str, int] = PLANTED["counts"]["judge_verdicts.jsonl"]
PAIRS = 45


def _said(row: dict[str, Any]) -> str | None:
    """A, B or tie; null where no mark, or several, can be read."""
    marks = set(re.findall(r"\[\[(.*?)\]\]", row["reply"]))
    return marks.pop() if len(marks) == 1 else None


def _lines(fault: str) -> set[int]:
    found = [
        entry
        for entry in PLANTED["planted"]
        if entry["file"] == "judge_verdicts.jsonl" and entry["fault"] == fault
    ]
    return {int(place.removeprefix("line ")) for entry in found for place in entry["where"]}


def test_the_recorded_replies_are_what_the_verdicts_make_of_the_rubrics_requests() -> None:
    recorded = REPLIES.read_text(encoding="utf-8").splitlines()
    assert recorded == list(lines()), (
        "the rubric or its words changed: run .venv/bin/python tests/pipelines/record_judge.py"
    )
    assert len(recorded) == 88


def test_every_pair_is_shown_in_both_orders() -> None:
    rows = verdicts()
    assert len(rows) == COUNTS["rows"] == 2 * PAIRS
    for one, other in zip(rows[:PAIRS], rows[PAIRS:], strict=True):
        assert one["request"] == other["request"]
        assert (one["shown_first"], one["shown_second"]) == (
            other["shown_second"],
            other["shown_first"],
        )


def test_the_lines_of_a_fault_are_those_that_are_listed() -> None:
    rows = verdicts()
    said = [_said(row) for row in rows]
    assert {n for n, word in enumerate(said, 1) if word is None} == _lines("unreadable verdict")
    assert said.count("tie") == COUNTS["tie"]
    slips = _lines("letter that the reasons do not lead to")
    locked: dict[str, set[int]] = {"A": set(), "B": set()}
    for n, (one, other) in enumerate(zip(said[:PAIRS], said[PAIRS:], strict=True), 1):
        if one == other and one in locked:
            locked[one] |= {n, n + PAIRS}
    assert len(locked["A"]) == 2 * COUNTS["first_shown_in_both"]
    assert len(locked["B"]) == 2 * COUNTS["second_shown_in_both"]
    # a slip of the letter looks like a lock: its pair is in one of the two, beside the planted ones
    with_other = {n for slip in slips for n in (slip, slip + PAIRS, slip - PAIRS)}
    assert locked["A"] - with_other == _lines("first shown in both orders")
    assert locked["B"] - with_other == _lines("second shown in both orders")


def test_the_reasons_end_with_the_verdicts_side_but_where_it_is_listed() -> None:
    against = set()
    for n, row in enumerate(verdicts(), 1):
        sides = re.findall(r"\b(?:Response|is) ([AB])\b", row["reply"])
        if _said(row) in ("A", "B") and sides[-1] != _said(row):
            against.add(n)
    assert against == _lines("letter that the reasons do not lead to") | _lines(
        "reasons for the other side"
    )
    assert len(against) == COUNTS["reasons_name_the_other"]


@pytest.mark.parametrize("name", ["judge_verdicts.jsonl", "judge_replies.jsonl"])
def test_the_judge_names_itself_and_says_what_it_used(name: str) -> None:
    path: Path = SAMPLES / name
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    replies = [row["reply"] if isinstance(row["reply"], dict) else row for row in rows]
    assert Counter(reply.get("model") or reply["judge"] for reply in replies) == {
        "sample-judge": len(rows)
    }
    tokens = [reply.get("usage", {}).get("input") or reply["input_tokens"] for reply in replies]
    assert min(tokens) > 600
