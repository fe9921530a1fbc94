"""OpenAI's batch API: a file of requests in, a job that names it, files of results out.

Limits and shapes are those of the API reference and the batch guide: 50,000 requests and 200 MB a
file, one model and one endpoint in it, 24 hours, metadata of the caller on the job.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Collection, Sequence
from typing import IO, Any, ClassVar
from urllib.parse import quote

import orjson

from prefkit.llm.clients.hosted_batches import HostedBatches, is_older, uncertain
from prefkit.llm.clients.wire import encoded, fault_of, fault_within, malformed, parsed
from prefkit.llm.provider import BatchState, Fault
from prefkit.llm.records import Reply, Request

__all__ = ["OpenAIBatches"]

_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_PAGE = 100  # jobs; the most that one page of the list may hold
_CODES = {"batch_expired": "expired", "batch_cancelled": "cancelled"}
_LATER = ("token_limit_exceeded", "rate_limit")
"""Codes of jobs that fail for the queue's length: they are welcome when it is shorter."""


class OpenAIBatches(HostedBatches):
    """Jobs of chat completions or responses, whichever the subclass asks by."""

    batch_requests: ClassVar[int] = 50_000
    batch_bytes: ClassVar[int] = 200_000_000

    def size(self, key: str, request: Request) -> int:
        """Bytes of the request's line."""
        return len(self._line(key, request))

    async def submit(self, items: Sequence[tuple[str, Request]], label: str) -> str:
        """Upload the requests and start a job on them; see `Batches.submit`."""
        file = await self._uploaded(items, label)
        body = {
            "input_file_id": file,
            "endpoint": f"/v1{self.path}",
            "completion_window": "24h",
            "metadata": {"label": label},
        }
        try:
            return _text(await self._post("/batches", body, {}), "id")
        except Fault as error:
            fault = uncertain(error)
        raise fault

    async def find(
        self, label: str, keys: Collection[str], since: float, *, known: Collection[str] = ()
    ) -> tuple[str, bool] | None:
        """The job with this label, which is certainly ours; see `Batches.find`."""
        query: dict[str, Any] = {"limit": _PAGE}
        while True:
            page = await self._seen("/batches", query)
            jobs = [job for job in page.get("data") or () if isinstance(job, dict)]
            for job in jobs:
                if (job.get("metadata") or {}).get("label") == label:
                    return _text(job, "id"), True
            times = [float(job.get("created_at") or 0) for job in jobs]
            if not page.get("has_more") or not jobs or is_older(times, since):
                return None
            query["after"] = _text(jobs[-1], "id")

    async def poll(self, job: str) -> BatchState:
        """Where a job stands; see `Batches.poll`."""
        seen = await self._seen(f"/batches/{quote(job, safe='')}")
        counts = seen.get("request_counts") or {}
        numbers = [int(counts.get(name) or 0) for name in ("completed", "failed", "total")]
        status = str(seen.get("status"))
        return BatchState(status in _ENDED, status, numbers[0], numbers[1], numbers[2])

    async def collect(self, job: str) -> AsyncIterator[tuple[str, Reply | Fault]]:
        """Results of an ended job, then its errors; see `Batches.collect`.

        Raises:
            Fault: for a job that failed as a whole, why it did.
        """
        seen = await self._seen(f"/batches/{quote(job, safe='')}")
        if seen.get("status") == "failed":
            async for failed in self._failed(seen):
                yield failed
            return
        for name in ("output_file_id", "error_file_id"):
            if seen.get(name):
                async for row in self._file(str(seen[name])):
                    if isinstance(key := row.get("custom_id"), str):
                        yield key, self._outcome(row)

    async def cancel(self, job: str) -> None:
        """Ask to stop a job; requests under way are still finished. See `Batches.cancel`."""
        await self._post(f"/batches/{quote(job, safe='')}/cancel", {}, {})

    async def _uploaded(self, items: Sequence[tuple[str, Request]], label: str) -> str:
        """The id of a file with the requests. A lone file starts nothing, so no fault is in doubt.

        Raises:
            Fault: it was not uploaded.
        """
        with tempfile.TemporaryFile() as file:
            await asyncio.to_thread(self._write, file, items)
            try:
                answer = await self._called(
                    self._sdk().files.with_raw_response.create(
                        file=(f"{label}.jsonl", file, "application/jsonl"), purpose="batch"
                    )
                )
                return _text(parsed(answer.content, self._key), "id")
            except Fault as error:
                fault = error
        fault.maybe_billed = False
        raise fault

    def _line(self, key: str, request: Request) -> bytes:
        body = self.body(request)
        return (
            encoded({"custom_id": key, "method": "POST", "url": f"/v1{self.path}", "body": body})
            + b"\n"
        )

    def _write(self, file: IO[bytes], items: Sequence[tuple[str, Request]]) -> None:
        for key, request in items:
            file.write(self._line(key, request))
        file.seek(0)

    def _file(self, file: str) -> AsyncIterator[dict[str, Any]]:
        sdk = self._sdk()
        from prefkit.llm.clients.sdk_transport import LONG

        return self._rows(
            sdk.files.with_streaming_response.content(file, extra_headers={LONG: "1"})
        )

    def _outcome(self, row: dict[str, Any]) -> Reply | Fault:
        error, response = row.get("error"), row.get("response")
        if isinstance(error, dict):
            fault = fault_within(error, self._key)
            kind = _CODES.get(str(error.get("code")))
            return fault if kind is None else Fault(kind, fault.message)  # type: ignore[arg-type]
        if not isinstance(response, dict):
            return malformed("a result with neither response nor error")
        status = response.get("status_code")
        if status == 200:
            return self._read_body(response.get("body"))
        if not isinstance(status, int):
            return malformed("a result without a status")
        return fault_of(status, {}, orjson.dumps(response.get("body")), self._key)

    async def _failed(self, job: dict[str, Any]) -> AsyncIterator[tuple[str, Fault]]:
        """The requests that a job failed for; nothing of it was run."""
        errors = [one for one in (job.get("errors") or {}).get("data") or () if one]
        wrong = {one["line"]: one for one in errors if isinstance(one.get("line"), int)}
        if not wrong:
            raise self._whole(errors)
        number = 0
        async for row in self._file(_text(job, "input_file_id")):
            number += 1
            if number in wrong and isinstance(row.get("custom_id"), str):
                yield (
                    row["custom_id"],
                    Fault("rejected", fault_within(wrong[number], self._key).message),
                )

    def _whole(self, errors: Sequence[dict[str, Any]]) -> Fault:
        fault = fault_within(errors[0] if errors else {"message": "it failed"}, self._key)
        code = str(errors[0].get("code")) if errors else ""
        if code.startswith(_LATER):
            return Fault("throttled", fault.message)
        return fault if fault.kind == "refused" else Fault("rejected", fault.message)


def _text(value: dict[str, Any], name: str) -> str:
    """A text in an answer.

    Raises:
        Fault: `malformed`: there is none.
    """
    found = value.get(name)
    if not isinstance(found, str) or not found:
        raise malformed(f"the answer has no {name}")
    return found
