"""How a client asks: limits, deadlines, keys; one frozen value, its defaults for a first use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Limits of one client; null = no limit unless said otherwise."""

    concurrency: int = 64
    """Most requests in flight; adapts downwards when the provider throttles."""
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    """Input and expected output tokens together, as providers count them."""
    timeout_s: float = 120.0
    """For one attempt, from sending to the last byte."""
    deadline_s: float = 900.0
    """For one request with all its attempts and waits."""
    attempts: int = 6
    """Most attempts of one request."""
    invalid_attempts: int = 2
    """Most paid attempts whose answer breaks its schema; the last one is kept as it is."""
    max_body_bytes: int = 64 << 20
    """A longer body of one answer is cut off and counts as malformed."""
    base_url: str | None = None
    """Another address for a hosted provider's API; it gets a key only by `key_env`."""
    key_env: str | None = None
    """Environment variable with the key for this client's host, whatever host that is."""
    revision: str | None = None
    """A model's snapshot or commit, where the client can ask for one."""
    engine: Mapping[str, Any] = field(default_factory=dict)
    """Options of an in-process engine by their own names (`max_model_len`, `dtype` ...)."""
    batch: bool = False
    """Ask by the provider's batch API."""
    batch_wait_s: float = 0.0
    """How long to wait for a batch before saying that it is pending (exit 5)."""
