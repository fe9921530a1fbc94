"""Where a run of requests stands, and the one line that says so."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from prefkit.llm.records import Reply, Score

__all__ = ["Meter", "Standing"]

_LOG = logging.getLogger("prefkit.llm")
_EVERY_S = 0.2  # a terminal's line is redrawn at most so often


@dataclass(frozen=True, slots=True)
class Standing:
    """What a client knows beside the answers themselves."""

    in_flight: int = 0
    limit: int = 0
    waited_s: float = 0.0
    """Time that requests waited for rate limits and pauses, summed over requests."""
    retried: int = 0
    spent_usd: float | None = None
    """By all clients that share the budget; null = nobody bills."""
    budget_usd: float | None = None
    projected_usd: tuple[float, float] | None = None
    """95 % interval of what the whole run will have cost; null before about 20 paid answers."""


class Meter:
    """Counts answers as they pass and logs one line of progress a few times a second."""

    def __init__(
        self, stage: str, total: int | None, look: Callable[[int | None], Standing]
    ) -> None:
        self._stage = stage
        self._total = total
        self._look = look
        self._started = time.monotonic()
        self._said = 0.0
        self.answered = self.failed = self.cached = 0
        self.input_tokens = self.output_tokens = 0

    def note(self, answer: Reply | Score) -> None:
        """Count one answer."""
        if answer.failure is not None:
            self.failed += 1
        elif answer.cached:
            self.cached += 1
        else:
            self.answered += 1
        if not answer.cached:
            self.input_tokens += answer.usage.input or 0
            self.output_tokens += answer.usage.output or 0

    @property
    def done(self) -> int:
        """Requests that need no more work, failed ones included."""
        return self.answered + self.failed + self.cached

    def tick(self) -> None:
        """Log the line if it is time to."""
        now = time.monotonic()
        if now - self._said >= _EVERY_S:
            self._said = now
            _LOG.info("%s", self.line(), extra={"progress": True})

    def line(self) -> str:
        """Done, failed, cached, time left, rate, dollars, waits and tokens, those that apply.

        What matters most comes first: a narrow terminal shows the beginning.

        The rate counts answers that were not in the journal: cached ones would flatter it.
        """
        left = None if self._total is None else self._total - self.done
        standing = self._look(left)
        elapsed = max(time.monotonic() - self._started, 1e-9)
        rate = (self.answered + self.failed) / elapsed
        of = f" of {self._total:,}" if self._total is not None else ""
        parts = [f"{self._stage}: {self.done:,}{of} done"]
        parts += [f"{self.failed:,} failed"] * bool(self.failed)
        parts += [f"{self.cached:,} cached"] * bool(self.cached)
        if left and rate > 0:
            parts.append(f"{_duration(left / rate)} left")
        parts += _money(standing)
        parts += [f"{rate:,.1f} a second"] * bool(rate)
        parts += [f"{standing.in_flight} in flight", *_trouble(standing)]
        if self.input_tokens or self.output_tokens:
            parts.append(f"{self.input_tokens:,} tokens in, {self.output_tokens:,} out")
        return " · ".join(parts)


def _money(standing: Standing) -> list[str]:
    if standing.spent_usd is None:
        return []
    of = "" if standing.budget_usd is None else f" of ${standing.budget_usd:,.2f}"
    parts = [f"${standing.spent_usd:,.4f}{of} spent"]
    if standing.projected_usd is not None:
        low, high = standing.projected_usd
        digits = 2 if high >= 1 else 4
        ends = dict.fromkeys((f"${low:,.{digits}f}", f"${high:,.{digits}f}"))
        parts.append(f"{' to '.join(ends)} in all")
    return parts


def _trouble(standing: Standing) -> list[str]:
    parts = [f"{standing.retried:,} retried"] * bool(standing.retried)
    if standing.waited_s >= 1:
        parts.append(f"{_duration(standing.waited_s)} of waits for rate limits")
    return parts


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
