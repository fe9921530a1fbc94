"""Recipes by construction through the command: a writer on loopback, rows, reasons, warnings."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from judging_runs import JudgeServer, manifest, rows, set_aside
from synthetic_runs import collect, jsonl

FACTS = [("Nile", "Africa"), ("Rhine", "Europe"), ("Volga", "Europe"), ("Amazon", "America")]


class Writer(JudgeServer):
    """Puts a flaw into an answer by moving its river to Asia; declines for the Volga."""

    def __init__(self) -> None:
        super().__init__(lambda _: "")

    def answer(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        prompt = body["messages"][-1]["content"]
        marks = re.findall(r"^=== \w+ (?:BEGIN|END) new answer ===$", prompt, re.MULTILINE)
        (good,) = re.findall(r"BEGIN good answer ===\n(.*?)\n===", prompt, re.DOTALL)
        text = "NONE" if "Volga" in good else re.sub(r"in \w+\.", "in Asia.", good)
        message = {"role": "assistant", "content": "\n".join([marks[0], text, marks[1]])}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        facts = {"id": "1", "object": "chat.completion", "created": 1, "model": self.model}
        return 200, facts | {"choices": [choice], "usage": usage}


def rivers(folder: Path, count: int = 1) -> None:
    jsonl(
        folder / "rivers.jsonl",
        (
            {
                "prompt": f"Where is the {name}? ({number})",
                "chosen": f"It is a river. The {name} flows in {place}.",
                "tags": {"topic": "rivers"},
            }
            for number in range(count)
            for name, place in FACTS
        ),
    )


def test_a_flaw_by_a_model_and_one_by_rule_become_votes_and_reasons(tmp_path: Path) -> None:
    rivers(tmp_path)
    with Writer() as server:
        done = collect(
            *("rivers.jsonl", "--out", "out", "--model", server.spec, "--yes", "--json"),
            *("--recipe", "{corrupt: {kinds: [omission, wrong_fact]}}"),
            cwd=tmp_path,
        )
    assert done.returncode == 0, done.stderr
    found = {row.prompt[0].content: row for row in rows(tmp_path / "out")}
    assert len(found) == 4
    nile = found["Where is the Nile? (0)"]
    texts = [one.messages[0].content for one in nile.responses]
    labels = {
        (texts[place], label): vote.scores[place]
        for vote in nile.votes
        for place, label in enumerate(vote.labels or ())
        if label is not None
    }
    good = "It is a river. The Nile flows in Africa."
    assert labels == {
        (good, "good"): 1.0,
        ("It is a river.", "omission"): 0.0,
        ("It is a river. The Nile flows in Asia.", "wrong_fact"): 0.0,
    }
    assert {vote.by for vote in nile.votes} == {"rule:corrupt"}
    assert dict(nile.tags) == {"topic": "rivers", "corrupt": "omission+wrong_fact"}
    assert len(found["Where is the Volga? (0)"].votes) == 1
    assert [line["reason"] for line in set_aside(tmp_path / "out")] == ["declined"]
    told = manifest(tmp_path / "out")
    assert told["counts"]["votes"] == {"rule": 7}
    assert "who wrote a side tells the label" in told["warnings"][0]


def test_a_giveaway_in_what_was_made_is_measured_and_warned_of(tmp_path: Path) -> None:
    rivers(tmp_path, 8)
    done = collect(
        *("rivers.jsonl", "--out", "out"),
        *("--recipe", "{corrupt: {kinds: [verbosity]}}"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    longer = manifest(tmp_path / "out")["giveaway"]["longer"]
    assert (longer["value"], longer["n"], longer["clusters"]) == (0.0, 32, 32)
    assert longer["interval"] == pytest.approx([0, 1 - 0.025 ** (1 / 32)], rel=1e-5)
    assert "every flaw makes the answer longer" in done.stderr
    said = "the longer side is chosen in 0.00 (0.00 to 0.11) of 32 pairs of unequal length"
    assert said in " ".join(done.stderr.split())
    assert said in " ".join(done.stdout.split())


def test_ways_to_fail_come_from_a_file_and_the_manifest_hashes_it(tmp_path: Path) -> None:
    rivers(tmp_path)
    (tmp_path / "modes.yaml").write_text("- {name: asia, description: All rivers are in Asia.}\n")
    with Writer() as server:
        done = collect(
            *("rivers.jsonl", "--out", "out", "--model", server.spec, "--yes", "--json"),
            *("--recipe", "{failures: {file: modes.yaml}}"),
            cwd=tmp_path,
        )
    assert done.returncode == 0, done.stderr
    file = json.loads(done.stdout)["recipe"]["given"]["failures"]["file"]
    assert (file["name"], len(file["sha256"])) == ("modes.yaml", 64)
    labels = [vote.labels for row in rows(tmp_path / "out") for vote in row.votes]
    assert [sorted(one or ()) for one in labels] == [["asia", "good"]] * 3
