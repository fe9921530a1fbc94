"""A client: asks and scores in order, from the journal where it can, within limits and budget."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import replace
from typing import Any, TypeVar

from prefkit.errors import BatchPending, BudgetReached, ClientError, ConfigError
from prefkit.llm.codec import written
from prefkit.llm.course import PAID_FAILURES
from prefkit.llm.crew import Crew
from prefkit.llm.desk import Desk
from prefkit.llm.dispatch import Dispatcher
from prefkit.llm.errands import Asking, Errand, Scoring, kept_reply
from prefkit.llm.loop import run
from prefkit.llm.meter import Meter, Standing
from prefkit.llm.money.estimate import Estimate, Projection, estimate
from prefkit.llm.ordered import Window
from prefkit.llm.provider import Batches, Fault, Local, Remote
from prefkit.llm.records import Reply, Request, Score, ScoreRequest

__all__ = ["Client"]

AnswerT = TypeVar("AnswerT", Reply, Score)

_HALTED = ("refused", "down")
_AHEAD = 16  # requests held per one that may be in flight


class Client:
    """Who answers prompts and scores text. Made by `connect`; close it, or use it in a `with`.

    `ask` and `score` keep order, give one answer per request, and put every paid answer on disk
    before it counts: asking again costs nothing. May be used from several threads.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._dispatcher = Dispatcher(desk)
        self._projection = Projection(desk.price, desk.share) if desk.price is not None else None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and files; what was answered is on disk already."""
        provider = self.desk.provider
        if isinstance(provider, Remote):
            run(provider.close())
        elif isinstance(provider, Local):
            provider.close()
        self.desk.close()

    def ask(self, requests: Iterable[Request], *, stage: str = "ask") -> list[Reply]:
        """One reply for each request, in order; a failure is a value on its reply.

        Args:
            requests: read as they are needed; all replies are held.
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
        errands = (Asking(request, stage, self.desk) for request in requests)
        meter = self._meter(requests, stage)
        if self.desk.settings.batch:
            return self._metered(self._by_batch(list(errands), stage), meter)
        if isinstance(self.desk.provider, Local):
            return self._metered(self._in_process(errands, _ask_all(self.desk.provider)), meter)
        free = _not_in_a_batch(errands, self.desk)
        return self._metered(self._remote(free, meter), meter)

    def score(self, requests: Iterable[ScoreRequest], *, stage: str = "score") -> list[Score]:
        """One score for each request, in order; a failure is a value on its score.

        Raises:
            ConfigError: this client gives no scores.
            ClientError: the key was refused or the server is down; what was answered is kept.
            OSError: a score could not be put on disk.
        """
        errands = (Scoring(request, stage, self.desk) for request in requests)
        meter = self._meter(requests, stage)
        if isinstance(self.desk.provider, Local):
            return list(
                self._metered(self._in_process(errands, _score_all(self.desk.provider)), meter)
            )
        return list(self._metered(self._remote(errands, meter), meter))

    def estimate(self, requests: Sequence[Request]) -> Estimate:
        """What asking these would cost now: those in the journal cost nothing.

        Counts the tokens of about 20 of them by the provider's free counter.

        Raises:
            ConfigError: a request asks for what this client cannot do.
            ClientError: the key was refused.
        """
        errands = [Asking(request, "estimate", self.desk) for request in requests]
        unknown = {errand.key: errand.request for errand in errands if errand.known() is None}
        return run(
            estimate(
                list(unknown.values()),
                count=self._count,
                price=self.desk.price,
                share=self.desk.share,
            )
        )

    async def _count(self, request: Request) -> int | None:
        if not isinstance(self.desk.provider, Remote):
            return None
        try:
            return await self.desk.provider.count(request)
        except Fault as fault:
            if fault.kind == "refused":
                self._dispatcher.limits.breaker.failed(fault)
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
        crew: Crew[AnswerT] = Crew(self._dispatcher, self.desk.settings.concurrency)
        most = max(256, _AHEAD * self.desk.settings.concurrency)
        window: Window[Errand[AnswerT], AnswerT] = Window(_known, crew.take, meter.tick, most)
        try:
            for answer in window.answers(errands):
                if answer.failure is not None and answer.failure.kind in _HALTED:
                    raise self._halted(window)
                yield answer
        finally:
            run(crew.dismiss())

    def _halted(self, window: Window[Any, AnswerT]) -> ClientError:
        """What is in flight is paid for: it is waited for and kept before the failure is told."""
        for _ in window.rest():
            pass
        return self._refused()

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
            known = {errand.key: errand.known() for errand in chunk}
            asked = {errand.key: errand for errand in chunk if known[errand.key] is None}
            fresh: dict[str, AnswerT] = {}
            if asked:
                answers = answer_all([errand.request for errand in asked.values()])
                for errand, answer in zip(asked.values(), answers, strict=True):
                    fresh[errand.key] = replace(
                        errand.judge(answer) if answer.failure is None else answer,
                        key=errand.key,
                        cost_usd=0.0,
                        attempts=1,
                    )
            self.desk.journal.put_all(
                (key, written(answer), asked[key].facts)
                for key, answer in fresh.items()
                if answer.failure is None or answer.failure.kind in PAID_FAILURES
            )
            for errand in chunk:
                got = known[errand.key]
                yield got if got is not None else fresh[errand.key]

    def _by_batch(self, errands: list[Asking], stage: str) -> Iterator[Reply]:
        from prefkit.llm.batches.batch import ask_in_batches
        from prefkit.llm.batches.jobs import Jobs

        desk = self.desk
        if not isinstance(desk.provider, Batches):
            raise ConfigError(f"{desk.who} has no batch API", hint="leave --batch out")
        before = {errand.key: errand.known() for errand in errands}
        asked = {errand.key: errand for errand in errands}

        async def put(key: str, _: Request, reply: Reply) -> None:
            await desk.journal.put(key, written(reply), asked[key].facts)

        def known(key: str) -> Reply | None:
            desk.journal.refresh()
            return kept_reply(desk, key)

        fresh = run(
            ask_in_batches(
                [(key, errand.request) for key, errand in asked.items()],
                provider=desk.provider,
                jobs=Jobs(desk.folder, desk.name),
                ledger=desk.ledger,
                price=desk.price,
                put=put,
                settings=desk.settings,
                stage=stage,
                known=known,
                who=desk.who,
            )
        )
        for errand in errands:
            got = before[errand.key]
            yield got if got is not None else fresh[errand.key]


