from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import prefkit
from prefkit.collectors.prompts import Prompts
from prefkit.collectors.sources.origins import Reading
from prefkit.errors import ConfigError, DataError, GateFailed, NothingUsable
from prefkit.llm.batches.jobs import Jobs
from prefkit.llm.connect import connect
from prefkit.llm.records import Failure, Reply
from prefkit.llm.settings import Settings
from prefkit.verbs.ask_rows import Head, Tally

sys.path.insert(0, str(Path(__file__).parents[1] / "llm"))

from command_line import SCRIPT, write_jsonl
from fault_server import FaultServer, Rule
from test_ask import KEY_ENV, _key, hosted, prompts, recorded, replies, run

__all__ = ["_key"]  # a fixture of these tests too


def manifest(folder: Path) -> Any:
    return json.loads((folder / "manifest.json").read_text())


def test_more_draws_pay_only_for_the_further_ones(tmp_path: Path) -> None:
    rows = prompts(tmp_path, 2)
    with FaultServer() as server:
        words = [rows, *hosted(server, tmp_path, "--yes", "--temperature", "1")]
        first = run(*words, "--out", "one", cwd=tmp_path)
        assert len(server.asks()) == 2
        more = run(*words, "--draws", "3", "--out", "three", cwd=tmp_path)
        assert len(server.asks()) == 6  # two further draws of two prompts
    assert (first.returncode, more.returncode) == (0, 0), first.stderr + more.stderr
    kept = [row["key"] for row in replies(tmp_path / "three") if row["draw"] == 0]
    assert kept == [row["key"] for row in replies(tmp_path / "one")]


def test_every_draw_has_a_seed_of_its_own(tmp_path: Path) -> None:
    with FaultServer() as server:
        done = run(
            prompts(tmp_path, 1),
            *hosted(server, tmp_path, "--yes", "--draws", "3", "--seed", "7"),
            *("--out", "out"),
            cwd=tmp_path,
        )
        seeds = sorted(seen.body["seed"] for seen in server.asks())
    assert done.returncode == 0, done.stderr
    assert seeds == [7, 8, 9]


def test_a_model_that_is_not_there_is_no_success(tmp_path: Path) -> None:
    with FaultServer([Rule(fault="404")]) as server:
        done = run(
            prompts(tmp_path, 4), *hosted(server, tmp_path, "--yes"), "--out", "out", cwd=tmp_path
        )
    assert done.returncode == 3
    assert "no answer to any of 4 requests (4 rejected); the first: " in done.stderr
    assert [row["failure"]["kind"] for row in replies(tmp_path / "out")] == ["rejected"] * 4
    assert manifest(tmp_path / "out")["counts"]["failed"] == {"rejected": 4}


