"""What one run of a command does with batches: its own journal, jobs, ledger and provider."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from fault_server import FaultServer

from prefkit.llm.batches.batch import ask_in_batches
from prefkit.llm.batches.jobs import Jobs
from prefkit.llm.clients.anthropic import Anthropic
from prefkit.llm.clients.openai_chat import OpenAIChat
from prefkit.llm.clients.openai_responses import OpenAIResponses
from prefkit.llm.codec import digest_of, facts_bytes, key_of, read_reply, written
from prefkit.llm.keeping.claims import Claims
from prefkit.llm.keeping.journal import Journal
from prefkit.llm.money.ledger import Ledger
from prefkit.llm.money.prices import Price
from prefkit.llm.money.tokens import most_input_tokens
from prefkit.llm.records import Reply, Request, messages
from prefkit.llm.settings import Settings

PRICE = Price(input=100.0, output=200.0)
"""Dollars per million tokens."""


class ChatBatches(OpenAIChat):
    batch_settles_s = 0.0


class ResponseBatches(OpenAIResponses):
    batch_settles_s = 0.0


class MessageBatches(Anthropic):
    batch_settles_s = 0.0


CLIENTS: dict[str, type[Any]] = {
    "openai": ChatBatches,
    "openai-responses": ResponseBatches,
    "anthropic": MessageBatches,
}


def request(text: str, **options: Any) -> Request:
    return Request(messages=messages(text), max_tokens=64, **options)


class Run:
    """One run: everything is opened anew, as a new process would."""

    def __init__(
        self,
        folder: Path,
        url: str,
        client: str | type[Any] = "openai",
        *,
        budget: float | None = None,
        **settings: Any,
    ) -> None:
        made = CLIENTS[client] if isinstance(client, str) else client
        quick: dict[str, Any] = {"batch_wait_s": 20.0, "timeout_s": 5.0, "attempts": 3}
        self.settings = Settings(base_url=url, **(quick | settings))
        self.folder = folder
        self.provider = made("m", self.settings)
        self.ledger = Ledger(budget)
        self.put: list[str] = []
        self.jobs: type[Jobs] = Jobs
        self.claims: Claims | None = None
        self._who = digest_of(orjson.dumps(self.provider.identity(), option=orjson.OPT_SORT_KEYS))

    def key(self, asked: Request) -> str:
        return key_of(self._who, facts_bytes(asked))

    def ask(self, requests: Sequence[Request]) -> list[Reply]:
        """Replies in order, each unknown one by batch; those in the journal are not asked."""
        return asyncio.run(self.asked(requests))

    async def asked(self, requests: Sequence[Request]) -> list[Reply]:
        self.journal = Journal(self.folder, "batch")
        try:
            keys = [self.key(one) for one in requests]
            replies = await ask_in_batches(
                list(zip(keys, requests, strict=True)),
                provider=self.provider,
                jobs=self.jobs(self.folder, "batch"),
                ledger=self.ledger,
                price=PRICE,
                put=self.keep,
                settings=self.settings,
                stage="ask",
                known=self.known,
                claims=self.claims,
            )
            return [replies[key] for key in keys]
        finally:
            self.journal.close()
            await self.provider.close()

    async def keep(self, key: str, asked: Request, reply: Reply) -> None:
        await self.journal.put(key, written(reply), facts_bytes(asked))
        self.put.append(key)

    def known(self, key: str) -> Reply | None:
        self.journal.refresh()
        stored = self.journal.get(key)
        return None if stored is None else read_reply(stored, key)


def questions(count: int, start: int = 0) -> list:
    return [request(f"q{number}") for number in range(start, start + count)]


def lines(server: FaultServer) -> list[int]:
    """Requests in each job that the provider accepted."""
    return [len(job.lines) for job in server.openai_batches.jobs.values()]


def posts(server: FaultServer) -> list[str]:
    return [seen.path for seen in server.record if seen.method == "POST"]


async def closing(run: Run, work: object) -> object:
    try:
        return await work  # type: ignore[misc]
    finally:
        await run.provider.close()


MOST = PRICE.most(most_input_tokens(request("q0")), 64, 0.5)
"""Dollars that one of the questions `q0` to `q9` can cost at most in a batch."""
TINY = 1e-9  # the ledger rounds a budget down
