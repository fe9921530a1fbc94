"""Batches that nobody wants any more: stopped at the provider, or given up as never accepted."""

from __future__ import annotations

from prefkit.errors import ClientError, ConfigError
from prefkit.llm.batches.batch import cancel_jobs, forget_jobs
from prefkit.llm.batches.jobs import Jobs
from prefkit.llm.client import Client
from prefkit.llm.loop import run
from prefkit.llm.provider import Batches, Fault
from prefkit.verbs.verb import Outcome

__all__ = ["cancelled", "forgotten"]


def cancelled(client: Client) -> Outcome:
    """Ask the provider to stop this client's batches; what they answered waits to be collected.

    Raises:
        ConfigError: the client has no batch API.
        ClientError: the provider did not answer.
    """
    desk = client.desk
    provider, jobs = _batches(client)
    try:
        stopped, unknown = run(cancel_jobs(provider, jobs))
    except Fault as fault:
        raise ClientError(f"{desk.who}: batches could not be stopped: {fault.message}") from fault
    keys = {key for job in jobs.open.values() for key in job.keys}
    kept = sum(desk.journal.get(key) is not None for key in keys)
    facts = {
        "cancelled": stopped,
        "unknown": unknown,
        "requests": len(keys),
        "collected": kept,
    }
    lines = [("Stopping", ", ".join(stopped) or "no batch runs")]
    if unknown:
        lines.append(
            ("Unknown", f"{unknown:,} that the provider may have; --forget-batch gives them up")
        )
    if keys:
        lines.append(
            (
                "Collected",
                f"{kept:,} of {len(keys):,} requests; what was answered of the others is paid for "
                "and collected by --batch",
            )
        )
    return Outcome(facts, tuple(lines))


def forgotten(client: Client) -> Outcome:
    """Give up batches whose acceptance is unknown: their requests are asked, and paid, anew.

    Raises:
        BatchPending: another process works on them.
        ConfigError: the client has no batch API.
    """
    _, jobs = _batches(client)
    count = forget_jobs(jobs)
    text = f"{count:,} whose acceptance was unknown; their requests will be asked anew"
    return Outcome({"forgotten": count}, (("Forgotten", text if count else "none: all are known"),))


def _batches(client: Client) -> tuple[Batches, Jobs]:
    desk = client.desk
    if not isinstance(desk.provider, Batches):
        raise ConfigError(f"{desk.who} has no batch API")
    return desk.provider, Jobs(desk.folder, desk.name)
