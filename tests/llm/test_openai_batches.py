"""OpenAI's batch API: what goes out, how a job is found among others, why one fails whole."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from batch_runs import ChatBatches, ResponseBatches, Run, request
from fault_batches import Job, OpenAIBatches
from fault_server import BatchPlan, FaultServer, Rule
from fault_wire import Answer

from prefkit.errors import ClientError
from prefkit.llm.provider import Fault
from prefkit.llm.records import Request
from prefkit.llm.settings import Settings


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as made:
        made.batch = BatchPlan(polls=0)
        yield made


class Failing(OpenAIBatches):
    """A provider that fails the first job with a text, with these errors of its validation."""

    def __init__(self, server: FaultServer, *errors: dict[str, Any], failing: str = "q") -> None:
        super().__init__(server)
        self.errors = list(errors)
        self.failing = failing

    def look(self, name: str) -> Answer:
        job = self.jobs[name]
        if self.failing and f'"{self.failing}' in json.dumps(job.lines):
            job.state, self.failing = "failed", ""
        return super().look(name)

    def view(self, job: Job) -> dict[str, Any]:
        seen = super().view(job)
        if job.state == "failed":
            seen["errors"] = {"object": "list", "data": self.errors}
        return seen


def questions(count: int) -> list[Request]:
    return [request(f"q{number}") for number in range(count)]


def lines(server: FaultServer) -> list[int]:
    return [len(job.lines) for job in server.openai_batches.jobs.values()]


def error(code: str, message: str, line: int | None = None) -> dict[str, Any]:
    return {"code": code, "message": message, "line": line, "param": None}


@pytest.mark.parametrize(
    ("client", "endpoint"),
    [("openai", "/v1/chat/completions"), ("openai-responses", "/v1/responses")],
)
def test_the_file_and_the_job_are_as_documented(
    server: FaultServer, tmp_path: Path, client: str, endpoint: str
) -> None:
    run = Run(tmp_path, server.openai_url, client)
    run.ask(questions(2))
    upload, create = (seen for seen in server.record if seen.method == "POST")
    rows = [json.loads(line) for line in upload.raw.splitlines()]
    assert [row["custom_id"] for row in rows] == [run.key(one) for one in questions(2)]
    assert {(row["method"], row["url"]) for row in rows} == {("POST", endpoint)}
    assert [row["body"] for row in rows] == [run.provider.body(one) for one in questions(2)]
    label = json.loads((tmp_path / "batch.jobs").read_bytes().splitlines()[1][9:])["label"]
    assert int(upload.headers["content-length"]) > len(upload.raw)  # the form around it
    assert "transfer-encoding" not in upload.headers
    assert upload.file == f"{label}.jsonl"
    assert create.body == {
        "input_file_id": create.body["input_file_id"],
        "endpoint": endpoint,
        "completion_window": "24h",
        "metadata": {"label": label},
    }


def test_the_limits_are_those_of_the_reference() -> None:
    assert (ChatBatches.batch_requests, ChatBatches.batch_bytes) == (50_000, 200_000_000)
    assert ChatBatches.batch_share == ResponseBatches.batch_share == 0.5


def found(server: FaultServer, label: str, since: float) -> tuple[str, bool] | None:
    async def find() -> tuple[str, bool] | None:
        provider = ChatBatches("m", Settings(base_url=server.openai_url))
        try:
            return await provider.find(label, ["k"], since)
        finally:
            await provider.close()

    return asyncio.run(find())


def test_a_job_is_found_by_its_label_among_pages_of_others(server: FaultServer) -> None:
    jobs = server.openai_batches.jobs
    for number in range(250):
        name = f"batch_{number}"
        jobs[name] = Job(name, [], {"label": f"l{number}"}, "/v1/chat/completions", "file-1")
    assert found(server, "l3", time.time()) == ("batch_3", True)  # the oldest page of three
    assert found(server, "l250", time.time()) is None
    pages = [seen for seen in server.record if seen.path == "/v1/batches"]
    assert len(pages) == 6


def test_the_search_ends_at_jobs_that_are_certainly_older(server: FaultServer) -> None:
    jobs = server.openai_batches.jobs
    for number in range(250):
        made = time.time() - (250 - number) * 60  # a job a minute
        name = f"batch_{number}"
        jobs[name] = Job(name, [], {}, "/v1/chat/completions", "file-1", created=made)
    assert found(server, "l", time.time() - 600) is None
    assert len([seen for seen in server.record if seen.path == "/v1/batches"]) == 1


def test_a_job_that_failed_for_one_line_fails_that_request_and_asks_the_others_again(
    server: FaultServer, tmp_path: Path
) -> None:
    server.openai_batches = Failing(server, error("invalid_request", "Line 2 is odd.", line=2))
    replies = Run(tmp_path, server.openai_url).ask(questions(3))
    assert lines(server) == [3, 2]
    assert replies[1].failure is not None
    assert (replies[1].failure.kind, "Line 2 is odd." in replies[1].failure.message) == (
        "rejected",
        True,
    )
    assert replies[0].failure is replies[2].failure is None


def test_a_job_that_failed_as_a_whole_fails_its_requests_in_the_provider_s_words(
    server: FaultServer, tmp_path: Path
) -> None:
    server.openai_batches = Failing(server, error("model_not_found", "No batches for model m."))
    run = Run(tmp_path, server.openai_url)
    replies = run.ask(questions(2))
    assert lines(server) == [2]
    assert [reply.failure.kind for reply in replies if reply.failure] == ["rejected"] * 2
    assert replies[0].failure is not None
    assert "No batches for model m." in replies[0].failure.message
    assert run.ledger.reserved_usd == run.ledger.doubtful_usd == run.ledger.spent_usd == 0


def test_an_empty_account_ends_the_run(server: FaultServer, tmp_path: Path) -> None:
    server.openai_batches = Failing(
        server, error("billing_hard_limit_reached", "Billing hard limit has been reached.")
    )
    with pytest.raises(ClientError, match="Billing hard limit"):
        Run(tmp_path, server.openai_url).ask(questions(2))
    assert Run(tmp_path, server.openai_url).ask(questions(2))[0].failure is None


def test_a_full_queue_lets_the_job_wait_for_the_others_without_counting_as_an_attempt(
    server: FaultServer, tmp_path: Path
) -> None:
    class Single(ChatBatches):
        batch_requests = 1

    limit = error("token_limit_exceeded", "Enqueued token limit reached for m.")
    server.openai_batches = Failing(server, limit, failing="q1")
    server.batch = BatchPlan(polls=3)
    run = Run(tmp_path, server.openai_url, Single)
    replies = run.ask(questions(2))
    assert [reply.failure for reply in replies] == [None, None]
    assert [reply.attempts for reply in replies] == [1, 1]
    first, second, third = server.openai_batches.jobs.values()
    assert [job.state for job in (first, second, third)] == ["completed", "failed", "completed"]
    assert third.created > first.created + 0.3  # not before the first had ended, four looks later


@pytest.mark.parametrize("fault", ["cut", "cut_body", "malformed", "500"])
def test_an_upload_that_breaks_is_made_again_at_once_for_it_starts_nothing(
    server: FaultServer, tmp_path: Path, fault: str
) -> None:
    class Slow(ChatBatches):
        batch_settles_s = 3600.0

    server.script.rules = [Rule(fault=fault, path="/v1/files", times=1)]
    assert Run(tmp_path, server.openai_url, Slow).ask(questions(1))[0].failure is None
    assert lines(server) == [1]


def test_a_job_s_name_cannot_leave_its_path(server: FaultServer) -> None:
    async def look() -> None:
        provider = ChatBatches("m", Settings(base_url=server.openai_url))
        try:
            with pytest.raises(Fault, match="HTTP 404"):
                await provider.poll("../files?x=/y")
        finally:
            await provider.close()

    asyncio.run(look())
    assert [seen.path for seen in server.record] == ["/v1/batches/../files?x=/y"]
