"""`prefkit collect judge` for tests: comparisons to judge, the command, and what it wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from command_line import SCRIPT
from comparison_rows import compare, table_of, vote, write_comparisons

from prefkit.dataset import open_dataset
from prefkit.schema.records import Comparison
from prefkit.schema.votes import comparisons_of

sys.path.insert(0, str(Path(__file__).parents[1] / "llm"))
sys.path.insert(0, str(Path(__file__).parents[1] / "judging"))

from fault_server import FaultServer, Rule
from judge_server import JudgeServer, first, larger

__all__ = [
    "PRICES",
    "FaultServer",
    "JudgeServer",
    "Rule",
    "command",
    "dataset",
    "environment",
    "first",
    "hosted",
    "judge",
    "larger",
    "manifest",
    "numbered",
    "row_bytes",
    "rows",
    "set_aside",
]

KEY_ENV = "PREFKIT_TEST_KEY"
KEY = "sk-test-key-of-the-fault-server-0123456789"
PRICES = "m: {input: 1.0, output: 10.0, date: 2026-01-01}\n"


def numbered(count: int, *, people: int = 0, answers: int = 2) -> list[Comparison]:
    """Comparisons whose answers end with a number; the first ones with a person for the larger."""
    found = []
    for number in range(count):
        texts = [f"Answer {(number + place) % answers}" for place in range(answers)]
        texts[0] += f" to question {number} is {number % 7}.{number}"
        for place in range(1, answers):
            texts[place] += f" to question {number} is {number % 7 + place}.{number}"
        scores = [0.0] * (answers - 1) + [1.0]
        votes = [vote(*scores, by="p1", record=f"line {number}")] if number < people else []
        found.append(compare(f"Question {number}?", texts, *votes))
    return found


def dataset(folder: Path, *comparisons: Comparison) -> Path:
    return write_comparisons(folder, table_of(*comparisons))


def judge(*words: object, cwd: Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, without a terminal."""
    return subprocess.run(
        command(*words),
        cwd=cwd,
        env=environment(cwd),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def command(*words: object) -> list[str]:
    return [SCRIPT, "collect", "judge", *map(str, words)]


def environment(cwd: Path) -> dict[str, str]:
    return {**os.environ, KEY_ENV: KEY, "PREFKIT_CACHE": str(cwd / "cache")}


def hosted(server: FaultServer, folder: Path, *more: str) -> list[str]:
    """Options of a paid judge at the fault server, with its prices."""
    (folder / "prices.yaml").write_text(PRICES)
    where = ["--base-url", server.openai_url, "--key-env", KEY_ENV]
    return ["--model", "openai:m", "--rubric", "helpfulness", *where, "--prices",
            "prices.yaml", *more]  # fmt: skip


def rows(folder: Path) -> list[Comparison]:
    tables = open_dataset(folder, "comparisons").batches()
    return [row for table in tables for row in comparisons_of(table)]


def row_bytes(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((folder / "rows").iterdir())]


def manifest(folder: Path) -> Any:
    return json.loads((folder / "manifest.json").read_text())


def set_aside(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "set_aside.jsonl").read_text().splitlines()]
