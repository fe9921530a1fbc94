"""What a client file holds: one class that sends one request, or answers many in this process.

A provider knows its wire format and nothing else: no retries, no cache, no money. What goes wrong
is raised as a `Fault`, whose kind says what the layer above does about it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, ClassVar, NamedTuple

from prefkit.llm.records import FailureKind, Reply, Request, Score, ScoreRequest
from prefkit.llm.settings import Settings

__all__ = ["BatchState", "Batches", "Fault", "Local", "Provider", "Remote"]

_RETRIED = frozenset({"throttled", "server", "transport", "timeout", "malformed"})


class Fault(Exception):
    """One attempt failed. `message` is one line without keys."""

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        retry_after_s: float | None = None,
        maybe_billed: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.retry_after_s = retry_after_s
        """What the provider asks to wait; null = it did not say."""
        self.maybe_billed = maybe_billed
        """The provider may have worked on the request: its price counts as possibly spent."""

    @property
    def is_retried(self) -> bool:
        """Whether asking again can help."""
        return self.kind in _RETRIED


class Provider:
    """Who answers. A subclass is `Remote` or `Local`, made as `Class(rest_of_spec, settings)`."""

    can: ClassVar[frozenset[str]] = frozenset()
    """What it understands beyond plain answers: names of `Request` fields that it honours
    (`top_k`, `seed`, `stop`, `schema`, `by_tool`, `choices`, `logprobs`, `extra`), and `score`,
    `reward`. A request that needs more is refused before anything is sent."""

    name: ClassVar[str] = ""
    """The provider's name in price lists; empty for one that has no price list."""

    variable: ClassVar[str] = ""
    """The environment variable with the key for the provider's own host; empty if it has none."""

    model: str
    is_free: bool = False
    """Nobody bills for it: in this process, recorded, or on a machine that got no key."""

    def __init__(self, rest: str, settings: Settings) -> None:
        raise NotImplementedError

    def identity(self) -> dict[str, Any]:
        """Who is asked, as JSON values: with a request's facts it makes the key of an answer."""
        raise NotImplementedError

    def refuses(self, request: Request) -> str | None:
        """Why a request must not be sent at all, found before anything is; null if it may be."""
        return None


class Remote(Provider):
    """A provider behind a network, asked one request at a time by many tasks of one event loop."""

    async def ask(self, request: Request) -> Reply:
        """Send it once. Fills text, finish, tokens, usage, model and revision of the reply.

        The caller bounds the time. `data` is left to the caller, who validates.

        Raises:
            Fault: there is no whole answer.
        """
        raise NotImplementedError

    async def score(self, request: ScoreRequest) -> Score:
        """Send it once. Fills value, logprobs, usage and model.

        Raises:
            Fault: there is no score.
        """
        raise NotImplementedError

    async def count(self, request: Request) -> int | None:
        """Input tokens of a request by the provider's free counter; null if it has none.

        Raises:
            Fault: it did not answer.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Close connections; runs in the loop that asked."""


class BatchState(NamedTuple):
    """Where a batch job stands; `ended` covers completed, failed, expired and cancelled."""

    ended: bool
    status: str
    done: int
    failed: int
    total: int


class Batches(Remote):
    """A remote provider with a batch API, at `batch_share` of the price."""

    batch_requests: ClassVar[int]
    """Most requests of one job."""
    batch_bytes: ClassVar[int]
    """Most bytes of one job's requests."""
    batch_share: ClassVar[float] = 0.5
    batch_settles_s: float = 120.0
    """A job that the provider does not list so long after its submit was cut off is not there."""

    def size(self, key: str, request: Request) -> int:
        """Bytes that a request takes in a job, its end of line or comma included."""
        raise NotImplementedError

    async def submit(self, items: Sequence[tuple[str, Request]], label: str) -> str:
        """Start a job of (key, request) and give its id; `label` is kept with the job if it can.

        Raises:
            Fault: it was not accepted, or nobody knows (`maybe_billed`).
        """
        raise NotImplementedError

    async def find(
        self, label: str, keys: Collection[str], since: float, *, known: Collection[str] = ()
    ) -> tuple[str, bool] | None:
        """A job submitted after `since` (Unix seconds) whose submit never returned.

        Its id, and whether it is surely that job: a provider that keeps no label may list one
        that only looks like it and still runs. `known` are ids of other jobs.

        Raises:
            Fault: the provider did not answer.
        """
        raise NotImplementedError

    async def poll(self, job: str) -> BatchState:
        """Where a job stands.

        Raises:
            Fault: the provider did not answer, or does not know the job (`rejected`).
        """
        raise NotImplementedError

    def collect(self, job: str) -> AsyncIterator[tuple[str, Reply | Fault]]:
        """Key and answer of every request of an ended job, in any order, some perhaps missing.

        Raises:
            Fault: the results cannot be fetched whole.
        """
        raise NotImplementedError

    async def cancel(self, job: str) -> None:
        """Ask the provider to stop a job.

        Raises:
            Fault: it did not answer.
        """
        raise NotImplementedError


class Local(Provider):
    """A model in this process, asked in one thread, many requests at a time."""

    is_free = True
    at_once: int = 256
    """Requests per call: what a kill can cost at most."""

    def ask_all(self, requests: Sequence[Request]) -> list[Reply]:
        """Answers in the order asked; a failure is a value on its reply."""
        raise NotImplementedError

    def score_all(self, requests: Sequence[ScoreRequest]) -> list[Score]:
        """Scores in the order asked; a failure is a value on its score."""
        raise NotImplementedError

    def close(self) -> None:
        """Free the model's memory."""