def test_a_server_that_is_not_there_is_exit_6(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = run(
        prompts(tmp_path, 4),
        *("--model", f"http://127.0.0.1:{port}#m", "--deadline", "1", "--out", "out"),
        cwd=tmp_path,
    )
    assert done.returncode == 6, done.stderr
    assert "127.0.0.1" in done.stderr


def test_some_failures_among_answers_are_counted_and_no_error(tmp_path: Path) -> None:
    with FaultServer([Rule(fault="400", text="Question 1")]) as server:
        done = run(
            prompts(tmp_path, 3), *hosted(server, tmp_path, "--yes"), "--out", "out", cwd=tmp_path
        )
    assert done.returncode == 0, done.stderr
    assert "3 = 2 answered, 0 of them kept from before + 1 failed" in done.stdout
    assert "1 rejected" in done.stdout


def test_equal_prompts_of_one_run_are_not_said_to_be_answered_before(tmp_path: Path) -> None:
    rows = write_jsonl(tmp_path / "p.jsonl", [{"prompt": text} for text in "abaa"])
    with FaultServer() as server:
        words = [rows, *hosted(server, tmp_path)]
        dry = run(*words, "--dry-run", "--out", "out", cwd=tmp_path)
        done = run(*words, "--yes", "--out", "out", cwd=tmp_path)
        assert len(server.asks()) == 2
    assert "2 requests to ask, 0 answered before, 2 equal to another of them" in dry.stdout
    assert "4 = 4 answered, 0 of them kept from before, 2 equal to another" in done.stdout
    rows_paid = [row["cost_usd"] > 0 for row in replies(tmp_path / "out")]
    assert rows_paid == [True, True, False, False]


def test_an_answer_after_a_failure_of_an_equal_prompt_is_told_as_paid() -> None:
    key = "ab" * 32
    failed = Reply(failure=Failure("server", "HTTP 503"), key=key)
    paid = Reply(text="yes", cost_usd=0.25, key=key)
    tally = Tally()
    head = Head("p", "prompts.jsonl", "1", 0)
    lines = [json.loads(tally.line(head, reply)) for reply in (failed, paid, paid)]
    told = [(line["cached"], line["cost_usd"]) for line in lines]
    assert told == [(False, None), (False, 0.25), (True, 0.0)]
    assert tally.facts() == {
        "replies": 3,
        "answered": 2,
        "cached": 0,
        "repeated": 1,
        "failed": {"server": 1},
    }


def test_a_paid_answer_that_breaks_its_schema_is_billed_on_one_line_only() -> None:
    invalid = Reply(text="{", failure=Failure("invalid", "no JSON"), cost_usd=0.25, key="cd" * 32)
    tally = Tally()
    head = Head("p", "prompts.jsonl", "1", 0)
    lines = [json.loads(tally.line(head, reply)) for reply in (invalid, invalid)]
    assert [line["cost_usd"] for line in lines] == [0.25, 0.0]


def test_the_manifest_says_what_shaped_the_answers(tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text('{"type": "object"}')
    rows, answers = prompts(tmp_path, 3), recorded(tmp_path)
    prefkit.ask(
        rows,
        model=f"replay:{answers}",
        out=tmp_path / "out",
        cache=tmp_path / "cache",
        limit=2,
        revision="r1",
    )
    held = manifest(tmp_path / "out")
    assert held["options"] | {"model": "replay:recorded.jsonl"} == held["options"]
    assert (held["options"]["limit"], held["options"]["revision"]) == (2, "r1")
    assert {"engine", "base_url", "batch", "json_schema"} <= set(held["options"])
    assert {"yes", "out", "cache", "key_env", "concurrency"} & set(held["options"]) == set()
    hashes = {entry["name"]: entry["sha256"] for entry in held["inputs"]}
    assert hashes == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (rows, answers)
    }
    (written,) = [entry for entry in held["files"] if entry["name"] == "replies.jsonl"]
    digest = hashlib.sha256((tmp_path / "out/replies.jsonl").read_bytes()).hexdigest()
    assert (written["sha256"], written["rows"]) == (digest, 2)


def test_the_schema_is_in_the_manifest_by_name_and_hash(tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object"}')
    with FaultServer() as server:
        done = run(
            prompts(tmp_path, 1),
            *hosted(server, tmp_path, "--yes", "--json-schema", "schema.json"),
            *("--out", "out"),
            cwd=tmp_path,
        )
    assert done.returncode == 0, done.stderr
    options = manifest(tmp_path / "out")["options"]
    digest = hashlib.sha256(schema.read_bytes()).hexdigest()
    assert options["json_schema"] == {"name": "schema.json", "sha256": digest}
    assert options["prices"]["name"] == "prices.yaml"


@pytest.fixture
def answered(tmp_path: Path) -> Path:
    """Three answers and one failure."""
    prefkit.ask(
        prompts(tmp_path, 4),
        model=f"replay:{recorded(tmp_path)}",
        out=tmp_path / "out",
        cache=tmp_path / "cache",
    )
    return tmp_path / "out"


def test_show_says_who_answered_what_it_cost_and_a_few_replies(answered: Path) -> None:
    outcome = prefkit.show(answered)
    lines = dict(line for line in outcome.lines if line[0] != "Reply")
    assert lines["Model"] == "replay:recorded.jsonl"
    assert lines["Spent"] == "$0.0000"
    assert lines["Failed"] == "1 unsupported"
    assert [text for label, text in outcome.lines if label == "Reply"] == [
        "p0: Answer 0.",
        "p1: Answer 1.",
        "p2: Answer 2.",
    ]
    assert [row["id"] for row in prefkit.show(answered, rows=9).facts["shown"]] == [
        "p0",
        "p1",
        "p2",
        "p3",
    ]


def test_verify_holds_replies_against_their_manifest(answered: Path) -> None:
    facts = prefkit.verify(answered).facts
    assert (facts["rows"], facts["answered"], facts["failed"]) == (4, 3, {"unsupported": 1})
    path = answered / "replies.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[1:]))
    with pytest.raises(GateFailed) as caught:
        prefkit.verify(answered)
    for said in ("replies.jsonl: has ", "says replies 4, the files hold 3", "says answered 3"):
        assert said in str(caught.value)
    path.write_bytes(b"".join(lines).replace(b"Answer 1", b"Answer 7"))
    with pytest.raises(GateFailed, match=r"replies\.jsonl: has sha256"):
        prefkit.verify(answered)


def test_a_batch_that_runs_is_not_agreed_to_again(tmp_path: Path) -> None:
    with FaultServer() as server:
        server.batch.polls = 1
        words = [*hosted(server, tmp_path, "--batch"), "--out", "out"]
        first = run(prompts(tmp_path, 3), *words, "--yes", cwd=tmp_path)
        assert first.returncode == 5, first.stderr
        dry = run(prompts(tmp_path, 5), *words, "--dry-run", cwd=tmp_path)
        again = run(prompts(tmp_path, 3), *words, "--wait", "20", cwd=tmp_path)
    assert "2 requests to ask, 0 answered before, 3 in a batch that runs" in dry.stdout
    assert again.returncode == 0, again.stderr  # nobody said yes: nothing new is paid
    assert len(replies(tmp_path / "out")) == 3


def test_a_batch_is_stopped_and_what_it_answered_is_collected(tmp_path: Path) -> None:
    with FaultServer() as server:
        server.batch.polls = 50
        words = [prompts(tmp_path, 3), *hosted(server, tmp_path), "--out", "out"]
        assert run(*words, "--batch", "--yes", cwd=tmp_path).returncode == 5
        stopped = run(*words, "--cancel-batch", cwd=tmp_path)
        (job,) = server.openai_batches.jobs
        assert stopped.returncode == 0, stopped.stderr
        assert job in stopped.stdout
        assert "0 of 3 requests" in stopped.stdout
        ended = run(*words, "--batch", "--wait", "20", cwd=tmp_path)
        assert len(server.openai_batches.jobs) == 1
        none = run(*words, "--cancel-batch", "--forget-batch", cwd=tmp_path)
    assert ended.returncode in (0, 3), ended.stderr
    assert {row["failure"]["kind"] for row in replies(tmp_path / "out") if row["failure"]} <= {
        "cancelled"
    }
    assert "no batch runs" in none.stdout
    assert "none: all are known" in none.stdout


def test_a_batch_that_nobody_knows_of_is_given_up_only_when_asked_to(tmp_path: Path) -> None:
    with FaultServer() as server:
        words = [prompts(tmp_path, 1), *hosted(server, tmp_path), "--out", "out"]
        settings = Settings(base_url=server.openai_url, key_env=KEY_ENV)
        with connect("openai:m", settings, cache=tmp_path / "cache") as client:
            jobs = Jobs(client.desk.folder, client.desk.name)
        assert jobs.lock()
        jobs.intend("work", ["0" * 40], who="openai:m", stage="ask", money=(0.5, 0.1))
        jobs.unlock()
        stopped = run(*words, "--cancel-batch", cwd=tmp_path)
        jobs.load()
        assert len(jobs.open) == 1
        given_up = run(*words, "--forget-batch", cwd=tmp_path)
        jobs.load()
    assert "1 that the provider may have; --forget-batch gives them up" in stopped.stdout
    assert "1 whose acceptance was unknown" in given_up.stdout
    assert jobs.open == {}


@pytest.mark.parametrize("word", ["cancel_batch", "forget_batch", "base_url"])
def test_no_file_may_stop_or_give_up_a_batch(tmp_path: Path, word: str) -> None:
    pipeline = tmp_path / "pipeline.yaml"
    pipeline.write_text(f"steps:\n  - ask: {{paths: [p.jsonl], model: 'openai:m', {word}: x}}\n")
    with pytest.raises(ConfigError, match=f"'{word}' is a consent, which never comes from a file"):
        prefkit.run(pipeline, dry_run=True)


def test_a_client_without_batches_has_none_to_stop(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no batch API"):
        prefkit.ask(
            prompts(tmp_path),
            model=f"replay:{recorded(tmp_path)}",
            out=tmp_path / "out",
            cache=tmp_path / "cache",
            cancel_batch=True,
        )


def test_prompts_that_come_only_once_are_asked_all_the_same(tmp_path: Path) -> None:
    with FaultServer() as server:
        done = subprocess.run(
            [SCRIPT, "ask", "-", *map(str, hosted(server, tmp_path, "--yes", "--out", "out"))],
            cwd=tmp_path,
            input=b'{"prompt": "a"}\n{"prompt": ""}\n{"prompt": "b"}\n',
            capture_output=True,
            timeout=60,
            check=False,
            env={"PREFKIT_CACHE": str(tmp_path / "cache"), KEY_ENV: "sk-0123456789-0123456789"},
        )
    assert done.returncode == 0, done.stderr
    assert len(replies(tmp_path / "out")) == 2
    assert manifest(tmp_path / "out")["counts"]["set_aside"] == 1


def test_prompts_that_change_meanwhile_are_noticed(tmp_path: Path) -> None:
    path = prompts(tmp_path, 3)
    rows = Prompts([str(path)], Reading())
    assert len(list(rows)) == len(list(rows)) == 3
    prompts(tmp_path, 4)
    with pytest.raises(DataError, match="changed"):
        list(rows)


def test_recorded_replies_that_hold_none_of_these_are_nothing_usable(tmp_path: Path) -> None:
    rows = write_jsonl(tmp_path / "other.jsonl", [{"prompt": "Something else?"}])
    with pytest.raises(NothingUsable, match="1 unsupported"):
        prefkit.ask(
            rows,
            model=f"replay:{recorded(tmp_path)}",
            out=tmp_path / "out",
            cache=tmp_path / "cache",
        )
    assert len(replies(tmp_path / "out")) == 1


def test_what_may_have_been_billed_is_shown_beside_what_was(tmp_path: Path) -> None:
    with FaultServer([Rule(fault="hang", value="5", text="Question 0")]) as server:
        done = run(
            prompts(tmp_path, 2),
            *hosted(server, tmp_path, "--yes", "--max-tokens", "16", "--timeout", "0.4"),
            *("--deadline", "0.5", "--budget", "1", "--out", "out"),
            cwd=tmp_path,
        )
    assert done.returncode == 0, done.stderr
    assert "more may have been billed, budget $1.00" in done.stdout
    assert "1 timeout" in done.stdout
