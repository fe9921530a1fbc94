"""Asking by a provider's batch API: submit, poll, collect, over as many runs as it takes.

A job is intended on disk before it is submitted, its id is on disk before anybody relies on it, and
its answers go into the journal like any others. So a run that was killed anywhere is picked up by
the same command, and no job is paid for twice.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

from prefkit.errors import BatchPending, ConfigError
from prefkit.llm.batches.batch_rows import Order
from prefkit.llm.batches.batch_work import AGAIN, Work
from prefkit.llm.batches.jobs import Job, Jobs
from prefkit.llm.keeping.claims import Claims
from prefkit.llm.money.ledger import Ledger
from prefkit.llm.money.prices import Price
from prefkit.llm.provider import Batches
from prefkit.llm.records import Reply, Request
from prefkit.llm.settings import Settings

__all__ = ["ask_in_batches", "cancel_jobs", "forget_jobs"]

_LOG = logging.getLogger("prefkit.llm")


async def ask_in_batches(  # noqa: PLR0913 - one call, from `Client`
    items: Sequence[tuple[str, Request]],
    *,
    provider: Batches,
    jobs: Jobs,
    ledger: Ledger,
    price: Price | None,
    put: Callable[[str, Request, Reply], Awaitable[None]],
    settings: Settings,
    stage: str,
    known: Callable[[str], Reply | None],
    who: str | None = None,
    claims: Claims | None = None,
) -> dict[str, Reply]:
    """A reply for every key, once all batches that they are in have ended.

    Requests that failed for a passing reason, or expired, go again in a new batch, at most
    `settings.attempts` times in all. Those of a batch that somebody cancelled become failures; so
    does what the budget does not admit. Failures are not kept: a later call asks them anew.

    Args:
        items: key and request; a key that comes twice is asked once.
        provider: who is asked.
        jobs: the batches of this client, shared by all its runs.
        ledger: pays; batches that an earlier run left count again, up to what they can cost.
        price: null = nobody bills, or no price is known.
        put: brings a paid answer to disk; a reply that breaks its schema carries its failure.
        settings: `batch_wait_s` is how long to wait here.
        stage: what the answers are for, in the ledger.
        known: the answer that is in the journal now: another process may have put it there while
            this one waited for the lock. Items that it knows are not asked; pass them all the
            same, so that a job is closed that a killed run had collected. Also called for keys
            of jobs that are not among the items.
        who: the client's name in messages and in the ledger.
        claims: what others ask online now is left to them, and to the journal; null = nobody does.

    Raises:
        BatchPending: batches still run, or nobody knows yet whether one was accepted.
        ClientError: the provider does not answer, or refused the key.
        ConfigError: a key that no provider takes as the id of a request.
        DataError: the records of jobs are damaged.
        OSError: an answer or a record could not be put on disk.
    """
    name = who or f"{provider.name}:{provider.model}"
    order = Order(provider, jobs, ledger, price, put, known, settings, stage, name, claims)
    deadline = time.monotonic() + settings.batch_wait_s
    await _locked(jobs, deadline, name)
    try:
        return await _worked(Work(order, items, deadline))
    finally:
        jobs.unlock()


async def _worked(work: Work) -> dict[str, Reply]:
    try:
        return await work.done()
    except asyncio.CancelledError:
        if work.jobs:
            _LOG.warning("not stopped at the provider: %s; %s", work.standing(), AGAIN)
        raise
    finally:
        work.release()


async def cancel_jobs(provider: Batches, jobs: Jobs) -> tuple[list[str], int]:
    """Ask the provider to stop this client's jobs; what they answered before is still collected.

    Needs no lock, so that a run that waits for them sees it and ends.

    Returns:
        Ids of the jobs that are being cancelled, and how many others run that cannot be: nobody
        knows yet whether the provider accepted them, or which of its jobs they are.

    Raises:
        Fault: the provider did not answer.
    """
    jobs.load()
    stopped: list[str] = []
    for job in jobs.open.values():
        if job.id is not None and job.sure and not (await provider.poll(job.id)).ended:
            await provider.cancel(job.id)
            stopped.append(job.id)
    return stopped, sum(job.id is None or not job.sure for job in jobs.open.values())


def forget_jobs(jobs: Jobs, ids: Sequence[str] = ()) -> int:
    """Give up jobs that nobody can find again: their requests will be asked, and paid, anew.

    Args:
        jobs: the batches of this client.
        ids: those with these ids or labels; none = all whose acceptance is unknown.

    Raises:
        BatchPending: another process works on them.
        ConfigError: there is no such job.
    """
    if not jobs.lock():
        raise _busy(jobs)
    try:
        names = {name: job for job in jobs.open.values() for name in (job.id, job.label) if name}
        missing = [name for name in ids if name not in names]
        if missing:
            raise ConfigError(f"no open batch {missing[0]!r} in {jobs.path}")
        chosen = [names[name] for name in ids] if ids else _undecided(jobs.open.values())
        for job in chosen:
            jobs.closed(job, "lost")
        return len(chosen)
    finally:
        jobs.unlock()


async def _locked(jobs: Jobs, deadline: float, who: str) -> None:
    """Take the lock, waiting for another process as long as for a batch."""
    while not jobs.lock():
        left = deadline - time.monotonic()
        if left <= 0:
            raise _busy(jobs, who)
        await asyncio.sleep(min(left, 1.0))


def _busy(jobs: Jobs, who: str = "") -> BatchPending:
    begin = f"{who}: " if who else ""
    return BatchPending(
        f"{begin}another process is working on the batches in {jobs.path}", hint=AGAIN
    )


def _undecided(jobs: Iterable[Job]) -> list[Job]:
    return [job for job in jobs if job.id is None]
