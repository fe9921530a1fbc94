"""How many requests are in flight, and when the next one may go.

Requests go in the order in which they came, those asked again before new ones: else a request that
was throttled once would wait behind all others while its deadline runs. The head of the queue takes
slot and rate together, so nobody holds a slot while it waits for the rate.

Why the limit moves as it does, with what was measured: docs/decisions/0010.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

from prefkit.errors import ConfigError
from prefkit.llm.limits.rates import Rates
from prefkit.llm.limits.retry import believable
from prefkit.llm.settings import Settings

__all__ = ["Gate", "Ticket"]

_GAIN = 0.05
"""Slots won by an answer that was not throttled: one throttle in twenty answers lowers nothing."""
_LEAST_GAIN = 0.25
"""Slots won in a whole round of answers, however few the slots are (below five)."""
_CALM = 30
"""Answers without a throttle, and at least two rounds, after which the ceiling is taken as gone:
at the usual gain that is more than one slot above where the last throttle was."""
_FAST_GAIN = 0.5
"""Slots won by an answer from then on."""
_MOST_GAIN, _FADING = 0.4, 0.9995
"""How far the gain may rise where a lower limit does not help, and its decay with each answer."""
_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 8.0
"""The pause when nearly all is throttled and nobody says for how long; doubled until an answer."""


class Ticket:
    """The right to have one request in flight, until `leave`."""

    __slots__ = ("least", "left", "tokens")

    def __init__(self, tokens: float) -> None:
        self.tokens = tokens
        self.least = 1.0
        """Below this many slots a throttle of this request does not lower the limit."""
        self.left = False


class _Waiter(NamedTuple):
    ticket: Ticket
    admitted: asyncio.Future[None]


class Gate:
    """At most `limit` requests in flight; all its calls happen in one event loop.

    Attributes:
        in_flight: Requests that entered and have not left.
        throttles: Answers that were throttled.
    """

    def __init__(self, settings: Settings) -> None:
        """A gate that begins with all slots.

        Raises:
            ConfigError: a limit is not above zero.
        """
        if settings.concurrency < 1:
            raise ConfigError(
                f"concurrency is {settings.concurrency}, it must be at least 1",
                hint="concurrency 1 sends one request after the other",
            )
        self.in_flight = 0
        self.throttles = 0
        self._settings = settings
        self._most = float(settings.concurrency)
        self._level = self._most
        self._calm = 0
        self._gain = _GAIN
        self._halved_from = self._most
        """The highest limit since it was last found below half of one."""
        self._throttled_share = 0.0
        self._new: deque[_Waiter] = deque()
        self._again: deque[_Waiter] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rates = Rates(settings, 0.0)
        self._pause_end = 0.0
        self._own_pause_s = _PAUSE_S
        self._timer: asyncio.TimerHandle | None = None
        self._waited_s = 0.0
        self._held_since: float | None = None

    @property
    def limit(self) -> int:
        """Slots now: `concurrency`, or fewer after throttles."""
        return int(self._level + 1e-6)  # twenty gains of 0.05 are one slot

    @property
    def waited_s(self) -> float:
        """Seconds in which a request had a slot and was held by a rate limit or a pause.

        Time by the clock, however many requests stood behind the one that was held.
        """
        held = self._held_since
        if held is None or self._loop is None:
            return self._waited_s
        return self._waited_s + self._loop.time() - held

    async def enter(self, tokens: int, *, again: bool = False) -> Ticket:
        """Wait for a slot and for the rate limits; give the ticket to `leave`, whatever happens.

        If `let_go` ended the wait, the ticket has already left, and nothing may be sent with it.

        Args:
            tokens: What the request will count at the provider, as far as one can say.
            again: It was sent before: it goes ahead of requests that were not.
        """
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._rates = Rates(self._settings, self._loop.time())
        ticket = Ticket(max(0.0, tokens))
        waiter = _Waiter(ticket, self._loop.create_future())
        (self._again if again else self._new).append(waiter)
        self._pump()
        try:
            if not waiter.admitted.done():
                await waiter.admitted
        except asyncio.CancelledError:
            if not waiter.admitted.cancelled() and not ticket.left:
                # Admitted, and cancelled before it could know: it sends nothing.
                self._rates.take(-1.0, -ticket.tokens, self._loop.time())
                self._free(ticket)
            self._pump()
            raise
        return ticket

    def let_go(self) -> None:
        """End all waiting: who waits gets a ticket that was given back, and may not send."""
        for waiter in (*self._again, *self._new):
            if not waiter.admitted.done():
                waiter.ticket.left = True
                waiter.admitted.set_result(None)
        self._again.clear()
        self._new.clear()
        if self._loop is not None:
            self._pump()

    def leave(
        self,
        ticket: Ticket,
        *,
        throttled: bool = False,
        retry_after_s: float | None = None,
        tokens: int | None = None,
    ) -> None:
        """Give the slot back; a second time does nothing.

        Args:
            ticket: From `enter`.
            throttled: The provider answered 429 or 529.
            retry_after_s: What it then asked to wait.
            tokens: What the request counted in the end; null = as said at entering.
        """
        if ticket.left or self._loop is None:
            return
        now = self._loop.time()
        if tokens is not None:
            self._rates.take(0.0, max(0.0, tokens) - ticket.tokens, now)
        self._share(throttled)
        if throttled:
            self._throttle(ticket, believable(retry_after_s), now)
        else:
            self._recover()
        self._free(ticket)
        self._pump()

    def _free(self, ticket: Ticket) -> None:
        ticket.left = True
        self.in_flight -= 1

    def _share(self, throttled: bool) -> None:
        """A moving share over about as many answers as there are slots."""
        self._throttled_share += (throttled - self._throttled_share) / max(4.0, self._level)

    def _throttle(self, ticket: Ticket, wait_s: float | None, now: float) -> None:
        self.throttles += 1
        self._calm = 0
        self._level = min(self._level, max(self._level - 1.0, ticket.least))
        if self._throttled_share > 0.5:
            self._pause(wait_s, now)
        elif self._level < self._halved_from / 2.0:
            # Half the slots, and still a few throttles: they do not come from our load. Where they
            # do, so low a limit is reached only through answers that are mostly throttled.
            self._gain = min(_MOST_GAIN, 2.0 * self._gain)
        if self._level < self._halved_from / 2.0:
            self._halved_from = self._level

    def _pause(self, wait_s: float | None, now: float) -> None:
        """Nobody sends for as long as the provider asks; a growing while if it does not say."""
        if wait_s:
            # A wait beyond the deadline ends these requests; to pause for it would help nobody.
            if wait_s < self._settings.deadline_s:
                self._pause_end = max(self._pause_end, now + wait_s)
        elif now >= self._pause_end:  # one burst of throttles is one pause
            self._pause_end = now + self._own_pause_s
            self._own_pause_s = min(_LONGEST_PAUSE_S, 2.0 * self._own_pause_s)

    def _recover(self) -> None:
        self._own_pause_s = _PAUSE_S
        if self.in_flight < self._level / 2.0:
            return  # what was not used proves nothing
        self._calm += 1
        calm = self._calm > max(_CALM, 2.0 * self._level)
        gain = _FAST_GAIN if calm else max(self._gain, _LEAST_GAIN / self._level)
        self._level = min(self._most, self._level + gain)
        self._halved_from = max(self._halved_from, self._level)
        self._gain = max(_GAIN, self._gain * _FADING)

    def _pump(self) -> None:
        """Admit whoever may go now, and come back when time alone will admit the next."""
        assert self._loop is not None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._loop.time()
        self._count(now)
        while (queue := self._head()) is not None and self.in_flight < self.limit:
            waiter = queue[0]
            wait = max(self._rates.wait_s(waiter.ticket.tokens, now), self._pause_end - now)
            if wait > 0.0:
                self._held_since = now
                self._timer = self._loop.call_later(wait, self._pump)
                return
            queue.popleft()
            self._rates.take(1.0, waiter.ticket.tokens, now)
            waiter.ticket.least = max(1.0, self._level / 2.0)
            self.in_flight += 1
            waiter.admitted.set_result(None)

    def _count(self, now: float) -> None:
        if self._held_since is not None:
            self._waited_s += now - self._held_since
            self._held_since = None

    def _head(self) -> deque[_Waiter] | None:
        """The queue whose first waiter is next, without those who gave up."""
        for queue in (self._again, self._new):
            while queue and queue[0].admitted.cancelled():
                queue.popleft()
            if queue:
                return queue
        return None
