"""Batches while the provider is down, and jobs that nobody knows."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from batch_runs import Run, closing, lines, questions
from fault_server import FaultServer, Rule

from prefkit.errors import BatchPending, ClientError, ConfigError
from prefkit.llm.batches.batch import cancel_jobs, forget_jobs
from prefkit.llm.batches.jobs import Jobs
from prefkit.llm.provider import Fault

pytestmark = pytest.mark.usefixtures("batches_end_at_once")


def test_polls_that_fail_are_repeated_and_a_provider_that_stays_down_is_said(
    server: FaultServer, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault="500", path="/v1/batches/", times=2)]
    assert Run(tmp_path, server.openai_url).ask(questions(1))[0].failure is None
    with pytest.raises(BatchPending):
        Run(tmp_path, server.openai_url, batch_wait_s=0).ask(questions(1, 1))
    server.script.rules = [Rule(fault="500", path="/v1/batches/")]
    with pytest.raises(ClientError, match=r"batch batch_\w+: HTTP 500") as caught:
        Run(tmp_path, server.openai_url, batch_wait_s=0, attempts=2).ask(questions(1, 1))
    assert caught.value.exit_code == 6
    server.script.rules = []
    assert Run(tmp_path, server.openai_url).ask(questions(1, 1))[0].failure is None
    assert lines(server) == [1, 1]


def test_an_outage_while_waiting_does_not_end_the_wait(server: FaultServer, tmp_path: Path) -> None:
    server.script.rules = [Rule(fault="cut", path="/v1/batches/", times=4)]
    run = Run(tmp_path, server.openai_url, attempts=2)  # two polls in a row are given up
    assert run.ask(questions(1))[0].failure is None


def test_a_job_that_another_key_s_account_does_not_know_is_never_asked_again(
    server: FaultServer, tmp_path: Path
) -> None:
    with pytest.raises(BatchPending):
        Run(tmp_path, server.openai_url, batch_wait_s=0).ask(questions(1))
    (name,) = server.openai_batches.jobs
    job = server.openai_batches.jobs.pop(name)
    with pytest.raises(ClientError, match=f"{name}: HTTP 404") as caught:
        Run(tmp_path, server.openai_url).ask(questions(1))
    assert "account" in (caught.value.hint or "")
    server.openai_batches.jobs[name] = job
    assert Run(tmp_path, server.openai_url).ask(questions(1))[0].failure is None
    assert lines(server) == [1]


def test_a_job_given_up_by_name_is_asked_anew(server: FaultServer, tmp_path: Path) -> None:
    with pytest.raises(BatchPending):
        Run(tmp_path, server.openai_url, batch_wait_s=0).ask(questions(1))
    (name,) = server.openai_batches.jobs
    jobs = Jobs(tmp_path, "batch")
    with pytest.raises(ConfigError, match="no open batch 'batch_x'"):
        forget_jobs(jobs, ["batch_x"])
    assert forget_jobs(jobs) == 0  # nothing is in doubt
    assert forget_jobs(jobs, [name]) == 1
    assert Run(tmp_path, server.openai_url).ask(questions(1))[0].failure is None
    assert lines(server) == [1, 1]


def test_while_a_run_has_the_jobs_none_of_them_is_given_up(tmp_path: Path) -> None:
    holder = Jobs(tmp_path, "batch")
    assert holder.lock()
    with pytest.raises(BatchPending, match="another process"):
        forget_jobs(Jobs(tmp_path, "batch"))


def test_cancelling_says_that_the_provider_does_not_answer(
    server: FaultServer, tmp_path: Path
) -> None:
    with pytest.raises(BatchPending):
        Run(tmp_path, server.openai_url, batch_wait_s=0).ask(questions(1))
    server.script.rules = [Rule(fault="500")]
    run = Run(tmp_path, server.openai_url)
    with pytest.raises(Fault, match="HTTP 500"):
        asyncio.run(closing(run, cancel_jobs(run.provider, Jobs(tmp_path, "batch"))))
