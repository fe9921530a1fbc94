"""A small pipeline file, and what became of its steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from command_line import labelled, write_jsonl

from prefkit.errors import ConfigError
from prefkit.pipeline import Run

ROOT = Path(__file__).parent.parent
QUICKSTART = ROOT / "pipelines" / "quickstart.yaml"
SMALL = """
name: small
steps:
  - collect human: {paths: [votes.jsonl]}
  - pair
  - curate:
      filter: [identical_sides, {length_ratio: {max: 4}}]
  - export: {files: [jsonl], validation: 0, test: 0}
  - verify
"""
STEPS = ("1 collect human", "2 pair", "3 curate", "4 export", "5 verify")


def write_small(place: Path) -> Path:
    """The file beside twenty labelled pairs; one has equal sides, one a long chosen one."""
    rows = [labelled(n) for n in range(18)]
    rows += [labelled(18, "Same.", "Same."), labelled(19, "Yes. " * 30, "No.")]
    write_jsonl(place / "votes.jsonl", rows)
    return pipeline(place, SMALL)


def pipeline(place: Path, text: str) -> Path:
    path = place / "small.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def ran(file: Path, **options: Any) -> dict[str, str]:
    """What became of each step."""
    outcome = Run(file=file, out=file.parent / "out", **options)()
    return {entry["step"]: entry["status"] for entry in outcome.facts["steps"]}


def statuses(*done: int, word: str = "done") -> dict[str, str]:
    """The steps with these numbers have run, all others are unchanged."""
    return {step: word if int(step[0]) in done else "unchanged" for step in STEPS}


def refused(file: Path, **options: Any) -> ConfigError:
    """The error of a file that cannot run; nothing of it has."""
    with pytest.raises(ConfigError) as caught:
        Run(file=file, out=file.parent / "out", **options)()
    assert not (file.parent / "out").exists()
    return caught.value
