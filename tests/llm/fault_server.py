"""A real HTTP server that is OpenAI, Anthropic and vLLM, and goes wrong as they do.

In a test: `with FaultServer([Rule(fault="429", share=0.1, each=1)]) as server:` and ask
`server.openai_url` or `server.anthropic_url`. Afterwards `server.record` holds all it saw. As a
process: `python fault_server.py --port 0 --rules '[{"fault": "500", "share": 0.01}]'` prints its
port; `GET /control/record` gives what it saw, `POST /control/set` changes latency, down, rules.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from aiohttp import web

sys.path.insert(0, str(Path(__file__).parent))

import fault_anthropic
import fault_openai
import fault_routes
from fault_answers import digest_of
from fault_batches import AnthropicBatches, BatchPlan, OpenAIBatches
from fault_routes import Asked
from fault_script import Rule, Script, Seen
from fault_wire import INSTEAD, MODEL, SPOILED, Answer, retry_after, whole

__all__ = ["BatchPlan", "FaultServer", "Rule", "Seen"]

ASKED = {"/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/completions"}
"""Paths that a provider bills."""


class FaultServer:
    """The server in a thread of its own. All attributes may be changed while it runs."""

    def __init__(
        self,
        rules: Sequence[Rule] = (),
        *,
        seed: int = 0,
        latency: float | tuple[float, float] = 0.0,
        key: str | None = None,
        strict: bool = True,
        port: int = 0,
    ) -> None:
        self.script = Script(rules, seed)
        self.latency = latency
        """Seconds of work for an answer, or between two values by the request."""
        self.key = key
        """The only key that is let in; null = any."""
        self.strict = strict
        """Refuse fields that the hosted provider does not know; a vLLM server takes them."""
        self.port = port
        self.admits: int | None = None
        """More than so many at once are throttled."""
        self.per_minute: float | None = None
        self.minute_s = 60.0
        """How long a minute of the rate limit is."""
        self.down = False
        """Connections are reset before any byte."""
        self.batch = BatchPlan()
        self.record: list[Seen] = []
        self.crashes: list[Exception] = []
        self.most_in_flight = 0
        self.warm: set[str] = set()
        self.openai_batches = OpenAIBatches(self)
        self.anthropic_batches = AnthropicBatches(self)
        self._in_flight = 0
        self._arrivals: deque[float] = deque()
        self._nth: Counter[str] = Counter()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closing: asyncio.Event | None = None

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai_url(self) -> str:
        """As the `openai` package wants its base address."""
        return f"{self.host}/v1"

    @property
    def anthropic_url(self) -> str:
        """As the `anthropic` package wants its base address."""
        return self.host

    # What tests ask afterwards.

    def asks(self, text: str = "") -> list[Seen]:
        """Requests for answers whose body holds a text."""
        wanted = text.encode()
        return [seen for seen in list(self.record) if seen.path in ASKED and wanted in seen.raw]

    def answered(self) -> Counter[str]:
        """By request: how often a whole right answer was sent."""
        return Counter(seen.digest for seen in self.asks() if seen.outcome == "answered")

    def worked(self) -> Counter[str]:
        """By request: how often the provider did the work, arrived or not."""
        return Counter(seen.digest for seen in self.asks() if seen.worked)

    def outcomes(self) -> Counter[str]:
        return Counter(seen.outcome for seen in self.asks())

    def dollars(self, input_price: float, output_price: float, batch_share: float = 0.5) -> float:
        """What a provider would bill at prices per million tokens."""
        live = [(seen.input, seen.output) for seen in self.asks() if seen.worked]
        jobs = [*self.openai_batches.jobs.values(), *self.anthropic_batches.jobs.values()]
        batched = [pair for job in jobs for pair in job.billed]
        return sum(i * input_price + o * output_price for i, o in live) / 1e6 + sum(
            i * input_price + o * output_price for i, o in batched
        ) * (batch_share / 1e6)

    # Life.

    def __enter__(self) -> Self:
        ready = threading.Event()
        failed: list[BaseException] = []
        self._thread = threading.Thread(target=self._main, args=(ready, failed), daemon=True)
        self._thread.start()
        ready.wait(10)
        if failed:
            raise failed[0]
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._closing is not None:
            self._loop.call_soon_threadsafe(self._closing.set)
        if self._thread is not None:
            self._thread.join(10)
        if self.crashes:
            raise self.crashes[0]

    def _main(self, ready: threading.Event, failed: list[BaseException]) -> None:
        try:
            asyncio.run(self.serve(ready))
        except OSError as error:
            failed.append(error)
            ready.set()

    async def serve(self, ready: threading.Event) -> None:
        """Serve until closed; `port` is the real one once `ready` is set."""
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, backlog=1024, reuse_address=True)
        await site.start()
        self.port = runner.addresses[0][1]
        ready.set()
        try:
            await self._closing.wait()
        finally:
            await runner.cleanup()

    # One request.

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        file = ""
        if request.content_type == "multipart/form-data":
            field = (await request.post())["file"]
            file, raw = field.filename, field.file.read()
        else:
            raw = await request.read()
        if request.path.startswith("/control/"):
            return self._control(request.path, raw)
        seen = self._note(request, raw, file)
        self._in_flight += 1
        seen.beside = self._in_flight
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            sent = await self._treat(request, seen)
        except ConnectionError:
            sent, seen.outcome = None, "gone" if seen.outcome == "answered" else seen.outcome
        except Exception as error:
            self.crashes.append(error)  # a fault of the server itself fails the test at its end
            raise
        finally:
            self._in_flight -= 1
            seen.done_at = time.monotonic()
        return sent or web.Response()

    def _note(self, request: web.Request, raw: bytes, file: str) -> Seen:
        is_json = request.content_type == "application/json" and raw
        try:
            body = json.loads(raw) if is_json else None
        except ValueError:
            body = None
        shown = json.dumps(body, sort_keys=True) if body is not None else raw.decode("latin-1")
        digest = digest_of(f"{request.method} {request.path_qs} {shown}")[:16]
        headers = {name.lower(): value for name, value in request.headers.items()}
        seen = Seen(
            order=len(self.record),
            at=time.monotonic(),
            method=request.method,
            path=request.path,
            headers=headers,
            raw=raw,
            body=body,
            digest=digest,
            nth=self._nth[digest],
            file=file,
        )
        self._nth[digest] += 1
        self.record.append(seen)
        return seen

    def _side(self, path: str) -> Any:
        return fault_anthropic if path.startswith("/v1/messages") else fault_openai

    async def _treat(self, request: web.Request, seen: Seen) -> web.StreamResponse | None:
        if self.down:
            seen.outcome = "down"
            return await INSTEAD["cut"](request, Answer(200, b"", {}), "")
        refusal = self._refusal(seen)
        if refusal is not None:
            return await whole(request, refusal)
        rule = self.script.pick(seen.path, seen.raw, seen.digest, seen.nth)
        fault = rule.fault if rule else ""
        value = rule.value if rule else ""
        early = self._early(fault, value, seen)
        if early is not None:
            seen.outcome = fault
            return await whole(request, early)
        if fault in INSTEAD:
            seen.outcome = fault
            return await INSTEAD[fault](request, Answer(200, b"{}", {}), value)
        await asyncio.sleep(float(value) if fault == "slow" else self._work_s(seen.digest))
        asked = Asked(seen, request.query, seen.file, fault if fault in MODEL else "")
        answer = fault_routes.answer(self, asked)
        answer = answer._replace(headers=self._headers(seen.path) | answer.headers)
        self._bill(seen, answer)
        if fault in SPOILED and answer.status == 200:
            seen.outcome = fault
            return await SPOILED[fault](request, answer, value)
        outcome = fault if fault in MODEL else "answered"
        # said before it is sent: who has the answer may look at once
        seen.outcome = outcome if answer.status == 200 else "refused"
        sent = await whole(request, answer)
        seen.outcome = seen.outcome if sent else "gone"
        return sent

    def _work_s(self, digest: str) -> float:
        if isinstance(self.latency, tuple):
            low, high = self.latency
            return low + (high - low) * int(digest[:6], 16) / 0x1000000
        return self.latency

    def _headers(self, path: str) -> dict[str, str]:
        left = int((self.per_minute or 10_000) - len(self._arrivals))
        limit = int(self.per_minute) if self.per_minute else None
        return dict(self._side(path).rate_headers(limit, max(left, 0), 0.05))

    def _early(self, fault: str, value: str, seen: Seen) -> Answer | None:
        """An error of the provider in the model's place."""
        error = self._side(seen.path).error
        if fault == "echo":
            shown = json.dumps(seen.headers)
            answer = error(int(value or 400), f"Bad request with headers {shown}")
            return answer._replace(headers=self._headers(seen.path) | {"x-echo": _key(seen)})
        if fault == "insufficient_quota":
            return error(429, code=fault)._replace(headers=self._headers(seen.path))
        if not fault.isdigit():
            return None
        answer = error(int(fault), key=_key(seen))
        return answer._replace(headers=self._headers(seen.path) | retry_after(value))

    def _refusal(self, seen: Seen) -> Answer | None:
        """401 for a wrong key, 429 above the limits."""
        error, headers = self._side(seen.path).error, self._headers(seen.path)
        if self.key is not None and _key(seen) != self.key:
            seen.outcome = "401"
            return error(401, key=_key(seen))._replace(headers=headers)
        if seen.path.startswith("/v1/messages") and "anthropic-version" not in seen.headers:
            seen.outcome = "refused"
            return error(400, "anthropic-version: header is required")
        if seen.path not in ASKED:
            return None
        if self.admits is not None and self._in_flight > self.admits:
            seen.outcome = "throttled"
            return error(429)._replace(headers=headers)
        if self.per_minute is None:
            return None
        now = time.monotonic()
        while self._arrivals and self._arrivals[0] <= now - self.minute_s:
            self._arrivals.popleft()
        if len(self._arrivals) >= self.per_minute:
            wait = self._arrivals[0] + self.minute_s - now
            seen.outcome = "throttled"
            return error(429)._replace(headers=headers | {"Retry-After": f"{wait:.3f}"})
        self._arrivals.append(now)
        return None

    def _bill(self, seen: Seen, answer: Answer) -> None:
        if seen.path not in ASKED or answer.status != 200:
            return
        used = json.loads(answer.body)["usage"]
        seen.worked = True
        seen.input = used.get("prompt_tokens", used.get("input_tokens", 0))
        seen.input += used.get("cache_creation_input_tokens", 0)
        seen.input += used.get("cache_read_input_tokens", 0)
        seen.output = used.get("completion_tokens", used.get("output_tokens", 0))

    def line_fault(self, line: dict[str, Any]) -> str:
        """The fault of one line of a batch; empty if there is none."""
        raw = json.dumps(line["body"], sort_keys=True)
        digest = digest_of(raw)[:16]
        nth = self._nth[f"line {digest}"]
        self._nth[f"line {digest}"] += 1
        rule = self.script.pick("line", raw.encode(), digest, nth)
        return rule.fault if rule else ""

    # Control of a server that is a process.

    def _control(self, path: str, raw: bytes) -> web.Response:
        if path == "/control/set":
            for name, value in json.loads(raw).items():
                if name == "rules":
                    self.script = Script([Rule(**rule) for rule in value], self.script.seed)
                else:
                    setattr(self, name, tuple(value) if isinstance(value, list) else value)
            return web.json_response({})
        seen = [asdict(s) | {"raw": s.raw.decode("latin-1")} for s in self.record]
        summary = {
            "asks": len(self.asks()),
            "outcomes": self.outcomes(),
            "answered": self.answered(),
            "worked": self.worked(),
            "most_in_flight": self.most_in_flight,
        }
        return web.json_response(
            summary if path == "/control/summary" else summary | {"seen": seen}
        )


def _key(seen: Seen) -> str:
    """The key that came, by either provider's header."""
    return seen.headers.get("x-api-key") or seen.headers.get("authorization", "")[7:]


async def _forever(server: FaultServer) -> None:
    ready = threading.Event()
    task = asyncio.create_task(server.serve(ready))
    while not ready.is_set() and not task.done():
        await asyncio.sleep(0.01)
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    await task


def main() -> None:
    """Serve as a process until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rules", default="[]", help="JSON list of rules")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latency", type=float, nargs="+", default=[0.0], help="seconds, or two")
    parser.add_argument("--any-field", action="store_true", help="take fields only vLLM knows")
    options = parser.parse_args()
    rules = [Rule(**rule) for rule in json.loads(options.rules)]
    latency = tuple(options.latency) if len(options.latency) == 2 else options.latency[0]
    strict = not options.any_field
    server = FaultServer(rules, seed=options.seed, latency=latency, strict=strict)
    server.port = options.port
    asyncio.run(_forever(server))


if __name__ == "__main__":
    main()
