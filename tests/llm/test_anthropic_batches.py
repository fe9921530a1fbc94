"""Anthropic's message batches: what goes out, and how a batch without a label is recognised."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from batch_runs import MessageBatches, Run, request
from fault_batches import Job
from fault_script import Script
from fault_server import BatchPlan, FaultServer, Rule

from prefkit.errors import BatchPending, ClientError
from prefkit.llm.batches.batch import cancel_jobs
from prefkit.llm.batches.jobs import Jobs
from prefkit.llm.records import Request
from prefkit.llm.settings import Settings

CREATE = "/v1/messages/batches"


class Slow(MessageBatches):
    batch_settles_s = 3600.0


class Reviving(MessageBatches):
    """The first batch expires; the submit of the second is cut, and the third goes well."""

    server: FaultServer
    submits = 0

    async def submit(self, items: Any, label: str) -> str:
        self.submits += 1
        if self.submits == 2:
            self.server.script = Script([Rule(fault="cut", path=CREATE, times=1)])
            self.server.batch = BatchPlan(polls=0)
        return str(await super().submit(items, label))


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as made:
        made.batch = BatchPlan(polls=0)
        yield made


def questions(count: int) -> list[Request]:
    return [request(f"q{number}") for number in range(count)]


def strangers(server: FaultServer, name: str, count: int, **options: Any) -> Job:
    """A batch of somebody else in the same workspace."""
    body = Run(Path("unused"), server.anthropic_url, "anthropic").provider.body(request("theirs"))
    lines = [{"custom_id": f"{name}-{number}", "body": body} for number in range(count)]
    server.anthropic_batches.jobs[name] = Job(name, lines, {}, "", "", **options)
    return server.anthropic_batches.jobs[name]


def found(server: FaultServer, keys: list[str], since: float, **known: Any) -> Any:
    async def find() -> Any:
        provider = MessageBatches("m", Settings(base_url=server.anthropic_url))
        try:
            return await provider.find("label", keys, since, **known)
        finally:
            await provider.close()

    return asyncio.run(find())


def test_the_body_is_as_documented(server: FaultServer, tmp_path: Path) -> None:
    run = Run(tmp_path, server.anthropic_url, "anthropic")
    asked = [request("q0"), request("q1", temperature=0.5)]
    run.ask(asked)
    (create,) = [seen for seen in server.record if seen.method == "POST"]
    assert create.path == CREATE
    assert create.body == {
        "requests": [{"custom_id": run.key(one), "params": run.provider.body(one)} for one in asked]
    }
    assert create.headers["content-length"] == str(len(create.raw))
    assert create.headers["content-type"] == "application/json"
    # the API version that sampling options need holds for the whole batch
    assert create.headers["anthropic-version"] == "2023-06-01"


def test_the_limits_are_below_those_of_the_reference() -> None:
    assert MessageBatches.batch_requests == 100_000
    assert MessageBatches.batch_bytes <= 256_000_000
    assert MessageBatches.batch_share == 0.5


def test_a_batch_that_ended_is_recognised_by_the_ids_of_its_requests(server: FaultServer) -> None:
    for name in ("theirs", "ours", "later"):
        strangers(server, name, 2)
        server.anthropic_batches.look(name)
    assert found(server, ["ours-0", "ours-1"], time.time()) == ("ours", True)
    assert found(server, ["ours-0", "ours-1", "ours-2"], time.time()) is None  # another number
    assert found(server, ["mine-0", "mine-1"], time.time()) is None
    assert found(server, ["ours-0", "ours-1"], time.time(), known={"ours"}) is None
    assert found(server, ["ours-0", "ours-1"], time.time() + 3600) is None  # long before


def test_a_batch_that_still_runs_may_be_ours(server: FaultServer) -> None:
    strangers(server, "theirs", 2)
    assert found(server, ["ours-0", "ours-1"], time.time()) == ("theirs", False)
    strangers(server, "ours", 2)
    server.anthropic_batches.look("ours")
    assert found(server, ["ours-0", "ours-1"], time.time()) == ("ours", True)


def test_a_batch_is_found_among_pages_of_others(server: FaultServer) -> None:
    for number in range(1500):
        strangers(server, f"b{number}", 3 if number == 7 else 1)
    assert found(server, ["b7-0", "b7-1", "b7-2"], time.time()) == ("b7", False)
    assert len([seen for seen in server.record if seen.path == CREATE]) == 2


def test_somebody_else_s_batch_is_waited_for_then_disowned_and_never_answers_for_ours(
    server: FaultServer, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=1)
    server.script.rules = [Rule(fault="cut", path=CREATE, times=1)]
    strangers(server, "theirs", 2)
    with pytest.raises(BatchPending, match=r"batch theirs: .*perhaps somebody else"):
        Run(tmp_path, server.anthropic_url, "anthropic", batch_wait_s=0).ask(questions(2))
    replies = Run(tmp_path, server.anthropic_url, "anthropic").ask(questions(2))
    assert [reply.failure for reply in replies] == [None, None]
    assert len(server.anthropic_batches.jobs) == 2  # theirs, and ours once
    jobs = Jobs(tmp_path, "batch")
    jobs.load()
    assert jobs.open == {}
    assert "theirs" not in jobs.ids


def test_a_batch_that_may_be_somebody_else_s_is_never_cancelled(
    server: FaultServer, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=50)
    server.script.rules = [Rule(fault="cut", path=CREATE, times=1)]
    strangers(server, "theirs", 2)
    run = Run(tmp_path, server.anthropic_url, "anthropic", batch_wait_s=0)
    with pytest.raises(BatchPending):
        run.ask(questions(2))

    async def cancelled() -> tuple[list[str], int]:
        try:
            return await cancel_jobs(run.provider, Jobs(tmp_path, "batch"))
        finally:
            await run.provider.close()

    assert asyncio.run(cancelled()) == ([], 1)
    assert not server.anthropic_batches.jobs["theirs"].stopping


def test_ours_is_taken_when_it_ran_beside_somebody_else_s_of_the_same_size(
    server: FaultServer, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=1)
    server.script.rules = [Rule(fault="cut_after_work", path=CREATE, times=1)]
    strangers(server, "before", 2)
    with pytest.raises(BatchPending):
        Run(tmp_path, server.anthropic_url, Slow, batch_wait_s=0).ask(questions(2))
    strangers(server, "after", 2)
    replies = Run(tmp_path, server.anthropic_url, Slow).ask(questions(2))
    assert [reply.failure for reply in replies] == [None, None]
    assert len(server.anthropic_batches.jobs) == 3


def test_an_earlier_batch_of_the_same_requests_is_not_taken_for_the_one_that_got_lost(
    server: FaultServer, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=0, ends="expired", done_share=0.0)
    Reviving.server = server
    run = Run(tmp_path, server.anthropic_url, Reviving)
    replies = run.ask(questions(2))
    assert [reply.failure for reply in replies] == [None, None]
    assert [reply.attempts for reply in replies] == [2, 2]
    assert len(server.anthropic_batches.jobs) == 2


def test_results_on_another_host_are_not_fetched(server: FaultServer, tmp_path: Path) -> None:
    with FaultServer() as other:
        server.batch = BatchPlan(polls=0, results_host=other.host)
        with pytest.raises(ClientError, match="another host"):
            Run(tmp_path, server.anthropic_url, "anthropic").ask(questions(1))
        assert other.record == []
    server.batch = BatchPlan(polls=0)
    replies = Run(tmp_path, server.anthropic_url, "anthropic").ask(questions(1))
    assert replies[0].failure is None
    assert len(server.anthropic_batches.jobs) == 1
