import logging
import re

import pytest

from prefkit.llm.meter import Meter, Standing
from prefkit.llm.records import Failure, Reply, Score, Usage

FREE = Standing(in_flight=3, limit=8)


def meter(total: int | None = 10, standing: Standing = FREE) -> Meter:
    return Meter("judge", total, lambda _: standing)


def test_every_answer_is_counted_once() -> None:
    counted = meter()
    counted.note(Reply(text="a", usage=Usage(10, 2)))
    counted.note(Reply(text="b", usage=Usage(1000, 200), cached=True))
    counted.note(Reply(failure=Failure("timeout", "late")))
    counted.note(Reply(text="x", usage=Usage(5, 1), failure=Failure("invalid", "no JSON")))
    counted.note(Score(value=-1.0, usage=Usage(7)))
    assert (counted.answered, counted.cached, counted.failed, counted.done) == (2, 1, 2, 5)
    assert (counted.input_tokens, counted.output_tokens) == (22, 3)


def test_the_line_says_what_stands_and_nothing_that_does_not_apply() -> None:
    counted = meter()
    counted.note(Reply(text="a", usage=Usage(1200, 34)))
    line = counted.line()
    assert re.fullmatch(
        r"judge: 1 of 10 done · .* left · [\d.,]+ a second · 3 in flight · 1,200 tokens in, 34 out",
        line,
    )
    assert "$" not in line
    assert "failed" not in line


def test_money_waits_and_retries_are_in_the_line() -> None:
    standing = Standing(
        in_flight=2,
        waited_s=75.4,
        retried=4,
        spent_usd=0.125,
        budget_usd=5,
        projected_usd=(3.999, 4.621),
    )
    counted = meter(1000, standing)
    counted.note(Reply(failure=Failure("server", "500")))
    line = counted.line()
    assert "1 failed" in line
    assert "$0.1250 of $5.00 spent · $4.00 to $4.62 in all" in line
    assert "4 retried · 1 min 15 s of waits for rate limits" in line


def test_without_a_known_total_no_end_is_promised() -> None:
    counted = meter(None)
    counted.note(Reply(text="a"))
    assert counted.line().startswith("judge: 1 done")
    assert "left" not in counted.line()


def test_cached_answers_do_not_flatter_the_rate() -> None:
    counted = meter(1000)
    for _ in range(900):
        counted.note(Reply(text="a", cached=True))
    assert "900 cached · 3 in flight" in counted.line()
    assert "left" not in counted.line()


def test_lines_are_progress_records_and_not_more_than_a_few_a_second(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counted = meter()
    with caplog.at_level(logging.INFO, "prefkit.llm"):
        for _ in range(1000):
            counted.tick()
    assert 1 <= len(caplog.records) <= 3
    assert all(getattr(record, "progress", False) for record in caplog.records)
