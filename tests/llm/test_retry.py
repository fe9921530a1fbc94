"""Whether and when to ask again, and what providers' headers say about it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random
from statistics import mean
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_time import Run, Server, simulate

from prefkit.llm.limits.retry import Retry, retry_after
from prefkit.llm.provider import Fault
from prefkit.llm.records import FailureKind
from prefkit.llm.settings import Settings

NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


def retry(seed: int = 0, **settings: float) -> Retry:
    return Retry(Settings(**settings), Random(seed))  # type: ignore[arg-type]


def waits(fault: Fault, attempt: int, elapsed_s: float = 0.0) -> list[float]:
    asked = retry(attempts=1_000_000, deadline_s=1e9)
    drawn = [asked.wait_s(fault, attempt, elapsed_s) for _ in range(2000)]
    return [wait for wait in drawn if wait is not None]


@pytest.mark.parametrize("kind", get_args(FailureKind))
def test_only_faults_that_asking_again_can_help_are_asked_again(kind: FailureKind) -> None:
    helped = {"throttled", "server", "transport", "timeout", "malformed"}
    assert (retry().wait_s(Fault(kind, "x"), 1, 0.0) is not None) == (kind in helped)


@pytest.mark.parametrize(
    ("attempt", "ceiling"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (5000, 30.0)]
)
def test_waits_are_spread_from_nothing_to_a_ceiling_that_doubles(
    attempt: int, ceiling: float
) -> None:
    drawn = waits(Fault("server", "500"), attempt)
    assert 0.0 <= min(drawn) < 0.02 * ceiling
    assert 0.98 * ceiling < max(drawn) <= ceiling
    assert mean(drawn) == pytest.approx(ceiling / 2, rel=0.05)


def test_what_the_provider_asks_is_the_least_wait_and_is_spread_upwards() -> None:
    drawn = waits(Fault("throttled", "429", retry_after_s=20.0), 1)
    assert 20.0 <= min(drawn) < 20.05
    assert 20.9 < max(drawn) <= 21.0
    assert len(set(drawn)) == 2000  # no two come back in the same instant


def test_the_backoff_still_grows_above_a_short_wait_that_the_provider_asks() -> None:
    drawn = waits(Fault("throttled", "429", retry_after_s=1.0), 7)
    assert min(drawn) >= 1.0
    assert max(drawn) > 29.0


@pytest.mark.parametrize("absurd", [-1.0, float("nan"), float("inf"), 3.2e8])
def test_an_absurd_wait_is_as_if_none_had_been_asked(absurd: float) -> None:
    assert max(waits(Fault("throttled", "429", retry_after_s=absurd), 1)) <= 0.5


def test_attempts_end_with_their_number() -> None:
    asked = retry(attempts=6)
    assert asked.wait_s(Fault("server", "500"), 5, 1.0) is not None
    assert asked.wait_s(Fault("server", "500"), 6, 1.0) is None


def test_throttles_use_up_no_attempts() -> None:
    assert retry(attempts=6).wait_s(Fault("throttled", "429", retry_after_s=1.0), 100, 1.0)


def test_a_wait_that_would_pass_the_deadline_is_not_begun() -> None:
    throttled = Fault("throttled", "429", retry_after_s=60.0)
    assert retry(deadline_s=900.0).wait_s(throttled, 1, 836.0) is not None  # 60 to 63 s
    assert retry(deadline_s=900.0).wait_s(throttled, 1, 841.0) is None
    assert retry(deadline_s=900.0).wait_s(Fault("server", "500"), 1, 900.0) is None


def test_a_provider_that_throttles_for_a_minute_loses_no_request() -> None:
    server = Server(admits=0, retry_after_s=1.0)
    run = Run.of(server, concurrency=16, attempts=6, deadline_s=900.0)

    async def work() -> float:
        asyncio.get_running_loop().call_later(60, setattr, server, "admits", 100)
        return await run.ask(200)

    assert simulate(work()) < 120.0
    assert run.lost == 0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "1"}, 1.0),
        ({"RETRY-AFTER": " 2.5 "}, 2.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "250", "Retry-After": "1"}, 0.25),
        ({"retry-after-ms": "soon", "Retry-After": "1"}, 1.0),
        ({"retry-after-ms": "-1", "Retry-After": "1"}, 1.0),
        # Dates of all three forms that HTTP knows, 90 s from now.
        ({"Retry-After": "Fri, 15 Jan 2027 08:01:30 GMT"}, 90.0),
        ({"Retry-After": "Friday, 15-Jan-27 08:01:30 GMT"}, 90.0),
        ({"Retry-After": "Fri Jan 15 08:01:30 2027"}, 90.0),
        ({"Retry-After": "2027-01-15T09:01:30+01:00"}, 90.0),
        # The provider's clock is an hour slow, or fast: only the difference counts.
        (
            {
                "Date": "Fri, 15 Jan 2027 07:00:00 GMT",
                "Retry-After": "Fri, 15 Jan 2027 07:00:05 GMT",
            },
            5.0,
        ),
        (
            {
                "Date": "Fri, 15 Jan 2027 09:00:00 GMT",
                "Retry-After": "Fri, 15 Jan 2027 09:00:05 GMT",
            },
            5.0,
        ),
        ({"Date": "yesterday", "Retry-After": "Fri, 15 Jan 2027 08:00:05 GMT"}, 5.0),
        ({"Retry-After": "Fri, 15 Jan 2027 07:59:59 GMT"}, None),
        # Some name the moment in Unix seconds or milliseconds.
        ({"Retry-After": "1800000007"}, 7.0),
        ({"Retry-After": "1800000007500"}, 7.5),
        ({"Retry-After": "1700000000"}, None),
        # What nobody can mean.
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "1e400"}, None),
        ({"Retry-After": "315360000"}, None),
        ({"Retry-After": "86400"}, 86400.0),
        ({"Retry-After": "Fri, 15 Jan 2037 08:00:00 GMT"}, None),
        ({"Retry-After": "Fri, 99 Jan 2027 08:00:00 GMT"}, None),
        ({"Retry-After": "later"}, None),
        ({"Retry-After": ""}, None),
    ],
)
def test_retry_after_is_read_in_every_form(
    headers: Mapping[str, str], seconds: float | None
) -> None:
    assert retry_after(headers, NOW) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "8.64s"}, 8.64),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "120ms"}, 0.12),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, 60.0),
        ({"x-ratelimit-remaining-tokens": "17", "x-ratelimit-reset-tokens": "6m0s"}, None),
        ({"x-ratelimit-reset-tokens": "6m0s"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000012000"}, 12.0),
        (
            {
                "anthropic-ratelimit-requests-remaining": "49",
                "anthropic-ratelimit-requests-reset": "2027-01-15T08:00:50Z",
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": "2027-01-15T08:00:21Z",
                "anthropic-ratelimit-output-tokens-remaining": "0",
                "anthropic-ratelimit-output-tokens-reset": "2027-01-15T08:00:33Z",
            },
            33.0,
        ),
        (
            {
                "retry-after": "2",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "59s",
            },
            2.0,
        ),
    ],
)
def test_without_retry_after_the_limits_that_are_used_up_say_when(
    headers: Mapping[str, str], seconds: float | None
) -> None:
    assert retry_after(headers, NOW) == (None if seconds is None else pytest.approx(seconds))


NAMES = st.sampled_from(
    ["Retry-After", "retry-after-ms", "Date", "x-ratelimit-reset", "x-ratelimit-remaining"]
)
VALUES = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"[-+]?[0-9]{1,25}(\.[0-9]+)?(ms|s|m|h)?", fullmatch=True),
    st.from_regex(r"[A-Z][a-z]{2}, [0-9]{2} (Jan|Feb) [0-9]{4,6} [0-9:]{5,8} (GMT|[+-][0-9]{4})"),
)


@given(headers=st.dictionaries(NAMES, VALUES))
def test_no_header_breaks_the_reading_or_makes_an_absurd_wait(headers: dict[str, str]) -> None:
    wait = retry_after(headers, NOW)
    assert wait is None or 0.0 <= wait <= 86_400.0
