"""What becomes of every row of an ended batch, whatever its results look like; both providers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from batch_runs import Run, questions, request
from fault_server import BatchPlan, FaultServer, Rule

from prefkit.errors import BatchPending, ClientError
from prefkit.llm.records import Reply

pytestmark = pytest.mark.usefixtures("batches_end_at_once")


SCHEMA = {
    "type": "object",
    "properties": {"winner": {"type": "string"}},
    "required": ["winner"],
    "additionalProperties": False,
}


def run(server: FaultServer, client: str, folder: Path, **settings: object) -> Run:
    url = server.anthropic_url if client == "anthropic" else server.openai_url
    return Run(folder, url, client, **settings)  # type: ignore[arg-type]


def lines(server: FaultServer) -> list[int]:
    jobs = [*server.openai_batches.jobs.values(), *server.anthropic_batches.jobs.values()]
    return [len(job.lines) for job in jobs]


def kinds(replies: list[Reply]) -> list[str | None]:
    return [reply.failure.kind if reply.failure else None for reply in replies]


def test_only_rows_that_failed_for_a_passing_reason_go_again(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    server.script.rules = [
        Rule(fault="500", path="line", text="q1", each=1),
        Rule(fault="429", path="line", text="q3", each=1),
    ]
    made = run(server, client, tmp_path)
    replies = made.ask(questions(5))
    assert kinds(replies) == [None] * 5
    assert lines(server) == [5, 2]
    assert [reply.attempts for reply in replies] == [1, 2, 1, 2, 1]
    assert made.ledger.spent_usd == pytest.approx(server.dollars(100, 200, 0.5), abs=1e-12)


def test_rows_that_fail_again_and_again_are_given_up_after_the_attempts(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault="500", path="line", text="q1")]
    replies = run(server, client, tmp_path, attempts=3).ask(questions(3))
    assert kinds(replies) == [None, "server", None]
    assert lines(server) == [3, 1, 1]
    assert replies[1].failure is not None
    assert "(asked in 3 batches)" in replies[1].failure.message
    assert replies[1].attempts == 3


def test_rounds_are_counted_over_runs(server: FaultServer, client: str, tmp_path: Path) -> None:
    server.script.rules = [Rule(fault="500", path="line", text="q1")]
    for _ in range(3):  # submitted, and twice submitted again
        with pytest.raises(BatchPending):
            run(server, client, tmp_path, attempts=3, batch_wait_s=0).ask(questions(3))
    replies = run(server, client, tmp_path, attempts=3, batch_wait_s=0).ask(questions(3))
    assert kinds(replies) == [None, "server", None]
    assert lines(server) == [3, 1, 1]


def test_rows_that_the_provider_rejects_fail_at_once_in_its_words(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault="400", path="line", text="q1")]
    replies = run(server, client, tmp_path).ask(questions(3))
    assert kinds(replies) == [None, "rejected", None]
    assert lines(server) == [3]
    assert replies[1].failure is not None
    assert "Invalid request." in replies[1].failure.message


def test_rows_of_an_expired_batch_go_again_without_those_that_were_answered(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=0, ends="expired", done_share=0.5)
    replies = run(server, client, tmp_path).ask(questions(4))
    assert kinds(replies) == [None] * 4
    assert lines(server) == [4, 2, 1]  # half of each is done
    assert [reply.attempts for reply in replies] == [1, 1, 2, 3]


def test_rows_that_expire_in_every_round_fail_as_expired(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=0, ends="expired", done_share=0.0)
    made = run(server, client, tmp_path, attempts=2)
    assert kinds(made.ask(questions(2))) == ["expired", "expired"]
    assert lines(server) == [2, 2]
    assert made.ledger.spent_usd == made.ledger.doubtful_usd == made.ledger.reserved_usd == 0


def test_a_batch_cancelled_elsewhere_keeps_its_answers_and_is_not_asked_again(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=0, ends="cancelled", done_share=0.5)
    replies = run(server, client, tmp_path).ask(questions(4))
    assert kinds(replies) == [None, None, "cancelled", "cancelled"]
    assert lines(server) == [4]


def test_results_in_any_order_twice_or_for_nobody_give_every_row_its_own_answer(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    plain = run(server, client, tmp_path / "plain").ask(questions(6))
    server.batch = BatchPlan(polls=0, shuffled=True, unknown=True)
    server.script.rules = [Rule(fault="twice", path="line", text="q2")]
    made = run(server, client, tmp_path / "mixed")
    replies = made.ask(questions(6))
    assert [reply.text for reply in replies] == [reply.text for reply in plain]
    assert Counter(made.put).most_common(1)[0][1] == 1
    assert made.ledger.by_stage()[0].requests == 6


def test_a_row_without_a_result_fails_but_is_neither_asked_again_nor_free(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault="missing", path="line", text="q1")]
    made = run(server, client, tmp_path)
    replies = made.ask(questions(3))
    assert kinds(replies) == [None, "malformed", None]
    assert lines(server) == [3]
    assert replies[1].failure is not None
    assert "counts it as done" in replies[1].failure.message
    assert made.ledger.doubtful_usd > 0
    fetched = [seen for seen in server.record if seen.path.endswith(("/content", "/results"))]
    assert len(fetched) == 3  # it may only have been slow to appear


def test_a_line_that_is_no_json_costs_only_its_own_row(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault="malformed", path="line", text="q1")]
    replies = run(server, client, tmp_path).ask(questions(3))
    assert kinds(replies) == [None, "malformed", None]
    assert lines(server) == [3]


def test_results_cut_off_in_a_line_are_fetched_again_then_said_and_never_paid_again(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=0, torn=True)
    made = run(server, client, tmp_path, attempts=2)
    with pytest.raises(ClientError, match="cannot be fetched whole") as caught:
        made.ask(questions(4))
    assert "3 answers of it are kept" in str(caught.value)
    assert len(made.put) == 3
    assert made.ledger.reserved_usd == 0
    server.batch = BatchPlan(polls=0)
    assert kinds(run(server, client, tmp_path).ask(questions(4))) == [None] * 4
    assert lines(server) == [4]


@pytest.mark.parametrize("fault", ["cut_body", "cut", "500", "429"])
def test_results_that_break_off_once_are_fetched_again(
    server: FaultServer, client: str, tmp_path: Path, fault: str
) -> None:
    place = "/results" if client == "anthropic" else "/content"
    server.script.rules = [Rule(fault=fault, path=place, times=1)]
    made = run(server, client, tmp_path)
    assert kinds(made.ask(questions(4))) == [None] * 4
    assert len(made.put) == 4
    assert lines(server) == [4]


def test_an_answer_that_breaks_its_schema_goes_again_and_both_are_paid(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault="wrong_schema", path="line", text="q1", each=1)]
    made = run(server, client, tmp_path)
    asked = [request(f"q{number}", schema=SCHEMA) for number in range(2)]
    replies = made.ask(asked)
    assert kinds(replies) == [None, None]
    assert lines(server) == [2, 1]
    assert set(replies[1].data) == {"winner"}
    assert replies[1].attempts == 2
    spent = server.dollars(100, 200, 0.5)
    assert made.ledger.spent_usd == pytest.approx(spent, abs=1e-12)
    assert sum(reply.cost_usd or 0 for reply in replies) == pytest.approx(spent, abs=1e-12)


def test_an_answer_that_keeps_breaking_its_schema_is_kept_as_it_is(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault="wrong_schema", path="line", text="q1")]
    asked = [request(f"q{number}", schema=SCHEMA) for number in range(2)]
    replies = run(server, client, tmp_path, invalid_attempts=2).ask(asked)
    assert kinds(replies) == [None, "invalid"]
    assert lines(server) == [2, 1]
    assert replies[1].text == '{"something_else": [1, 2, 3]}'
    assert kinds(run(server, client, tmp_path).ask(asked)) == [None, "invalid"]
    assert lines(server) == [2, 1]  # it was paid for: it is in the journal


def test_an_answer_without_usage_is_kept_and_its_highest_price_stays_in_doubt(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    jobs = server.anthropic_batches if client == "anthropic" else server.openai_batches
    with pytest.raises(BatchPending):
        run(server, client, tmp_path, batch_wait_s=0).ask(questions(1))
    (job,) = jobs.jobs.values()
    jobs.look(job.id)
    job.results[0] = job.results[0].replace('"usage"', '"used"')
    made = run(server, client, tmp_path)
    (reply,) = made.ask(questions(1))
    assert (reply.failure, reply.cost_usd) == (None, None)
    assert made.ledger.spent_usd == 0
    assert made.ledger.doubtful_usd > 0


def test_results_that_are_gone_are_asked_anew_only_when_their_time_is_over(
    server: FaultServer, client: str, tmp_path: Path
) -> None:
    with pytest.raises(BatchPending):
        run(server, client, tmp_path, batch_wait_s=0).ask(questions(2))
    place = "/results" if client == "anthropic" else "/content"
    server.script.rules = [Rule(fault="404", path=place, times=1)]
    with pytest.raises(ClientError, match="no results of batch"):
        run(server, client, tmp_path).ask(questions(2))
    assert lines(server) == [2]
    aged(tmp_path, days=30)
    server.script.rules = [Rule(fault="404", path=place, times=2)]
    assert kinds(run(server, client, tmp_path).ask(questions(2))) == [None, None]
    assert lines(server) == [2, 2]


def aged(folder: Path, *, days: int) -> None:
    """Write the records again as if everything had happened so long ago."""
    import zlib

    import orjson

    written = []
    for line in (folder / "batch.jobs").read_bytes().splitlines():
        record = orjson.loads(line.partition(b" ")[2])
        if "when" in record:
            record["when"] -= days * 86_400
        body = orjson.dumps(record)
        written.append(b"%08x %s\n" % (zlib.crc32(body), body))
    (folder / "batch.jobs").write_bytes(b"".join(written))
