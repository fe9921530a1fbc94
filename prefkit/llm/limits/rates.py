"""Requests and tokens per minute, spread evenly: what a provider counts in slices never bursts.

A limit per minute may be held in slices of a second (60,000 a minute as 1,000 a second), and a
bucket that begins full of a minute's worth would send twice the limit in its first minute. So a
bucket here holds a tenth of a second's worth, at least one request, and begins full: in any second
at most 1.1 times its share goes out, in any minute at most 1.002 times the limit or one more.
"""

from __future__ import annotations

import math

from prefkit.errors import ConfigError
from prefkit.llm.settings import Settings

__all__ = ["Bucket", "Rates"]

_SLICE_S = 0.1


class Bucket:
    """A token bucket that may go into debt. Times are seconds of any one steady clock.

    What is larger than the bucket goes when the bucket is full, and the next one waits until the
    debt is paid: nothing waits for ever, and the rate still holds.
    """

    def __init__(self, per_minute: float, least: float, now: float) -> None:
        """A full bucket that holds at least `least`."""
        self.rate = per_minute / 60.0
        self.size = max(least, self.rate * _SLICE_S)
        self._level = self.size
        self._at = now

    def wait_s(self, amount: float, now: float) -> float:
        """Seconds until `amount` may go; 0 = now."""
        lacking = min(amount, self.size) - self._filled(now)
        # What rounding leaves over must not become a wait too short for the clock to see.
        return lacking / self.rate if lacking > 1e-6 * self.size else 0.0

    def take(self, amount: float, now: float) -> None:
        """Take it out, into debt if need be; negative puts it back, and what overflows is lost."""
        self._level = self._filled(now) - amount
        self._at = max(self._at, now)

    def _filled(self, now: float) -> float:
        return min(self.size, self._level + self.rate * max(0.0, now - self._at))


class Rates:
    """The limits of one client; without limits everything goes at once."""

    def __init__(self, settings: Settings, now: float) -> None:
        """Buckets for the limits that are set.

        Raises:
            ConfigError: a limit is not above zero.
        """
        self._requests = _bucket("requests_per_minute", settings.requests_per_minute, now)
        self._tokens = _bucket("tokens_per_minute", settings.tokens_per_minute, now)

    def wait_s(self, tokens: float, now: float) -> float:
        """Seconds until one request of so many tokens may go; 0 = now."""
        wait = 0.0
        if self._requests is not None:
            wait = self._requests.wait_s(1.0, now)
        if self._tokens is not None:
            wait = max(wait, self._tokens.wait_s(tokens, now))
        return wait

    def take(self, requests: float, tokens: float, now: float) -> None:
        """Count what was sent; negative for what was counted and then not sent or not used."""
        if self._requests is not None and requests:
            self._requests.take(requests, now)
        if self._tokens is not None and tokens:
            self._tokens.take(tokens, now)


def _bucket(name: str, per_minute: float | None, now: float) -> Bucket | None:
    if per_minute is None or per_minute == math.inf:
        return None
    if not per_minute > 0:  # NaN is not either
        raise ConfigError(
            f"{name} is {per_minute}, it must be above 0", hint="leave it out for no limit"
        )
    return Bucket(per_minute, 1.0, now)
