import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import prefkit
from prefkit.errors import ConfigError, NothingUsable

sys.path.insert(0, str(Path(__file__).parents[1] / "llm"))

from command_line import SCRIPT
from fault_server import FaultServer, Rule

KEY_ENV = "PREFKIT_TEST_KEY"
PRICES = "m: {input: 1.0, output: 10.0, date: 2026-01-01}\n"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_ENV, "sk-test-key-of-the-fault-server-0123456789")


def prompts(folder: Path, count: int = 5) -> Path:
    path = folder / "prompts.jsonl"
    rows = [{"id": f"p{number}", "prompt": f"Question {number}?"} for number in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, without a terminal."""
    return subprocess.run(
        [SCRIPT, "ask", *map(str, words)],
        cwd=cwd,
        env={**os.environ, "PREFKIT_CACHE": str(cwd / "cache")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def hosted(server: FaultServer, folder: Path, *more: str) -> list[str | Path]:
    """Options of a paid client at the fault server, with its prices."""
    (folder / "prices.yaml").write_text(PRICES)
    where = ["--base-url", server.openai_url, "--key-env", KEY_ENV]
    return ["--model", "openai:m", *where, "--prices", "prices.yaml", *more]


def replies(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "replies.jsonl").read_text().splitlines()]


def test_answers_stand_in_the_order_of_the_prompts_and_are_not_paid_twice(tmp_path: Path) -> None:
    rows = prompts(tmp_path)
    with FaultServer() as server:
        first = run(rows, *hosted(server, tmp_path, "--yes"), "--out", "one", cwd=tmp_path)
        again = run(rows, *hosted(server, tmp_path, "--yes"), "--out", "two", cwd=tmp_path)
        asked = len(server.asks())
    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert [row["id"] for row in replies(tmp_path / "one")] == ["p0", "p1", "p2", "p3", "p4"]
    assert all(row["failure"] is None and row["cost_usd"] > 0 for row in replies(tmp_path / "one"))
    assert [row["text"] for row in replies(tmp_path / "one")] == [
        row["text"] for row in replies(tmp_path / "two")
    ]
    assert all(row["cached"] and row["cost_usd"] == 0 for row in replies(tmp_path / "two"))
    assert "5 = 5 answered, 5 of them kept from before + 0" in again.stdout
    assert asked == 5


def test_without_a_terminal_or_yes_nothing_is_paid(tmp_path: Path) -> None:
    with FaultServer() as server:
        done = run(prompts(tmp_path), *hosted(server, tmp_path), "--out", "out", cwd=tmp_path)
        assert len(server.asks()) == 0
    assert done.returncode == 2
    assert "5 requests to ask" in done.stderr
    assert "--yes" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_dry_run_shows_what_it_would_cost_and_asks_nothing(tmp_path: Path) -> None:
    with FaultServer() as server:
        done = run(
            prompts(tmp_path), *hosted(server, tmp_path, "--dry-run"), "--out", "o", cwd=tmp_path
        )
        assert len(server.asks()) == 0
    assert done.returncode == 0, done.stderr
    assert "5 requests to ask, 0 answered before" in done.stdout
    assert "nothing was asked" in done.stdout
    assert not (tmp_path / "o").exists()


def test_a_budget_ends_the_run_with_valid_partial_output(tmp_path: Path) -> None:
    with FaultServer() as server:
        # a call is at most some hundred input tokens and 16 output tokens: about 0.0006 dollars
        more = ["--budget", "0.0015", "--max-tokens", "16", "--yes"]
        done = run(
            prompts(tmp_path, 200), *hosted(server, tmp_path, *more), "--out", "o", cwd=tmp_path
        )
    assert done.returncode == 4, done.stderr
    rows = replies(tmp_path / "o")
    answered = [row for row in rows if row["failure"] is None]
    refused = [row for row in rows if row["failure"] is not None]
    assert len(rows) == 200
    assert answered
    assert {row["failure"]["kind"] for row in refused} == {"budget"}
    spend = json.loads((tmp_path / "o" / "manifest.json").read_text())["spend"]
    assert 0 < spend["spent_usd"] <= 0.0015
    assert "--budget" in done.stderr


def test_a_refused_key_is_exit_6_and_leaves_no_output(tmp_path: Path) -> None:
    with FaultServer([Rule(fault="401")]) as server:
        done = run(
            prompts(tmp_path), *hosted(server, tmp_path, "--yes"), "--out", "out", cwd=tmp_path
        )
    assert done.returncode == 6
    assert KEY_ENV in done.stderr
    assert "sk-test" not in done.stdout + done.stderr
    assert not (tmp_path / "out").exists()


def test_a_batch_that_runs_is_exit_5_and_the_same_command_picks_it_up(tmp_path: Path) -> None:
    with FaultServer() as server:
        server.batch.polls = 2
        words = [prompts(tmp_path), *hosted(server, tmp_path, "--yes", "--batch"), "--out", "out"]
        first = run(*words, cwd=tmp_path)
        assert first.returncode == 5, first.stderr
        online = run(*[word for word in words if word != "--batch"], cwd=tmp_path)
        assert online.returncode == 5
        assert "add --batch" in online.stderr
        last = run(*words, "--wait", "20", cwd=tmp_path)
        assert len(server.asks()) == 0  # all was answered by the batch
    assert last.returncode == 0, last.stderr
    assert len(replies(tmp_path / "out")) == 5
    assert all(row["failure"] is None for row in replies(tmp_path / "out"))


def recorded(folder: Path) -> Path:
    path = folder / "recorded.jsonl"
    entries = [
        {
            "request": {"messages": [{"role": "user", "content": f"Question {number}?"}]},
            "reply": {"text": f"Answer {number}."},
        }
        for number in range(3)
    ]
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def test_recorded_replies_need_no_key_and_no_consent(tmp_path: Path) -> None:
    outcome = prefkit.ask(
        prompts(tmp_path, 4),
        model=f"replay:{recorded(tmp_path)}",
        out=tmp_path / "out",
        cache=tmp_path / "cache",
    )
    assert [row["text"] for row in replies(tmp_path / "out")] == [
        "Answer 0.",
        "Answer 1.",
        "Answer 2.",
        None,
    ]
    assert outcome.facts["failed"] == {"unsupported": 1}
    assert outcome.facts["replies"] == 4


def test_rows_that_are_no_prompts_are_set_aside_with_their_reason(tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    rows = [
        {"prompt": "Question 0?"},
        {"prompt": ""},
        {"prompt": "a", "messages": [{"role": "user", "content": "b"}]},
        {"text": "no prompt"},
        {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]},
        {"id": [1], "prompt": "x"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n")
    outcome = prefkit.ask(
        path,
        model=f"replay:{recorded(tmp_path)}",
        out=tmp_path / "out",
        cache=tmp_path / "cache",
    )
    assert outcome.facts["prompts"] == 1
    assert outcome.facts["set_aside"] == 6
    aside = [
        json.loads(line) for line in (tmp_path / "out/set_aside.jsonl").read_text().splitlines()
    ]
    assert [entry["reason"] for entry in aside[:5]] == [
        "blank",
        "ambiguous",
        "missing field",
        "bad value",
        "bad value",
    ]


def test_draws_are_answers_of_their_own(tmp_path: Path) -> None:
    with FaultServer() as server:
        done = run(
            prompts(tmp_path, 2),
            *hosted(server, tmp_path, "--draws", "3", "--temperature", "1", "--yes"),
            "--out",
            "out",
            cwd=tmp_path,
        )
        assert len(server.asks()) == 6
    assert done.returncode == 0, done.stderr
    assert [(row["id"], row["draw"]) for row in replies(tmp_path / "out")] == [
        (name, draw) for name in ("p0", "p1") for draw in range(3)
    ]


def test_no_prompt_at_all_is_said(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": ""}\n')
    with pytest.raises(NothingUsable, match="1 blank"):
        prefkit.ask(path, model="replay:x", out=tmp_path / "out")


def test_a_wrong_client_is_answered_with_the_nearest_right_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'anthropic'"):
        prefkit.ask(prompts(tmp_path), model="antropic:claude", out=tmp_path / "out")


def test_a_schema_file_that_holds_none_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text("[]")
    with pytest.raises(ConfigError, match="no object"):
        prefkit.ask(
            prompts(tmp_path),
            model=f"replay:{recorded(tmp_path)}",
            out=tmp_path / "out",
            json_schema=tmp_path / "schema.json",
        )
