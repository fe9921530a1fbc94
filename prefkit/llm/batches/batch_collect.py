"""The results of one ended job: every answer into the journal, every other row sorted by why.

Results come in any order, some twice, some for requests that nobody asks for now, some not at all;
a file of them may be cut off. What was read before that is kept, and the rest is fetched again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random

from prefkit.errors import ClientError
from prefkit.llm.answers import checked
from prefkit.llm.batches.batch_rows import Held, Order, Row, Rows
from prefkit.llm.batches.jobs import Ending, Job, Left
from prefkit.llm.course import judged
from prefkit.llm.limits.retry import Retry
from prefkit.llm.provider import BatchState, Fault
from prefkit.llm.records import Reply, Usage, summed

__all__ = ["Collecting", "NotOurs"]

_LOG = logging.getLogger("prefkit.llm")
_AT_ONCE = 256  # answers that share one write to the journal
_KEPT_S = 29 * 86_400.0
"""Results older than this are gone: Anthropic keeps them 29 days, OpenAI 30."""
_LOOKS = 3  # at whole results that lack rows: they may only be slow to appear


class NotOurs(Exception):
    """The job answers requests that were never asked here."""


class Collecting:
    """Reads one ended job into the journal and settles its money."""

    def __init__(self, order: Order, rows: Rows, job: Job, mine: Sequence[Row], held: Held) -> None:
        self._order = order
        self._rows = rows
        self._job = job
        self._held = held
        self._mine = {row.key: row for row in mine}
        self._label = {"stage": order.stage, "model": order.who}
        self._answered: set[str] = set()
        self._faults: dict[str, Fault] = {}
        self._foreign: set[str] = set()
        self._strange = 0
        self._again: dict[str, Left] = {}
        self._failed: dict[str, Left] = {}
        self._whole: Fault | None = None
        self.is_welcome_later = False
        """The job failed as a whole because the provider's queue is full."""
        self.is_alone = True
        """No other job of ours is in that queue: then trying again counts as a round."""
        self._paid = 0.0

    async def run(self, state: BatchState) -> None:
        """Collect; afterwards rows have replies or are to be submitted again.

        Raises:
            NotOurs: the job is somebody else's.
            ClientError: the results cannot be fetched, or the account was refused.
            OSError: an answer could not be put on disk; the job stays open.
        """
        await self._fetch(state)
        for row in self._mine.values():
            if row.key not in self._answered:
                self._sort(row, state)
        self._close(state)
        self._held.release()
        if self._whole is not None and self._whole.kind == "refused":
            raise ClientError(
                f"{self._order.who}: batch {self._job.id} failed: {self._whole.message}",
                hint="settle this with the provider, then run the same command again",
            )

    async def _fetch(self, state: BatchState) -> None:
        """Read the results until they are whole, or reading them again does not help."""
        retry = Retry(self._order.settings, Random())
        started = time.monotonic()
        expected = state.done + state.failed
        for attempt in range(1, 1_000_000):
            fault = await self._read()
            if fault is not None and (state.status == "failed" or not fault.is_retried):
                return self._unreadable(fault, state)
            if fault is None and len(self._answered) + len(self._faults) >= expected:
                return None
            missing = Fault("malformed", "its results lack rows that it counts")
            wait_s = retry.wait_s(fault or missing, attempt, time.monotonic() - started)
            if fault is None and (wait_s is None or attempt == _LOOKS):
                return None  # a whole file without these rows: they fail one by one
            if wait_s is not None:
                await asyncio.sleep(wait_s)
            elif fault is not None:
                raise ClientError(
                    f"{self._order.who}: the results of batch {self._job.id} cannot be fetched "
                    f"whole: {fault.message}; {len(self._answered):,} answers of it are kept",
                    hint="run the same command again: nothing is paid again",
                )
        return None

    async def _read(self) -> Fault | None:
        """Read the results once; the fault that ended it early."""
        results = self._order.provider.collect(self._job.id or "")
        chunk: list[tuple[str, Reply]] = []
        try:
            with suppress(StopAsyncIteration):
                while True:
                    async with asyncio.timeout(self._order.settings.timeout_s):
                        key, outcome = await anext(results)
                    self._note(key, outcome, chunk)
                    if len(chunk) == _AT_ONCE:
                        await self._keep(chunk)
                        chunk.clear()
        except Fault as fault:
            return fault
        except TimeoutError:
            return Fault("timeout", f"no result in {self._order.settings.timeout_s:g} s")
        finally:
            close = getattr(results, "aclose", None)
            if close is not None:
                await close()
            await self._keep(chunk)
        return None

    def _note(self, key: str, outcome: Reply | Fault, chunk: list[tuple[str, Reply]]) -> None:
        if key not in self._job.keys:
            if not self._job.sure:
                raise NotOurs
            self._strange += 1
            if self._strange == 1:
                _LOG.warning("batch %s answers %r, which it was not asked", self._job.id, key[:64])
            return
        self._job.sure = True
        if isinstance(outcome, Fault):
            if key not in self._answered:
                self._faults.setdefault(key, outcome)
        elif key not in self._answered:
            self._answered.add(key)
            self._faults.pop(key, None)
            chunk.append((key, outcome))

    async def _keep(self, chunk: Sequence[tuple[str, Reply]]) -> None:
        """Settle answers and bring them to disk together."""
        done = await asyncio.gather(
            *(self._answer(key, reply) for key, reply in chunk), return_exceptions=True
        )
        for error in done:
            if error is not None:
                raise error

    async def _answer(self, key: str, reply: Reply) -> None:
        row = self._mine.get(key)
        if row is None:
            if self._order.known(key) is None:
                self._foreign.add(key)
            else:  # kept by a run that was killed before it could close the job
                self._settle(0.0, self._order.bill(reply.usage), reply.usage)
            return
        usd = self._order.bill(reply.usage)
        self._settle(row.most_usd, usd, reply.usage)
        reply, is_worth_more = judged(lambda answer: checked(row.request, answer), reply)
        left = _plus(row.left, reply.usage, usd)
        if is_worth_more and self._has_more(left):
            self._again[key] = left
            return
        reply = replace(
            reply,
            usage=left.usage,
            cost_usd=left.usd,
            attempts=left.rounds,
            seconds=round(max(0.0, time.time() - self._job.when), 3),
            key=key,
        )
        await self._order.put(key, row.request, reply)
        self._rows.replies[key] = reply

    def _has_more(self, left: Left) -> bool:
        settings = self._order.settings
        return left.paid < settings.invalid_attempts and left.rounds < settings.attempts

    def _settle(self, most: float, usd: float | None, usage: Usage) -> None:
        self._paid += usd or 0.0
        self._order.ledger.settle(self._held.take(most), usd, usage, **self._label)

    def _sort(self, row: Row, state: BatchState) -> None:
        """What becomes of a row without an answer: again, or a failure."""
        fault = self._faults.get(row.key) or self._whole
        is_unexplained = fault is None and state.status in ("completed", "ended")
        is_lost = fault is None and state.done + state.failed >= state.total > 0
        if fault is None:
            fault = _unanswered(state, is_lost=is_lost)
        if fault.maybe_billed or is_unexplained:  # the work was done, and may have been billed
            self._order.ledger.doubt(self._held.take(row.most_usd), **self._label)
        is_refused = self._whole is not None and self._whole.kind == "refused"
        if is_refused or (self.is_welcome_later and not self.is_alone):
            self._again[row.key] = row.left._replace(rounds=row.left.rounds - 1)
            return
        goes_again = (fault.is_retried or fault.kind == "expired") and not is_lost
        if goes_again and row.left.rounds < self._order.settings.attempts:
            self._again[row.key] = row.left
            return
        rounds = f" (asked in {row.left.rounds} batches)" if row.left.rounds > 1 else ""
        failure = self._rows.fail(row, fault.kind, f"batch {self._job.id}: {fault.message}{rounds}")
        self._failed[row.key] = row.left._replace(failure=failure)

    def _unreadable(self, fault: Fault, state: BatchState) -> None:
        """The provider gives no results, and asking again does not change that."""
        if state.status == "failed":
            self._whole = fault
            self.is_welcome_later = fault.kind == "throttled"
            return
        if not self._job.sure:
            raise NotOurs
        if fault.kind == "rejected" and time.time() - self._job.when > _KEPT_S:
            self._whole = Fault("expired", "its results are no longer kept")
            return
        raise ClientError(
            f"{self._order.who}: no results of batch {self._job.id}: {fault.message}",
            hint="is this the key of the account that submitted it? nothing was asked again",
        )

    def _close(self, state: BatchState) -> None:
        """On disk first: a row that goes again must no longer count as part of this job."""
        left = self._again | self._failed
        self._order.jobs.closed(
            self._job,
            _ending(state),
            left={key: one for key, one in left.items() if key in self._mine},
            rest=self._foreign,
            paid=self._paid,
        )
        for key, one in self._again.items():
            row = self._mine[key]
            row.left = one
            self._rows.todo[key] = row


def _plus(left: Left, usage: Usage, usd: float | None) -> Left:
    """With one more paid answer; unknown tokens or dollars make the sum unknown."""
    if not left.paid:
        return left._replace(paid=1, usd=usd, usage=usage)
    known = left.usd is not None and usd is not None
    return left._replace(
        paid=left.paid + 1,
        usd=(left.usd or 0.0) + (usd or 0.0) if known else None,
        usage=summed([left.usage, usage]),
    )


def _unanswered(state: BatchState, *, is_lost: bool) -> Fault:
    """Why the results of an ended job have nothing for a row."""
    if is_lost:
        message = "the provider counts it as done, but its results hold no answer to it"
        return Fault("malformed", message, maybe_billed=True)
    if state.status == "cancelled":
        return Fault("cancelled", "cancelled before it was answered")
    if state.status == "expired":
        return Fault("expired", "expired before it was answered")
    return Fault("server", "ended before it was answered")


def _ending(state: BatchState) -> Ending:
    if state.status == "failed":
        return "failed"
    return "cancelled" if state.status == "cancelled" else "collected"
