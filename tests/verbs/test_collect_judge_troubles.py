"""Judging that ends early or goes wrong: money, kills, faults, batches. Nothing is paid twice."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

from judging_runs import (
    PRICES,
    FaultServer,
    Rule,
    command,
    dataset,
    environment,
    hosted,
    judge,
    manifest,
    numbered,
    row_bytes,
    rows,
    set_aside,
)

from prefkit.dataset import open_dataset
from prefkit.verbs.verify import Verify


def test_a_budget_is_never_exceeded_and_what_it_paid_for_is_valid(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(60, people=4))
    budget = 0.03
    with FaultServer(latency=(0.0, 0.01)) as server:
        words = ["data", *hosted(server, tmp_path, "--max-tokens", "200")]
        done = judge(*words, "--yes", "--budget", budget, "--out", "part", cwd=tmp_path)
        billed = server.dollars(1.0, 10.0)
        asked = len(server.asks())
        whole = judge(*words, "--yes", "--budget", "5", "--out", "whole", cwd=tmp_path)
        assert server.worked().total() == 120
        fresh = judge(*words, "--yes", "--out", "again", cwd=tmp_path)
    assert done.returncode == 4, done.stderr
    assert "higher --budget" in done.stderr
    assert 0 < billed <= budget
    held = manifest(tmp_path / "part")
    assert held["run"]["spend"]["spent_usd"] == round(billed, 12)
    votes = sum(found.kind == "judge" for row in rows(tmp_path / "part") for found in row.votes)
    assert (len(rows(tmp_path / "part")), votes) == (60, asked)
    assert held["counts"]["unanswered"] == {"budget": 120 - asked}
    assert [entry["reason"] for entry in set_aside(tmp_path / "part")] == ["budget"] * (120 - asked)
    Verify(folder=tmp_path / "part")()
    assert (whole.returncode, fresh.returncode) == (0, 0), whole.stderr
    assert row_bytes(tmp_path / "whole") == row_bytes(tmp_path / "again")


def test_a_budget_of_several_models_says_what_each_was_not_asked(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(20))
    with FaultServer() as server:
        words = ["data", *hosted(server, tmp_path, "--model", "openai:n", "--max-tokens", "200")]
        (tmp_path / "prices.yaml").write_text(PRICES + PRICES.replace("m:", "n:", 1))
        done = judge(*words, "--yes", "--budget", "0.02", "--out", "out", cwd=tmp_path)
    left = manifest(tmp_path / "out")["counts"]["unanswered"]["budget"]
    said = [int(n) for n in re.findall(r"(\d+) of openai:[mn]", done.stderr)]
    assert done.returncode == 4, done.stderr
    assert (len(said), sum(said)) == (2, left)


def test_a_kill_at_any_moment_loses_nothing_that_was_paid(tmp_path: Path) -> None:
    """What was in flight when the kill came may be asked again, nothing else."""
    dataset(tmp_path / "data", *numbered(50, people=5))
    chance = random.Random("judges")
    in_flight, kills = 4, 3
    with FaultServer(latency=(0.01, 0.04)) as server:
        words = ["data", *hosted(server, tmp_path, "--yes"), "--concurrency", str(in_flight)]
        for _ in range(kills):
            goal = len(server.answered()) + chance.randrange(3, 25)
            process = subprocess.Popen(
                command(*words, "--out", "out"),
                cwd=tmp_path,
                env=environment(tmp_path),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            until = time.monotonic() + 30
            while len(server.answered()) < goal and time.monotonic() < until:
                time.sleep(0.002)
            time.sleep(chance.uniform(0.0, 0.03))
            os.kill(process.pid, signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
            assert not (tmp_path / "out").exists()
        last = judge(*words, "--out", "out", cwd=tmp_path)
        worked = server.worked()
        alone = judge(*words, "--out", "kept", cwd=tmp_path)
        assert server.worked() == worked
    assert (last.returncode, alone.returncode) == (0, 0), last.stderr
    assert len(worked) == 100
    assert sum(count - 1 for count in worked.values()) <= kills * in_flight
    assert row_bytes(tmp_path / "out") == row_bytes(tmp_path / "kept")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".out")]


def test_throttling_cuts_and_errors_change_no_row(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(20))
    rules = [
        Rule(fault="429", value="0.01", share=0.3, each=1),
        Rule(fault="500", share=0.2, each=1),
        Rule(fault="cut", share=0.2, each=1),
    ]
    with FaultServer(rules, seed=3) as server:
        words = hosted(server, tmp_path, "--yes", "--out", "rough")
        rough = judge("data", *words, cwd=tmp_path)
        met = set(server.outcomes())
    assert rough.returncode == 0, rough.stderr
    assert {"429", "500", "cut"} <= met
    assert manifest(tmp_path / "rough")["counts"]["verdicts"] == 40
    votes = [found for row in rows(tmp_path / "rough") for found in row.votes]
    assert len({found.source.record for found in votes}) == 40


def test_answers_that_break_the_schema_are_unreadable_verdicts_and_kept_raw(
    tmp_path: Path,
) -> None:
    dataset(tmp_path / "data", *numbered(4))
    with FaultServer([Rule(fault="wrong_schema", text="Question 2?")]) as server:
        words = hosted(server, tmp_path, "--yes", "--out", "out")
        done = judge("data", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    failed = [v for row in rows(tmp_path / "out") for v in row.votes if v.outcome == "failed"]
    assert len(failed) == 2
    assert all("something_else" in (found.raw or "") for found in failed)
    assert "2 unreadable" in done.stdout


def test_a_server_that_is_not_there_is_exit_6(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(2, people=1))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["--model", f"http://127.0.0.1:{port}#m", "--rubric", "helpfulness"]
    done = judge("data", *words, "--deadline", "1", "--out", "out", cwd=tmp_path)
    assert done.returncode == 6, done.stderr
    assert "127.0.0.1" in done.stderr


def test_a_server_that_fails_every_time_is_exit_6_and_the_folder_says_why(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(1))
    with FaultServer([Rule(fault="500", path="completions")]) as server:
        words = hosted(server, tmp_path, "--yes", "--deadline", "1", "--out", "out")
        done = judge("data", *words, cwd=tmp_path)
    assert done.returncode == 6, done.stderr
    assert {entry["reason"] for entry in set_aside(tmp_path / "out")} <= {"server", "down"}
    assert [found.votes for found in rows(tmp_path / "out")] == [()]


def test_a_refused_key_is_exit_6_and_leaves_no_output(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(2))
    with FaultServer([Rule(fault="401")]) as server:
        done = judge("data", *hosted(server, tmp_path, "--yes"), "--out", "out", cwd=tmp_path)
    assert done.returncode == 6
    assert "sk-test" not in done.stdout + done.stderr
    assert not (tmp_path / "out").exists()


def test_a_batch_that_runs_is_exit_5_and_the_same_command_picks_it_up(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(4))
    with FaultServer() as server:
        server.batch.polls = 2
        words = ["data", *hosted(server, tmp_path, "--yes", "--batch"), "--out", "out"]
        pending = judge(*words, cwd=tmp_path)
        assert pending.returncode == 5, pending.stderr
        assert not (tmp_path / "out").exists()
        last = judge(*words, "--wait", "20", cwd=tmp_path)
        assert len(server.asks()) == 0
        assert len(server.openai_batches.jobs) == 1
    assert last.returncode == 0, last.stderr
    assert manifest(tmp_path / "out")["counts"]["verdicts"] == 8


def test_more_than_two_answers_meet_in_a_knock_out_where_all_pairs_do_not_fit(
    tmp_path: Path,
) -> None:
    """Of 6 answers 15 pairs, or 5 matches: a third of the cost."""
    dataset(tmp_path / "data", *numbered(3, answers=6))
    with FaultServer() as server:
        words = ["data", *hosted(server, tmp_path, "--yes", "--many", "fit", "--max-tokens", "64")]
        dear = judge(*words, "--budget", "9", "--dry-run", "--out", "o", cwd=tmp_path)
        most = float(dear.stdout.partition("all pairs: at most $")[2].split()[0])
        fewer = judge(*words, "--budget", most * 0.6, "--out", "few", cwd=tmp_path)
        assert server.worked().total() == 3 * 5 * 2
        none = judge(*words, "--budget", "0.0001", "--seed", "5", "--out", "no", cwd=tmp_path)
    assert "90 requests to ask" in dear.stdout
    assert fewer.returncode == 0, fewer.stderr
    assert "a tournament: at most $" in fewer.stdout
    assert manifest(tmp_path / "few")["judging"]["many"] == "tournament"
    assert none.returncode == 2
    assert "all pairs cost up to" in none.stderr
    assert "overall_ranking" in none.stderr
    assert open_dataset(tmp_path / "few").rows == 3


def test_a_budget_that_ends_within_the_gold_gives_no_certificate(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(60, people=40))
    with FaultServer() as server:
        words = hosted(server, tmp_path, "--yes", "--budget", "0.03", "--max-tokens", "200")
        done = judge("data", *words, "--require-certificate", "--out", "out", cwd=tmp_path)
        assert 0 < server.dollars(1.0, 10.0) <= 0.03
    assert done.returncode == 3, done.stderr
    assert "the budget of $0.03 was reached before all gold was judged" in done.stderr
    assert "higher --budget" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_canary_is_asked_today_where_the_rest_is_a_batch(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(4))
    dataset(tmp_path / "watch", *numbered(7)[4:])
    with FaultServer() as server:
        server.batch.polls = 1
        usual = hosted(server, tmp_path, "--yes")
        then = judge("watch", *usual, "--out", "then", cwd=tmp_path)
        words = ["data", *usual, "--batch", "--canary", "then", "--out", "out"]
        pending = judge(*words, cwd=tmp_path)
        assert len(server.asks()) == 6 + 6
        last = judge(*words, "--wait", "20", cwd=tmp_path)
        assert len(server.asks()) == 6 + 6 + 6
        assert len(server.openai_batches.jobs) == 1
    assert (then.returncode, pending.returncode, last.returncode) == (0, 5, 0), last.stderr
    assert manifest(tmp_path / "out")["run"]["canary"]["openai:m"]["drifted"] is False
