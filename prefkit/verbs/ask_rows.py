"""What `ask` sends and what it writes: requests made from prompts, and a line for each reply."""

from __future__ import annotations

import dataclasses
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, NamedTuple

import orjson

from prefkit.collectors.prompts import Prompt, Prompts, Unused
from prefkit.errors import NothingUsable
from prefkit.llm.records import PAID_FAILURES, Failure, Reply, Request
from prefkit.verbs.verb import listed

__all__ = ["Requests", "Sending", "Tally", "first_prompt"]


class Requests:
    """The requests of the first `limit` prompts, made anew at every iteration; none is held."""

    def __init__(
        self, rows: Prompts, make: Callable[[Prompt], Iterable[Request]], limit: int | None
    ) -> None:
        self._rows = rows
        self._limit = limit
        self._count = 0
        self.make = make

    def __iter__(self) -> Iterator[Request]:
        count = 0
        for row in self.rows():
            if isinstance(row, Prompt):
                for request in self.make(row):
                    count += 1
                    yield request
        self._count = count

    def __len__(self) -> int:
        """How many the last whole iteration gave."""
        return self._count

    def rows(self) -> Iterator[Prompt | Unused]:
        """The rows that are asked, and those before the last of them that are no prompts."""
        left = self._limit
        for row in self._rows:
            yield row
            if left is not None and isinstance(row, Prompt):
                left -= 1
                if not left:
                    return


class Head(NamedTuple):
    """Where a request comes from."""

    id: str | None
    source: str
    where: str
    draw: int


class Sending:
    """The requests on their way out: notes where each comes from, writes what is no prompt."""

    def __init__(self, requests: Requests, aside: IO[bytes]) -> None:
        self._requests = requests
        self._aside = aside
        self.heads: deque[Head] = deque()
        """Of requests whose reply was not written yet, in order."""
        self.prompts = self.set_aside = 0

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[Request]:
        for row in self._requests.rows():
            if isinstance(row, Unused):
                self.set_aside += 1
                self._aside.write(orjson.dumps(_aside(row)) + b"\n")
                continue
            self.prompts += 1
            for draw, request in enumerate(self._requests.make(row)):
                self.heads.append(Head(row.id, row.source, row.where, draw))
                yield request


def first_prompt(rows: Iterable[Prompt | Unused]) -> None:
    """Look whether there is any prompt before anybody is connected to.

    Raises:
        NothingUsable: no row is one.
    """
    reasons: Counter[str] = Counter()
    for row in rows:
        if isinstance(row, Prompt):
            return
        reasons[row.aside.reason] += 1
    raise NothingUsable(
        f"no row is a prompt ({listed(reasons) or 'there are none'})",
        hint='rows look like {"prompt": "..."}',
    )


class Tally:
    """Counts replies on their way to the file, and tells those of equal requests apart."""

    def __init__(self) -> None:
        self.replies = self.answered = self.cached = self.repeated = 0
        self.failed: Counter[str] = Counter()
        self.first: Failure | None = None
        """The first failure that was met."""
        self._seen: set[bytes] = set()
        self._seen_failed: set[bytes] = set()

    def line(self, head: Head, reply: Reply) -> bytes:
        """The line of one reply; one that was asked for an earlier line costs nothing again."""
        repeated = self._is_repeated(reply)
        self.replies += 1
        if reply.failure is not None:
            self.failed[reply.failure.kind] += 1
            self.first = self.first or reply.failure
        else:
            self.answered += 1
            self.repeated += repeated
            self.cached += reply.cached and not repeated
        if repeated and not reply.cached:
            reply = dataclasses.replace(reply, cached=True, cost_usd=0.0)
        return orjson.dumps(_row(head, reply)) + b"\n"

    def _is_repeated(self, reply: Reply) -> bool:
        key = bytes.fromhex(reply.key)
        # Other failures are not kept: an answer to an equal request later is paid for itself.
        is_kept = reply.failure is None or reply.failure.kind in PAID_FAILURES
        seen = self._seen if is_kept else self._seen_failed
        if key in seen:
            return True
        seen.add(key)
        return False

    def facts(self) -> dict[str, Any]:
        """The counts of a manifest."""
        return {
            "replies": self.replies,
            "answered": self.answered,
            "cached": self.cached,
            "repeated": self.repeated,
            "failed": dict(self.failed),
        }


def _row(head: Head, reply: Reply) -> dict[str, Any]:
    failure = reply.failure
    return {
        **head._asdict(),
        "text": reply.text,
        "data": reply.data,
        "finish": reply.finish,
        "failure": None if failure is None else dataclasses.asdict(failure),
        "model": reply.model,
        "revision": reply.revision,
        "usage": dataclasses.asdict(reply.usage),
        "cost_usd": reply.cost_usd,
        "cached": reply.cached,
        "key": reply.key,
    }


def _aside(row: Unused) -> dict[str, Any]:
    return {"file": row.source, "where": row.where, "part": False, **row.aside._asdict()}
