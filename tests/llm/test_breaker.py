"""When a run stops asking, and what it then says."""

from __future__ import annotations

import pytest

from prefkit.errors import ClientError
from prefkit.llm.limits.breaker import Breaker
from prefkit.llm.provider import Fault
from prefkit.llm.records import FailureKind


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def failing(
    breaker: Breaker, clock: Clock, kind: FailureKind, many: int, *, span_s: float
) -> ClientError | None:
    """So many failures, evenly over a span that begins with the first one."""
    start = clock.now
    for number in range(many):
        clock.now = start + span_s * number / (many - 1)
        breaker.failed(Fault(kind, "HTTP 503: overloaded"))
    return breaker.error


def test_a_refused_key_opens_at_once_and_names_the_variable_to_check() -> None:
    breaker = Breaker("openai:gpt-x", key_env="OPENAI_API_KEY")
    breaker.ok()
    breaker.failed(Fault("refused", "HTTP 401: invalid key"))
    error = breaker.error
    assert isinstance(error, ClientError)
    assert error.exit_code == 6
    assert str(error) == "openai:gpt-x refused the key or the account: HTTP 401: invalid key"
    assert error.hint == (
        "check the key in the environment variable OPENAI_API_KEY, and its account"
    )


def test_a_server_that_got_no_key_and_wants_one_is_told_so() -> None:
    breaker = Breaker("http://127.0.0.1:8000#m")
    breaker.failed(Fault("refused", "HTTP 401"))
    assert breaker.error is not None
    assert breaker.error.hint == "check which key or account this server wants"


@pytest.mark.parametrize("kind", ["server", "transport", "timeout"])
def test_a_long_run_of_failures_opens_and_says_how_long_and_what_failed_last(
    kind: FailureKind,
) -> None:
    clock = Clock()
    breaker = Breaker("anthropic:m", clock=clock)
    breaker.ok()
    error = failing(breaker, clock, kind, 21, span_s=10.0)
    assert isinstance(error, ClientError)
    assert str(error) == (
        "anthropic:m does not answer: 21 attempts failed in 10 s without an answer between them, "
        "the last one with: HTTP 503: overloaded"
    )
    assert error.hint == "run the same command again later; answers that came are kept"


def test_one_bad_second_ends_no_run_however_many_failed_in_it() -> None:
    clock = Clock()
    breaker = Breaker("anthropic:m", clock=clock)
    breaker.ok()
    clock.now += 120  # answers take two minutes each
    assert failing(breaker, clock, "server", 5000, span_s=1.0) is None


def test_a_few_failures_over_a_long_time_end_no_run() -> None:
    clock = Clock()
    assert failing(Breaker("m", clock=clock), clock, "server", 19, span_s=3600.0) is None


def test_one_answer_begins_the_run_anew() -> None:
    clock = Clock()
    breaker = Breaker("m", clock=clock)
    failing(breaker, clock, "server", 19, span_s=60.0)
    breaker.ok()
    assert failing(breaker, clock, "server", 19, span_s=60.0) is None
    breaker.failed(Fault("server", "500"))
    assert breaker.error is not None


def test_an_address_where_nobody_listens_is_given_up_sooner() -> None:
    clock = Clock()
    breaker = Breaker("http://127.0.0.1:9#m", clock=clock)
    assert failing(breaker, clock, "transport", 30, span_s=4.9) is None
    clock.now += 0.2
    breaker.failed(Fault("transport", "connection refused"))
    assert str(breaker.error) == (
        "http://127.0.0.1:9#m cannot be reached: 31 attempts failed in 5 s without an answer "
        "between them, the last one with: connection refused"
    )


def test_a_server_that_was_reached_once_has_the_longer_time_to_come_back() -> None:
    clock = Clock()
    breaker = Breaker("m", clock=clock)
    breaker.failed(Fault("malformed", "no JSON"))
    assert failing(breaker, clock, "transport", 30, span_s=9.9) is None


