"""Synthetic runs that end early or go wrong: money, kills, faults. Nothing is paid twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from judging_runs import (
    PRICES,
    FaultServer,
    Rule,
    environment,
    manifest,
    row_bytes,
    rows,
    set_aside,
)
from synthetic_runs import collect, command, hosted, jsonl, prompts, with_recipes

from prefkit.verbs.verify import Verify

THREE = "{sample: {n: 3, temperature: 0.7, seed: 5, max_tokens: 200}}"
"""With a seed each draw has a body of its own: the server then tells them apart."""
TWICE = "{second_thoughts: {n: 2, seed: 5, max_tokens: 200}}"


def drafts_of(folder: Path) -> int:
    responses = (answer for row in rows(folder) for answer in row.responses)
    return sum(json.loads(answer.sampling or "")["count"] for answer in responses)


def test_every_draw_is_asked_once_with_its_own_seed(tmp_path: Path) -> None:
    prompts(tmp_path / "p.jsonl", 5)
    recipe = "{sample: {n: 3, temperature: [0.2, 0.9], seed: 11, top_p: 0.5}}"
    with FaultServer() as server:
        done = collect("p.jsonl", "--recipe", recipe, *hosted(server, tmp_path, "--yes"),
                       "--out", "out", cwd=tmp_path)  # fmt: skip
        bodies: list[dict[str, Any]] = [seen.body for seen in server.asks()]
    assert done.returncode == 0, done.stderr
    asked = sorted((body["temperature"], body["seed"], body["top_p"]) for body in bodies)
    assert asked == sorted((t, s, 0.5) for t in (0.2, 0.9) for s in (11, 12, 13) for _ in range(5))
    assert drafts_of(tmp_path / "out") == 30


@pytest.mark.parametrize("recipe", [THREE, TWICE])
def test_a_budget_is_never_exceeded_and_what_it_paid_for_is_valid(
    recipe: str, tmp_path: Path
) -> None:
    packages = with_recipes(tmp_path / "packages")
    prompts(tmp_path / "p.jsonl", 40)
    budget = 0.006
    with FaultServer(latency=(0.0, 0.01)) as server:
        words = ["p.jsonl", "--recipe", recipe, *hosted(server, tmp_path, "--yes")]
        part = collect(*words, "--budget", budget, "--out", "part", cwd=tmp_path, packages=packages)
        billed, asked = server.dollars(1.0, 10.0), len(server.asks())
        whole = collect(*words, "--budget", "5", "--out", "whole", cwd=tmp_path, packages=packages)
        worked = server.worked()
        again = collect(*words, "--out", "again", cwd=tmp_path, packages=packages)
        assert server.worked() == worked
    assert part.returncode == 4, part.stderr
    assert "higher --budget" in part.stderr
    assert 0 < billed <= budget
    held = manifest(tmp_path / "part")
    assert held["run"]["spend"]["spent_usd"] == round(billed, 12)
    assert held["counts"]["answered"] == asked == drafts_of(tmp_path / "part")
    unpaid = held["counts"]["failed"]["budget"]
    assert unpaid == sum(one["reason"] == "budget" for one in set_aside(tmp_path / "part"))
    Verify(folder=tmp_path / "part")()
    assert (whole.returncode, again.returncode) == (0, 0), whole.stderr
    assert set(worked.values()) == {1}
    assert row_bytes(tmp_path / "whole") == row_bytes(tmp_path / "again")


@pytest.mark.parametrize("recipe", [THREE, TWICE])
def test_a_kill_at_any_moment_loses_nothing_that_was_paid(recipe: str, tmp_path: Path) -> None:
    """What was in flight when the kill came may be asked again, nothing else."""
    packages = with_recipes(tmp_path / "packages")
    prompts(tmp_path / "p.jsonl", 30)
    chance = random.Random("drafts")
    in_flight, kills = 4, 3
    with FaultServer(latency=(0.01, 0.04)) as server:
        words = ["p.jsonl", "--recipe", recipe, *hosted(server, tmp_path, "--yes"),
                 "--concurrency", in_flight]  # fmt: skip
        for _ in range(kills):
            goal = len(server.answered()) + chance.randrange(3, 25)
            process = subprocess.Popen(
                command(*words, "--out", "out"),
                cwd=tmp_path,
                env=environment(tmp_path) | {"PYTHONPATH": str(packages)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            until = time.monotonic() + 30
            while len(server.answered()) < goal and time.monotonic() < until:
                time.sleep(0.002)
            os.kill(process.pid, signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
            assert not (tmp_path / "out").exists()
        last = collect(*words, "--out", "out", cwd=tmp_path, packages=packages)
        worked = server.worked()
        alone = collect(*words, "--out", "kept", cwd=tmp_path, packages=packages)
        assert server.worked() == worked
    assert (last.returncode, alone.returncode) == (0, 0), last.stderr
    assert sum(count - 1 for count in worked.values()) <= kills * in_flight
    assert row_bytes(tmp_path / "out") == row_bytes(tmp_path / "kept")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".out")]


def test_faults_that_pass_change_no_row(tmp_path: Path) -> None:
    prompts(tmp_path / "p.jsonl", 15)
    rules = [
        Rule(fault="429", value="0.01", share=0.3, each=1),
        Rule(fault="500", share=0.2, each=1),
        Rule(fault="cut", share=0.2, each=1),
    ]
    for name, given in (("calm", []), ("rough", rules)):
        folder = tmp_path / name
        folder.mkdir()
        prompts(folder / "p.jsonl", 15)
        with FaultServer(given, seed=3) as server:
            done = collect("p.jsonl", "--recipe", THREE, *hosted(server, folder, "--yes"),
                           "--out", "out", cwd=folder)  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert row_bytes(tmp_path / "calm" / "out") == row_bytes(tmp_path / "rough" / "out")


def test_a_provider_that_answers_nothing_is_told_apart_from_prompts_that_give_nothing(
    tmp_path: Path,
) -> None:
    prompts(tmp_path / "p.jsonl", 2)
    with FaultServer([Rule(fault="400")]) as server:
        refused = collect("p.jsonl", "--recipe", THREE, *hosted(server, tmp_path, "--yes"),
                          "--out", "refused", cwd=tmp_path)  # fmt: skip
    with FaultServer([Rule(fault="401")]) as server:
        key = collect("p.jsonl", "--recipe", THREE, *hosted(server, tmp_path, "--yes"),
                      "--out", "key", cwd=tmp_path)  # fmt: skip
    assert refused.returncode == 3, refused.stderr
    assert "no response to any of 2 prompts (6 rejected)" in refused.stderr
    assert len(set_aside(tmp_path / "refused")) == 8
    assert key.returncode == 6, key.stderr
    assert not (tmp_path / "key").exists()


def test_nothing_is_spent_without_consent_and_a_dry_run_asks_nothing(tmp_path: Path) -> None:
    packages = with_recipes(tmp_path / "packages")
    prompts(tmp_path / "p.jsonl", 4)
    with FaultServer() as server:
        words = ["p.jsonl", "--recipe", TWICE, *hosted(server, tmp_path), "--out", "out"]
        no = collect(*words, cwd=tmp_path, packages=packages)
        dry = collect(*words, "--dry-run", cwd=tmp_path, packages=packages)
        assert server.asks() == []
        collect(*words, "--yes", cwd=tmp_path, packages=packages)
        after = collect(*words, "--dry-run", "--force", cwd=tmp_path, packages=packages)
    assert no.returncode == 2
    assert "no terminal to agree on" in no.stderr
    # two drafts a prompt, and one more for the answer to each
    assert "openai:m: 16 requests to ask" in dry.stdout
    assert "openai:m: 0 requests to ask, 16 answered before" in after.stdout


def test_who_judges_or_scores_answers_that_nobody_knows_yet_is_on_the_bill(tmp_path: Path) -> None:
    prompts(tmp_path / "p.jsonl", 10)
    with FaultServer() as server:
        words = hosted(server, tmp_path, "--dry-run", "--json")
        (tmp_path / "prices.yaml").write_text(PRICES + PRICES.replace("m:", "j:", 1))
        judged = collect("p.jsonl", "--recipe", "{best_of: {n: 4, judge: 'openai:j'}}", *words,
                         "--out", "out", cwd=tmp_path)  # fmt: skip
    assert judged.returncode == 0, judged.stderr
    # six pairs of four answers, each in both orders
    found = [(one["model"], one["requests"]) for one in json.loads(judged.stdout)["models"]]
    assert found == [("openai:m", 40), ("openai:j", 10 * 6 * 2)]


def test_nobody_scores_for_money_without_consent(tmp_path: Path) -> None:
    """The writer is free, the server of the reward model takes a key: it may bill."""
    prompts(tmp_path / "p.jsonl", 3)
    jsonl(tmp_path / "r.jsonl", [
        {"request": {"messages": f"Question {n:05d}?"}, "reply": f"So {n}."} for n in range(3)
    ])  # fmt: skip
    with FaultServer() as server:
        recipe = f"{{best_of: {{n: 1, reward: '{server.host}#rm'}}}}"
        words = ["p.jsonl", "--recipe", recipe, "--model", "replay:r.jsonl", "--key-env",
                 "PREFKIT_TEST_KEY", "--out", "out"]  # fmt: skip
        done = collect(*words, cwd=tmp_path)
        assert not server.record
    assert done.returncode == 2
    assert "#rm: 3 requests to ask, 0 answered before" in done.stderr
    assert "this costs money" in done.stderr


def test_a_model_that_may_change_is_warned_of(tmp_path: Path) -> None:
    prompts(tmp_path / "p.jsonl", 1)
    with FaultServer() as server:
        done = collect("p.jsonl", "--recipe", THREE, *hosted(server, tmp_path, "--yes"),
                       "--out", "out", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0
    assert "openai:m: not pinned, the provider may change it" in done.stderr


def test_several_models_share_one_budget(tmp_path: Path) -> None:
    prompts(tmp_path / "p.jsonl", 20)
    with FaultServer() as server:
        words = hosted(server, tmp_path, "--model", "openai:n")
        (tmp_path / "prices.yaml").write_text(PRICES + PRICES.replace("m:", "n:", 1))
        done = collect("p.jsonl", "--recipe", THREE, *words, "--yes", "--budget", "0.004",
                       "--out", "out", cwd=tmp_path)  # fmt: skip
        billed = server.dollars(1.0, 10.0)
    assert done.returncode == 4, done.stderr
    assert 0 < billed <= 0.004
    assert manifest(tmp_path / "out")["run"]["spend"]["spent_usd"] == round(billed, 12)


def test_a_batch_that_runs_is_exit_5_and_the_same_command_picks_it_up_in_both_rounds(
    tmp_path: Path,
) -> None:
    packages = with_recipes(tmp_path / "packages")
    prompts(tmp_path / "p.jsonl", 3)
    with FaultServer() as server:
        server.batch.polls = 2
        words = ["p.jsonl", "--recipe", TWICE, *hosted(server, tmp_path, "--yes", "--batch"),
                 "--out", "out"]  # fmt: skip
        first = collect(*words, cwd=tmp_path, packages=packages)
        assert not (tmp_path / "out").exists()
        last = collect(*words, "--wait", "30", cwd=tmp_path, packages=packages)
        assert len(server.asks()) == 0
        assert len(server.openai_batches.jobs) == 2
    assert (first.returncode, last.returncode) == (5, 0), last.stderr
    assert manifest(tmp_path / "out")["counts"]["answered"] == 3 * 2 * 2
