"""The whole client by batch APIs: one job, whatever happens between its submit and its results."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_batches import Job
from fault_server import BatchPlan, FaultServer, Rule
from faulty import PRICE, client_of, failures, questions, right, text_of, texts

from prefkit.errors import BatchPending, BudgetReached

BATCHED = ("openai", "openai-responses", "anthropic")
SCRIPT = Path(__file__).parent / "client_process.py"
NOW = {"batch": True, "batch_wait_s": 30.0}


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def jobs_of(server: FaultServer) -> list[Job]:
    return [*server.openai_batches.jobs.values(), *server.anthropic_batches.jobs.values()]


def sizes(server: FaultServer) -> list[int]:
    return [len(job.lines) for job in jobs_of(server)]


@pytest.mark.parametrize("kind", BATCHED)
def test_a_batch_answers_in_order_and_is_then_free(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=2, shuffled=True, unknown=True)
    asked = questions(40)
    with client_of(kind, server, tmp_path, **NOW) as client:
        replies = client.ask(asked)
        assert failures(replies) == {}
        assert texts(replies) == right(asked)
        assert texts(client.ask(asked)) == right(asked)
    # The journal is the same one that live requests use.
    with client_of(kind, server, tmp_path) as client:
        assert texts(client.ask(asked)) == right(asked)
    assert sizes(server) == [40]
    assert server.asks() == []


@pytest.mark.parametrize("kind", BATCHED)
def test_only_the_rows_that_failed_go_again(kind: str, server: FaultServer, tmp_path: Path) -> None:
    faults = ["500", "429", "503", "missing", "malformed", "400", "twice"]
    server.script.rules = [
        Rule(fault=fault, text=text_of(number), path="line", each=1)
        for number, fault in enumerate(faults)
    ]
    asked = questions(10)
    with client_of(kind, server, tmp_path, budget=1.0, **NOW) as client:
        replies = client.ask(asked)
        ledger = client.desk.ledger
        # What the provider counts as done and does not give is paid for: a person decides.
        assert failures(replies) == {3: "malformed", 4: "malformed", 5: "rejected"}
        assert texts(replies)[:3] == right(asked)[:3]
        assert texts(replies)[6:] == right(asked)[6:]
        assert sizes(server) == [10, 3]
        bill = server.dollars(PRICE.input, PRICE.output)
        assert ledger.spent_usd < bill <= ledger.spent_usd + ledger.doubtful_usd
        assert ledger.reserved_usd == 0.0
        assert texts(client.ask(asked)) == right(asked)
    assert sizes(server) == [10, 3, 3]


@pytest.mark.parametrize("kind", BATCHED)
@pytest.mark.parametrize("ends", ["expired", "cancelled"])
def test_a_batch_that_ends_half_done_keeps_its_half(
    kind: str, ends: str, server: FaultServer, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=0, ends=ends, done_share=0.5)
    asked = questions(8)
    with client_of(kind, server, tmp_path, attempts=1, **NOW) as client:
        replies = client.ask(asked)
    assert failures(replies) == dict.fromkeys(range(4, 8), ends)
    server.batch = BatchPlan(polls=0)
    with client_of(kind, server, tmp_path, **NOW) as client:
        assert texts(client.ask(asked)) == right(asked)
    assert sizes(server) == [8, 4]


@pytest.mark.parametrize("kind", BATCHED)
def test_a_batch_that_is_pending_is_picked_up_by_the_next_run(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=1_000)
    asked = questions(5)
    with (
        client_of(kind, server, tmp_path, batch=True) as client,
        pytest.raises(BatchPending) as said,
    ):
        client.ask(asked)
    assert said.value.exit_code == 5
    server.batch = BatchPlan(polls=0)
    with client_of(kind, server, tmp_path, **NOW) as client:
        assert texts(client.ask(asked)) == right(asked)
    assert sizes(server) == [5]


@pytest.mark.parametrize("kind", BATCHED)
def test_a_submit_whose_answer_is_cut_is_not_submitted_again(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=1)
    server.script.rules = [Rule(fault="cut_after_work", path="batches", times=1)]
    asked = questions(5)
    with client_of(kind, server, tmp_path, **NOW) as client:
        assert texts(client.ask(asked)) == right(asked)
    assert sizes(server) == [5]


@pytest.mark.parametrize("kind", BATCHED)
def test_the_budget_holds_for_batches(kind: str, server: FaultServer, tmp_path: Path) -> None:
    with client_of(kind, server, tmp_path, budget=0.0015, **NOW) as client:
        replies = client.ask(questions(100))
        with pytest.raises(BudgetReached):
            client.settle(replies)
    assert set(failures(replies).values()) == {"budget"}
    assert 0 < len(failures(replies)) < 100
    assert 0 < server.dollars(PRICE.input, PRICE.output) <= 0.0015


def _start(folder: Path, server: FaultServer, kind: str, count: int) -> subprocess.Popen[bytes]:
    told: dict[str, Any] = {"host": server.host, "cache": str(folder), "kind": kind, "count": count}
    told["settings"] = NOW
    return subprocess.Popen([sys.executable, str(SCRIPT), json.dumps(told)], stdout=subprocess.PIPE)


@pytest.mark.parametrize("kind", BATCHED)
@pytest.mark.parametrize("moment", ["submitting", "submitted", "collecting"])
def test_killed_at_any_moment_a_batch_is_paid_once(
    kind: str, moment: str, server: FaultServer, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=0 if moment == "collecting" else 1_000)
    places = {
        "submitting": Rule(fault="hang_after_work", path="batches", times=1),
        "submitted": Rule(fault="hang", path="batches", at=(1,)),
        "collecting": Rule(
            fault="hang", path="/results" if kind == "anthropic" else "/content", times=1
        ),
    }
    server.script.rules = [places[moment]]
    first = _start(tmp_path, server, kind, 6)
    end = time.monotonic() + 30
    while not any(seen.outcome.startswith("hang") for seen in server.record):
        assert time.monotonic() < end
        time.sleep(0.005)
    time.sleep(0.05)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    server.batch = BatchPlan(polls=0)
    second = _start(tmp_path, server, kind, 6)
    out, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    told = [json.loads(line) for line in out.splitlines() if line.startswith(b"{")]
    assert [reply["text"] for reply in told] == right(questions(6))
    assert sizes(server) == [6]


@pytest.mark.parametrize("kind", BATCHED)
def test_two_processes_submit_one_batch(kind: str, server: FaultServer, tmp_path: Path) -> None:
    server.batch = BatchPlan(polls=2)
    server.latency = 0.05
    both = [_start(tmp_path, server, kind, 8) for _ in range(2)]
    for one in both:
        out, _ = one.communicate(timeout=60)
        assert one.returncode == 0
        told = [json.loads(line) for line in out.splitlines() if line.startswith(b"{")]
        assert [reply["text"] for reply in told] == right(questions(8))
    assert sizes(server) == [8]
