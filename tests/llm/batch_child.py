"""Runs of batches in processes of their own that kill themselves at a step.

As a process it forks one child for every line it reads: a JSON list of folder, url, client, number
of questions, step, and which time of that step. It prints the child's process id, then how it ended
and what it got. Imports are made once, so that a run takes no second. The steps are those of a job:
`intend` (before it is on disk), `intended` (after), `upload`, `submit` (before the call),
`accepted` (the provider has it, nobody here knows), `submitted` (the id is on disk), `poll`, `row`
(an answer is on disk), `close` (all are, the job is not closed), `closed`, `finish`.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from batch_runs import CLIENTS, Run, request

from prefkit.errors import PrefkitError
from prefkit.llm.batches.jobs import Jobs


class Steps:
    """Counts steps and kills this process at the one that was asked for."""

    def __init__(self, step: str, times: int) -> None:
        self.step = step
        self.left = times

    def at(self, step: str) -> None:
        if step == self.step:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def killed_client(client: str, steps: Steps) -> type[Any]:
    class Killed(CLIENTS[client]):  # type: ignore[misc]
        async def submit(self, *args: Any) -> str:
            steps.at("submit")
            job = await super().submit(*args)
            steps.at("accepted")
            return str(job)

        async def _uploaded(self, *args: Any) -> str:
            file = await super()._uploaded(*args)
            steps.at("upload")
            return str(file)

        async def poll(self, job: str) -> Any:
            steps.at("poll")
            return await super().poll(job)

    return Killed


def killed_jobs(steps: Steps) -> type[Jobs]:
    class Killed(Jobs):
        def intend(self, *args: Any, **options: Any) -> Any:
            steps.at("intend")
            job = super().intend(*args, **options)
            steps.at("intended")
            return job

        def submitted(self, *args: Any, **options: Any) -> None:
            super().submitted(*args, **options)
            steps.at("submitted")

        def closed(self, *args: Any, **options: Any) -> None:
            steps.at("close")
            super().closed(*args, **options)
            steps.at("closed")

        def finished(self, work: str) -> None:
            steps.at("finish")
            super().finished(work)

    return Killed


def run_once(folder: str, url: str, client: str, count: int, step: str, times: int) -> None:
    """Run in this process, and leave what it got in a file."""
    steps = Steps(step, times)

    class Killed(Run):
        async def keep(self, *args: Any) -> None:
            await super().keep(*args)
            steps.at("row")

    run = Killed(Path(folder), url, killed_client(client, steps), batch_wait_s=30.0)
    run.jobs = killed_jobs(steps)
    told: dict[str, Any] = {}
    try:
        replies = run.ask([request(f"q{number}") for number in range(count)])
    except PrefkitError as error:
        told |= {"error": type(error).__name__, "message": str(error)}
    else:
        told["texts"] = [reply.text for reply in replies]
        told["why"] = [reply.failure.message for reply in replies if reply.failure]
        told["kinds"] = [reply.failure.kind if reply.failure else None for reply in replies]
        told["spent"] = run.ledger.spent_usd
    (Path(folder) / "told.json").write_text(json.dumps(told), encoding="utf-8")


def warm() -> None:
    """Import what the clients import only when they are used."""
    for name in ("openai", "anthropic", "aiohttp", "httpx2", "prefkit.llm.clients.sdk_transport"):
        importlib.import_module(name)


def main() -> None:
    warm()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                run_once(*json.loads(line))
            finally:
                sys.stderr.flush()
                os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        told = Path(json.loads(line)[0]) / "told.json"
        got = told.read_text(encoding="utf-8") if status == 0 and told.exists() else "null"
        sys.stdout.write(f'{{"status": {status}, "told": {got}}}\n')
        sys.stdout.flush()


if __name__ == "__main__":
    main()
