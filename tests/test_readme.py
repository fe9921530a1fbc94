"""The README tells the truth: what it shows is what the commands print."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from prefkit.registry import names

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "prefkit.cli", "run", "pipelines/quickstart.yaml"]
    places = ["--out", str(folder / "quickstart"), "--pseudonym-key", str(folder / "key")]
    done = subprocess.run(
        [*command, *places], cwd=ROOT, capture_output=True, text=True, timeout=300, check=True
    )
    return done.stdout.replace(str(folder), "runs")


def test_every_line_of_the_shown_output_is_printed(demo: str) -> None:
    (shown,) = [text for _, text in BLOCKS if text.startswith("1 collect human")]
    printed = demo.splitlines()
    assert [line for line in shown.splitlines() if line not in printed] == []


def test_the_python_example_runs(tmp_path: Path) -> None:
    (code,) = [text for language, text in BLOCKS if language == "python"]
    code = code.replace("runs/", f"{tmp_path}/")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_pipeline_runs(tmp_path: Path) -> None:
    (text,) = [text for language, text in BLOCKS if language == "yaml"]
    file = tmp_path / "pipeline.yaml"
    file.write_text(text.replace("samples/", f"{ROOT}/pipelines/samples/"), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "prefkit.cli",
        "run",
        str(file),
        "--out",
        str(tmp_path / "out"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "Verified" in done.stdout


def test_every_verb_and_reader_is_named() -> None:
    missing = [name for name in (*names("verb"), *names("reader")) if name not in README]
    assert missing == []
