"""Whether to ask again, and when: by the kind of fault, with jitter, within the deadline.

Attempts are for faults of the server and the network. A throttle is no verdict on the request, so
it uses up no attempts: only the deadline ends it. The gate meanwhile keeps throttled requests few.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

from prefkit.llm.provider import Fault
from prefkit.llm.settings import Settings

__all__ = ["Retry", "believable", "retry_after"]

_BASE_S, _CAP_S = 0.5, 30.0
_SPREAD = 0.05
"""Share by which a wait that the provider asked for is lengthened at random: those who were told
the same second do not all come back in the same instant."""
_DAY_S = 86_400.0
_MINUTE_S = 60.0


class Retry:
    """How long to wait before the next attempt of one request.

    Exponential backoff with full jitter: a random share of 0.5 s doubled with every attempt, at
    most of 30 s. What the provider asks to wait is the least wait, spread upwards by 5 %.
    """

    def __init__(self, settings: Settings, random: Random) -> None:
        self._settings = settings
        self._random = random

    def wait_s(self, fault: Fault, attempt: int, elapsed_s: float) -> float | None:
        """Seconds to wait before asking again; null = give up.

        Args:
            fault: How the attempt failed.
            attempt: The request's failures so far, this one included (1 after the first).
                Throttles are counted apart: for one of them, the throttles; else the others.
            elapsed_s: Since the request's first attempt.
        """
        settings = self._settings
        if not fault.is_retried:
            return None
        if fault.kind != "throttled" and attempt >= settings.attempts:
            return None
        # Beyond ten doublings the cap holds anyway, and 2.0 ** 2000 would overflow.
        ceiling = min(_CAP_S, _BASE_S * 2.0 ** min(max(attempt, 1) - 1, 10))
        wait = self._random.uniform(0.0, ceiling)
        asked = believable(fault.retry_after_s)
        if asked is not None:
            wait = max(wait, asked * (1.0 + self._random.uniform(0.0, _SPREAD)))
        return wait if elapsed_s + wait < settings.deadline_s else None


def believable(seconds: float | None) -> float | None:
    """A wait as a provider may mean it; null for a negative one, not a number, or above a day."""
    if seconds is None or not 0.0 <= seconds <= _DAY_S:  # no comparison with NaN holds
        return None
    return seconds


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that a provider asks to wait by the headers of its answer; null = it does not say.

    `retry-after-ms` counts before `Retry-After` (seconds or a date), both before the reset times of
    rate limits that are used up. A moment is measured from the answer's own `Date`, because the
    provider's clock may differ from ours. What cannot be meant (negative, not a number, a
    moment that has passed, above a day) counts as not said.

    Args:
        headers: By name, in any case.
        now: Unix seconds, for answers without a `Date`.
    """
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    now = _moment(lower.get("date", "")) or now
    wait = believable(_number(lower.get("retry-after-ms", ""), 1000.0))
    if wait is None:
        wait = believable(_seconds(lower.get("retry-after", ""), now))
    if wait is None:
        # When a bucket is full again: longer than a request needs, so no more than a minute of it.
        resets = [min(reset, _MINUTE_S) for reset in _resets(lower, now)]
        wait = max(resets, default=None)
    return wait


def _resets(headers: Mapping[str, str], now: float) -> Iterator[float]:
    """Seconds until the limits that are used up begin anew."""
    for name, value in headers.items():
        if "ratelimit" not in name or "reset" not in name:
            continue
        if _number(headers.get(name.replace("reset", "remaining"), "")) == 0.0:
            wait = believable(_seconds(value, now))
            if wait is not None:
                yield wait


def _seconds(value: str, now: float) -> float | None:
    """Seconds from a number, a moment in Unix seconds or milliseconds, a date, or `6m0s`."""
    number = _number(value)
    if number is not None:
        # Some servers name the moment here. No wait is thirty years long, so it is one.
        if number >= 1e12:
            return number / 1000.0 - now
        return number - now if number >= 1e9 else number
    duration = _duration(value)
    if duration is not None:
        return duration
    moment = _moment(value)
    if moment is None or moment < now:
        return None
    return moment - now


def _number(value: str, divisor: float = 1.0) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number / divisor if math.isfinite(number) else None


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")


def _duration(value: str) -> float | None:
    """Seconds of `1h2m3.5s` or `120ms`; null for anything else."""
    if not re.fullmatch(f"(?:{_PART.pattern})+", value):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))


def _moment(value: str) -> float | None:
    """Unix seconds of an HTTP date or an RFC 3339 one; null for anything else."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(value)
            # An HTTP date is always Greenwich's, whether it says so or not.
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None
