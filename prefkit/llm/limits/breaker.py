"""When to stop asking: the key was refused, or the provider has not answered for a while.

It opens once and stays open. Nobody probes whether the provider is back: within one run the
requests' own retries did that already, and the next run begins with a new, closed one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from prefkit.errors import ClientError
from prefkit.llm.limits.retry import believable
from prefkit.llm.provider import Fault

__all__ = ["Breaker"]

_RUN = 20
_SPAN_S = 10.0
_SPAN_UNREACHED_S = 5.0
"""If nothing was ever answered and every connection failed: most often a wrong address."""


class Breaker:
    """Opens at once when key or account are refused, else after a run of failures without success.

    A run is at least 20 failures of the kinds server, transport and timeout, and at least twice the
    requests that are still out, over at least 10 s. Throttles do not count, unless the provider
    asks for a wait that no request's deadline allows. Other faults neither count nor end a run.

    Throttles alone open it once a request's whole deadline has passed since the first of them,
    nothing is out, and the provider has judged no request meanwhile: every one would end so.

    Attributes:
        error: What ends the run; null while the breaker is closed.
    """

    def __init__(
        self,
        who: str,
        *,
        key_env: str | None = None,
        deadline_s: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A closed breaker.

        Args:
            who: The client as the user wrote it (`openai:MODEL`), for messages.
            key_env: The variable that holds the key; null = the client has none.
            deadline_s: A request's deadline.
            clock: Seconds; for tests.
        """
        self.error: ClientError | None = None
        self._who = who
        self._key_env = key_env
        self._deadline_s = deadline_s
        self._clock = clock
        self._since: float | None = None
        """When the run's first attempt failed. Not the last success: while answers take a minute
        each, that is long ago after one bad second."""
        self._throttled_since: float | None = None
        """When the first throttle came that no request has got past since."""
        self._throttles = 0
        self._answered = False
        self._reached = False
        self._failures = 0

    def ok(self) -> None:
        """An answer came."""
        self._answered = True
        self._failures = 0
        self._since = None
        self._throttled_since = None

    def failed(self, fault: Fault, *, in_flight: int = 0) -> None:
        """An attempt failed; `in_flight` others are out and may still be answered."""
        if self.error is not None:
            return
        if fault.kind == "refused":
            self.error = self._refused(fault)
            return
        self._reached = self._reached or fault.kind != "transport"
        now = self._clock()
        if not self._counts(fault):
            self._throttled(fault, in_flight, now)
            return
        if self._since is None:
            self._since = now
        self._failures += 1
        span = now - self._since
        if self._is_long(in_flight, span):
            self.error = self._down(fault, span)

    def _throttled(self, fault: Fault, in_flight: int, now: float) -> None:
        """Note a throttle, or a fault that only a request gets that was not throttled."""
        if fault.kind != "throttled":
            self._throttled_since = None
            return
        if self._throttled_since is None:
            self._throttled_since, self._throttles = now, 0
        self._throttles += 1
        span = now - self._throttled_since
        if span >= self._deadline_s and not in_flight:
            self.error = ClientError(
                f"{self._who} throttles all requests: {self._throttles} attempts in {span:.0f} s "
                f"without an answer, the last one with: {fault.message}",
                hint="lower the rate, or run the same command again later; answers that came are "
                "kept",
            )

    def _counts(self, fault: Fault) -> bool:
        if fault.kind == "throttled":
            return (believable(fault.retry_after_s) or 0.0) >= self._deadline_s
        return fault.kind in ("server", "transport", "timeout")

    def _is_long(self, in_flight: int, span: float) -> bool:
        # Quick failures of one bad machine among several must not hide slow answers on their way.
        if self._failures < max(_RUN, 2 * in_flight):
            return False
        return span >= (_SPAN_S if self._answered or self._reached else _SPAN_UNREACHED_S)

    def _refused(self, fault: Fault) -> ClientError:
        if self._key_env is None:
            hint = "check which key or account this server wants"
        else:
            hint = f"check the key in the environment variable {self._key_env}, and its account"
        return ClientError(
            f"{self._who} refused the key or the account: {fault.message}", hint=hint
        )

    def _down(self, fault: Fault, span: float) -> ClientError:
        if fault.kind == "throttled":
            what = f"asks to wait {fault.retry_after_s:.0f} s, longer than a request may take"
        else:
            what = "does not answer" if self._reached or self._answered else "cannot be reached"
        return ClientError(
            f"{self._who} {what}: {self._failures} attempts failed in {span:.0f} s without an "
            f"answer between them, the last one with: {fault.message}",
            hint="run the same command again later; answers that came are kept",
        )
