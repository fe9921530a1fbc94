"""The same requests by batch and online at the same time: each is paid by one of the two."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from batch_runs import Run, request
from fault_batches import Job
from fault_server import BatchPlan, FaultServer, Rule
from faulty import client_of, failures, questions, right, text_of, texts

from prefkit.errors import BatchPending
from prefkit.llm.batches.jobs import Job as Intended
from prefkit.llm.batches.jobs import Jobs, Watch
from prefkit.llm.keeping.claims import Claims
from prefkit.llm.records import Reply

NOW = {"batch": True, "batch_wait_s": 20.0}


def jobs_of(server: FaultServer) -> list[Job]:
    return list(server.openai_batches.jobs.values())


def test_what_is_asked_online_right_now_goes_into_no_batch(tmp_path: Path) -> None:
    with FaultServer(latency=1.0) as server:
        online, batched = questions(3), questions(5)
        got: list[Reply] = []
        with (
            client_of("openai", server, tmp_path) as client,
            client_of("openai", server, tmp_path, **NOW) as batch,
        ):
            thread = threading.Thread(target=lambda: got.extend(client.ask(online)))
            thread.start()
            while len(server.asks()) < 3:
                time.sleep(0.005)
            replies = batch.ask(batched)
            thread.join()
        assert texts(got) == right(online)
        assert texts(replies) == right(batched)
        assert [len(job.lines) for job in jobs_of(server)] == [2]
        assert len(server.asks()) == 3
        assert [reply.cached for reply in replies] == [True] * 3 + [False] * 2


def test_what_is_claimed_while_a_job_is_intended_is_taken_out_of_it(tmp_path: Path) -> None:
    somebody = Claims(tmp_path / "claims")
    taken: list[str] = []

    class Late(Jobs):
        def intend(self, work: str, keys: Iterable[str], **more: Any) -> Intended:
            job = super().intend(work, keys, **more)
            if not taken:
                taken.append(sorted(job.keys)[0])
                assert somebody.take(taken[0])
                threading.Timer(0.3, somebody.give_back, taken).start()
            return job

    with FaultServer() as server:
        run = Run(tmp_path, server.openai_url)
        run.jobs, run.claims = Late, Claims(tmp_path / "claims")
        replies = run.ask([request(f"{number}?") for number in range(3)])
        run.claims.close()
        assert [reply.failure for reply in replies] == [None] * 3
        assert [reply.attempts for reply in replies] == [1] * 3
        assert [len(job.lines) for job in jobs_of(server)] == [2, 1]
    somebody.close()


def test_without_time_to_wait_the_rest_is_submitted_and_the_others_are_pending(
    tmp_path: Path,
) -> None:
    with FaultServer() as server:
        server.script.rules = [Rule(fault="hang", text=text_of(0), times=1)]
        with (
            client_of("openai", server, tmp_path, timeout_s=3.0, attempts=1) as client,
            client_of("openai", server, tmp_path, batch=True) as batch,
        ):
            thread = threading.Thread(target=lambda: client.ask(questions(1)))
            thread.start()
            while not server.asks():
                time.sleep(0.005)
            with pytest.raises(BatchPending, match="1 requests not yet submitted"):
                batch.ask(questions(3))
            thread.join()
        assert [len(job.lines) for job in jobs_of(server)] == [2]


def test_a_stream_that_began_before_a_job_was_submitted_does_not_pay_its_requests(
    tmp_path: Path,
) -> None:
    with FaultServer() as server:
        server.batch = BatchPlan(polls=1_000)
        with (
            client_of("openai", server, tmp_path, concurrency=1) as client,
            client_of("openai", server, tmp_path, batch=True) as batch,
        ):
            asked = iter(questions(4))
            going = threading.Event()

            def slowly():  # type: ignore[no-untyped-def]
                yield next(asked)
                going.wait(10)
                yield from asked

            stream = client.stream(slowly())
            with pytest.raises(BatchPending):
                batch.ask(questions(3, first=1))
            going.set()
            with pytest.raises(BatchPending, match="being paid"):
                list(stream)
        assert [len(job.lines) for job in jobs_of(server)] == [3]
        assert len(server.asks()) <= 1


def test_equal_requests_in_a_batch_are_paid_by_the_first(tmp_path: Path) -> None:
    with (
        FaultServer() as server,
        client_of("openai", server, tmp_path, budget=1.0, **NOW) as client,
    ):
        first, second, third = client.ask(questions(1) * 3)
        assert (first.cached, second.cached, third.cached) == (False, True, True)
        assert first.cost_usd == pytest.approx(client.desk.ledger.spent_usd)
        assert (second.cost_usd, third.cost_usd) == (0.0, 0.0)
        assert first.cost_usd is not None
        assert first.cost_usd > 0


def test_a_cut_answer_goes_into_no_second_batch(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    with FaultServer() as server, client_of("openai", server, tmp_path, **NOW) as client:
        server.script.rules = [Rule(fault="cut_structured", path="line")]
        replies = client.ask(questions(1, schema=schema))
        assert failures(replies) == {0: "cut"}
        assert [len(job.lines) for job in jobs_of(server)] == [1]


def test_a_watch_sees_jobs_come_and_go(tmp_path: Path) -> None:
    jobs, watch = Jobs(tmp_path, "j"), Watch(tmp_path, "j")
    assert watch.job_of("a") is None
    assert jobs.lock()
    job = jobs.intend("w", ["a", "b"], who="m", stage="ask", money=(0.5, 0.0))
    assert watch.job_of("a") == job.label
    jobs.submitted(job, "batch_1")
    assert (watch.job_of("b"), watch.job_of("c")) == ("batch_1", None)
    jobs.closed(job, "collected")
    assert watch.job_of("a") is None
    jobs.unlock()
