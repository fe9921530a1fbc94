"""`doctor --sandbox` says which level holds here, and ends with 1 where none does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Prefkit

from prefkit.sandbox.levels import check_level


def test_the_level_that_is_told_is_the_one_that_holds(capsys: pytest.CaptureFixture[str]) -> None:
    result = Prefkit(capsys)("doctor", "--sandbox", "--json")
    (finding,) = result.document["findings"]
    assert finding["name"] == "Sandbox"
    holding = [level for level in ("bubblewrap", "landlock") if check_level(level).holds]
    assert finding["values"]["level"] == (holding[0] if holding else None)
    assert result.code == (0 if holding else 1)


def test_the_whole_diagnosis_names_the_sandbox_too(capsys: pytest.CaptureFixture[str]) -> None:
    found = Prefkit(capsys)("doctor", "--json").document["findings"]
    assert [finding["name"] for finding in found].count("Sandbox") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has the level without namespaces")
def test_without_bubblewrap_root_has_none_and_is_told_why(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "prefkit.cli", "doctor", "--sandbox"],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    words = " ".join(done.stdout.split())
    assert "bubblewrap is not installed" in words
    assert "without namespaces nothing runs as root" in words
    assert "hint: apt-get install bubblewrap" in words
