"""The commands on a page of `docs`, and whether their options exist."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterable, Sequence


def commands_of(blocks: Iterable[tuple[str, str]]) -> list[list[str]]:
    """The words behind `prefkit` of every line in the blocks (language, text) of no language."""
    return [
        shlex.split(line)[1:]
        for language, text in blocks
        if not language
        for line in text.splitlines()
    ]


def check_options(commands: Iterable[Sequence[str]]) -> set[tuple[str, ...]]:
    """Fail where a command names an option that its verb has not; gives the verbs."""
    known: dict[tuple[str, ...], str] = {}
    for words in commands:
        verb = tuple(words[: 2 if words[0] == "collect" else 1])
        if verb not in known:
            known[verb] = subprocess.run(
                [sys.executable, "-m", "prefkit.cli", *verb, "--help"],
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            ).stdout
        assert [word for word in words if word.startswith("--") and word not in known[verb]] == []
    return set(known)
