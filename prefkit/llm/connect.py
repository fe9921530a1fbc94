"""From the name of a client to the client: `connect("openai:MODEL")`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from prefkit.errors import ConfigError
from prefkit.llm.client import Client
from prefkit.llm.desk import Till, open_desk
from prefkit.llm.money.ledger import Ledger
from prefkit.llm.money.prices import Price, price_of
from prefkit.llm.provider import Batches
from prefkit.llm.settings import Settings
from prefkit.registry import load, names, nearest

__all__ = ["connect", "default_cache", "split"]


def connect(
    spec: str,
    settings: Settings | None = None,
    *,
    cache: str | Path | None = None,
    budget: float | Ledger | None = None,
    prices: Mapping[str, Price] | None = None,
) -> Client:
    """A client by its name.

    Args:
        spec: `openai:MODEL`, `openai-responses:MODEL`, `anthropic:MODEL`, `vllm:PATH` and
            `transformers:PATH` (in this process), `http://HOST#MODEL` (any OpenAI-compatible
            server), `replay:FILE`.
        settings: limits and keys; null = `Settings()`.
        cache: folder of the journals; null = `default_cache()`.
        budget: dollars for this client, or a ledger that several clients share; null = no limit.
        prices: own prices by model or `client:model`, before the packaged ones.

    Raises:
        ConfigError: no such client; a key that is missing or may not go to that host; a budget
            for a model without a price.
        MissingExtra: the client's packages are not installed.
    """
    settings = settings or Settings()
    name, rest = split(spec)
    provider = load("client", name)(rest, settings)
    ledger = budget if isinstance(budget, Ledger) else Ledger(budget)
    price = None if provider.is_free else price_of(provider.name, provider.model, prices or {})
    if price is None and not provider.is_free and ledger.budget_usd is not None:
        raise ConfigError(
            f"{spec}: no price is known, so no budget can be kept",
            hint="give its price by --prices FILE, or leave --budget out",
        )
    if settings.batch and not isinstance(provider, Batches):
        raise ConfigError(f"{spec} has no batch API", hint="leave --batch out")
    folder = Path(cache) if cache is not None else default_cache()
    return Client(open_desk(spec, provider, settings, folder, Till(ledger, price)))


def split(spec: str) -> tuple[str, str]:
    """The client's registered name and what it is made from.

    Raises:
        ConfigError: the spec has no known form.
    """
    if spec.startswith(("http://", "https://")):
        return "server", spec
    name, colon, rest = spec.partition(":")
    known = [one for one in names("client") if one != "server"]
    if not colon or not rest or name not in known:
        forms = ", ".join(f"{one}:..." for one in known)
        raise ConfigError(
            f"{spec!r} names no client{nearest(name, known)}; clients are {forms}, "
            "http://HOST#MODEL",
            hint="prefkit catalog clients",
        )
    return name, rest


def default_cache() -> Path:
    """Where journals lie: $PREFKIT_CACHE, or prefkit/replies in the user's cache folder."""
    own = os.environ.get("PREFKIT_CACHE")
    if own:
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "prefkit" / "replies"
