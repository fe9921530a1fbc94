"""What all requests of one client share: who answers, where answers are kept, who pays."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import orjson

from prefkit.llm.codec import digest_of
from prefkit.llm.keeping.claims import Claims
from prefkit.llm.keeping.journal import Journal
from prefkit.llm.money.bills import Rate
from prefkit.llm.money.ledger import Ledger
from prefkit.llm.money.prices import Price
from prefkit.llm.provider import Batches, Provider
from prefkit.llm.records import Usage
from prefkit.llm.settings import Settings

__all__ = ["Desk", "Till", "open_desk"]


@dataclass(frozen=True, slots=True)
class Desk:
    """The shared parts of one client."""

    who: str
    """The client as a person names it: `openai:gpt-x`."""
    digest: bytes
    """Of who is asked: part of every key."""
    provider: Provider
    settings: Settings
    ledger: Ledger
    price: Price | None
    """Null = nobody bills, or no price is known."""
    share: float
    """Part of the price that is billed: 1, or that of the provider's batches."""
    folder: Path
    name: str
    """Plain name of the journal and of what lies beside it in `folder`."""
    journal: Journal
    claims: Claims

    @property
    def rate(self) -> Rate:
        """What its answers cost."""
        return Rate(self.price, self.share, self.provider.is_free)

    def bill(self, usage: Usage) -> float | None:
        """Dollars for one answer; null if there is no price or no usage."""
        return self.rate.bill(usage)

    def close(self) -> None:
        """Close the files; what was answered is on disk already."""
        try:
            self.journal.close()
        finally:
            self.claims.close()


@dataclass(frozen=True, slots=True)
class Till:
    """Whom the money comes from, and what things cost."""

    ledger: Ledger
    price: Price | None


def open_desk(who: str, provider: Provider, settings: Settings, folder: Path, till: Till) -> Desk:
    """Open or create the journal of this provider in a folder.

    Raises:
        DataError: a file of that name is no journal.
        OSError: the folder cannot be written to.
    """
    identity = orjson.dumps(provider.identity(), option=orjson.OPT_SORT_KEYS)
    name = _journal_name(who.partition(":")[0], provider.model, identity)
    share = provider.batch_share if settings.batch and isinstance(provider, Batches) else 1.0
    return Desk(
        who,
        digest_of(identity),
        provider,
        settings,
        till.ledger,
        till.price,
        share,
        folder,
        name,
        Journal(folder, name),
        Claims(folder / f"{name}.claims"),
    )


def _journal_name(client: str, model: str, identity: bytes) -> str:
    """A readable file name that no two identities share."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(model).name or model).strip("-.")[:60]
    digest = hashlib.blake2b(identity, digest_size=6).hexdigest()
    return f"{client}-{plain}-{digest}"
