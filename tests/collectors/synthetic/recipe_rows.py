"""Runs of `prefkit collect synthetic` in this process, and what they wrote."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import prefkit
from prefkit.dataset import open_dataset
from prefkit.schema.records import Comparison
from prefkit.schema.votes import comparisons_of

sys.path.insert(0, str(Path(__file__).parents[2] / "judging"))

from judge_server import JudgeServer, larger

__all__ = ["JudgeServer", "answered", "facts_of", "jsonl", "larger", "set_aside", "stored"]


def jsonl(file: Path, *rows: dict[str, Any]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def answered(prompt: str, *texts: str) -> list[dict[str, Any]]:
    """Recorded answers to a prompt, draw by draw."""
    return [
        {"request": {"messages": prompt} | ({"draw": draw} if draw else {}), "reply": text}
        for draw, text in enumerate(texts)
    ]


def facts_of(*paths: Path | str, **options: Any) -> Any:
    """What `--json` would say of a run."""
    return prefkit.collect_synthetic(*map(str, paths), **options).facts


def stored(folder: Path) -> list[Comparison]:
    tables = open_dataset(folder, "comparisons").batches()
    return [row for table in tables for row in comparisons_of(table)]


def set_aside(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "set_aside.jsonl").read_text().splitlines()]
