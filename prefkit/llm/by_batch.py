"""What a client has to do with the provider's batches: ask by them, and never beside them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

from prefkit.errors import ConfigError
from prefkit.llm.batches.jobs import Jobs, Watch
from prefkit.llm.codec import written
from prefkit.llm.desk import Desk
from prefkit.llm.dispatch import for_an_equal
from prefkit.llm.errands import Asking, kept_reply
from prefkit.llm.provider import Batches
from prefkit.llm.records import Reply, Request

__all__ = ["ask_by_batch", "not_in_a_batch", "open_jobs"]


def ask_by_batch(
    desk: Desk,
    errands: list[Asking],
    stage: str,
    run: Callable[[Callable[[], Awaitable[dict[str, Reply]]]], dict[str, Reply]],
) -> Iterator[Reply]:
    """The replies of a batch, in order, once all its jobs have ended; `run` waits for them.

    Raises:
        ConfigError: the provider has no batch API.
        BatchPending, ClientError, DataError, OSError: as for `ask_in_batches`.
    """
    from prefkit.llm.batches.batch import ask_in_batches

    provider = desk.provider
    if not isinstance(provider, Batches):
        raise ConfigError(f"{desk.who} has no batch API", hint="leave --batch out")
    before = {errand.key: errand.known() for errand in errands}
    asked = {errand.key: errand for errand in errands}

    async def put(key: str, _: Request, reply: Reply) -> None:
        await desk.journal.put(key, written(reply), asked[key].facts)

    def known(key: str) -> Reply | None:
        desk.journal.refresh()
        return kept_reply(desk, key)

    def asking() -> Awaitable[dict[str, Reply]]:
        return ask_in_batches(
            [(key, errand.request) for key, errand in asked.items()],
            provider=provider,
            jobs=Jobs(desk.folder, desk.name),
            ledger=desk.ledger,
            price=desk.price,
            put=put,
            settings=desk.settings,
            stage=stage,
            known=known,
            who=desk.who,
            claims=desk.claims,
        )

    yield from _in_order(errands, before, run(asking))


def _in_order(
    errands: list[Asking], before: dict[str, Reply | None], fresh: dict[str, Reply]
) -> Iterator[Reply]:
    for errand in errands:
        got = before[errand.key]
        if got is None:
            got = fresh[errand.key]
            # asked and paid once for all its equals
            before[errand.key] = for_an_equal(got)
        yield got


def not_in_a_batch(errands: Iterable[Asking], desk: Desk) -> Iterator[Asking]:
    """Refuse to ask online, and pay again, what a batch of this client is being paid for.

    Raises:
        BatchPending: a request is part of a job that was submitted and not collected.
    """
    if not isinstance(desk.provider, Batches):
        yield from errands
        return
    watch = Watch(desk.folder, desk.name)
    submitted = watch.asked()  # once: what comes later is refused when it is about to be sent
    for errand in errands:
        if errand.key in submitted and errand.known() is None:
            watch.refuse(errand.key, desk.who)
        yield errand


def open_jobs(desk: Desk) -> Mapping[str, str]:
    """Key to job, of all requests in jobs that were not collected."""
    if not isinstance(desk.provider, Batches):
        return {}
    return Watch(desk.folder, desk.name).asked()
