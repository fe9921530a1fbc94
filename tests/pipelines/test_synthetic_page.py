"""`docs/synthetic.md` and `docs/sandbox.md` name what exists, and their code runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pages import check_options, commands_of

from prefkit.pairing.policy import Policy
from prefkit.registry import names
from prefkit.sandbox.task_files import read_task
from prefkit.sandbox.tasks import Task
from prefkit.verbs.entries import resolve
from prefkit.yaml import load_yaml

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGE = (DOCS / "synthetic.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = commands_of(BLOCKS)


def _option(words: list[str], name: str) -> Any:
    return load_yaml(words[words.index(name) + 1], name)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_recipe_and_policy_of_the_page_can_be_made(words: list[str]) -> None:
    if "--recipe" in words:
        assert resolve("recipe", _option(words, "--recipe"), "collect synthetic")
    if "--policy" in words:
        assert isinstance(resolve("policy", _option(words, "--policy"), "pair"), Policy)


def test_every_recipe_and_checker_is_explained() -> None:
    missing = [
        name for role in ("recipe", "answer") for name in names(role) if f"`{name}`" not in PAGE
    ]
    assert missing == []


def test_the_tasks_of_the_page_are_tasks() -> None:
    (text,) = [text for language, text in BLOCKS if language == "json"]
    rows = [json.loads(one) for one in re.split(r"\n(?=\{)", text.strip())]
    tasks = [read_task(row, "page") for row in rows]
    assert [len(task.tests) for task in tasks if isinstance(task, Task)] == [3, 1]


def test_the_options_of_the_page_exist() -> None:
    assert check_options(COMMANDS)


def test_the_example_of_the_sandboxs_page_runs() -> None:
    text = (DOCS / "sandbox.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True)