def _known(errand: Errand[AnswerT]) -> AnswerT | None:
    return errand.known()


def _ask_all(provider: Local) -> Callable[[list[Request]], list[Reply]]:
    return provider.ask_all


def _score_all(provider: Local) -> Callable[[list[ScoreRequest]], list[Score]]:
    return provider.score_all


def _not_in_a_batch(errands: Iterable[Asking], desk: Desk) -> Iterator[Asking]:
    """Refuse to ask online, and pay again, what a batch of this client is being paid for.

    Raises:
        BatchPending: a request is part of a job that was submitted and not collected.
    """
    submitted = _open_jobs(desk)
    for errand in errands:
        job = submitted.get(errand.key)
        if job is not None and errand.known() is None:
            raise BatchPending(
                f"{desk.who}: the batch {job} is being paid for these requests",
                hint="add --batch to collect it",
            )
        yield errand


def _open_jobs(desk: Desk) -> dict[str, str]:
    """Key to job, of all requests in jobs that were not collected."""
    if not isinstance(desk.provider, Batches):
        return {}
    from prefkit.llm.batches.jobs import Jobs

    jobs = Jobs(desk.folder, desk.name)
    if not jobs.path.exists():
        return {}
    jobs.load()
    return {key: job.id or job.label for job in jobs.open.values() for key in job.keys}
