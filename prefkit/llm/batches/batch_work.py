"""One call's batches from beginning to end: find what earlier runs left, submit, poll, collect."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from random import Random
from typing import TypeVar

from prefkit.errors import BatchPending, ClientError
from prefkit.llm.batches.batch_collect import Collecting, NotOurs
from prefkit.llm.batches.batch_rows import Held, Order, Row, Rows
from prefkit.llm.batches.jobs import Job, Left
from prefkit.llm.limits.retry import Retry
from prefkit.llm.provider import BatchState, Fault
from prefkit.llm.records import Failure, Reply, Request, Usage

__all__ = ["AGAIN", "Work"]

T = TypeVar("T")

AGAIN = "run the same command again: it collects the answers and pays nothing twice"

_LOG = logging.getLogger("prefkit.llm")
_FIRST_S, _LAST_S = 0.05, 60.0  # between two looks at running jobs, growing by half each time
_BYTES_A_SECOND = 100_000  # a submit may take as long as an upload this slow
_NOW_S = 0.05  # what the ledger does not admit within this has to wait for money that comes back
_QUEUE_S = 60.0  # before a full queue is tried again when no job of ours is in it
_SHOWN = 3  # jobs in a message
_PLACED = 500  # requests between two pauses


class Work:
    """One call of `ask_in_batches`, made while it has the lock of the jobs."""

    def __init__(self, order: Order, items: Sequence[tuple[str, Request]], deadline: float) -> None:
        self._order = order
        self._items = items
        self._deadline = deadline
        self._retry = Retry(order.settings, Random())
        self._label = {"stage": order.stage, "model": order.who}
        self._rows = Rows(order)
        self._full_since: float | None = None
        self._states: dict[str, str] = {}
        self._held: dict[str, Held] = {}
        self._mine: dict[str, list[Row]] = {}
        self._name = ""
        self._paid_before = 0.0
        self.jobs: dict[str, Job] = {}
        """Open jobs with requests of this call, by label."""

    async def _read(self) -> None:
        """Place every request; a pause now and then, because other clients share the loop."""
        unknown = self._rows.read(self._items)
        keys = unknown.keys() | self._rows.replies.keys()
        self._name, left, self._paid_before = self._order.jobs.left(keys)
        jobs: dict[str, Job] = {}
        for job in self._order.jobs.open.values():
            if not job.keys.isdisjoint(keys):
                # even if all is answered: a killed run could not close it and book its money
                self.jobs[job.label] = job
                self._mine[job.label] = []
                jobs |= dict.fromkeys(job.keys, job)
        for number, (key, request) in enumerate(unknown.items()):
            self._place(key, request, left.get(key, Left()), jobs.get(key))
            if number % _PLACED == _PLACED - 1:
                await asyncio.sleep(0)

    def _place(self, key: str, request: Request, left: Left, job: Job | None) -> None:
        """A request belongs into a job, among what is to be submitted, or has failed."""
        if left.failure is not None and job is None:
            self._rows.replies[key] = Reply(failure=left.failure, key=key, attempts=left.rounds)
            return
        try:
            row = self._rows.row(key, request, left)
        except Fault as fault:
            self._rows.replies[key] = Reply(failure=Failure(fault.kind, fault.message), key=key)
            return
        if job is not None:
            row.left = left._replace(rounds=left.rounds + 1)
            self._mine[job.label].append(row)
        elif row.size > self._order.provider.batch_bytes:
            self._rows.fail(row, "rejected", f"{row.size:,} bytes are more than a batch may have")
        else:
            self._rows.todo[key] = row

    async def done(self) -> dict[str, Reply]:
        """A reply for every request.

        Raises:
            BatchPending, ClientError, ConfigError, OSError: see `ask_in_batches`.
        """
        await self._read()
        await self._resume()
        pause_s = _FIRST_S
        while True:
            before = len(self._rows.todo), len(self.jobs)
            await self._find()
            await self._poll()
            await self._submit()
            if not self.jobs and not self._rows.todo:
                self._order.jobs.finished(self._name)
                return self._rows.replies
            left_s = self._deadline - time.monotonic()
            if left_s <= 0:
                raise BatchPending(f"{self._order.who}: {self.standing()}", hint=AGAIN)
            moved = before != (len(self._rows.todo), len(self.jobs))
            pause_s = _FIRST_S if moved else min(pause_s * 1.5, _LAST_S)
            await asyncio.sleep(min(pause_s, left_s))

    def standing(self) -> str:
        """Where the jobs stand, in one line."""
        told = [self._states.get(label) or self._told(job) for label, job in self.jobs.items()]
        more = [f"{len(told) - _SHOWN} batches more"] * (len(told) > _SHOWN)
        waiting = [f"{len(self._rows.todo):,} requests not yet submitted"] * bool(self._rows.todo)
        return "; ".join(told[:_SHOWN] + more + waiting)

    def release(self) -> None:
        """Give back what is held for jobs that go on: whoever resumes them holds it again."""
        for held in self._held.values():
            held.release()
        self._held.clear()

    def _told(self, job: Job) -> str:
        if job.id is not None:
            doubt = "" if job.sure else " (perhaps somebody else's: known when it has ended)"
            return f"batch {job.id}: submitted, {len(job.keys):,} requests{doubt}"
        if job.looked is None:
            return f"batch {job.label}: not known yet whether the provider accepted it"
        when = time.strftime(
            "%H:%M:%S", time.localtime(job.looked + self._order.provider.batch_settles_s)
        )
        return f"batch {job.label}: not known before {when} whether the provider accepted it"

    async def _resume(self) -> None:
        """Hold the money of jobs that earlier runs submitted, and book what those runs paid."""
        ledger = self._order.ledger
        if self._paid_before:
            # booked as reserved and paid at once; over the budget it is paid all the same
            held = self._paid_before if await self._admitted(self._paid_before) else 0.0
            ledger.settle(held, self._paid_before, Usage(0, 0), **self._label)
        for job in self.jobs.values():
            usd = job.usd if await self._admitted(job.usd) else 0.0
            self._held[job.label] = Held(ledger, usd)

    async def _admitted(self, usd: float) -> bool:
        """Reserve without waiting for money that we hold ourselves."""
        try:
            async with asyncio.timeout(_NOW_S):
                return await self._order.ledger.reserve(usd)
        except TimeoutError:
            return False

    async def _find(self) -> None:
        """Ask for jobs whose submit never returned."""
        order = self._order
        for job in [job for job in self.jobs.values() if job.id is None]:
            others = order.jobs.ids | job.not_ours
            found = await self._patiently(
                lambda job=job, others=others: order.provider.find(  # type: ignore[misc]
                    job.label, job.keys, job.when, known=others
                )
            )
            if isinstance(found, Fault):
                raise self._error(job, found)
            if found is not None:
                order.jobs.submitted(job, found[0], sure=found[1])
            elif job.looked is None:
                order.jobs.looked(job)
            elif time.time() - job.looked >= order.provider.batch_settles_s:
                self._lost(job)

    def _lost(self, job: Job) -> None:
        """The provider never got it: its requests are to be submitted as if for the first."""
        self._order.jobs.closed(job, "lost")
        for row in self._gone(job):
            row.left = row.left._replace(rounds=row.left.rounds - 1)
            self._rows.todo[row.key] = row

    def _gone(self, job: Job) -> list[Row]:
        """Forget a job; the rows that it had."""
        self.jobs.pop(job.label)
        self._states.pop(job.label, None)
        self._held.pop(job.label).release()
        return self._mine.pop(job.label)

    async def _poll(self) -> None:
        """Look at every job and collect those that have ended."""
        for job in [job for job in self.jobs.values() if job.id is not None]:
            identifier = job.id or ""
            state = await self._patiently(lambda name=identifier: self._order.provider.poll(name))  # type: ignore[misc]
            if isinstance(state, Fault):
                self._unanswered(job, state)
                continue
            self._states[job.label] = (
                f"batch {job.id}: {state.status}, {state.done:,} of {state.total:,} done"
            )
            _LOG.info("%s", self._states[job.label], extra={"progress": True})
            if state.ended:
                await self._collect(job, state)

    def _unanswered(self, job: Job, fault: Fault) -> None:
        """A poll failed after all retries: with time left, that is no reason to stop waiting."""
        if fault.kind == "rejected" and not job.sure:
            self._order.jobs.disowned(job)
        elif fault.is_retried and time.monotonic() < self._deadline:
            self._states[job.label] = f"batch {job.id}: {fault.message}"
        else:
            raise self._error(job, fault)

    async def _collect(self, job: Job, state: BatchState) -> None:
        collecting = Collecting(
            self._order, self._rows, job, self._mine[job.label], self._held[job.label]
        )
        collecting.is_alone = len(self.jobs) == 1
        try:
            await collecting.run(state)
        except NotOurs:
            self._order.jobs.disowned(job)
            self._states.pop(job.label, None)
            return
        self._gone(job)
        self._full_since = time.monotonic() if collecting.is_welcome_later else None

    def _is_full(self) -> bool:
        """Whether the provider's queue is still full: until a job ends, or for a while."""
        if self._full_since is None:
            return False
        return bool(self.jobs) or time.monotonic() - self._full_since < _QUEUE_S

    async def _submit(self) -> None:
        """Submit what the provider's limits and the budget admit, unless a job is in doubt.

        What others ask online now waits for the next round: it may have its answer by then.
        """
        if self._is_full():
            return None
        asked: set[str] = set()
        while self._rows.todo.keys() - asked and all(job.id for job in self.jobs.values()):
            rows, usd = self._rows.cut(asked)
            others, answers = await self._looked_around(rows)
            if others or answers:
                asked |= others
                self._rows.settle(answers)
            elif rows and await self._admitted(usd):
                if not await self._sent(rows, usd):
                    return await self._find()
            elif self.jobs:
                return None  # until they give money back
            else:
                await self._wait_for_money(asked)
        return None

    async def _looked_around(self, rows: Sequence[Row]) -> tuple[set[str], dict[str, Reply]]:
        """Keys among these that others ask online now, and answers that others have kept."""
        asked: set[str] = set()
        for number, row in enumerate(rows, 1):
            if self._rows.is_asked(row.key):
                asked.add(row.key)
            if number % _PLACED == 0:
                await asyncio.sleep(0)
        answers: dict[str, Reply] = {}
        for number, row in enumerate(rows, 1):  # after the claims: who gave one back had answered
            if row.key not in asked and (reply := self._rows.answered(row.key)) is not None:
                answers[row.key] = reply
            if number % _PLACED == 0:
                await asyncio.sleep(0)
        return asked, answers

    async def _wait_for_money(self, asked: Collection[str]) -> None:
        """Until others give back what they hold; if the next request does not fit then, none is."""
        left = [row for key, row in self._rows.todo.items() if key not in asked]
        if await self._order.ledger.reserve(left[0].most_usd):
            self._order.ledger.release(left[0].most_usd)
        else:
            self._rows.fail_all(left, "budget", "not asked: the budget does not admit it")

    async def _sent(self, rows: list[Row], usd: float) -> bool:
        """Submit one job; false if nobody knows whether it was accepted."""
        order = self._order
        share = order.provider.batch_share
        job = order.jobs.intend(
            self._name,
            [row.key for row in rows],
            who=order.who,
            stage=order.stage,
            money=(share, usd),
        )
        self.jobs[job.label] = job
        self._held[job.label] = Held(order.ledger, usd)
        self._mine[job.label] = rows
        for row in rows:
            del self._rows.todo[row.key]
            row.left = row.left._replace(rounds=row.left.rounds + 1)
        # Whoever claims a request from here on sees the job on disk and does not ask; who had
        # claimed one before is seen now. So nobody has to hold a hundred thousand claims.
        if any(await self._looked_around(rows)):
            self._lost(job)
            return True
        items = [(row.key, row.request) for row in rows]
        limit_s = order.settings.timeout_s + sum(row.size for row in rows) / _BYTES_A_SECOND
        outcome = await self._patiently(lambda: order.provider.submit(items, job.label), limit_s)
        if isinstance(outcome, str):
            order.jobs.submitted(job, outcome)
            return True
        if outcome.maybe_billed:
            _LOG.warning("%s: batch %s: %s", order.who, job.label, outcome.message)
            return False
        order.jobs.closed(job, "failed")
        self._rows.fail_all(self._gone(job), outcome.kind, f"not accepted: {outcome.message}")
        if outcome.kind == "refused":
            raise self._error(job, outcome)
        return True

    async def _patiently(
        self, call: Callable[[], Awaitable[T]], limit_s: float | None = None
    ) -> T | Fault:
        """Call the provider until it answers, or asking again does not help or is not safe."""
        limit = limit_s or self._order.settings.timeout_s
        started = time.monotonic()
        attempt = 0
        while True:
            attempt += 1
            try:
                async with asyncio.timeout(limit):
                    return await call()
            except Fault as caught:
                fault = caught
            except TimeoutError:
                fault = Fault("timeout", f"no answer within {limit:g} s", maybe_billed=True)
            elapsed = time.monotonic() - started
            wait_s = self._retry.wait_s(fault, attempt, elapsed)
            if wait_s is None or (limit_s is not None and fault.maybe_billed):
                return fault
            await asyncio.sleep(wait_s)

    def _error(self, job: Job, fault: Fault) -> ClientError:
        name = f"batch {job.id or job.label}"
        hints = {
            "refused": "give a key that works; batches go on at the provider meanwhile",
            "rejected": "is this the key of the account that submitted it? nothing was asked again",
        }
        return ClientError(
            f"{self._order.who}: {name}: {fault.message}",
            hint=hints.get(fault.kind, AGAIN),
        )
