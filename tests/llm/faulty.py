"""Clients of the fault server, and questions whose right answers a test can work out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fault_answers import answer_to
from fault_server import FaultServer

from prefkit.llm.client import Client
from prefkit.llm.connect import connect
from prefkit.llm.money.prices import Price
from prefkit.llm.records import Reply, Request, messages
from prefkit.llm.settings import Settings

KEY_ENV = "PREFKIT_TEST_KEY"
KEY = "sk-test-key-of-the-fault-server-0123456789"
KINDS = ("openai", "openai-responses", "anthropic", "server")
PRICE = Price(input=1.0, output=10.0, source="test", date="2026-01-01")


def settings_for(kind: str, server: FaultServer, **options: Any) -> Settings:
    """Settings that send a client to the fault server."""
    if kind == "server":
        return Settings(key_env=KEY_ENV, **options)
    url = server.anthropic_url if kind == "anthropic" else server.openai_url
    return Settings(base_url=url, key_env=KEY_ENV, **options)


def spec_for(kind: str, server: FaultServer) -> str:
    return f"{server.host}#m" if kind == "server" else f"{kind}:m"


@contextmanager
def client_of(
    kind: str, server: FaultServer, cache: Path, *, budget: float | None = None, **options: Any
) -> Iterator[Client]:
    os.environ.setdefault(KEY_ENV, KEY)
    settings = settings_for(kind, server, **options)
    spec = spec_for(kind, server)
    prices = {"m": PRICE} if budget is not None else {}
    with connect(spec, settings, cache=cache, budget=budget, prices=prices) as client:
        yield client


def questions(count: int, *, first: int = 0, **options: Any) -> list[Request]:
    options.setdefault("max_tokens", 16)
    return [
        Request(messages=messages(text_of(number)), name=f"row {number}", **options)
        for number in range(first, first + count)
    ]


def text_of(number: int) -> str:
    return f"Question {number:05d}?"


def right(requests: Sequence[Request]) -> list[str]:
    return [answer_to(str(request.messages[-1].content)) for request in requests]


def texts(replies: Sequence[Reply]) -> list[str | None]:
    return [reply.text for reply in replies]


def failures(replies: Sequence[Reply]) -> dict[int, str]:
    """Place and kind of every reply that failed."""
    return {at: reply.failure.kind for at, reply in enumerate(replies) if reply.failure}


def plain(replies: Sequence[Reply]) -> list[Reply]:
    """Replies without what differs when they come from the journal."""
    return [replace(reply, cached=False, cost_usd=None) for reply in replies]