@pytest.mark.parametrize(
    "kind", ["throttled", "malformed", "rejected", "invalid", "cut", "unsupported"]
)
def test_what_is_no_outage_never_opens_it(kind: FailureKind) -> None:
    clock = Clock()
    assert failing(Breaker("m", clock=clock), clock, kind, 1000, span_s=3600.0) is None


def test_throttles_neither_count_nor_end_a_run_of_failures() -> None:
    clock = Clock()
    breaker = Breaker("m", clock=clock)
    failing(breaker, clock, "server", 19, span_s=60.0)
    breaker.failed(Fault("throttled", "529"))
    assert breaker.error is None
    breaker.failed(Fault("server", "500"))
    assert breaker.error is not None


def test_waits_that_no_deadline_allows_open_it_like_an_outage() -> None:
    clock = Clock()
    breaker = Breaker("openai:gpt-x", deadline_s=900.0, clock=clock)
    for _ in range(20):
        breaker.failed(Fault("throttled", "HTTP 429: daily limit", retry_after_s=899.0))
        clock.now += 1
    assert breaker.error is None
    for _ in range(20):
        breaker.failed(Fault("throttled", "HTTP 429: daily limit", retry_after_s=3600.0))
        clock.now += 1
    assert str(breaker.error) == (
        "openai:gpt-x asks to wait 3600 s, longer than a request may take: 20 attempts failed in "
        "19 s without an answer between them, the last one with: HTTP 429: daily limit"
    )


def test_quick_failures_wait_for_slow_answers_that_are_still_on_their_way() -> None:
    # One of two machines behind an address is dead; the other needs a minute for an answer.
    clock = Clock()
    breaker = Breaker("m", clock=clock)
    for number in range(159):
        clock.now += 0.25
        breaker.failed(Fault("server", "502"), in_flight=80)
        assert breaker.error is None, number
    breaker.failed(Fault("server", "502"), in_flight=80)
    assert breaker.error is not None


def test_the_first_error_stays() -> None:
    breaker = Breaker("m", key_env="KEY")
    breaker.failed(Fault("refused", "HTTP 401"))
    first = breaker.error
    breaker.ok()
    breaker.failed(Fault("refused", "HTTP 403"))
    assert breaker.error is first


def test_a_deadline_of_nothing_but_throttles_ends_the_run() -> None:
    clock = Clock()
    breaker = Breaker("openai:gpt-x", deadline_s=900.0, clock=clock)
    breaker.ok()
    for _ in range(90):  # at 0, 10, ... 890 s
        breaker.failed(Fault("throttled", "HTTP 429: quota used up"))
        clock.now += 10.0
    assert breaker.error is None
    breaker.failed(Fault("throttled", "HTTP 429: quota used up"), in_flight=1)
    assert breaker.error is None  # the other one may still be answered
    breaker.failed(Fault("throttled", "HTTP 429: quota used up"))
    assert isinstance(breaker.error, ClientError)
    assert str(breaker.error) == (
        "openai:gpt-x throttles all requests: 92 attempts in 900 s without an answer, "
        "the last one with: HTTP 429: quota used up"
    )
    assert breaker.error.hint == (
        "lower the rate, or run the same command again later; answers that came are kept"
    )


def test_one_answer_in_a_deadline_keeps_a_throttled_run_going() -> None:
    clock = Clock()
    breaker = Breaker("m", deadline_s=900.0, clock=clock)
    for _ in range(10):
        assert failing(breaker, clock, "throttled", 100, span_s=890.0) is None
        breaker.ok()


def test_a_request_that_was_judged_ends_the_throttles_and_an_outage_does_not() -> None:
    clock = Clock()
    breaker = Breaker("m", deadline_s=900.0, clock=clock)
    failing(breaker, clock, "throttled", 100, span_s=890.0)
    breaker.failed(Fault("rejected", "HTTP 400"))
    failing(breaker, clock, "throttled", 100, span_s=890.0)
    breaker.failed(Fault("server", "HTTP 503"))
    assert breaker.error is None
    clock.now += 10.0
    breaker.failed(Fault("throttled", "HTTP 429"))
    assert breaker.error is not None
