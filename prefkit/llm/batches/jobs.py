"""Durable records of batch jobs beside the journal: what was intended, submitted, collected.

A record is on disk before the act it describes, so that a killed run leaves no paid job behind
that the next run does not know. One line a record, with its checksum; lines are only ever added.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import orjson

from prefkit.errors import BatchPending, DataError
from prefkit.llm.keeping.private import open_private, sync_folder, tighten
from prefkit.llm.records import Failure, Usage

__all__ = ["Ending", "Job", "Jobs", "Left", "Watch"]

Ending = Literal["collected", "cancelled", "failed", "lost"]
"""How a job ended for us; `lost`: it was never accepted, or its results are gone."""

_VERSION = 1
_TOKEN = secrets.token_hex(8)


class Left(NamedTuple):
    """What ended jobs leave of a request that goes again, or that has finally failed."""

    rounds: int = 0
    """Jobs that it was part of."""
    paid: int = 0
    """Paid answers that broke its schema."""
    usd: float | None = 0.0
    """What they cost; null = no price."""
    usage: Usage = Usage(0, 0)
    failure: Failure | None = None
    """Final until the work is finished; null: it goes again."""


@dataclass(slots=True)
class Job:
    """A job that was intended and has not been closed."""

    label: str
    """Unique; the provider keeps it where it can."""
    work: str
    """Jobs of one work share budget and rounds, over all runs that it takes."""
    who: str
    stage: str
    keys: frozenset[str]
    when: float
    """When it was intended, Unix seconds."""
    share: float
    """Part of the usual price that it costs."""
    usd: float
    """What it can cost at most, at that share."""
    id: str | None = None
    """The provider's id; null = nobody knows yet whether the provider accepted it."""
    sure: bool = True
    """The id is certainly ours; false: the provider listed a job that looks like it."""
    looked: float | None = None
    """When the provider was first asked for it and had none, Unix seconds."""
    not_ours: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Work:
    left: dict[str, Left] = field(default_factory=dict)
    paid_before: float = 0.0
    """Dollars for jobs that other runs collected."""


class Jobs:
    """The jobs of one client. Every method that writes needs the lock."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}.jobs"
        self._lock_path = folder / f"{name}.jobs.lock"
        self._lock: int | None = None
        self._end = 0
        self._works: dict[str, _Work] = {}
        self.open: dict[str, Job] = {}
        self.ids: set[str] = set()
        """Every id that a provider gave to one of these jobs, closed ones included."""

    def lock(self) -> bool:
        """Take the lock of these jobs and read them; false if somebody else has it.

        A killed process gives its lock back.

        Raises:
            DataError: the records are damaged.
            OSError: they cannot be read or written.
        """
        lock = open_private(self._lock_path)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock = lock
        try:
            self.load()
        except BaseException:
            self.unlock()
            raise
        return True

    def unlock(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def load(self) -> None:
        """Read the records again; without the lock a look at another process's jobs.

        Raises:
            DataError: a record is damaged: nobody may guess which jobs were paid for.
        """
        self._end, self._works, self.open, self.ids = 0, {}, {}, set()
        for record in self._records():
            _APPLY[record["do"]](self, record)

    def left(self, keys: Collection[str]) -> tuple[str, dict[str, Left], float]:
        """The work that these keys belong to, what it left of them, and dollars paid before.

        A new work begins if no earlier one has any of them.
        """
        for job in self.open.values():
            if not job.keys.isdisjoint(keys):
                return job.work, *self._parts(job.work)
        for name, work in self._works.items():
            if not work.left.keys().isdisjoint(keys):
                return name, *self._parts(name)
        return secrets.token_hex(8), {}, 0.0

    def intend(
        self, work: str, keys: Iterable[str], *, who: str, stage: str, money: tuple[float, float]
    ) -> Job:
        """A job is about to be submitted; `money` is its share of the price and most dollars."""
        label, (share, usd) = f"prefkit-{secrets.token_hex(12)}", money
        record = {"label": label, "work": work, "who": who, "stage": stage, "keys": " ".join(keys)}
        self._write({"do": "intend", "when": time.time(), "share": share, "usd": usd, **record})
        return self.open[label]

    def submitted(self, job: Job, identifier: str, *, sure: bool = True) -> None:
        """The provider has the job, under this id."""
        self._write({"do": "submitted", "label": job.label, "id": identifier, "sure": sure})

    def looked(self, job: Job) -> None:
        """The provider was asked for a job whose submit never returned, and has none."""
        self._write({"do": "looked", "label": job.label, "at": time.time()})

    def disowned(self, job: Job) -> None:
        """The job under this id is somebody else's: ours is unknown again."""
        self._write({"do": "disowned", "label": job.label, "id": job.id})

    def closed(
        self,
        job: Job,
        ending: Ending,
        *,
        left: Mapping[str, Left] | None = None,
        rest: Collection[str] = (),
        paid: float = 0.0,
    ) -> None:
        """All answers of a job are in the journal, or it has none.

        Args:
            job: the job.
            ending: how it ended.
            left: what it leaves of the requests that it did not answer.
            rest: answered keys that nobody has asked for now; with any, the job stays open for
                whoever asks them.
            paid: dollars for its answers.
        """
        asked = {key: _plain(one) for key, one in (left or {}).items()}
        record = {"do": "closed", "label": job.label, "ending": ending, "paid": paid, "run": _run()}
        self._write(record | {"left": asked, "rest": " ".join(rest)})

    def finished(self, work: str) -> None:
        """Every request of a work has its answer or its failure: the next run begins anew."""
        if work in self._works or any(job.work == work for job in self.open.values()):
            self._write({"do": "finished", "work": work})

    def _parts(self, work: str) -> tuple[dict[str, Left], float]:
        known = self._works.get(work, _Work())
        return known.left, known.paid_before

    def _records(self) -> Iterator[dict[str, Any]]:
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return  # cut off in the writing: what it was to describe never happened
                yield self._record(line, number)
                self._end += len(line)

    def _record(self, line: bytes, number: int) -> dict[str, Any]:
        checksum, _, body = line[:-1].partition(b" ")
        if checksum != b"%08x" % zlib.crc32(body):
            raise DataError(
                f"{self.path}, line {number}: the record of a batch job is damaged; asking again "
                "could pay for it twice",
                hint="compare with the provider's list of batches, then remove that line",
            )
        record: dict[str, Any] = orjson.loads(body)
        if record["do"] not in _APPLY or record.get("version", _VERSION) != _VERSION:
            raise DataError(
                f"{self.path}, line {number}: written by another version of prefkit",
                hint="pip install --upgrade prefkit",
            )
        return record

    def _write(self, *records: dict[str, Any]) -> None:
        """Add records to the file and the disk, then to what is known."""
        if self._lock is None:
            raise RuntimeError(f"{self.path}: written without its lock")
        new = not self._end
        if new:
            records = ({"do": "file", "version": _VERSION}, *records)
        data = b"".join(map(_line, records))
        file = open_private(self.path)
        try:
            tighten(self.path, file)
            os.ftruncate(file, self._end)  # what a killed run left of a record
            written = 0
            while written < len(data):
                written += os.write(file, data[written:])
            os.fsync(file)
        finally:
            os.close(file)
        if new:
            sync_folder(self.path.parent)
        self._end += len(data)
        for record in records:
            _APPLY[record["do"]](self, record)

    def _apply_file(self, record: Mapping[str, Any]) -> None:
        """The head of the file says nothing about jobs."""

    def _apply_intend(self, record: Mapping[str, Any]) -> None:
        facts = {name: value for name, value in record.items() if name not in ("do", "keys")}
        self.open[record["label"]] = Job(**facts, keys=frozenset(record["keys"].split()))

    def _apply_submitted(self, record: Mapping[str, Any]) -> None:
        job = self.open[record["label"]]
        job.id, job.sure = record["id"], record["sure"]
        self.ids.add(record["id"])

    def _apply_looked(self, record: Mapping[str, Any]) -> None:
        job = self.open[record["label"]]
        job.looked = job.looked or record["at"]

    def _apply_disowned(self, record: Mapping[str, Any]) -> None:
        job = self.open[record["label"]]
        job.id, job.sure = None, True
        job.not_ours.add(record["id"])
        self.ids.discard(record["id"])

    def _apply_closed(self, record: Mapping[str, Any]) -> None:
        job = self.open[record["label"]]
        work = self._works.setdefault(job.work, _Work())
        work.left |= {key: _read(value) for key, value in record["left"].items()}
        if record["run"] != _run():
            work.paid_before += record["paid"]
        rest = frozenset(record["rest"].split())
        if not rest:
            del self.open[job.label]
            return
        job.usd *= len(rest) / len(job.keys)
        job.keys = rest

    def _apply_finished(self, record: Mapping[str, Any]) -> None:
        self._works.pop(record["work"], None)


