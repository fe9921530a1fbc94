"""`best_of` by a real reward model: in this process by transformers, and by a vLLM server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import SCRIPT
from comparison_rows import compare, table_of, write_comparisons
from engine_process import FAST, Engines
from vllm_server import NAME, VLLMServer

from prefkit.dataset import open_dataset
from prefkit.llm.records import ScoreRequest
from prefkit.schema.records import Comparison, Vote
from prefkit.schema.votes import comparisons_of

pytestmark = pytest.mark.slow

NEAR = 1e-3  # of a logit
ROWS = [
    compare("Why does bread rise?", ["Because yeast makes gas.", "It is the river.", "Why not?"]),
    compare("Hi", ["Hello, how can I help?", "the river " * 400]),
]


@pytest.fixture(scope="module", autouse=True)
def starting(reward_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VLLMServer]:
    """A server of its own, as one that answers chats has no rewards; it starts beside the tests."""
    server = VLLMServer(reward_model, tmp_path_factory.mktemp("server") / "log")
    try:
        yield server
    finally:
        server.end()


@pytest.fixture
def reward_server(starting: VLLMServer) -> VLLMServer:
    starting.wait()
    return starting


def run(folder: Path, spec: str, *more: str) -> subprocess.CompletedProcess[str]:
    """A run in a process of its own, so that no model comes into this one."""
    write_comparisons(folder / "d", table_of(*ROWS))
    recipe = json.dumps({"best_of": {"reward": spec}})
    return subprocess.run(
        [SCRIPT, "collect", "synthetic", "d", "--recipe", recipe, "--out", "o", "--json", *more],
        cwd=folder,
        env=os.environ | FAST | {"PREFKIT_CACHE": str(folder / "cache")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def ranked(folder: Path, spec: str, *more: str) -> tuple[list[Comparison], dict[str, Any]]:
    """The votes of a run, and what it said."""
    done = run(folder, spec, *more)
    assert done.returncode == 0, done.stderr
    tables = open_dataset(folder / "o", "comparisons").batches()
    rows = [row for table in tables for row in comparisons_of(table)]
    return rows, json.loads(done.stdout)


def values(engines: Engines, model: Path) -> dict[str, float | None]:
    """The reward of every response, asked one by one."""
    texts = [one.messages[0].content or "" for row in ROWS for one in row.responses]
    requests = [
        ScoreRequest(messages=(*row.prompt, *one.messages)) for row in ROWS for one in row.responses
    ]
    scores = [engines.score(f"transformers:{model}", [one])[0].value for one in requests]
    return dict(zip(texts, scores, strict=True))


def by_text(rows: list[Comparison]) -> tuple[dict[str, float | None], list[Vote]]:
    votes = [vote for row in rows for vote in row.votes]
    found = {
        one.messages[0].content or "": score
        for row in rows
        for one, score in zip(row.responses, row.votes[0].scores, strict=True)
    }
    return found, votes


def test_a_reward_model_in_this_process_ranks_responses(
    engines: Engines, reward_model: Path, tmp_path: Path
) -> None:
    wanted = values(engines, reward_model)
    rows, said = ranked(
        tmp_path, f"transformers:{reward_model}", "--engine", '{"dtype": "float32"}'
    )
    found, votes = by_text(rows)
    assert wanted["the river " * 400] is None
    assert found == pytest.approx(wanted, abs=NEAR)
    assert {(vote.kind, vote.scale) for vote in votes} == {("reward", "logit")}
    (by,) = {vote.by for vote in votes}
    name, _, digest = (by or "").partition("@")
    assert (name, len(digest)) == (reward_model.name, 12)
    assert said["counts"]["unvoted"] == {"rejected": 1}, "it is longer than the model reads"
    assert said["casting"]["scored"] == {"rejected": 1, "scored": 4}


def test_a_chat_model_is_no_reward_model(
    engines: Engines, chat_model: Path, tmp_path: Path
) -> None:
    done = run(tmp_path, f"transformers:{chat_model}")
    assert done.returncode == 3, done.stderr
    assert "no vote on any of 2 comparisons (5 unsupported)" in done.stderr
    assert sys.modules.get("torch") is None, "the models stay out of this process"


def test_a_pooling_server_ranks_them_alike(
    engines: Engines, reward_model: Path, reward_server: VLLMServer, tmp_path: Path
) -> None:
    wanted = values(engines, reward_model)
    rows, said = ranked(tmp_path, f"{reward_server.url}#{NAME}")
    found, votes = by_text(rows)
    assert found == pytest.approx(wanted, abs=NEAR)
    assert {vote.by for vote in votes} == {NAME}
    assert said["counts"]["unvoted"] == {"rejected": 1}
