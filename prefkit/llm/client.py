"""A client: asks and scores in order, from the journal where it can, within limits and budget."""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence, Sized
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from prefkit.errors import BudgetReached, ClientError, ConfigError
from prefkit.llm.by_batch import ask_by_batch, not_in_a_batch, open_jobs
from prefkit.llm.codec import written
from prefkit.llm.course import PAID_FAILURES, judged
from prefkit.llm.crew import Crew
from prefkit.llm.desk import Desk
from prefkit.llm.dispatch import Dispatcher, for_an_equal
from prefkit.llm.errands import Asking, Errand, Scoring
from prefkit.llm.forecast import Forecast, forecast
from prefkit.llm.loop import is_running, run
from prefkit.llm.meter import Meter, Standing
from prefkit.llm.money.estimate import Projection, counted
from prefkit.llm.ordered import Window
from prefkit.llm.provider import Fault, Local, Remote
from prefkit.llm.records import Reply, Request, Score, ScoreRequest

__all__ = ["Client"]

AnswerT = TypeVar("AnswerT", Reply, Score)

ErrandT = TypeVar("ErrandT", Asking, Scoring)

_HALTED = ("refused", "down")
_AHEAD = 16  # requests held per one that may be in flight
_HELD = 10_000  # a longer sequence is made into errands twice, once to check it, and not held twice