class Watch:
    """What open jobs ask, as somebody sees it who asks online; read again when it has changed."""

    def __init__(self, folder: Path, name: str) -> None:
        self._jobs = Jobs(folder, name)
        self._seen: tuple[int, int, int] | None = None
        self._asked: dict[str, str] = {}

    def asked(self) -> Mapping[str, str]:
        """Key to the id, or the label, of the open job that asks it.

        Raises:
            DataError: the records are damaged.
        """
        try:
            now = self._jobs.path.stat()
        except FileNotFoundError:
            return {}
        seen = (now.st_ino, now.st_size, now.st_mtime_ns)
        if seen != self._seen:
            self._jobs.load()
            jobs = self._jobs.open.values()
            self._asked = {one: job.id or job.label for job in jobs for one in job.keys}
            self._seen = seen
        return self._asked

    def job_of(self, key: str) -> str | None:
        """The id, or the label, of an open job that asks a request; null if none does."""
        return self.asked().get(key)

    def refuse(self, key: str, who: str) -> None:
        """Do not pay again what a batch is being paid for.

        Raises:
            BatchPending: the request is part of a job that was not collected.
            DataError: the records are damaged.
        """
        job = self.job_of(key)
        if job is not None:
            raise BatchPending(
                f"{who}: the batch {job} is being paid for these requests",
                hint="add --batch to collect it",
            )


_APPLY = {
    "file": Jobs._apply_file,
    "intend": Jobs._apply_intend,
    "submitted": Jobs._apply_submitted,
    "looked": Jobs._apply_looked,
    "disowned": Jobs._apply_disowned,
    "closed": Jobs._apply_closed,
    "finished": Jobs._apply_finished,
}


def _run() -> str:
    """Tells the jobs that this process collected from those of others, its parent's included."""
    return f"{_TOKEN}-{os.getpid()}"


def _line(record: Mapping[str, Any]) -> bytes:
    body = orjson.dumps(record)
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _plain(left: Left) -> list[Any]:
    failure = left.failure
    usage = left.usage
    tokens = [usage.input, usage.output, usage.cache_read, usage.cache_write]
    why = None if failure is None else [failure.kind, failure.message]
    return [left.rounds, left.paid, left.usd, tokens, why]


def _read(value: list[Any]) -> Left:
    rounds, paid, usd, tokens, why = value
    return Left(rounds, paid, usd, Usage(*tokens), None if why is None else Failure(*why))
