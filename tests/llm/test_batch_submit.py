"""A submit of which nobody knows whether it was accepted: found, or made again, never both."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from batch_runs import ChatBatches, MessageBatches, Run, questions
from fault_server import FaultServer, Rule

from prefkit.errors import BatchPending
from prefkit.llm.batches.batch import forget_jobs
from prefkit.llm.batches.jobs import Jobs
from prefkit.llm.records import Reply

pytestmark = pytest.mark.usefixtures("batches_end_at_once")


class SlowChat(ChatBatches):
    batch_settles_s = 3600.0


class SlowMessages(MessageBatches):
    batch_settles_s = 3600.0


SLOW = {"openai": SlowChat, "anthropic": SlowMessages}
CREATE = {"openai": "/v1/batches", "anthropic": "/v1/messages/batches"}


def run(
    server: FaultServer, client: str, folder: Path, *, slow: bool = False, **settings: object
) -> Run:
    url = server.anthropic_url if client == "anthropic" else server.openai_url
    return Run(folder, url, SLOW[client] if slow else client, **settings)  # type: ignore[arg-type]


def jobs_of(server: FaultServer, client: str) -> dict:
    return server.anthropic_batches.jobs if client == "anthropic" else server.openai_batches.jobs


def answered(replies: list[Reply]) -> bool:
    return all(reply.failure is None for reply in replies)


@pytest.mark.parametrize("fault", ["cut_after_work", "cut_body", "half", "malformed", "html"])
def test_a_job_that_was_accepted_while_its_answer_got_lost_is_found(
    server: FaultServer, client: str, tmp_path: Path, fault: str
) -> None:
    server.script.rules = [Rule(fault=fault, path=CREATE[client], times=1)]
    assert answered(run(server, client, tmp_path, slow=True).ask(questions(3)))
    assert len(jobs_of(server, client)) == 1


@pytest.mark.parametrize("fault", ["cut", "500", "502", "529"])
def test_a_job_that_was_never_accepted_is_submitted_again_once_that_is_sure(
    server: FaultServer, client: str, tmp_path: Path, fault: str
) -> None:
    server.script.rules = [Rule(fault=fault, path=CREATE[client], times=1)]
    replies = run(server, client, tmp_path).ask(questions(3))
    assert answered(replies)
    assert len(jobs_of(server, client)) == 1
    assert [reply.attempts for reply in replies] == [1, 1, 1]


def test_while_it_is_not_sure_the_run_is_pending_and_submits_nothing(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault="cut", path=CREATE[client], times=1)]
    for _ in range(2):
        with pytest.raises(
            BatchPending, match=r"not known before .* whether the provider accepted"
        ):
            run(server, client, tmp_path, slow=True, batch_wait_s=0.5).ask(questions(3))
    with pytest.raises(BatchPending, match="1 requests not yet submitted"):
        run(server, client, tmp_path, slow=True, batch_wait_s=0).ask(questions(4))
    assert jobs_of(server, client) == {}
    # an explicit choice ends the wait
    assert forget_jobs(Jobs(tmp_path, "batch")) == 1
    assert answered(run(server, client, tmp_path, slow=True).ask(questions(4)))
    assert len(jobs_of(server, client)) == 1


def test_a_job_that_appears_late_in_the_provider_s_list_is_still_found(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    class Late(SLOW[client]):  # type: ignore[misc]
        looks = 0

        async def find(self, *args: object, **options: object) -> object:
            type(self).looks += 1
            return None if self.looks <= 2 else await super().find(*args, **options)

    server.script.rules = [Rule(fault="cut_after_work", path=CREATE[client], times=1)]
    url = server.anthropic_url if client == "anthropic" else server.openai_url
    for _ in range(2):
        with pytest.raises(BatchPending, match="not known before"):
            Run(tmp_path, url, Late, batch_wait_s=0).ask(questions(3))
    assert answered(Run(tmp_path, url, Late).ask(questions(3)))
    assert Late.looks == 3
    assert len(jobs_of(server, client)) == 1


def test_a_submit_that_was_surely_not_accepted_is_made_again_at_once(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault="429", value="0.2", path=CREATE[client], times=2)]
    started = time.monotonic()
    assert answered(run(server, client, tmp_path, slow=True).ask(questions(3)))
    assert time.monotonic() - started >= 0.4  # it waited as long as it was told, twice
    assert len(jobs_of(server, client)) == 1


def test_a_submit_that_the_provider_rejects_fails_its_requests_in_its_words(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault="413", path=CREATE[client], times=1)]
    made = run(server, client, tmp_path)
    replies = made.ask(questions(2))
    assert [reply.failure.kind for reply in replies if reply.failure] == ["rejected"] * 2
    assert replies[0].failure is not None
    assert "not accepted: HTTP 413" in replies[0].failure.message
    assert made.ledger.reserved_usd == made.ledger.doubtful_usd == 0
    jobs = Jobs(tmp_path, "batch")
    jobs.load()
    assert jobs.open == {}
    assert answered(run(server, client, tmp_path).ask(questions(2)))


def test_jobs_of_the_same_size_are_not_taken_for_the_one_that_got_lost(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    # an older batch of this client with two requests, and the second one that gets lost
    assert answered(run(server, client, tmp_path).ask(questions(2)))
    server.script.rules = [Rule(fault="cut", path=CREATE[client], times=1)]
    replies = run(server, client, tmp_path).ask(questions(2, 2))
    assert answered(replies)
    assert len(jobs_of(server, client)) == 2