class Client:
    """Who answers prompts and scores text. Made by `connect`; close it, or use it in a `with`.

    `ask` and `score` keep order, give one answer per request, and put every paid answer on disk
    before it counts: asking again costs nothing. May be used from several threads of the process
    that made it; a model in this process is then asked by one thread after the other.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._dispatcher = Dispatcher(desk)
        self._projection = Projection(desk.price, desk.share) if desk.price is not None else None
        self._process = os.getpid()
        self._is_closed = False
        self._crews: set[Crew[Any]] = set()
        self._batches: set[asyncio.Task[Any] | None] = set()
        """Those that wait for a batch; touched in the loop alone."""
        self._lock = threading.Lock()
        """Around the set of crews and what follows from it."""
        self._engine = threading.Lock()
        """Around a model in this process, and the look into the journal before it is asked."""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop what is under way, close connections and files; what was answered is on disk.

        Does nothing a second time, and in a forked child.
        """
        with self._lock:
            if self._is_closed or self._process != os.getpid():
                return
            self._is_closed = True
            crews = list(self._crews)
        provider = self.desk.provider
        try:
            if isinstance(provider, Local):
                with self._engine:
                    provider.close()
            elif is_running():  # else the loop ended before us, and its connections with it
                run(self._wind_up(crews))
        finally:
            with suppress(ValueError):
                self.desk.ledger.listeners.remove(self._dispatcher.limits.wake)
            self.desk.close()

    async def _wind_up(self, crews: list[Crew[Any]]) -> None:
        for crew in crews:
            await crew.dismiss()
        batches = [task for task in self._batches if task is not None]
        for task in batches:
            task.cancel()
        await asyncio.gather(*batches, return_exceptions=True)
        if isinstance(self.desk.provider, Remote):
            await self.desk.provider.close()

    def _wait_for(self, batch: Callable[[], Awaitable[dict[str, Reply]]]) -> dict[str, Reply]:
        """Run a batch that ends when this client is closed."""

        async def registered() -> dict[str, Reply]:
            self._check()
            task = asyncio.current_task()
            self._batches.add(task)
            try:
                return await batch()
            finally:
                self._batches.discard(task)

        try:
            return run(registered())
        except asyncio.CancelledError:
            self._check()
            raise

    def _check(self) -> None:
        """Refuse before anything is sent that could not be kept."""
        if self._process != os.getpid():
            raise ConfigError(
                f"{self.desk.who}: this client was made by another process, before a fork",
                hint="connect in each process: they share the journal",
            )
        if self._is_closed:
            raise ConfigError(
                f"{self.desk.who}: this client is closed",
                hint="read all replies of a stream before its client is closed",
            )

    def ask(self, requests: Iterable[Request], *, stage: str = "ask") -> list[Reply]:
        """One reply for each request, in order; a failure is a value on its reply.

        Args:
            requests: read as they are needed, but a sequence is checked whole before anything is
                sent; all replies are held.
            stage: what the answers are for, in progress and in the ledger.

        Raises:
            ConfigError: a request asks for what this client cannot do.
            ClientError: the key was refused or the provider is down; what was answered is kept.
            BatchPending: a batch is not done; the same call picks it up. Without `batch`: a
                request is part of one.
            OSError: an answer could not be put on disk.
        """
        return list(self.stream(requests, stage=stage))

    def stream(self, requests: Iterable[Request], *, stage: str = "ask") -> Iterator[Reply]:
        """The same, one by one, with a bounded number of requests and replies in memory.

        A batch API sees all requests at once: they are then held.
        """
        self._check()
        _refuse_one(requests)
        desk, provider = self.desk, self.desk.provider

        def errands() -> Iterator[Asking]:
            made = (Asking(request, stage, desk) for request in requests)
            return made if desk.settings.batch else not_in_a_batch(made, desk)

        meter = self._meter(requests, stage)
        if desk.settings.batch:
            return self._metered(ask_by_batch(desk, list(errands()), stage, self._wait_for), meter)
        right = _looked_through(requests, errands)
        if isinstance(provider, Local):
            return self._metered(self._in_process(right, _ask_all(provider)), meter)
        return self._metered(self._remote(right, meter), meter)

    def score(self, requests: Iterable[ScoreRequest], *, stage: str = "score") -> list[Score]:
        """One score for each request, in order; a failure is a value on its score.

        Raises:
            ConfigError: this client gives no scores.
            ClientError: the key was refused or the server is down; what was answered is kept.
            OSError: a score could not be put on disk.
        """
        self._check()
        _refuse_one(requests)
        desk, provider = self.desk, self.desk.provider

        def errands() -> Iterator[Scoring]:
            return (Scoring(request, stage, desk) for request in requests)

        right = _looked_through(requests, errands)
        meter = self._meter(requests, stage)
        if isinstance(provider, Local):
            scores = self._in_process(right, _score_all(provider))
        else:
            scores = self._remote(right, meter)
        return list(self._metered(scores, meter))

    def forecast(self, requests: Iterable[Request]) -> Forecast:
        """What asking these would cost now; those in the journal or in a batch cost nothing more.

        Reads the requests twice and holds none but the about 20 whose tokens the provider's free
        counter counts; an iterator, which can be read only once, is held as a list.

        Raises:
            ConfigError: a request asks for what this client cannot do.
            ClientError: the key was refused.
        """
        self._check()
        _refuse_one(requests)
        submitted = open_jobs(self.desk)
        return forecast(self.desk, requests, submitted=submitted, count=self._counts)

    def _counts(self, requests: Sequence[Request]) -> list[int | None]:
        return run(counted(requests, self._count))

    async def _count(self, request: Request) -> int | None:
        if not isinstance(self.desk.provider, Remote):
            return None
        try:
            return await self.desk.provider.count(request)
        except Fault as fault:
            if fault.kind == "refused":
                self._dispatcher.limits.failed(fault)
                raise self._refused() from None
            raise

    def settle(self, answers: Iterable[Reply | Score]) -> None:
        """Say at the end of a verb that not everything was asked.

        Raises:
            BudgetReached: some answers are missing for want of money; the others are valid.
        """
        missing = sum(a.failure is not None and a.failure.kind == "budget" for a in answers)
        if missing:
            raise BudgetReached(
                f"{self.desk.who}: the budget of ${self.desk.ledger.budget_usd:,.2f} is reached "
                f"(${self.desk.ledger.spent_usd:,.4f} spent), {missing:,} requests were not asked",
                hint="run the same command with a higher --budget; answers that were paid are kept",
            )

    def _meter(self, requests: Iterable[Any], stage: str) -> Meter:
        total = len(requests) if isinstance(requests, Sized) else None
        return Meter(stage, total, self._standing)

    def _standing(self, left: int | None) -> Standing:
        """Where the client stands; `left` requests are still to come (null = not known)."""
        projected = None
        if self._projection is not None and left is not None:
            ahead = self._projection.usd(left)
            if ahead is not None:
                spent = self.desk.ledger.spent_usd
                projected = (spent + ahead[0], spent + ahead[2])
        limits = self._dispatcher.limits
        return Standing(
            in_flight=limits.gate.in_flight,
            limit=limits.gate.limit,
            waited_s=limits.gate.waited_s,
            retried=limits.retried,
            spent_usd=None if self.desk.provider.is_free else self.desk.ledger.spent_usd,
            budget_usd=self.desk.ledger.budget_usd,
            projected_usd=projected,
        )

    def _metered(self, answers: Iterator[AnswerT], meter: Meter) -> Iterator[AnswerT]:
        for answer in answers:
            meter.note(answer)
            if self._projection is not None and not answer.cached and answer.failure is None:
                self._projection.note(answer.usage)
            meter.tick()
            yield answer

    def _remote(self, errands: Iterable[Errand[AnswerT]], meter: Meter) -> Iterator[AnswerT]:
        most = max(256, _AHEAD * self.desk.settings.concurrency)
        crew: Crew[AnswerT] = self._crew()

        def tick() -> None:
            self._check()
            meter.tick()

        window: Window[Errand[AnswerT], AnswerT] = Window(_known, crew.take, tick, most)
        try:
            for answer in window.answers(errands):
                if answer.failure is not None and answer.failure.kind in _HALTED:
                    self._drain(crew)
                    raise self._refused()
                yield answer
                self._check()  # it may have been closed, or the process forked, meanwhile
        except Exception:
            self._drain(crew)
            raise
        finally:
            # Not waited for: the garbage collector may be who ends this, in any thread.
            crew.leave()

    def _crew(self) -> Crew[Any]:
        self._check()
        crew: Crew[Any] = Crew(self._dispatcher, self.desk.settings.concurrency)
        with self._lock:
            self._crews = {one for one in self._crews if not (one.is_ending and one.is_idle)}
            if all(one.is_idle for one in self._crews):
                self._dispatcher.renew()
            self._crews.add(crew)
        return crew

    def _drain(self, crew: Crew[Any]) -> None:
        """What is in flight is paid for: it is waited for and kept before a failure is told."""
        if not self._is_closed and self._process == os.getpid() and is_running():
            run(crew.drain())

    def _refused(self) -> ClientError:
        error = self._dispatcher.halted or ClientError(f"{self.desk.who}: the provider refused")
        kept = f"{len(self.desk.journal):,} answers of this client are kept"
        return ClientError(f"{error}; {kept}", hint=error.hint)

    def _in_process(
        self,
        errands: Iterable[Errand[AnswerT]],
        answer_all: Callable[[list[Any]], list[AnswerT]],
    ) -> Iterator[AnswerT]:
        """Chunk by chunk: the engine batches by itself, and a kill costs one chunk at most."""
        assert isinstance(self.desk.provider, Local)  # noqa: S101, RUF100
        source = iter(errands)
        while chunk := list(itertools.islice(source, self.desk.provider.at_once)):
            with self._engine:
                self._check()
                known = {errand.key: errand.known() for errand in chunk}
                asked = {errand.key: errand for errand in chunk if known[errand.key] is None}
                fresh = self._answered(asked, answer_all) if asked else {}
            for errand in chunk:
                got = known[errand.key]
                if got is None:
                    got = fresh[errand.key]
                    known[errand.key] = for_an_equal(got)  # for its equals in this chunk
                yield got

    def _answered(
        self,
        asked: dict[str, Errand[AnswerT]],
        answer_all: Callable[[list[Any]], list[AnswerT]],
    ) -> dict[str, AnswerT]:
        """Ask the engine, and keep what it answers."""
        fresh: dict[str, AnswerT] = {}
        answers = answer_all([errand.request for errand in asked.values()])
        for errand, answer in zip(asked.values(), answers, strict=True):
            found = judged(errand.judge, answer)[0] if answer.failure is None else answer
            fresh[errand.key] = replace(found, key=errand.key, cost_usd=0.0, attempts=1)
        self.desk.journal.put_all(
            (key, written(answer), asked[key].facts)
            for key, answer in fresh.items()
            if answer.failure is None or answer.failure.kind in PAID_FAILURES
        )
        return fresh


def _refuse_one(requests: object) -> None:
    if isinstance(requests, Request | ScoreRequest):
        raise ConfigError("one request was given instead of several", hint="put it into a list")


def _looked_through(
    requests: Iterable[Any], errands: Callable[[], Iterator[ErrandT]]
) -> Iterator[ErrandT]:
    """The errands of requests; what is wrong in a sequence is refused here, before any is sent."""
    if not isinstance(requests, Sequence):
        return errands()
    if len(requests) <= _HELD:
        return iter(list(errands()))
    deque(errands(), maxlen=0)
    return errands()


def _known(errand: Errand[AnswerT]) -> AnswerT | None:
    return errand.known()


def _ask_all(provider: Local) -> Callable[[list[Request]], list[Reply]]:
    return provider.ask_all


def _score_all(provider: Local) -> Callable[[list[ScoreRequest]], list[Score]]:
    return provider.score_all
