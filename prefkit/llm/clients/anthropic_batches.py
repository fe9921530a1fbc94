"""Anthropic's message batches: all requests in one body, results as lines once all are done.

Limits and shapes are those of the API reference: 100,000 requests or 256 MB, 24 hours, results kept
for 29 days. A batch carries nothing of ours but the ids of its requests, and those can be read only
when it has ended.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import IO, Any, ClassVar
from urllib.parse import quote

from prefkit.llm.clients.hosted_batches import SKEW_S, HostedBatches, is_older, uncertain
from prefkit.llm.clients.wire import encoded, fault_within, malformed
from prefkit.llm.provider import BatchState, Fault
from prefkit.llm.records import Reply, Request

__all__ = ["AnthropicBatches"]

_PAGE = 1000  # batches; the most that one page of the list may hold
_COUNTS = ("processing", "succeeded", "errored", "canceled", "expired")
_PATH = "/v1/messages/batches"


class AnthropicBatches(HostedBatches):
    """Batches of messages."""

    batch_requests: ClassVar[int] = 100_000
    batch_bytes: ClassVar[int] = 250_000_000  # of 256 MB; the rest is for what holds the requests

    def size(self, key: str, request: Request) -> int:
        """Bytes of the request in the body, its comma included."""
        return len(encoded(self._item(key, request))) + 1

    async def submit(self, items: Sequence[tuple[str, Request]], label: str) -> str:
        """Start a batch; see `Batches.submit`. The label has no place in it."""
        headers: dict[str, str] = {}
        for _, request in items:
            headers |= self._extra_headers(request)
        with tempfile.TemporaryFile() as file:
            await asyncio.to_thread(self._write, file, items)
            try:
                return _id(await self._sent(_PATH, file, headers))
            except Fault as error:
                fault = uncertain(error)
        raise fault

    async def find(
        self, label: str, keys: Collection[str], since: float, *, known: Collection[str] = ()
    ) -> tuple[str, bool] | None:
        """A batch with as many requests, and these ones if it has ended; see `Batches.find`."""
        query: dict[str, Any] = {"limit": _PAGE}
        looks_like_it: str | None = None
        while True:
            page = await self._seen(_PATH, query)
            batches = [one for one in page.get("data") or () if isinstance(one, dict)]
            for batch in batches:
                name = _id(batch)
                alike = _total(batch) == len(keys) and _time(batch) >= since - SKEW_S
                if name in known or not alike:
                    continue
                if batch.get("processing_status") != "ended":
                    looks_like_it = looks_like_it or name
                elif await self._answers(name, keys):
                    return name, True
            times = [_time(batch) for batch in batches]
            if not page.get("has_more") or not batches or is_older(times, since):
                return None if looks_like_it is None else (looks_like_it, False)
            query["after_id"] = _id(batches[-1])

    async def poll(self, job: str) -> BatchState:
        """Where a batch stands; see `Batches.poll`. Counts come only when it has ended."""
        seen = await self._seen(f"{_PATH}/{quote(job, safe='')}")
        counts = _counts(seen)
        failed = counts["errored"] + counts["canceled"] + counts["expired"]
        status = str(seen.get("processing_status"))
        return BatchState(status == "ended", status, counts["succeeded"], failed, _total(seen))

    async def collect(self, job: str) -> AsyncIterator[tuple[str, Reply | Fault]]:
        """Results of an ended batch; see `Batches.collect`."""
        sdk = self._sdk()
        from prefkit.llm.clients.sdk_transport import LONG

        opened = sdk.messages.batches.with_streaming_response.results(
            job, extra_headers={LONG: "1"}
        )
        async for row in self._rows(opened):
            if isinstance(key := row.get("custom_id"), str):
                yield key, self._outcome(row.get("result"))

    async def cancel(self, job: str) -> None:
        """Ask to stop a batch; requests under way are still finished. See `Batches.cancel`."""
        await self._post(f"{_PATH}/{quote(job, safe='')}/cancel", {}, {})

    def _item(self, key: str, request: Request) -> dict[str, Any]:
        return {"custom_id": key, "params": self.body(request)}

    def _write(self, file: IO[bytes], items: Sequence[tuple[str, Request]]) -> None:
        """The body, made on disk: it may be as large as a batch."""
        before = b'{"requests":['
        for key, request in items:
            file.write(before + encoded(self._item(key, request)))
            before = b","
        file.write(b"]}")

    async def _answers(self, job: str, keys: Collection[str]) -> bool:
        """Whether an ended batch is one of these requests; its first result tells."""
        try:
            async with aclosing(self.collect(job)) as results:  # type: ignore[type-var]
                async for key, _ in results:
                    return key in keys
        except Fault as fault:
            if fault.kind != "rejected":
                raise
        return False

    def _outcome(self, result: Any) -> Reply | Fault:
        if not isinstance(result, dict):
            return malformed("a line without a result")
        match result.get("type"):
            case "succeeded":
                return self._read_body(result.get("message"))
            case "errored":
                error = result.get("error")
                inner = error.get("error") if isinstance(error, dict) else None
                return fault_within(inner or error or {}, self._key)
            case "expired":
                return Fault("expired", "expired before it was answered")
            case "canceled":
                return Fault("cancelled", "cancelled before it was answered")
        return malformed("a result of an unknown type")


def _id(batch: dict[str, Any]) -> str:
    found = batch.get("id")
    if not isinstance(found, str) or not found:
        raise malformed("the answer has no id")
    return found


def _counts(batch: dict[str, Any]) -> dict[str, int]:
    counts = batch.get("request_counts") or {}
    return {name: int(counts.get(name) or 0) for name in _COUNTS}


def _total(batch: dict[str, Any]) -> int:
    return sum(_counts(batch).values())


def _time(batch: dict[str, Any]) -> float:
    """When a batch was made, Unix seconds; now if that cannot be read, so that it is looked at."""
    try:
        made = datetime.fromisoformat(str(batch.get("created_at")))
    except ValueError:
        return datetime.now(UTC).timestamp()
    return (made if made.tzinfo else made.replace(tzinfo=UTC)).timestamp()
