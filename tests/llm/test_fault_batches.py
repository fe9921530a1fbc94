"""The batch interfaces of the fault server, held to the documents by the official SDKs."""

from __future__ import annotations

import json

import anthropic
import openai
import pytest
from fault_answers import answer_to, turn
from fault_server import BatchPlan, FaultServer, Rule


def lines(*texts: str) -> bytes:
    return "".join(
        json.dumps(
            {
                "custom_id": text,
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"model": "m", "messages": turn(text)},
            }
        )
        + "\n"
        for text in texts
    ).encode()


def openai_job(gpt: openai.OpenAI, *texts: str) -> str:
    file = gpt.files.create(file=("in.jsonl", lines(*texts)), purpose="batch")
    return gpt.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"label": "mine"},
    ).id


def anthropic_job(claude: anthropic.Anthropic, *texts: str) -> str:
    params = {"model": "c", "max_tokens": 9}
    requests = [{"custom_id": t, "params": params | {"messages": turn(t)}} for t in texts]
    return claude.messages.batches.create(requests=requests).id


def test_an_openai_batch_runs_from_file_to_results(server: FaultServer, gpt: openai.OpenAI) -> None:
    server.script.rules = [Rule(fault="500", text='"bb"', path="line")]
    job = openai_job(gpt, "aa", "bb", "cc")
    assert gpt.batches.retrieve(job).status == "in_progress"
    ended = gpt.batches.retrieve(job)
    assert (ended.status, ended.metadata) == ("completed", {"label": "mine"})
    counts = ended.request_counts
    assert (counts.total, counts.completed, counts.failed) == (3, 2, 1)
    rows = [json.loads(r) for r in gpt.files.content(ended.output_file_id).text.splitlines()]
    said = {r["custom_id"]: r["response"]["body"]["choices"][0]["message"]["content"] for r in rows}
    assert said == {"aa": answer_to("aa"), "cc": answer_to("cc")}
    (wrong,) = gpt.files.content(ended.error_file_id).text.splitlines()
    assert json.loads(wrong)["response"]["status_code"] == 500
    assert server.dollars(10.0, 0.0) == pytest.approx(2 * 8 * 10 / 1e6 / 2)


def test_batches_are_listed_by_pages_newest_first(
    gpt: openai.OpenAI, claude: anthropic.Anthropic
) -> None:
    jobs = [openai_job(gpt, str(number)) for number in range(5)]
    assert [job.id for job in gpt.batches.list(limit=2)] == jobs[::-1]
    jobs = [anthropic_job(claude, str(number)) for number in range(5)]
    assert [job.id for job in claude.messages.batches.list(limit=2)] == jobs[::-1]


def test_an_anthropic_batch_expires_with_its_first_half_done(
    server: FaultServer, claude: anthropic.Anthropic
) -> None:
    server.batch = BatchPlan(polls=0, ends="expired", done_share=0.5, shuffled=True)
    job = anthropic_job(claude, "a", "b", "c", "d")
    ended = claude.messages.batches.retrieve(job)
    assert ended.processing_status == "ended"
    assert (ended.request_counts.succeeded, ended.request_counts.expired) == (2, 2)
    kinds = {row.custom_id: row.result.type for row in claude.messages.batches.results(job)}
    assert kinds == {"a": "succeeded", "b": "succeeded", "c": "expired", "d": "expired"}


def test_a_cancelled_batch_ends_as_such(
    server: FaultServer, gpt: openai.OpenAI, claude: anthropic.Anthropic
) -> None:
    server.batch = BatchPlan(polls=9, done_share=0.5)
    job = openai_job(gpt, "a", "b")
    assert gpt.batches.cancel(job).status == "cancelling"
    ended = gpt.batches.retrieve(job)
    assert ended.status == "cancelled"
    assert len(gpt.files.content(ended.output_file_id).text.splitlines()) == 1
    job = anthropic_job(claude, "a", "b")
    assert claude.messages.batches.cancel(job).processing_status == "canceling"
    assert claude.messages.batches.retrieve(job).request_counts.canceled == 1


def test_results_can_miss_rows_repeat_them_and_hold_strangers(
    server: FaultServer, claude: anthropic.Anthropic
) -> None:
    server.batch = BatchPlan(polls=0, unknown=True)
    server.script.rules = [
        Rule(fault="missing", text='"bb"', path="line"),
        Rule(fault="twice", text='"cc"', path="line"),
        Rule(fault="400", text='"dd"', path="line"),
    ]
    job = anthropic_job(claude, "aa", "bb", "cc", "dd")
    claude.messages.batches.retrieve(job)
    rows = [(row.custom_id, row.result.type) for row in claude.messages.batches.results(job)]
    assert rows == [
        ("nobody-sent-this", "succeeded"),
        ("aa", "succeeded"),
        ("cc", "succeeded"),
        ("cc", "succeeded"),
        ("dd", "errored"),
    ]


def test_a_batch_whose_submit_is_cut_was_still_started(
    server: FaultServer, gpt: openai.OpenAI, claude: anthropic.Anthropic
) -> None:
    server.script.rules = [
        Rule(fault="cut_after_work", path="/v1/batches", times=1),
        Rule(fault="cut_after_work", path="/v1/messages/batches", times=1),
    ]
    with pytest.raises(openai.APIConnectionError):
        openai_job(gpt, "a")
    with pytest.raises(anthropic.APIConnectionError):
        anthropic_job(claude, "a")
    assert len(list(gpt.batches.list())) == len(list(claude.messages.batches.list())) == 1


def test_an_openai_file_with_an_id_twice_fails_as_a_whole(gpt: openai.OpenAI) -> None:
    ended = gpt.batches.retrieve(openai_job(gpt, "a", "a"))
    assert (ended.status, ended.output_file_id) == ("failed", None)
    assert ended.errors.data[0].line == 1
