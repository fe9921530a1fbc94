"""`prefkit collect synthetic` for tests: prompts, the command, and a recipe of another package."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from command_line import SCRIPT
from judging_runs import KEY_ENV, PRICES, FaultServer, environment

__all__ = ["SECOND_THOUGHTS", "collect", "command", "hosted", "jsonl", "prompts", "with_recipes"]

SECOND_THOUGHTS = '''"""A recipe with two rounds and a caster, as another package would add it."""

from prefkit.collectors.synthetic.recipe import Cast, Caster, Draft, Missing
from prefkit.collectors.synthetic.sample import Sample
from prefkit.llm.records import Request
from prefkit.schema.records import Message, Source, Vote


class SecondThoughts(Sample):
    """Ask each answer to be written again; the longer response is the better one."""

    def follow(self, prompt, made):
        for one in made:
            if one.text is None:
                continue
            turns = (*prompt.messages, Message("assistant", one.text), Message("user", "Again."))
            asked = one.draft.request
            request = Request(
                messages=turns, max_tokens=self.max_tokens, seed=asked.seed, draw=asked.draw
            )
            yield Draft(one.draft.model, request, {"part": "again"})

    def caster(self, setting):
        return Longer(setting.name)

    def warnings(self):
        if self.max_tokens < 8:
            yield "answers of few tokens are cut: their length gives the label away"


class Longer(Caster):
    """1 for the longest response, nothing for those that ask back."""

    def __init__(self, name):
        self.name = name
        self.seen = 0

    def cast(self, comparisons):
        for comparison in comparisons:
            self.seen += 1
            texts = [response.messages[0].content for response in comparison.responses]
            most = max(map(len, texts))
            scores = tuple(None if "?" in text else float(len(text) == most) for text in texts)
            unsure = [place for place, score in enumerate(scores) if score is None]
            missing = [Missing("unsure", "it asks back", place) for place in unsure]
            vote = Vote("rule", "scored", scores, "pass_share", Source(self.name, texts[0][:20]))
            given = any(score is not None for score in scores)
            yield Cast((vote,) if given else (), tuple(missing))

    def facts(self):
        return {"looked_at": self.seen}

    def lines(self):
        yield "Longer", f"{self.seen} comparisons looked at"
'''


def with_recipes(folder: Path) -> Path:
    """An installed package that adds the recipe `second_thoughts`."""
    info = folder / "other_recipes-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-recipes\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[prefkit.recipe]\nsecond_thoughts = other_recipes:SecondThoughts\n"
    )
    (folder / "other_recipes.py").write_text(SECOND_THOUGHTS)
    return folder


def jsonl(file: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def prompts(file: Path, count: int) -> Path:
    return jsonl(file, ({"id": f"p{n}", "prompt": f"Question {n:05d}?"} for n in range(count)))


def command(*words: object) -> list[str]:
    return [SCRIPT, "collect", "synthetic", *map(str, words)]


def collect(
    *words: object, cwd: Path, packages: Path | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, without a terminal."""
    return subprocess.run(
        command(*words),
        cwd=cwd,
        env=environment(cwd) | ({} if packages is None else {"PYTHONPATH": str(packages)}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def hosted(server: FaultServer, folder: Path, *more: object) -> list[str]:
    """Options of a paid model at the fault server, with its prices."""
    (folder / "prices.yaml").write_text(PRICES)
    where = ["--base-url", server.openai_url, "--key-env", KEY_ENV]
    return ["--model", "openai:m", *where, "--prices", "prices.yaml", *map(str, more)]
