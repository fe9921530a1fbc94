"""The command line for tests: in this process, in another one, and small files to run it on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from prefkit.cli import run_command

SCRIPT = str(Path(sys.executable).parent / "prefkit")


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


class Prefkit:
    """`prefkit("pair", ...)` in this process, with what it printed."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *arguments: object) -> Result:
        self._capture.readouterr()
        code = run_command([str(argument) for argument in arguments])
        return Result(code, *self._capture.readouterr())


def script(*arguments: object, **environment: str) -> Result:
    """`prefkit` as a process of its own."""
    done = subprocess.run(
        [SCRIPT, *map(str, arguments)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def labelled(number: int, chosen: str = "Yes, gladly.", rejected: str = "No.") -> dict[str, Any]:
    """One labelled pair in TRL's conversational shape, every number another prompt."""
    return {
        "prompt": [{"role": "user", "content": f"Question {number}?"}],
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
    }


def write_jsonl(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
