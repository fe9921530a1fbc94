"""Batches over several runs: what is submitted, what waits, what it costs, who may work on them."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from batch_runs import (
    MOST,
    TINY,
    ChatBatches,
    Run,
    closing,
    lines,
    posts,
    questions,
    request,
)
from fault_server import BatchPlan, FaultServer, Rule

from prefkit.errors import BatchPending, ClientError, ConfigError
from prefkit.llm.batches.batch import cancel_jobs
from prefkit.llm.batches.jobs import Jobs

pytestmark = pytest.mark.usefixtures("batches_end_at_once")


def test_answers_come_in_order_each_request_is_asked_once_and_costs_half(
    server: FaultServer, tmp_path: Path
) -> None:
    run = Run(tmp_path, server.openai_url)
    replies = run.ask([*questions(3), request("q1")])
    assert lines(server) == [3]
    assert [reply.text for reply in replies] == [
        Run(tmp_path, server.openai_url).ask([one])[0].text
        for one in [*questions(3), request("q1")]
    ]
    assert len({reply.text for reply in replies}) == 3
    assert run.ledger.spent_usd == pytest.approx(server.dollars(100, 200, 0.5), abs=1e-12)
    assert run.ledger.spent_usd > 0
    assert run.ledger.reserved_usd == 0
    assert sum(reply.cost_usd or 0 for reply in replies[:3]) == pytest.approx(run.ledger.spent_usd)
    assert [reply.attempts for reply in replies] == [1, 1, 1, 1]


def test_a_batch_shares_its_answers_with_later_runs_which_ask_nothing(
    server: FaultServer, tmp_path: Path
) -> None:
    first = Run(tmp_path, server.openai_url).ask(questions(2))
    asked = len(server.record)
    again = Run(tmp_path, server.openai_url).ask(questions(2))
    assert [reply.text for reply in again] == [reply.text for reply in first]
    assert [(reply.cached, reply.cost_usd) for reply in again] == [(True, 0.0)] * 2
    assert len(server.record) == asked


def test_without_time_to_wait_the_run_says_that_the_batch_is_pending_and_the_next_collects(
    server: FaultServer, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=1)
    with pytest.raises(BatchPending) as caught:
        Run(tmp_path, server.openai_url, batch_wait_s=0).ask(questions(3))
    (job,) = server.openai_batches.jobs
    assert caught.value.exit_code == 5
    assert str(caught.value) == f"openai:m: batch {job}: submitted, 3 requests"
    assert "run the same command again" in (caught.value.hint or "")
    with pytest.raises(BatchPending, match=f"batch {job}: in_progress, 0 of 3 done"):
        Run(tmp_path, server.openai_url, batch_wait_s=0).ask(questions(3))
    replies = Run(tmp_path, server.openai_url, batch_wait_s=0).ask(questions(3))
    assert all(reply.failure is None for reply in replies)
    assert lines(server) == [3]


def test_a_pending_run_submits_what_is_new_and_only_that(
    server: FaultServer, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=3)
    with pytest.raises(BatchPending):
        Run(tmp_path, server.openai_url, batch_wait_s=0).ask(questions(2))
    replies = Run(tmp_path, server.openai_url).ask(questions(5))
    assert lines(server) == [2, 3]
    assert all(reply.failure is None for reply in replies)


def test_answers_that_a_shorter_run_leaves_out_wait_for_who_asks_them(
    server: FaultServer, tmp_path: Path
) -> None:
    with pytest.raises(BatchPending):
        Run(tmp_path, server.openai_url, batch_wait_s=0).ask(questions(4))
    short = Run(tmp_path, server.openai_url)
    assert all(reply.failure is None for reply in short.ask(questions(2)))
    rest = Run(tmp_path, server.openai_url)
    assert all(reply.failure is None for reply in rest.ask(questions(2, 2)))
    assert lines(server) == [4]
    paid = short.ledger.spent_usd + rest.ledger.spent_usd
    assert paid == pytest.approx(server.dollars(100, 200, 0.5), abs=1e-12)
    jobs = Jobs(tmp_path, "batch")
    jobs.load()
    assert jobs.open == {}


def test_jobs_are_cut_at_the_provider_s_number_of_requests(
    server: FaultServer, tmp_path: Path
) -> None:
    class Small(ChatBatches):
        batch_requests = 2

    replies = Run(tmp_path, server.openai_url, Small).ask(questions(5))
    assert lines(server) == [2, 2, 1]
    assert all(reply.failure is None for reply in replies)


def test_jobs_are_cut_at_the_provider_s_bytes_and_what_alone_is_longer_is_not_sent(
    server: FaultServer, tmp_path: Path
) -> None:
    class Small(ChatBatches):
        batch_bytes = 500

    size = Run(tmp_path, server.openai_url).provider.size("k" * 40, request("q0"))
    assert 166 < size <= 250  # two fit, three do not
    replies = Run(tmp_path, server.openai_url, Small).ask([*questions(3), request("x" * 500)])
    assert lines(server) == [2, 1]
    assert [reply.failure is None for reply in replies] == [True, True, True, False]
    assert replies[3].failure is not None
    assert replies[3].failure.kind == "rejected"
    assert "more than a batch may have" in replies[3].failure.message
    uploads = [seen.raw for seen in server.record if seen.path == "/v1/files"]
    assert all(len(raw) <= 500 for raw in uploads)


def test_a_request_without_a_json_form_fails_alone(server: FaultServer, tmp_path: Path) -> None:
    odd = request("q1", extra={"half": "\ud800"})

    class Odd(Run):
        def key(self, asked: Any) -> str:
            return "odd-key" if asked is odd else super().key(asked)

    replies = Odd(tmp_path, server.openai_url).ask([request("q0"), odd])
    assert replies[0].failure is None
    assert replies[1].failure is not None
    assert replies[1].failure.kind == "rejected"
    assert lines(server) == [1]


def test_a_key_that_no_provider_takes_as_an_id_is_refused_before_anything_is_sent(
    server: FaultServer, tmp_path: Path
) -> None:
    class Odd(Run):
        def key(self, asked: object) -> str:
            return "k" * 65

    with pytest.raises(ConfigError, match="cannot be the id of a request"):
        Odd(tmp_path, server.openai_url).ask(questions(1))
    assert server.record == []


def test_the_budget_lets_in_what_fits_and_the_rest_when_money_comes_back(
    server: FaultServer, tmp_path: Path
) -> None:
    # three at their highest price; the true bills are small, so that the other two fit afterwards
    run = Run(tmp_path, server.openai_url, budget=3 * MOST + TINY)
    replies = run.ask(questions(5))
    assert lines(server) == [3, 2]
    assert all(reply.failure is None for reply in replies)
    assert run.ledger.spent_usd <= 3 * MOST + TINY
    assert not run.ledger.reached


def test_what_the_budget_does_not_admit_fails_as_budget_and_was_not_sent(
    server: FaultServer, tmp_path: Path
) -> None:
    run = Run(tmp_path, server.openai_url, budget=MOST + TINY)
    replies = run.ask(questions(3))
    assert lines(server) == [1]
    kinds = [reply.failure.kind if reply.failure else None for reply in replies]
    assert kinds == [None, "budget", "budget"]
    assert run.ledger.reached
    assert run.ledger.spent_usd == pytest.approx(server.dollars(100, 200, 0.5), abs=1e-12)
    # a later run may spend more
    later = Run(tmp_path, server.openai_url, budget=3 * MOST + TINY).ask(questions(3))
    assert all(reply.failure is None for reply in later)


def test_a_run_that_resumes_holds_the_money_of_the_job_that_still_goes_on(
    server: FaultServer, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=50)
    with pytest.raises(BatchPending):
        Run(tmp_path, server.openai_url, budget=3 * MOST + TINY, batch_wait_s=0).ask(questions(2))
    run = Run(tmp_path, server.openai_url, budget=3 * MOST + TINY, batch_wait_s=0)
    with pytest.raises(BatchPending, match="1 requests not yet submitted"):
        run.ask(questions(4))
    assert lines(server) == [2, 1]
    assert run.ledger.reserved_usd == 0  # given back: the run is over
    assert run.ledger.spent_usd == 0


def test_a_job_that_costs_more_than_a_smaller_new_budget_is_still_collected(
    server: FaultServer, tmp_path: Path
) -> None:
    with pytest.raises(BatchPending):
        Run(tmp_path, server.openai_url, batch_wait_s=0).ask(questions(2))
    run = Run(tmp_path, server.openai_url, budget=MOST / 100)
    assert all(reply.failure is None for reply in run.ask(questions(2)))
    assert run.ledger.spent_usd == pytest.approx(server.dollars(100, 200, 0.5), abs=1e-12)


def test_two_runs_of_one_command_submit_one_job_and_the_one_without_patience_is_told(
    server: FaultServer, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=3)
    runs = [Run(tmp_path, server.openai_url) for _ in range(3)]
    hasty = Run(tmp_path, server.openai_url, batch_wait_s=0)

    async def both() -> tuple[list, BaseException]:
        tasks = [asyncio.create_task(run.asked(questions(3))) for run in runs]
        await asyncio.sleep(0.1)
        (told,) = await asyncio.gather(hasty.asked(questions(3)), return_exceptions=True)
        return [await task for task in tasks], told

    answers, told = asyncio.run(both())
    assert lines(server) == [3]
    texts = [[reply.text for reply in replies] for replies in answers]
    assert texts[0] == texts[1] == texts[2]
    assert None not in texts[0]
    assert sorted(len(run.put) for run in runs) == [0, 0, 3]
    assert isinstance(told, BatchPending)
    assert "another process is working on the batches" in str(told)


def test_an_interrupt_says_how_to_go_on_and_stops_no_job(
    server: FaultServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.batch = BatchPlan(polls=4)
    run = Run(tmp_path, server.openai_url)

    async def interrupted() -> None:
        task = asyncio.create_task(run.asked(questions(2)))
        while not server.openai_batches.jobs:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with caplog.at_level(logging.WARNING, "prefkit.llm"):
        asyncio.run(interrupted())
    (job,) = server.openai_batches.jobs
    (said,) = [r.getMessage() for r in caplog.records if "not stopped" in r.getMessage()]
    assert job in said
    assert "run the same command again" in said
    assert not any(path.endswith("/cancel") for path in posts(server))
    assert run.ledger.reserved_usd == 0
    assert all(r.failure is None for r in Run(tmp_path, server.openai_url).ask(questions(2)))
    assert lines(server) == [2]


def test_a_cancelled_job_keeps_what_it_answered_and_fails_the_rest_until_asked_anew(
    server: FaultServer, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=50, done_share=0.5)
    with pytest.raises(BatchPending):
        Run(tmp_path, server.openai_url, batch_wait_s=0).ask(questions(4))
    run = Run(tmp_path, server.openai_url)
    stopped = asyncio.run(closing(run, cancel_jobs(run.provider, Jobs(tmp_path, "batch"))))
    assert stopped == (list(server.openai_batches.jobs), 0)
    replies = Run(tmp_path, server.openai_url).ask(questions(4))
    kinds = [reply.failure.kind if reply.failure else None for reply in replies]
    assert kinds == [None, None, "cancelled", "cancelled"]
    assert lines(server) == [4]
    server.batch = BatchPlan(polls=0)
    later = Run(tmp_path, server.openai_url).ask(questions(4))
    assert all(reply.failure is None for reply in later)
    assert lines(server) == [4, 2]


def test_a_failure_of_one_job_is_remembered_while_another_one_is_pending(
    server: FaultServer, tmp_path: Path
) -> None:
    class Single(ChatBatches):
        batch_requests = 1

    server.script.rules = [Rule(fault="400", path="line", text="q0")]
    with pytest.raises(BatchPending):
        Run(tmp_path, server.openai_url, Single, batch_wait_s=0).ask(questions(1))
    server.batch = BatchPlan(polls=3)  # q0 has ended at the next look, q1 has not
    job = next(iter(server.openai_batches.jobs.values()))
    job.looks = 3
    with pytest.raises(BatchPending):
        Run(tmp_path, server.openai_url, Single, batch_wait_s=0).ask(questions(2))
    replies = Run(tmp_path, server.openai_url, Single).ask(questions(2))
    assert lines(server) == [1, 1]
    assert replies[0].failure is not None
    assert replies[0].failure.kind == "rejected"
    assert replies[1].failure is None


def test_a_key_that_is_refused_ends_the_run_and_leaves_nothing_in_doubt(
    server: FaultServer, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault="401")]
    run = Run(tmp_path, server.openai_url)
    with pytest.raises(ClientError, match="HTTP 401") as caught:
        run.ask(questions(2))
    assert caught.value.exit_code == 6
    assert run.ledger.reserved_usd == run.ledger.doubtful_usd == 0
    server.script.rules = []
    assert all(r.failure is None for r in Run(tmp_path, server.openai_url).ask(questions(2)))
    assert lines(server) == [2]


def test_an_answer_that_cannot_be_written_leaves_its_job_to_the_next_run(
    server: FaultServer, tmp_path: Path
) -> None:
    class Full(Run):
        kept = 0

        async def keep(self, *args: Any) -> None:
            self.kept += 1
            if self.kept == 2:
                raise OSError(28, "No space left on device")
            await super().keep(*args)

    run = Full(tmp_path, server.openai_url)
    with pytest.raises(OSError, match="No space left"):
        run.ask(questions(3))
    assert run.ledger.reserved_usd == 0
    assert all(r.failure is None for r in Run(tmp_path, server.openai_url).ask(questions(3)))
    assert lines(server) == [3]
